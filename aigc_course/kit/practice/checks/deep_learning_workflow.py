"""Checks of the exercises on the deep learning workflow: quantisation, leakage, a request, the size of a test set."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np

from aigc_course.kit.practice.checks import Wrong, array, call, close, number, numbers
from aigc_course.kit.practice.exercises import Crashed


def check_round_trip(yours: Callable[[np.ndarray, int], np.ndarray]) -> None:
    """`yours(values, num_bits)` is values after unsigned codes of num_bits and back, 0 kept."""
    rng = np.random.default_rng(1)
    for num_bits in (8, 4, 2, 12):
        for kind, values in {
            "mixed": np.append(rng.normal(0.3, 1, size=50), 0.0),
            "positive": rng.uniform(2, 3, size=20),
            "negative": -rng.uniform(0.5, 3, size=20),
            "constant": np.full(6, 3.0),
            "zeros": np.zeros(5),
        }.items():
            got = numbers(call(yours, values, num_bits), values.shape)
            low, high = min(values.min(), 0), max(values.max(), 0)
            step = (high - low) / (2**num_bits - 1)
            if not np.isfinite(got).all():
                raise Wrong("not_finite", kind=kind, values=values[:3].round(2).tolist())
            error = np.abs(got - values).max()
            if error > step / 2 * (1 + 1e-4) + 1e-9:
                cause = "floor" if error <= step * 1.001 else "wrapped" if error > step * 2**num_bits / 4 else "error"
                cause = "many_bits" if num_bits > 8 and cause == "wrapped" else cause
                raise Wrong(cause, kind=kind, num_bits=num_bits, error=error, half=step / 2)
            if np.any(got[values == 0] != 0):
                raise Wrong("zero", got=float(got[values == 0][0]), num_bits=num_bits)
            if len(np.unique(got)) > 2**num_bits:
                raise Wrong("levels", found=len(np.unique(got)), allowed=2**num_bits, num_bits=num_bits)


def check_leak(yours: Callable[[np.ndarray, np.ndarray], list[int]]) -> None:
    """`yours(test_images, train_images)` are the positions of test images that are scaled training images."""
    for seed in range(3):
        rng = np.random.default_rng(seed)
        train, test = rng.random((7, 28, 28)), rng.random((9, 28, 28))
        train[4] = test[8] = 0  # empty sheets
        test[1] = train[5]
        test[3], test[6] = 0.4 * train[0], 1.7 * train[6]
        test[5] = train[2] + np.where(rng.random((28, 28)) < 0.03, 0.2, 0)  # another image, though much alike
        got = array(call(yours, test, train))
        if got.ndim != 1:
            raise Wrong("shape", expected="(n,)", got=got.shape)
        found = [int(row) for row in got]
        if found == [1, 3, 6]:
            continue
        causes = {
            "exact_only": [1, 8],  # the empty sheets are equal, too
            "empty": [1, 3, 6, 8],
            "alike": [1, 3, 5, 6],
            "train_rows": [5, 0, 6],
            "not_sorted": None,
        }
        cause = next((key for key, rows in causes.items() if rows in (found, sorted(found))), "rows")
        raise Wrong("not_sorted" if sorted(found) == [1, 3, 6] else cause, got=found, expected=[1, 3, 6])


def requests() -> dict[str, tuple[str, int]]:
    """Name to (body, status): good ones first, then those that break the contract, then what is no JSON."""
    rows = np.random.default_rng(5).random((28, 28)).round(3).tolist()

    def with_value(text: str) -> str:
        return json.dumps({"pixels": [["HERE", *rows[0][1:]], *rows[1:]]}).replace('"HERE"', text)

    return {
        "good": (json.dumps({"pixels": rows}), 200),
        "whole_numbers": (json.dumps({"pixels": [[0] * 27 + [1]] * 28}), 200),
        "no_json": ("pixels=0", 400),
        "cut_short": (json.dumps({"pixels": rows})[:-9], 400),
        "few_rows": (json.dumps({"pixels": rows[:27]}), 422),
        "ragged": (json.dumps({"pixels": [*rows[:27], rows[27][:5]]}), 422),
        "too_large": (with_value("200"), 422),
        "negative": (with_value("-0.1"), 422),
        "text_value": (with_value('"0.5"'), 422),
        "null_value": (with_value("null"), 422),
        "list_value": (with_value("[0.5]"), 422),
        "true_value": (with_value("true"), 422),
        "infinite": (with_value("1e999"), 422),
        "nan": (with_value("NaN"), (400, 422)),
        "a_list": (json.dumps(rows), 422),
        "null": ("null", 422),
        "other_key": (json.dumps({"image": rows}), 422),
        "key_more": (json.dumps({"pixels": rows, "author": "me"}), 422),
        "text_rows": (json.dumps({"pixels": "a three"}), 422),
        "number_rows": (json.dumps({"pixels": 3}), 422),
        "text_row": (json.dumps({"pixels": ["0" * 28] * 28}), 422),
        "empty": ("", 400),
        "deep": ("[" * 20_000, 400),
    }


def check_request(yours: Callable[[str], int]) -> None:
    """`yours(body)` is 200, 400 or 422, whatever the text."""
    for position, (name, (body, expected)) in enumerate(requests().items()):
        shown = (body if len(body) < 60 else f"{body[:40]} … {body[-15:]}").strip("{}") or " "
        try:
            result = call(yours, body)
        except Crashed as crash:
            if position == 0:
                raise
            raise Wrong("raised", body=shown, error=f"{type(crash.error).__name__}: {crash.error}"[:80]) from crash
        got = number(result)
        if got in np.atleast_1d(expected):
            continue
        got = int(got) if got.is_integer() else got
        special = {"true_value": "boolean", "infinite": "not_finite", "nan": "not_finite", "key_more": "key_more"}
        cause = special.get(name, "accepted" if got == 200 else "refused" if expected == 200 else "status")
        raise Wrong(cause, body=shown, got=got, expected=int(np.atleast_1d(expected)[-1]))


def wilson_width(share: float, count: Any) -> Any:
    """Upper minus lower end of the Wilson interval, z = 1.96."""
    z = 1.96
    return 2 * z * np.sqrt(share * (1 - share) / count + z**2 / (4 * count**2)) / (1 + z**2 / count)


def smallest(condition: Callable[[int], bool]) -> int:
    """The smallest n >= 1 with condition(n), which stays true from there on."""
    high = 1
    while not condition(high):
        high *= 2
    low = high // 2  # false, or 0
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if condition(middle) else (middle, high)
    return high


def check_images(yours: Callable[[float, float], int]) -> None:
    """`yours(share, width)` is the smallest number of images whose Wilson interval is at most so wide."""
    for share, width in ((0.9, 0.05), (0.98, 0.004), (0.5, 0.1), (1.0, 0.01)):
        got = number(call(yours, share, width))
        expected = smallest(lambda n, share=share, width=width: wilson_width(share, n) <= width)
        if got == expected:
            continue
        causes = {
            "half_width": smallest(lambda n, share=share, width=width: wilson_width(share, n) / 2 <= width),
            "normal": np.ceil(4 * 1.96**2 * share * (1 - share) / width**2),
            "one_off": expected - 1 if got < expected else expected + 1,
        }
        cause = next((key for key, value in causes.items() if close(got, value)), "value")
        if not got.is_integer():
            cause = "not_whole"
        raise Wrong(cause, share=share, width=width, expected=expected, got=int(got) if got.is_integer() else got)
