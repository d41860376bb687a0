"""What a file of questions may hold, as tables that pydantic checks. By example: __init__.py in this folder."""

import string
import tomllib
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

COMMON = Path(__file__).parent.parent / "checks" / "common.toml"
Slug = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


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
            raise ValueError("a $ is not rendered as a formula here: write `code`")
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


def placeholders(text: str) -> set[str]:
    """The names in {braces}."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


@cache
def common() -> dict[str, Any]:
    """checks/common.toml: what every check may say, and hints to Python's errors."""
    return tomllib.loads(COMMON.read_text(encoding="utf-8"))
