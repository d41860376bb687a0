"""`python -m aigc_course sample text`: texts from sheets, drawn or given, and sheets and beginnings that are none."""

import json

import pytest
from typer.testing import CliRunner

from aigc_course import __main__ as cli
from aigc_course.synthetic.genres import GENRES, HELD_OUT, genre_of, tell

ENGLISH, CHINESE = (str(tell(HELD_OUT + 3, "verse", language).sheet) for language in ("en", "zh"))


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    monkeypatch.setenv("AIGC_THREADS", "1")


def run(*words: str):
    return CliRunner().invoke(cli.app, ["sample", "text", *words])


@pytest.mark.parametrize("language", ["en", "zh"])
def test_without_a_sheet_one_is_drawn_and_printed_beside_the_text(language):
    result = run("--language", language)
    assert result.exit_code == 0, result.output
    assert genre_of(result.stdout.strip(), language) == "news"
    first, *facts = result.stderr.splitlines()[:13]
    assert first.startswith(("fact sheet (world 1", "事实单（第1"))
    assert len(facts) == 12
    assert "genre_gpt2" in result.stderr
    assert ("of 1, 1 well-formed" if language == "en" else "1篇中，结构完整的1篇") in result.stderr
    assert run("--language", language).stdout == result.stdout


def test_a_number_says_which_world_and_a_seed_which_text():
    words = ("--genre", "advert", "--language", "en", "--number", str(HELD_OUT + 9))
    first, other = (run(*words, "--seed", seed) for seed in "12")
    assert first.stderr.splitlines()[:12] == other.stderr.splitlines()[:12]
    assert str(tell(HELD_OUT + 9, "advert").sheet) in first.stderr
    assert first.stdout != other.stdout


def test_every_genre_of_the_grammar_can_be_asked_for():
    assert [genre.value for genre in cli.Genre] == list(GENRES)


@pytest.mark.parametrize(("language", "sheet"), [("en", ENGLISH), ("zh", CHINESE)])
def test_a_sheet_comes_from_a_file_or_from_the_command_line(language, sheet, tmp_path):
    path = tmp_path / "sheet.txt"
    path.write_text(sheet, encoding="utf-8-sig")  # as editors on Windows save it
    words = ("--genre", "verse", "--language", language, "--temperature", "0", "--sheet")
    from_file, given = (run(*words, said) for said in (str(path), sheet.replace("\n", "; ")))
    assert from_file.exit_code == given.exit_code == 0, given.output
    assert from_file.stdout == given.stdout != run(*words[:-1]).stdout


def test_a_file_is_written_and_texts_begin_as_asked(tmp_path):
    out = tmp_path / "texts.jsonl"
    words = ("--genre", "story", "--language", "en", "--count", "3", "--prompt", "Once upon a time,")
    result = run(*words, "--out", str(out))
    assert result.exit_code == 0, result.output
    assert "3 texts in" in result.stdout
    texts = [json.loads(line)["text"] for line in out.read_text(encoding="utf-8").splitlines()]
    assert all(text.startswith("Once upon a time,") for text in texts)
    assert "never" not in result.stderr


@pytest.mark.parametrize(
    ("language", "prompt", "strange", "why"),
    [
        ("en", "从前", "从前", "After an English control code the model has read only English"),
        ("en", "Hot news 🔥", "🔥", "For Chinese: --language zh"),
        ("zh", "Breaking", "Breaking", "控制码【】之后模型只读过简体中文"),
        ("zh", "從前有隻貓", "從隻貓", "换一种语言用--language en"),
        ("zh", "小fox", "fox", "续写可能不成话"),
    ],
)
def test_a_beginning_in_another_script_is_written_on_and_said(language, prompt, strange, why):
    result = run("--language", language, "--prompt", prompt)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(prompt)
    assert strange in result.stderr
    assert why in result.stderr


def with_line(sheet: str, number: int, line: str) -> str:
    lines = sheet.splitlines()
    return "\n".join([*lines[:number], *([line] if line else []), *lines[number + 1 :]])


@pytest.mark.parametrize(
    ("language", "sheet", "said"),
    [
        ("en", "", "the sheet is empty; write a fact a line, such as 'hero: "),
        ("zh", " \n", "the sheet is empty; write a fact a line, such as '主人公："),
        ("en", "noah.txt", "there is no such file, and it is no fact"),
        ("zh", "主人公", "没有这个文件，也不是事实"),
        ("en", with_line(ENGLISH, 0, ""), "the sheet lacks 'hero', which 'verse' says"),
        ("zh", with_line(CHINESE, 1, ""), "the sheet lacks '身份'"),
        ("en", with_line(ENGLISH, 0, "hero: 诺亚"), "give language='zh'"),
        ("zh", with_line(CHINESE, 0, "主人公：Noah"), "give language='en'"),
        ("zh", with_line(CHINESE, 4, "顏色：蓝"), "write '颜'"),
        ("en", with_line(ENGLISH, 0, "hero: Noah 🦊"), "an emoji"),
        ("en", with_line(ENGLISH, 0, "hero: Xanadu"), "is in no world as 'hero'"),
        ("en", with_line(ENGLISH, 0, "price: blue"), "'verse' has no field 'price'"),
        ("en", f"[news]\n{ENGLISH}", "the sheet is for 'news', not for genre 'verse'"),
    ],
)
def test_a_sheet_that_is_none_is_told_the_way_out(language, sheet, said):
    result = run("--genre", "verse", "--language", language, "--sheet", sheet)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split())
    assert not result.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--genre", "haiku"], "'news', 'story', 'verse', 'advert'"),
        (["--language", "fr"], "'zh', 'en'"),
        (["--sheet", "hero: Noah", "--number", "1"], "give one of the two"),
        (["--number", "-1"], "--number"),
        (["--temperature", "-1"], "temperature -1.0 is neither 0"),
        (["--top-p", "2"], "top_p 2.0"),
        (["--prompt", "word " * 300], "the context of 256"),
        (["--out", "texts.pdf"], 'ends in ".pdf"; allowed: .txt'),
    ],
)
def test_wrong_settings_are_told(words, said):
    result = run("--language", "en", *words) if "--language" not in words else run(*words)
    assert result.exit_code == 2
    assert said in " ".join(result.output.split())


def test_a_file_that_is_no_text_is_told(tmp_path):
    (tmp_path / "sheet.txt").write_bytes("主人公：诺亚".encode("gbk"))
    result = run("--language", "zh", "--sheet", str(tmp_path / "sheet.txt"))
    assert result.exit_code == 2
    assert "请另存为UTF-8" in result.stderr


def test_the_model_is_missing(monkeypatch, tmp_path):
    from aigc_course.kit.datasets import gpt2

    monkeypatch.setattr(gpt2, "data_folder", lambda: tmp_path)
    result = run("--language", "en")
    assert result.exit_code == 1
    assert "the model genre_gpt2 lacks config.json" in result.stderr
