"""`python -m aigc_course sample music`: sound or notes, labeled, the same for the same seed."""

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from aigc_course import __main__ as cli
from aigc_course.sound.files import midi_label, read_wav
from aigc_course.trust.labels import Label, read_label


def run(*words: str):
    return CliRunner().invoke(cli.app, ["sample", "music", "--bars", "2", *words])


def test_a_labeled_sound(tmp_path):
    out = tmp_path / "a.wav"
    result = run("--out", str(out), "--seed", "3", "--language", "en")
    assert result.exit_code == 0, result.output
    assert "labeled as generated" in result.stdout
    label = read_label(out)
    assert label is not None
    assert label.kind == "1"
    samples, rate = read_wav(out)
    assert 4 < len(samples) / rate < 6  # two bars of four quarters, 90 a minute
    assert 0.05 < np.abs(samples).max() <= 1
    again = run("--out", str(tmp_path / "b.wav"), "--seed", "3")
    assert again.exit_code == 0
    assert (tmp_path / "b.wav").read_bytes() == out.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.wav", "b.wav"]


def test_labeled_notes(tmp_path):
    out = tmp_path / "a.mid"
    result = run("--out", str(out), "--language", "zh")
    assert result.exit_code == 0, result.output
    assert "已标识为人工智能生成" in result.stdout
    text = midi_label(out)
    assert text is not None
    assert Label.from_json(text).producer == "aigc_course"
    assert json.loads(text)["Label"] == "1"


@pytest.mark.parametrize(
    ("words", "said"), [(["--out", "x.mp3"], ".wav"), (["--out", "a.wav", "--temperature", "-1"], "-1")]
)
def test_what_cannot_be_done_is_told(words, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = run(*words)
    assert result.exit_code == 2
    assert said in result.stderr
    assert not list(tmp_path.iterdir())
