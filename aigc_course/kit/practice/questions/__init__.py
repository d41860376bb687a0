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
import string
import tomllib
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator, model_validator

FOLDER = Path(__file__).parent
Slug = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class QuestionsError(ValueError):
    """A file of questions that cannot be used; the message lists everything that is wrong with it."""


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Text(_Table):
    """What is said in both languages, with the same {placeholders}, without TeX."""

    zh: str
    en: str

    @model_validator(mode="after")
    def _says_the_same(self) -> Self:
        if not (self.zh.strip() and self.en.strip()):
            raise ValueError("empty in a language")
        if "$" in self.zh + self.en:
            raise ValueError("a $ is not shown as a formula here: write `code`")
        try:
            zh, en = placeholders(self.zh), placeholders(self.en)
        except ValueError as error:
            raise ValueError(f"{error}; a literal brace is doubled: {{{{ }}}}") from error
        if zh != en:
            raise ValueError(f"{{{', '.join(sorted(zh))}}} in zh, {{{', '.join(sorted(en))}}} in en")
        return self


class WrongAnswer(_Table):
    """A typical mistake and the key of what it is told."""

    code: str
    feedback: str


class Exercise(_Table):
    """One exercise; `wrong` is looked at last, when it is known which feedback there is."""

    check: str = Field(pattern=r"^[a-z_]+\.check_[a-z0-9_]+$")
    title: Text
    hints: list[Text] = Field(min_length=2, max_length=2)
    solution: str
    answer: str
    feedback: dict[str, Text]
    wrong: list[WrongAnswer] = Field(min_length=2)

    @field_validator("answer")
    @classmethod
    def _is_defined(cls, answer: str, info: ValidationInfo) -> str:
        if not answer.isidentifier() or answer not in info.data.get("solution", answer):
            raise ValueError(f'"{answer}" is not a name that the solution defines')
        return answer

    @field_validator("wrong")
    @classmethod
    def _is_told_something(cls, wrong: list[WrongAnswer], info: ValidationInfo) -> list[WrongAnswer]:
        known = {*info.data.get("feedback", ()), *common()["feedback"]}
        unknown = [each.feedback for each in wrong if each.feedback not in known]
        if unknown and "feedback" in info.data:
            raise ValueError(f"feedback {', '.join(unknown)} is not among {', '.join(sorted(known))}")
        return wrong


class Guess(_Table):
    """What do you expect? Noted before the experiment, compared after it."""

    question: Text
    options: list[Text] = Field(min_length=2, max_length=6)
    answer: str = Field(pattern=r"^[a-f]$")
    why: Text

    @model_validator(mode="after")
    def _has_its_answer(self) -> Self:
        if self.answer not in "abcdef"[: len(self.options)]:
            raise ValueError(f'answer = "{self.answer}" is none of the {len(self.options)} options')
        return self


class Mark(Text):
    """A score to compare with, and the program that reaches it."""

    value: float
    code: str | None = None


class Challenge(_Table):
    """An open-ended exercise: no right answer but a score."""

    score: str = Field(pattern=r"^[a-z_0-9]+\.score_[a-z0-9_]+$")
    title: Text
    shown: str
    better: Literal["higher", "lower"]
    answer: str
    marks: list[Mark]
    feedback: dict[str, Text] = {}

    @field_validator("shown")
    @classmethod
    def _writes_a_number(cls, shown: str) -> str:
        if shown.format(0.25) == shown.format(0.75):
            raise ValueError(f'"{shown}" does not show the score; write "{{:.1%}}", say')
        return shown

    @field_validator("marks")
    @classmethod
    def _can_be_reached(cls, marks: list[Mark], info: ValidationInfo) -> list[Mark]:
        programs = [mark.code for mark in marks if mark.code]
        if not programs or any(info.data.get("answer", program) not in program for program in programs):
            raise ValueError("at least one needs `code` that reaches its value and defines `answer`")
        return marks


class Option(Text):
    """An answer to choose, and why it is right or not."""

    why: Text
    correct: bool = False


class Question(_Table):
    """A question of the quiz."""

    question: Text
    options: list[Option] = Field(min_length=2)

    @field_validator("options")
    @classmethod
    def _has_one_answer(cls, options: list[Option]) -> list[Option]:
        if sum(option.correct for option in options) != 1:
            raise ValueError("exactly one option must have correct = true")
        return options


class Chapter(_Table):
    """A whole file."""

    title: Text | None = None
    exercises: dict[Slug, Exercise] = {}
    quiz: list[Question] = []
    guesses: dict[Slug, Guess] = {}
    challenges: dict[Slug, Challenge] = {}


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
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise QuestionsError(f"{path.name} is not TOML: {error}") from error
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


def placeholders(text: str) -> set[str]:
    """The names in {braces}."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


@cache
def common() -> dict[str, Any]:
    """checks/common.toml: what every check may say, and hints to Python's errors."""
    return tomllib.loads((FOLDER.parent / "checks" / "common.toml").read_text(encoding="utf-8"))
