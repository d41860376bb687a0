"""Fixtures: a learner's record of the test's own, and a course in a temporary folder with one finished chapter."""

from pathlib import Path

import pytest
from finished_chapter import STEM, finished_course

from tools import contract


@pytest.fixture(autouse=True)
def own_progress(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test touches the record of the person who runs it."""
    monkeypatch.setenv("AIGC_PROGRESS", str(tmp_path / "progress.json"))


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """The root of a course with one chapter in both editions, as it is when its author has finished."""
    return finished_course(tmp_path / "course")


@pytest.fixture
def chapter(course: Path) -> contract.Chapter:
    """The English edition of the finished chapter."""
    return contract.load(STEM, "en", course)
