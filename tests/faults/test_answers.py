"""Answers to exercises that do anything but answer: the notebook goes on, and the learner is told where to look."""

import signal
import sys
import threading
import time

import numpy as np
import pytest

from aigc_course.kit import check, runtime
from aigc_course.kit.practice import progress


class Unprintable(Exception):
    def __str__(self):
        raise RuntimeError("no")


def endless(logits, labels):
    while True:
        time.sleep(0.01)


def deep(logits, labels):
    return deep(logits, labels)


def spoils(logits, labels):
    logits[:] = 0
    return 0.0


def raising(error):
    def loss(logits, labels):
        raise error

    return loss


ANSWERS = {
    "raises": raising(ValueError("shapes do not match")),
    "raises what cannot be printed": raising(Unprintable()),
    "ends the program": raising(SystemExit(3)),
    "needs too much memory": raising(MemoryError()),
    "calls itself without end": deep,
    "is NaN": lambda logits, labels: float("nan"),
    "is infinite": lambda logits, labels: float("inf"),
    "is complex": lambda logits, labels: 1j,
    "is a text": lambda logits, labels: "0.5",
    "is an array of objects": lambda logits, labels: np.array([None, {}], dtype=object),
    "is a generator": lambda logits, labels: (x for x in (1, 2)),
    "is a number of 5,000 digits": lambda logits, labels: 10**5000,
    "changes its arguments": spoils,
    "takes no arguments": lambda: 0.0,
    "is no function": 0.25,
}
WAY_OUT = r"hint\(|solution\("


@pytest.fixture(autouse=True)
def english(monkeypatch):
    monkeypatch.setitem(runtime._facts, "language", "en")


@pytest.mark.parametrize("kind", ANSWERS)
def test_an_answer_that_is_none(kind, capsys, withstood):
    before = progress.done()
    check("05_1.loss", ANSWERS[kind])
    said = capsys.readouterr().out
    assert progress.done() == before
    withstood(f"an exercise's answer {kind}", "the notebook goes on", said, WAY_OUT)


@pytest.mark.skipif(sys.platform == "win32", reason="interrupted otherwise there")
@pytest.mark.timeout(120)
def test_an_answer_that_never_ends_can_be_stopped(capsys, withstood):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where the tests run in the background
    threading.Timer(1.0, _interrupt).start()
    try:
        with pytest.raises(KeyboardInterrupt):
            check("05_1.loss", endless)
    finally:
        signal.signal(signal.SIGINT, before)
    said = capsys.readouterr().out
    assert "You stopped it" in said
    withstood("an exercise's answer loops without end", "Interrupt stops it and says where to look", said, WAY_OUT)


def _interrupt():
    import os

    os.kill(os.getpid(), signal.SIGINT)
