"""Checks of the exercises on the five core concepts: a chain's fate, hinges, marked negation, edge strength."""

from collections.abc import Callable
from typing import Any

import numpy as np

from aigc_course.kit.practice.checks import Wrong, array, call, close, numbers


def check_stationary(yours: Callable[[np.ndarray], np.ndarray]) -> None:
    """`yours(P)` is the distribution that the transition matrix P (rows sum to 1) leaves as it is."""
    rng = np.random.default_rng(2)
    flip = np.array([[0.0, 1.0], [0.5, 0.5]])
    ring = np.roll(np.eye(3), 1, axis=1)  # goes round for ever: no power of it settles
    for P in (flip, rng.dirichlet(np.ones(5), size=5), ring):
        n = len(P)
        got = numbers(call(yours, P), (n,))
        expected = np.linalg.lstsq(np.vstack([P.T - np.eye(n), np.ones(n)]), np.eye(n + 1)[-1], rcond=None)[0]
        if close(got, expected):
            continue
        if not np.isfinite(got).all():
            raise Wrong("not_finite", got=got)
        if P is ring:
            raise Wrong("never_settles", got=got, expected=expected)
        if not np.isclose(got.sum(), 1, atol=1e-4):
            total = got.sum()
            scaled = abs(total) > 1e-9 and close(got / total, expected)
            raise Wrong("not_scaled" if scaled else "sum", total=total, expected=expected)
        if (got < -1e-6).any():
            raise Wrong("negative", got=got)
        causes = {"uniform": np.full(n, 1 / n), "one_step": np.full(n, 1 / n) @ P}
        cause = next((key for key, value in causes.items() if close(got, value)), "value")
        raise Wrong(cause, got=got, next=got @ P)


def check_bends(yours: Callable[[np.ndarray, np.ndarray, float, float], np.ndarray]) -> None:
    """`yours(w, b, low, high)` are the places where the units bend inside (low, high), in ascending order."""
    rng = np.random.default_rng(3)
    cases = [
        (np.array([2.0, -1.0, 0.5]), np.array([-1.0, 0.3, 0.4]), -1.0, 1.0),
        (rng.normal(size=12), rng.normal(size=12), -1.0, 1.0),
        (np.array([1.0, 0.0, -2.0]), np.array([0.5, 0.7, 0.5]), -1.0, 1.0),
    ]
    for w, b, low, high in cases:
        with np.errstate(divide="ignore"):
            every = -b / w
        expected = np.sort(every[(every > low) & (every < high)])
        got = _row(call(yours, w, b, low, high))
        if close(got, expected):
            continue
        if (w == 0).any() and not np.isfinite(got).all():
            raise Wrong("flat_unit", got=got)
        mirrored = np.sort(-every[(-every > low) & (-every < high)])
        if close(np.sort(got), expected):
            raise Wrong("order", got=got, expected=expected)
        if close(np.sort(got), mirrored):
            raise Wrong("sign", got=got, expected=expected)
        if len(got) == len(w) and close(np.sort(got), np.sort(every)):
            raise Wrong("outside", low=low, high=high, got=got)
        if len(got) != len(expected):
            raise Wrong("count", got=len(got), expected=len(expected), low=low, high=high)
        raise Wrong("value", got=got, expected=expected)


def _row(result: Any) -> np.ndarray:
    """The result as a row of floats, however long."""
    found = array(result)
    return numbers(found, (found.size,))


NEGATORS = ("not", "never")
MARKED = (
    ("the plot was not dull . the tea was fresh .", "the plot was not NOT_dull . the tea was fresh ."),
    (
        "it was never at all cosy . really fresh tea .",
        "it was never NOT_at NOT_all NOT_cosy . really fresh tea .",
    ),
    ("very good .", "very good ."),
    ("not good", "not NOT_good"),
    ("not . never mind the tea .", "not . never NOT_mind NOT_the NOT_tea ."),
    ("it was not not dull .", "it was not NOT_not NOT_dull ."),
)


def check_negation(yours: Callable[[list[str]], list[str]]) -> None:
    """`yours(tokens)` puts NOT_ before every token between "not" or "never" and the next full stop."""
    for plain, marked in MARKED:
        tokens, expected = plain.split(), marked.split()
        got = call(yours, tokens)
        if isinstance(got, str) or not isinstance(got, list | tuple) or not all(isinstance(t, str) for t in got):
            raise Wrong("not_tokens", kind=type(got).__name__)
        if list(got) == expected:
            continue
        shown = {"given": plain, "expected": marked, "got": " ".join(got)}
        raise Wrong(_negation_cause(tokens, list(got), expected), **shown)


def _negation_cause(tokens: list[str], got: list[str], expected: list[str]) -> str:
    """The likeliest reason why `got` is not `expected`."""
    if len(got) != len(tokens):
        return "length"
    extra = [i for i, token in enumerate(got) if token.startswith("NOT_") and token != expected[i]]
    missing = [i for i, token in enumerate(expected) if token.startswith("NOT_") and token != got[i]]
    causes = {
        "unmarked": got == tokens and "never" not in tokens,
        "stop_marked": "NOT_." in got,
        "negator_marked": extra and all(tokens[i] in NEGATORS for i in extra),
        "too_far": extra,
        "one_only": missing and all(tokens[i - 1] not in NEGATORS for i in missing),
        "never_missing": missing,
    }
    return next((cause for cause, fits in causes.items() if fits), "value")


def check_edges(yours: Callable[[np.ndarray], np.ndarray]) -> None:
    """`yours(image)` is the length of the two Sobel answers at every place where the window fits: (h - 2, w - 2)."""
    rng = np.random.default_rng(5)
    for image in (rng.uniform(size=(6, 9)), rng.uniform(size=(7, 5)) - 3, np.eye(6)):
        height, width = image.shape
        found = array(call(yours, image))
        if found.shape == image.shape:
            raise Wrong("same_size", got=found.shape, expected=(height - 2, width - 2))
        got = numbers(found, (height - 2, width - 2))
        gx = image[:, 2:] - image[:, :-2]
        gx = gx[:-2] + 2 * gx[1:-1] + gx[2:]
        gy = image[2:] - image[:-2]
        gy = gy[:, :-2] + 2 * gy[:, 1:-1] + gy[:, 2:]
        expected = np.hypot(gx, gy)
        if close(got, expected):
            continue
        plain_x, plain_y = image[1:-1, 2:] - image[1:-1, :-2], image[2:, 1:-1] - image[:-2, 1:-1]
        causes = {
            "left_right": np.abs(gx), "signed": gx, "up_down": np.abs(gy), "squares": gx**2 + gy**2,
            "absolute": np.abs(gx) + np.abs(gy), "added": gx + gy, "unsmoothed": np.hypot(plain_x, plain_y),
        }  # fmt: skip
        cause = next((key for key, value in causes.items() if close(got, value)), "value")
        raise Wrong(cause, got=got.max(), expected=expected.max())
