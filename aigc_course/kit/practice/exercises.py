"""Exercises: an answer passes, or is told what is wrong and where; hints and the solution open with a click.

    check("05_1.loss", loss)    hint("05_1.loss", 1)    solution("05_1.loss")    quiz("05_1")

Texts and solutions stand in questions/*.toml, the checks in checks/*.py. A check function takes the answer and raises
`Wrong(key, placeholder=value, ...)`; it calls a learner's function through `answers.call`, which recognizes one that is
unfinished, takes other arguments, changes them, or stops with an error.
"""

import importlib
import string
import sysconfig
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aigc_course.kit.practice import markup, progress, questions
from aigc_course.kit.practice.quiz import quiz
from aigc_course.kit.runtime import language

__all__ = ["Crashed", "Outcome", "Unanswered", "Wrong", "check", "grade", "hint", "quiz", "solution"]

WORDS = {
    "zh": {
        "passed": "对了，所有检查都通过。本章的练习你已完成{done}/{total}。",
        "unanswered": "这道练习还没有作答：在上面的单元格里把`...`换成你的代码，运行它，再运行这个单元格。",
        "wrong": "还不对。",
        "hint": "提示{number}",
        "solution": "参考答案",
        "compare": "与参考答案对照",
        "stopped": "你中断了它。若它自己停不下来，就看看其中的循环何时结束，先用很小的输入试一试。",
        "ways": '提示：hint("{name}", 1)、hint("{name}", 2)；参考答案：solution("{name}")',
    },
    "en": {
        "passed": "Right: every check passed. Exercises done in this chapter: {done} of {total}.",
        "unanswered": "Not answered yet: put your code in place of `...` in the cell above, run it, then this cell.",
        "wrong": "Not yet. ",
        "hint": "Hint {number}",
        "solution": "Solution",
        "compare": "Compare with our solution",
        "stopped": "You stopped it. If it does not end by itself, see when its loop does; try a very small input.",
        "ways": 'Hints: hint("{name}", 1), hint("{name}", 2); solution: solution("{name}")',
    },
}


class Wrong(Exception):
    """Raised by a check: the feedback's key, and values for the placeholders of its text."""

    def __init__(self, key: str, **values: Any) -> None:
        super().__init__(key)
        self.key, self.values = key, values


class Unanswered(Exception):
    """The learner's code still holds a `...`."""


class Crashed(Exception):
    """The learner's code stopped with `error`."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(type(error).__name__)
        self.error = error


@dataclass(frozen=True)
class Outcome:
    """What became of an answer: "passed", "unanswered" or "wrong", and if wrong, what to say."""

    kind: str
    key: str = ""
    values: dict[str, str] = field(default_factory=dict)  # placeholder, such as "got" or "got[0]", to what to write
    error: str = ""  # the kind of error that the learner's code stopped with: a key of [errors] in common.toml


def check(name: str, answer: Any) -> None:
    """Check the answer to the exercise `name` and show the result; an exercise that passes counts as done.

    A wrong or missing answer raises nothing. ValueError for an unknown name.
    """
    entry, words = questions.exercise(name), WORDS[language()]
    try:
        outcome = grade(name, answer)
    except KeyboardInterrupt:  # mostly of a loop that does not end; the cells behind this one are not to run either
        print(f"{words['stopped']}\n{words['ways'].format(name=name)}")
        raise
    if outcome.kind == "passed":
        done, total = progress.passed(name)
        said = words["passed"].format(done=done, total=total)
        color, plain = markup.GOOD, said
        offered = markup.collapsed(words["compare"], markup.code_html(entry["solution"]))
    else:
        said = words["unanswered"] if outcome.kind == "unanswered" else explanation(entry, outcome)
        color = markup.NEUTRAL if outcome.kind == "unanswered" else markup.BAD
        plain = f"{said}\n{words['ways'].format(name=name)}"
        offered = _offered(entry)
    title = entry["title"][language()]
    heading = f"<strong>{markup.inline_html(title)}</strong>"
    markup.show(markup.box(color, heading + markup.text_html(said) + offered), f"[{title}] {plain}")


def hint(name: str, number: int = 1) -> None:
    """Show hint 1 (points the way) or 2 (nearly gives it)."""
    hints = questions.exercise(name)["hints"]
    if number not in range(1, len(hints) + 1):
        raise ValueError(f'hint("{name}", {number!r}): the hints are 1 and {len(hints)}')
    label = WORDS[language()]["hint"].format(number=number)
    text = markup.unwrapped(hints[number - 1][language()])
    heading = f"<strong>{label}</strong>"
    markup.show(markup.box(markup.NEUTRAL, heading + markup.text_html(text)), f"[{label}] {text}")


def solution(name: str) -> None:
    """Show a solution; others can be right too."""
    source = questions.exercise(name)["solution"].strip("\n")
    label = WORDS[language()]["solution"]
    markup.show(markup.box(markup.NEUTRAL, f"<strong>{label}</strong>" + markup.code_html(source)), source)


def _offered(entry: dict[str, Any]) -> str:
    words = WORDS[language()]
    blocks = [
        markup.collapsed(words["hint"].format(number=number), markup.text_html(text[language()]))
        for number, text in enumerate(entry["hints"], start=1)
    ]
    return "".join([*blocks, markup.collapsed(words["solution"], markup.code_html(entry["solution"]))])


def explanation(entry: dict[str, Any], outcome: Outcome) -> str:
    """What a wrong answer is told, in the reader's language."""
    told = _Filled().vformat(markup.unwrapped(_feedback(entry, outcome.key)[language()]), (), outcome.values)
    advice = questions.common()["errors"].get(outcome.error, {}).get(language(), "")
    begin = WORDS[language()]["wrong"] + told
    said = f"{begin}\n\n{advice}" if advice else begin
    return said.encode("utf-8", "backslashreplace").decode("utf-8")  # half of a surrogate pair, say


