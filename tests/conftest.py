"""Fixtures: a learner's record of the test's own, and a course in a temporary folder with one finished chapter."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is loaded: tests run side by side, on tiny matrices

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from finished_chapter import STEM, finished_course
from hypothesis import HealthCheck, settings

from tools import contract
from tools.test import ROOT, TENSORFLOW

PATIENT = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("quick", max_examples=50, derandomize=True, **PATIENT)  # the same inputs every time
settings.register_profile("thorough", max_examples=2000, **PATIENT)  # others every time; weekly
settings.register_profile("fuzz", max_examples=int(os.environ.get("AIGC_FUZZ_INPUTS", "10000")), **PATIENT)
settings.load_profile("quick")


@pytest.fixture(autouse=True)
def only_named_files_load_tensorflow(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail the test that brings TensorFlow into a process in which torch's tests run."""
    before = "tensorflow" in sys.modules
    yield
    named = request.node.path.relative_to(ROOT).as_posix() in TENSORFLOW
    loaded = "tensorflow" in sys.modules
    assert named or before or not loaded, "loads TensorFlow: name its file in tools/test.py"


@pytest.fixture(autouse=True)
def own_progress(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test touches the record of the person who runs it."""
    monkeypatch.setenv("AIGC_PROGRESS", str(tmp_path / "progress.json"))


@pytest.fixture(autouse=True)
def one_thread_again() -> Iterator[None]:
    """A command that a test runs may take all cores; the tests after it, on tiny matrices, must not fight for them."""
    yield
    torch = sys.modules.get("torch")
    if hasattr(torch, "set_num_threads") and torch.get_num_threads() != 1:
        torch.set_num_threads(1)


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """The root of a course with one chapter in both editions, as it is when its author has finished."""
    return finished_course(tmp_path / "course")


@pytest.fixture
def chapter(course: Path) -> contract.Chapter:
    """The English edition of the finished chapter."""
    return contract.load(STEM, "en", course)
