"""The checks of the exercises, one file per chapter, each a list of cases: arguments for the learner's function.

The solution in questions/<chapter>.toml says what is right; the first wrong program there that does what the learner's
does names the mistake. Texts stand in that file too; those that every exercise may need in common.toml here.
"""

from collections.abc import Callable, Iterable
from functools import cache
from inspect import signature
from types import SimpleNamespace
from typing import Any

import numpy as np

from aigc_course.kit.practice import questions
from aigc_course.kit.practice.answers import array, call, close, number, numbers, read
from aigc_course.kit.practice.exercises import Crashed, Unanswered, Wrong

__all__ = ["Function", "Wrong", "array", "call", "check_cases", "close", "named_mistake", "number", "numbers"]

Case = tuple[Any, ...]
Function = Callable[..., Any]
Same = Callable[[np.ndarray, np.ndarray], bool]
MOST_DIFFERENT = 1 / 4  # of the cases that one of two programs gets wrong; above it they make different mistakes


@np.errstate(all="ignore")
def check_cases(
    name: str,
    yours: Function,
    cases: Iterable[Case],
    *,
    about: Callable[[SimpleNamespace], dict[str, Any]] = lambda its: {},
    guess: Callable[[SimpleNamespace], dict[str, Any]] = lambda its: {},
    form: str = "",
    show: Callable[[SimpleNamespace], dict[str, Any]] = lambda its: {},
    same: Same = close,
    any_length: bool = False,
) -> None:
    """Compare `yours` with the solution of the exercise `name`, case by case; Wrong at the first that differs.

    In `its` stand the arguments under their names, `expected` and `got`. Texts may use all of them, and of `row`: `at`,
    the number of the row with the largest error, and this row of each.

    about: more placeholders, from the arguments alone
    guess: {feedback: whether it fits}; the first that does, where no wrong program does the same. Otherwise: "value"
    form:  the feedback for a result of another form, a text perhaps or another shape, instead of the common one
    show:  more placeholders, or others in the place of `expected` and `got`
    same:  whether two results are the same, where `close` lets too much pass
    any_length: a row of numbers of another length is wrong, but not of another form
    """
    solve, cases = solution(name), list(cases)
    for at, case in enumerate(cases):
        expected, result = call(solve, *case), call(yours, *case)
        its = SimpleNamespace(**dict(zip(signature(solve).parameters, case, strict=False)))
        values = vars(its) | about(its)
        its.expected = read(expected, like=expected)
        try:
            its.got = read(result, like=expected, any_length=any_length)
        except Wrong as unreadable:
            own = "" if unreadable.key in ("not_numbers", "complex") else form
            key = named_mistake(name, yours, cases, at, same) or own or unreadable.key
            values |= {"kind": type(result).__name__, "result": result}
            raise Wrong(key, **values | unreadable.values) from unreadable
        if not _equal(its.got, its.expected, same):
            key = named_mistake(name, yours, cases, at, same) or _first(guess(its)) or "value"
            values |= {"expected": expected, "got": _written_like(expected, its.got), "row": _worst_row(its)}
            raise Wrong(key, **values | show(its))


def named_mistake(name: str, yours: Function, cases: list[Case], at: int, same: Same = close) -> str | None:
    """The feedback of the first wrong program that makes the mistake of `yours`; None where there is none.

    It gives the same on the case `at` and on every other one. Second best is one that differs on few: another way to
    write a mistake may round differently. Where one of them stops or is not finite, they are not compared.
    """
    given = _result(yours, cases[at])
    fitting = [
        (key, program) for key, program in wrong_programs(name) if _equal(_result(program, cases[at]), given, same)
    ]
    if not fitting:
        return None
    right, theirs = ([_result(function, case) for case in cases] for function in (solution(name), yours))
    candidates = []
    for key, program in fitting:
        mistaken = [_result(program, case) for case in cases]
        alike = [
            _equal(one, other, same) or not (_is_finite(one) and _is_finite(other))
            for one, other, truth in zip(theirs, mistaken, right, strict=True)
            if not (_equal(one, truth, same) and _equal(other, truth, same))
        ]
        candidates.append((alike.count(False) / len(alike), key))
    different, nearest = min(candidates, key=lambda each: each[0])
    return nearest if different <= MOST_DIFFERENT else None


@cache
def solution(name: str) -> Function:
    """The solution of the exercise, as a function."""
    entry = questions.exercise(name)
    return compiled(entry["solution"], entry["answer"])


@cache
def wrong_programs(name: str) -> list[tuple[str, Function]]:
    """The exercise's typical mistakes, (feedback, function), in the order of the file."""
    entry = questions.exercise(name)
    return [(wrong["feedback"], compiled(wrong["code"], entry["answer"])) for wrong in entry["wrong"]]


def compiled(code: str, answer: str) -> Function:
    """What the cell with this code hands to check()."""
    names: dict[str, Any] = {}
    exec(compile(code, "<answer>", "exec"), names)
    return names[answer]


def _result(function: Function, case: Case) -> Any:
    """What the function gives for the case, as an array, a list of texts or a dictionary; None where it stops."""
    try:
        result = call(function, *case)
        return read(result, like=result)
    except (Wrong, Crashed, Unanswered):
        return None


def _equal(a: Any, b: Any, same: Same) -> bool:
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return a.shape == b.shape and same(a, b)
    return a is not None and type(a) is type(b) and a == b


def _is_finite(result: Any) -> bool:
    return result is not None and (not isinstance(result, np.ndarray) or bool(np.isfinite(result).all()))


def _first(causes: dict[str, Any]) -> str | None:
    return next((key for key, fits in causes.items() if fits), None)


def _written_like(expected: Any, got: Any) -> Any:
    """The result as a learner would write it: whole numbers without a point, a pair as a pair."""
    if not isinstance(got, np.ndarray):
        return got
    if array(expected).dtype.kind == "i" and (got == np.rint(got)).all() and np.abs(got).max(initial=0) < 2**53:
        got = got.astype(np.int64)
    return tuple(got.tolist()) if isinstance(expected, tuple) else got


def _worst_row(its: SimpleNamespace) -> SimpleNamespace | None:
    """The row with the largest error, and its number; the arguments as long as the result have a row there, too."""
    shape = np.shape(its.expected)
    if not isinstance(its.got, np.ndarray) or not shape or its.got.shape != shape:
        return None
    error = np.nan_to_num(np.abs(its.got - its.expected), nan=np.inf)
    at = int(np.unravel_index(error.argmax(), shape)[0])
    rows = {name: value[at] for name, value in vars(its).items() if getattr(value, "shape", ())[:1] == shape[:1]}
    return SimpleNamespace(at=at, **rows)