def _feedback(entry: dict[str, Any], key: str) -> dict[str, str]:
    return {**questions.common()["feedback"], **entry.get("feedback", {})}[key]


class _Filled(string.Formatter):
    """Fills in placeholders that were looked up before."""

    def get_field(self, field_name: str, args: Any, kwargs: Any) -> tuple[str, str]:
        return kwargs[field_name], field_name


def grade(name: str, answer: Any) -> Outcome:
    """Check an answer without showing or recording anything."""
    entry = questions.exercise(name)
    return measured(entry, entry["check"], answer)[0]


def measured(entry: dict[str, Any], function: str, answer: Any) -> tuple[Outcome, Any]:
    """Hand the answer to a function of checks/ ("mnist_classifier.check_loss"): what became of it, what it returned."""
    module, _, name = function.partition(".")
    run: Callable[[Any], Any] = getattr(importlib.import_module(f"aigc_course.kit.practice.checks.{module}"), name)
    try:
        return _outcome(entry, run, answer)
    except Exception as error:  # an answer of a kind that the check did not think of
        return Outcome("wrong", "puzzling", {"error": _described(error), "kind": type(answer).__name__}), None


def _outcome(entry: dict[str, Any], run: Callable[[Any], Any], answer: Any) -> tuple[Outcome, Any]:
    if is_unanswered(answer):
        return Outcome("unanswered"), None
    try:
        return Outcome("passed"), run(answer)
    except Unanswered:
        return Outcome("unanswered"), None
    except Wrong as wrong:
        names = questions.placeholders(_feedback(entry, wrong.key)["en"])
        looked_up = {name: string.Formatter().get_field(name, (), wrong.values)[0] for name in names}
        return Outcome("wrong", wrong.key, {name: shown(value) for name, value in looked_up.items()}), None
    except Crashed as crash:
        return _crashed(crash.error), None


def is_unanswered(answer: Any) -> bool:
    """True for `...`, None, and a list or dictionary with a `...`; what an empty function gives, its call tells."""
    if isinstance(answer, list | tuple | dict):
        return any(item is ... for item in (answer.values() if isinstance(answer, dict) else answer))
    return answer is None or answer is ...


def _crashed(error: BaseException) -> Outcome:
    """The error and its line, as far as it is the learner's own code."""
    known = questions.common()["errors"]
    kind = next((c.__name__ for c in type(error).__mro__ if c.__name__ in known), "Exception")
    installed = (
        *(sysconfig.get_path(name) for name in ("stdlib", "purelib", "platlib")),
        str(Path(__file__).parents[2]),
    )
    frames = traceback.extract_tb(error.__traceback__)
    frames = [frame for frame in frames if not frame.filename.startswith((*installed, "<frozen"))]
    values = {"error": _described(error)}
    if not frames:
        return Outcome("wrong", "crashed", values, kind)
    where = {"line": str(frames[-1].lineno), "source": frames[-1].line or "…"}
    return Outcome("wrong", "crashed_at", values | where, kind)


def _described(error: BaseException) -> str:
    try:
        first = (str(error).strip().splitlines() or [""])[0]
    except Exception:  # an error of the learner's own that cannot even be printed
        first = ""
    return f"{type(error).__name__}: {first}" if first else type(error).__name__


def shown(value: Any, most: int = 90) -> str:
    """A value as a text of at most `most` characters: floats with five digits, arrays as lists."""
    if hasattr(value, "tolist"):  # NumPy's numbers and arrays
        value = value.tolist()
    if isinstance(value, float):
        return f"{value:.5g}".replace("nan", "NaN")
    if isinstance(value, list | tuple) and not isinstance(value, str):
        ends = "[]" if isinstance(value, list) else ("(", ",)" if len(value) == 1 else ")")
        value = f"{ends[0]}{', '.join(shown(item, most) for item in value)}{ends[1]}"
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= most else f"{text[: most - 1]}…"
