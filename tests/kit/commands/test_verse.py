"""`python -m aigc_course sample verse`: quatrains as asked for, and prompts that are none."""

import json

import pytest
from typer.testing import CliRunner

from aigc_course import __main__ as cli
from aigc_course.text.quatrains import form_of


def run(*words: str):
    return CliRunner().invoke(cli.app, ["sample", "verse", *words])


@pytest.mark.parametrize("characters", [5, 7])
def test_quatrains_come_to_the_screen_and_the_model_is_named_beside_them(characters):
    words = ("--characters", str(characters), "--count", "4", "--seed", "1", "--prompt", "春", "--language", "en")
    result = run(*words)
    assert result.exit_code == 0, result.output
    poems = result.stdout.strip().split("\n\n")
    assert len(set(poems)) == 4
    assert all(poem.startswith("春") for poem in poems)
    assert [form_of(poem) for poem in poems].count(characters) >= 3  # of 1,000 poems, four have another form
    assert "GPT-2: quatrain_gpt2" in result.stderr
    assert run(*words).stdout == result.stdout


def test_a_file_is_written_and_said(tmp_path):
    out = tmp_path / "poems.jsonl"
    result = run("--count", "3", "--out", str(out), "--language", "zh")
    assert result.exit_code == 0, result.output
    assert "已将3首诗写入" in result.output
    assert len([json.loads(line)["text"] for line in out.read_text(encoding="utf-8").splitlines()]) == 3


@pytest.mark.parametrize(
    ("prompt", "chinese", "english"),
    [
        ("", "开头是空的", "the prompt is empty"),
        (" ，", "开头是空的", "the prompt is empty"),
        ("spring", "“spring”不是汉字", "“spring” is not Chinese"),
        ("春🙂风a", "“🙂a”不是汉字", "“🙂a” is not Chinese"),
        ("春風來", "请写成“风来”", "“風來” is traditional; this model writes simplified characters: “风来”"),
        ("龘", "没有“龘”", "“龘” is not among the"),
        ("春" * 20, "没有余地", "leaves no room"),
        ("春风，", "标点不在每句5个字之后", "a mark does not follow 5 characters"),
    ],
)
def test_a_prompt_that_the_model_cannot_read_is_told_the_way_out(prompt, chinese, english):
    for language, said in (("zh", chinese), ("en", english)):
        result = run("--prompt", prompt, "--language", language)
        assert result.exit_code == 2
        assert said in result.stderr
        assert not result.stdout


@pytest.mark.parametrize(
    ("words", "said"), [(["--characters", "6"], "--characters 5"), (["--temperature", "-1"], "-1")]
)
def test_wrong_settings_are_told(words, said):
    result = run(*words)
    assert result.exit_code == 2
    assert said in result.stderr
