"""Exercises and quizzes of the chapters, read from the .toml files beside this one: Chinese and English side by side.

A file is named after its notebook; text may hold `code` in backticks and blank lines between paragraphs, no TeX:

    title = {zh = "…", en = "…"}                    the chapter's, for the table of progress

    [exercises.loss]                                the exercise "05_1.loss"
    check = "mnist_classifier.check_loss"           function in aigc_course/kit/practice/checks/mnist_classifier.py
    title = {zh = "…", en = "…"}
    hints = [{zh = "…", en = "…"}, {zh = "…", en = "…"}]    the first points the way, the second nearly gives it
    solution = '''…'''                              Python, the same in both languages
    answer = "loss"                                 the name in it that is handed to check()

    [exercises.loss.feedback.sign]                  what an answer is told that makes this mistake
    zh = "…{got}…"                                  the same {placeholders} in both languages: {expected}, {got}, an
    en = "…{got}…"                                  argument's name, {got[0]}, {logits.shape[0]}; see checks/__init__.py

    [[exercises.loss.wrong]]                        at least two programs, each with a typical mistake: an answer that
    code = '''…'''                                  does the same is given this feedback
    feedback = "sign"                               a key above, or one of checks/common.toml

    [guesses.batch_time]                            before the experiment guess("05_1.batch_time"), after it guessed()
    question = {zh = "…", en = "…"}
    options = [{zh = "…", en = "…"}, …]             at least two; answer = "b" is the second
    answer = "b"                                    what the experiment beside it shows
    why = {zh = "…", en = "…"}

    [challenges.few_labels]                         an open-ended one with a score: challenge("05_1.few_labels", …)
    score = "mnist_classifier.score_few_labels"     function like a check that returns a number
    title = {zh = "…", en = "…"}
    shown = "{:.1%}"                                how a score is written
    better = "higher"                               or "lower"
    marks = [{zh = "…", en = "…", value = 0.93, code = '''…'''}]   scores to compare with: this chapter's program, ours
    answer = "learn"                                the name in `code` that is handed in; one mark at least has its code
    feedback = {few = {zh = "…", en = "…"}}         as for exercises

    [[quiz]]
    question = {zh = "…", en = "…"}
    [[quiz.options]]                                at least two, one of them right; each says why
    zh = "…"
    en = "…"
    why = {zh = "…", en = "…"}
    correct = true                                  left out where it is wrong
"""

import difflib
import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from aigc_course.kit.practice.questions.tables import Chapter, Text, common, placeholders

__all__ = ["Text", "chapter", "common", "exercise", "files", "placeholders", "problems"]

FOLDER = Path(__file__).parent


class QuestionsError(ValueError):
    """A file of questions that cannot be used; the message lists everything that is wrong with it."""


def files() -> dict[str, Path]:
    """Chapter ("05_1") to file, in the order of the course."""
    return {chapter_of(path.stem): path for path in sorted(FOLDER.glob("*.toml"))}


def chapter_of(stem: str) -> str:
    """ "05_1" for 05_1_mnist_classifier."""
    if not (match := re.match(r"\d\d(?:_\d)?(?=_[a-z])", stem)):
        raise QuestionsError(f"{stem}.toml: the name must be a notebook's, such as 05_1_mnist_classifier.toml")
    return match[0]


@cache
def chapter(number: str) -> dict[str, Any]:
    """The questions of a chapter; ValueError when there are none, QuestionsError when they are not well-formed."""
    known = files()
    if number not in known:
        raise ValueError(f'there are no questions for chapter "{number}"; {_nearest(number, known)}')
    return read(known[number])


def exercise(name: str) -> dict[str, Any]:
    """The exercise "05_1.loss"; ValueError that names similar ones when there is none."""
    return _entry("exercises", "exercise", name)


def guess(name: str) -> dict[str, Any]:
    """The question "05_1.batch_time" that is asked before an experiment; ValueError when there is none."""
    return _entry("guesses", "guess", name)


def challenge(name: str) -> dict[str, Any]:
    """The challenge "05_1.few_labels"; ValueError when there is none."""
    return _entry("challenges", "challenge", name)


def _entry(table: str, kind: str, name: str) -> dict[str, Any]:
    number, _, slug = str(name).partition(".")
    written = chapter(number).get(table, {}) if number in files() else {}
    if slug in written:
        return written[slug]
    known = [f"{number}.{slug}" for number in files() for slug in chapter(number).get(table, {})]
    raise ValueError(f'there is no {kind} "{name}"; {_nearest(str(name), known)}')


def _nearest(name: str, known: Any) -> str:
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.6)
    same_chapter = [other for other in known if other.partition(".")[0] == name.partition(".")[0]]
    if close:
        return f"did you mean {' or '.join(close)}?"
    if not known:
        return "no chapter has one yet"
    return f"there are: {', '.join(same_chapter or known)}"


def read(path: Path) -> dict[str, Any]:
    """Read and check a file; QuestionsError with every problem, one a line."""
    try:
        written = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        way_out = "take it from the course again: git checkout"
        raise QuestionsError(f"{path} is missing or cannot be read ({error.strerror}); {way_out}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        way_out = "mend it there, or take the last good one: git checkout"
        raise QuestionsError(f"{path.name} is not TOML: {error}; {way_out}") from error
    if not written:
        raise QuestionsError(f"{path.name} is empty; take the last good one: git checkout")
    if found := problems(written):
        raise QuestionsError("\n".join(f"{path.name}: {problem}" for problem in found))
    return written


def problems(written: dict[str, Any]) -> list[str]:
    """What is wrong with a file's contents, all of it, one line each."""
    try:
        Chapter.model_validate(written)
    except ValidationError as error:
        return [f"{_place(found['loc'])}: {found['msg'].removeprefix('Value error, ')}" for found in error.errors()]
    return []


def _place(location: tuple[str | int, ...]) -> str:
    """exercises.loss.hints no. 2 for ("exercises", "loss", "hints", 1)."""
    return "".join(f" no. {part + 1}" if isinstance(part, int) else f".{part}" for part in location).lstrip(".")
