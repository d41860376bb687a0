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
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator, model_validator

FOLDER = Path(__file__).parent


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
    exercises: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")], Exercise] = {}
    quiz: list[Question] = []


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
    number, _, slug = str(name).partition(".")
    written = chapter(number).get("exercises", {}) if number in files() else {}
    if slug in written:
        return written[slug]
    known = [f"{number}.{slug}" for number in files() for slug in chapter(number).get("exercises", {})]
    raise ValueError(f'there is no exercise "{name}"; {_nearest(str(name), known)}')


def _nearest(name: str, known: Any) -> str:
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.6)
    same_chapter = [other for other in known if other.partition(".")[0] == name.partition(".")[0]]
    if close:
        return f"did you mean {' or '.join(close)}?"
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
