"""The feedback hangs on what a mistake does: written in another way, it is told the same."""

import ast
import tomllib
from pathlib import Path

import pytest

from aigc_course.kit.practice import questions
from aigc_course.kit.practice.exercises import grade

# A file is named after its chapter's; it holds, by exercise, programs that behave like one of the chapter's wrong ones.
FOLDER = Path(__file__).parent / "paraphrases"
WRITTEN = {
    f"{questions.chapter_of(path.stem)}.{slug}": programs
    for path in sorted(FOLDER.glob("*.toml"))
    for slug, programs in tomllib.loads(path.read_text(encoding="utf-8")).items()
}
NAMES = [f"{number}.{slug}" for number in questions.files() for slug in questions.chapter(number)["exercises"]]


@pytest.mark.parametrize("name", NAMES)
def test_two_mistakes_of_every_exercise_are_written_in_another_way(name):
    listed = questions.exercise(name)["wrong"]
    programs = WRITTEN[name]
    assert len({program["feedback"] for program in programs}) >= 2
    trees = [ast.dump(ast.parse(program["code"])) for program in [*listed, *programs]]
    assert len(set(trees)) == len(trees)


@pytest.mark.parametrize(
    ("name", "program"),
    [
        pytest.param(name, program, id=f"{name}-{program['feedback']}")
        for name, programs in WRITTEN.items()
        for program in programs
    ],
)
def test_a_mistake_is_told_apart_by_what_it_does(name, program):
    namespace = {}
    exec(compile(program["code"], "<answer>", "exec"), namespace)
    outcome = grade(name, namespace[questions.exercise(name)["answer"]])
    assert (outcome.kind, outcome.key) == ("wrong", program["feedback"])
