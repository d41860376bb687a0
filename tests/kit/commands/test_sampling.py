"""`python -m aigc_course sample`: texts and images, repeatable, in one piece or not at all."""

import json
import os

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from aigc_course import __main__ as cli
from aigc_course.gan.generators import SHIPPED
from aigc_course.images.features import FOLDER, describe, load_digit_features
from aigc_course.kit.commands import sampling
from aigc_course.kit.runtime import data_folder
from aigc_course.synthetic.stories import alphabet

PROMPT = "Once upon a time"


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setenv("AIGC_SCALE", "quick")
    monkeypatch.setenv("AIGC_THREADS", "1")


def run(*words: str):
    return CliRunner().invoke(cli.app, ["sample", "gpt", "--max-new-tokens", "60", *words])


def test_texts_come_to_the_screen_and_the_model_is_named_beside_them():
    result = run("--prompt", PROMPT, "--count", "2", "--seed", "1")
    assert result.exit_code == 0, result.output
    first, second = result.stdout.strip().split("\n\n")
    assert first.startswith(PROMPT)
    assert second.startswith(PROMPT)
    assert first != second
    assert "GPT-2: story_gpt2" in result.stderr


def test_the_same_seed_writes_the_same_file_in_either_form(tmp_path):
    for name in ("a.txt", "b.TXT", "c.jsonl"):
        result = run("--count", "3", "--seed", "5", "--out", str(tmp_path / name), "--language", "en")
        assert result.exit_code == 0, result.output
        assert "3 texts in" in result.output
    texts = (tmp_path / "a.txt").read_text(encoding="utf-8")
    assert texts == (tmp_path / "b.TXT").read_text(encoding="utf-8")
    lines = (tmp_path / "c.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["text"] for line in lines] == texts.rstrip("\n").split("\n\n")
    other = run("--count", "3", "--seed", "6").stdout
    assert texts not in other
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.txt", "b.TXT", "c.jsonl"]


def test_more_texts_than_one_batch(tmp_path, monkeypatch):
    monkeypatch.setattr(sampling, "BATCH", 4)
    out = tmp_path / "many.jsonl"
    assert (
        run("--count", "10", "--out", str(out), "--temperature", "1.5", "--top-k", "40", "--top-p", "0.9").exit_code
        == 0
    )
    texts = [json.loads(line)["text"] for line in out.read_text(encoding="utf-8").splitlines()]
    assert len(set(texts)) == 10


def test_temperature_0_writes_one_text_and_an_empty_prompt_starts_from_nothing():
    first, second = run("--count", "2", "--temperature", "0").stdout.strip().split("\n\n")
    assert first == second
    assert len(run("--prompt", "").stdout) > 20


def test_chinese_is_spoken(tmp_path):
    result = run("--out", str(tmp_path / "a.txt"), "--language", "zh")
    assert "已将1篇文本写入" in result.output
    assert "GPT-2：story_gpt2_zh" in result.stderr
    text = (tmp_path / "a.txt").read_text(encoding="utf-8")
    assert text.startswith("从前，")
    assert set(text.rstrip()) <= alphabet("zh")
    shown = CliRunner().invoke(cli.app, ["sample", "--help"]).output
    assert "gpt" in shown
    assert "用GPT-2写文本" in shown


@pytest.mark.parametrize(
    ("language", "prompt", "strange"),
    [
        ("en", "从前，有一只", "从前，有一只"),
        ("zh", "Once upon a time", "Once upatime"),
        ("zh", "從前，有一隻", "從隻"),
        ("zh", "🦊的家", "🦊"),
        ("zh", "从前，有一只fox", "fox"),
        ("en", "Once upon a time 猫", "猫"),
    ],
)
def test_what_no_story_has_is_said_and_written_on_all_the_same(language, prompt, strange):
    result = run("--language", language, "--prompt", prompt, "--max-new-tokens", "5")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(prompt)
    said = "没有见过" if language == "zh" else "has read nothing but English stories"
    assert said in result.stderr
    assert all(letter in result.stderr for letter in strange.strip())


def test_a_prompt_of_the_stories_is_not_remarked_upon():
    for language, prompt in (("zh", "从前，有一只"), ("en", PROMPT), ("zh", ""), ("en", "")):
        result = run("--language", language, "--prompt", prompt, "--max-new-tokens", "5")
        assert result.exit_code == 0
        assert len(result.stderr.strip().splitlines()) == 1  # which model it is


def test_a_chinese_prompt_that_fills_the_context_is_refused():
    result = run("--language", "zh", "--prompt", "从前，" * 200)
    assert result.exit_code == 2
    assert "the context of 168" in " ".join(result.output.split())


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--count", "0"], "--count"),
        (["--seed", "-1"], "--seed"),
        (["--max-new-tokens", "0"], "--max-new-tokens"),
        (["--temperature", "-1"], "temperature -1.0 is neither 0"),
        (["--temperature", "nan"], "temperature nan"),
        (["--top-k", "0"], "top_k 0"),
        (["--top-p", "1.5"], "top_p 1.5"),
        (["--prompt", "word " * 400], "more than the context of 256"),
        (["--prompt", "half \ud800"], "half of a surrogate pair"),
        (["--out", "stories.pdf"], 'ends in ".pdf"; allowed: .txt'),
        (["--out", "no/such/folder/stories.txt"], "make the folder first"),
    ],
)
def test_what_cannot_be_done_is_said_and_exits_with_2(words, said):
    result = run(*words)
    assert result.exit_code == 2
    assert said in " ".join(result.output.split())


