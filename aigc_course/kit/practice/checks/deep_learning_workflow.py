"""Checks of the exercises on the deep learning workflow: quantization, leakage, a request, the size of a test set."""

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np

from aigc_course.kit.practice.checks import Function, Wrong, call, check_cases, close, number, numbers
from aigc_course.kit.practice.exercises import Crashed


def check_round_trip(yours: Function) -> None:
    """`yours(values, num_bits)` is values after unsigned codes of num_bits and back; it may be done in any way."""
    for num_bits, values in _to_quantize():
        got = numbers(call(yours, values, num_bits), values.shape)
        step = (max(values.max(), 0) - min(values.min(), 0)) / (2**num_bits - 1)
        if not np.isfinite(got).all():
            raise Wrong("not_finite", values=values[:3].round(2).tolist())
        error, levels = np.abs(got - values).max(), len(np.unique(got))
        if error > step / 2 * (1 + 1e-4) + 1e-9:
            cause = "floor" if error <= step * 1.001 else "wrapped" if error > step * 2**num_bits / 4 else "error"
            cause = "many_bits" if num_bits > 8 and cause == "wrapped" else cause
            raise Wrong(cause, num_bits=num_bits, error=error, half=step / 2)
        if np.any(got[values == 0] != 0):
            raise Wrong("zero", got=float(got[values == 0][0]), num_bits=num_bits)
        if levels > 2**num_bits:
            raise Wrong("levels", found=levels, allowed=2**num_bits, num_bits=num_bits)


def _to_quantize() -> Iterator[tuple[int, np.ndarray]]:
    """(number of bits, values)."""
    rng = np.random.default_rng(1)
    for num_bits in (8, 4, 2, 12):
        yield num_bits, np.append(rng.normal(0.3, 1, size=50), 0.0)
        yield num_bits, rng.uniform(2, 3, size=20)
        yield num_bits, -rng.uniform(0.5, 3, size=20)
        yield num_bits, np.full(6, 3.0)
        yield num_bits, np.full(6, -2.0)
        yield num_bits, np.zeros(5)
    for num_bits in (2, 3, 8):  # a step of 1, values on both sides of where codes change, an end where two are as near
        end = (2**num_bits - 1) / 2
        whole = np.arange(1 - np.ceil(end), end)
        yield num_bits, np.array([*whole, -end, end, *(whole[:-1] + 0.4985), *(whole[:-1] + 0.5015)])


def check_leak(yours: Function) -> None:
    """`yours(test_images, train_images)` are the positions of test images that are scaled training images."""
    check_cases("03_1.leak", yours, _leaks(), guess=_causes_of_leak, any_length=True)


def _leaks() -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for seed in range(3):
        rng = np.random.default_rng(seed)
        train, test = rng.random((7, 28, 28)), rng.random((9 + seed, 28, 28))
        train[4] = test[8] = 0  # empty sheets
        test[1] = train[5]
        test[3], test[6] = 0.4 * train[0], 1.7 * train[6]
        test[5] = train[2] + np.where(rng.random((28, 28)) < 0.03, 0.2, 0)  # another image, though much alike
        if seed:  # at other places, with a negative and one that differs in a single pixel
            test[2] = -train[1]
            test[7] = train[3]
            test[7, 14, 14] += 0.2
            test = rng.permutation(test)
        yield test, train


def _causes_of_leak(its: SimpleNamespace) -> dict[str, Any]:
    with_empty = [*its.expected, *np.flatnonzero(~its.test_images.any(axis=(1, 2)))]
    found = np.sort(its.got)
    return {"not_sorted": close(found, its.expected), "empty": close(found, np.sort(with_empty)), "rows": True}


def requests() -> Iterator[tuple[str, tuple[int, ...], str]]:
    """(body, right statuses, feedback for any other): good ones first, then broken contracts, then what is no JSON."""
    rows = np.random.default_rng(5).random((28, 28)).round(3).tolist()

    def pixels(value: Any) -> str:
        return json.dumps({"pixels": value})

    def with_value(text: str) -> str:
        return pixels([["HERE", *rows[0][1:]], *rows[1:]]).replace('"HERE"', text)

    yield pixels(rows), (200,), "refused"
    yield pixels([[0] * 27 + [1]] * 28), (200,), "refused"
    for body in ("pixels=0", pixels(rows)[:-9]):
        yield body, (400,), "status"
    for value in (rows[:27], [*rows, rows[0]], [*rows[:27], rows[27][:5]], [*rows[:27], [*rows[27], 0.5]]):
        yield pixels(value), (422,), "status"
    for text in ("200", "1.0001", "-0.1", "-0.0001", '"0.5"', "null", "[0.5]"):
        yield with_value(text), (422,), "status"
    for row in (0, 13, 27):  # the last pixel of a row
        yield pixels([*rows[:row], [*rows[row][1:], 2], *rows[row + 1 :]]), (422,), "status"
    yield with_value("true"), (422,), "boolean"
    yield with_value("1e999"), (422,), "not_finite"
    yield with_value("NaN"), (422, 400), "not_finite"  # Python reads it, JSON does not know it
    for content in (rows, None, 3, "pixels", {}, {"image": rows}):
        yield json.dumps(content), (422,), "status"
    yield json.dumps({"pixels": rows, "author": "me"}), (422,), "key_more"
    rows_of_others = [[other] * 28 for other in ("0" * 28, 0, None, True, {})]
    for value in ("a three", 3, None, {str(i): row for i, row in enumerate(rows)}, *rows_of_others):
        yield pixels(value), (422,), "status"
    for body in ("", "[" * 20_000):
        yield body, (400,), "status"


def check_request(yours: Function) -> None:
    """`yours(body)` is 200, 400 or 422, whatever the text."""
    for position, (body, statuses, feedback) in enumerate(requests()):
        values = {"body": (body if len(body) < 60 else f"{body[:40]} … {body[-15:]}").strip("{}") or " "}
        try:
            got = number(call(yours, body))
        except Crashed as crash:
            if position == 0:
                raise
            raise Wrong("raised", **values, error=f"{type(crash.error).__name__}: {crash.error}"[:80]) from crash
        if got not in statuses:
            cause = "accepted" if got == 200 and feedback == "status" else feedback
            raise Wrong(cause, **values, got=int(got) if got.is_integer() else got, expected=statuses[0])


def check_images(yours: Function) -> None:
    """`yours(share, width)` is the smallest number of images whose Wilson interval is at most so wide."""
    cases = [(0.9, 0.05), (0.98, 0.004), (0.5, 0.1), (1.0, 0.01), (0.5, 0.9)]
    check_cases(
        "03_1.images",
        yours,
        cases,
        guess=lambda its: {"not_whole": its.got % 1, "one_off": abs(its.got - its.expected) == 1},
    )
