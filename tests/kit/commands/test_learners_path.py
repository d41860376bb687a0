"""What a learner types after the installation, one command after the other, in a home of their own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def learner(tmp_path):
    """A function that runs `python -m aigc_course` for somebody without files or settings, and returns what it said."""
    ours = ("AIGC_", "HF_", "XDG_", "LANG", "LC_")
    settings = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    settings |= {"HOME": str(tmp_path), "LANG": "zh_CN.UTF-8", "PYTHONIOENCODING": "utf-8"}
    settings |= {"AIGC_OFFLINE": "1", "AIGC_CACHE": str(tmp_path / "cache")}
    settings |= {"AIGC_PROGRESS": str(tmp_path / "progress.json")}

    def type_in(*words: str) -> str:
        command = [sys.executable, "-m", "aigc_course", *words]
        result = subprocess.run(
            command, cwd=ROOT, env=settings, capture_output=True, encoding="utf-8", check=False, timeout=900
        )
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    return type_in


def test_the_machine_is_checked_the_data_looked_at_and_a_story_written(learner, tmp_path):
    checked = learner("doctor")  # every framework computes something, each in a process of its own
    assert "课程可以在这台机器上运行" in checked
    for framework in ("NumPy", "PyTorch", "TensorFlow"):
        assert framework in checked
    assert "以自带样本代替" in learner("data")
    story = tmp_path / "story.txt"
    learner("sample", "gpt", "--prompt", "Once upon a time", "--max-new-tokens", "20", "--out", str(story))
    assert story.read_text(encoding="utf-8").startswith("Once upon a time")
    assert "05_2" in learner("progress")
    assert not (tmp_path / "progress.json").exists()  # nothing is done yet