def test_a_file_appears_only_when_it_is_complete(tmp_path):
    out = tmp_path / "stories.txt"
    out.write_text("before", encoding="utf-8")

    def breaks_off():
        yield "one"
        assert out.read_text(encoding="utf-8") == "before"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sampling.save_texts(breaks_off(), out)
    assert out.read_text(encoding="utf-8") == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["stories.txt"]


@pytest.mark.parametrize("kind", list(SHIPPED))
def test_digits_come_as_an_array_or_as_a_picture(kind, tmp_path):
    for name in ("a.npy", "b.npy", "c.PNG"):
        result = CliRunner().invoke(
            cli.app, ["sample", kind, "--count", "23", "--seed", "4", "--out", str(tmp_path / name), "--language", "en"]
        )
        assert result.exit_code == 0, result.output
        assert "23 images in" in result.output
    images = np.load(tmp_path / "a.npy", allow_pickle=False)
    assert (images.dtype, images.shape) == (np.uint8, (23, 28, 28))
    assert np.array_equal(images, np.load(tmp_path / "b.npy"))
    sheet = np.asarray(Image.open(tmp_path / "c.PNG"))
    assert sheet.shape == (2 * 30 - 2, 20 * 30 - 2)
    assert np.array_equal(sheet[:28, 30:58], images[1])
    assert np.array_equal(sheet[30:, 60:88], images[22])
    assert (sheet[30:, 90:] == 255).all()


def test_a_file_that_is_replaced_is_named_first(tmp_path):
    words = ["sample", "gan", "--count", "2", "--language", "en", "--out", str(tmp_path / "a.npy")]
    assert CliRunner().invoke(cli.app, words).stderr == ""
    result = CliRunner().invoke(cli.app, words)
    assert result.stderr.startswith(f"{tmp_path / 'a.npy'} exists and will be replaced.")
    assert len(np.load(tmp_path / "a.npy")) == 2


def test_the_digit_asked_for_is_drawn(tmp_path):
    out = str(tmp_path / "sevens.npy")
    assert CliRunner().invoke(cli.app, ["sample", "gan", "--count", "200", "--label", "7", "--out", out]).exit_code == 0
    reader = load_digit_features(data_folder() / "models" / FOLDER)
    assert np.mean(describe(np.load(out), reader).labels == 7) > 0.95


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["gan", "--label", "10", "--out", "digits.npy"], "label 10: expected 0 to 9"),
        (["gan", "--out", "digits.jpg"], 'ends in ".jpg"; allowed: .npy'),
        (["gan", "--out", "no/such/folder/digits.npy"], "make the folder first"),
        (["article-gan", "--label", "3", "--out", "digits.npy"], "--label"),
        (["gan"], "--out"),
        (["gan", "--count", "1000000000", "--out", "digits.npy"], "100000"),
        (["gan", "--out", "/dev/null"], 'ends in ""; allowed: .npy'),
    ],
)
def test_digits_that_cannot_be_had(words, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(cli.app, ["sample", *words])
    assert result.exit_code == 2
    assert said in " ".join(result.output.split())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
def test_what_is_no_file_is_not_replaced(make, tmp_path):
    make(out := tmp_path / "digits.npy")
    result = CliRunner().invoke(cli.app, ["sample", "gan", "--out", str(out)])
    assert result.exit_code == 2
    assert "exists and is not a file" in result.output
    assert not out.is_file()
