"""Changed solutions: they are made, a check refuses them, and those that it accepts are listed with a reason."""

import os

import pytest

from aigc_course.kit.practice import questions
from tools.authoring import mutants

AT_LEAST = 1_400  # of all solutions together
EVERY = 40  # in a test; `make mutants` tries all of them

pytestmark = pytest.mark.skipif(os.name == "nt", reason="a mutant that does not stop is stopped by a signal")


@pytest.fixture(scope="module")
def everything() -> list[mutants.Mutant]:
    return [mutant for name in mutants.exercises() for mutant in mutants.mutants_of(name)]


def test_there_are_many_and_none_is_made_twice(everything):
    assert len(everything) >= AT_LEAST
    assert {mutant.exercise for mutant in everything} == set(mutants.exercises())
    assert len({(mutant.exercise, mutant.code) for mutant in everything}) == len(everything)
    assert len({(mutant.exercise, mutant.change) for mutant in everything}) == len(everything)


def test_what_is_listed_as_right_is_still_made(everything):
    assert mutants.vanished(everything) == []


def test_a_sample_is_refused_or_right(everything):
    found = mutants.accepted(everything[::EVERY])
    assert [f"{mutant.exercise}: {mutant.change}" for mutant in mutants.unexpected(found)] == []


DOUBLE = "def double(x):\n    '''Twice x.'''\n    return 2 * x"


@pytest.mark.parametrize(
    "change",
    [
        "return 2 * x -> return 2 + x",
        "return 2 * x -> return x",
        "return 2 * x -> return 3 * x",
        "return 2 * x -> return -(2 * x)",
        "return 2 * x -> pass",
    ],
)
def test_a_solution_is_changed_in_one_place(change, monkeypatch):
    monkeypatch.setattr(questions, "exercise", lambda name: {"solution": DOUBLE, "answer": "double"})
    assert change in [mutant.change for mutant in mutants.mutants_of("made_up")]


def test_a_mutant_that_never_stops_is_stopped():
    endless = mutants.Mutant("05_2.merge", "", "def merge_once(symbols, pair):\n    while True:\n        pass", 0.1)
    right = mutants.Mutant("05_2.merge", "", questions.exercise("05_2.merge")["solution"])
    assert mutants.accepted([endless, right]) == [right]


def test_one_that_is_accepted_and_not_listed_fails_the_run(monkeypatch, capsys):
    monkeypatch.setattr(mutants, "listed", dict)
    assert mutants.main(["05_3.averaged"], workers=1) == 1
    assert "accepted  05_3.averaged: for new in weights[1:]: -> for new in weights:" in capsys.readouterr().out
