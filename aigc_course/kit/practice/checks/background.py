"""Checks of the exercises on the background: counting n-grams, drawing by the inverse CDF, Bayes' rule, bytes."""

from collections.abc import Mapping
from types import SimpleNamespace

import numpy as np

from aigc_course.kit.practice.checks import Function, check_cases


def check_counts(yours: Function) -> None:
    """`yours(text, n)` maps each context of n - 1 characters to what follows it and how often."""
    cases = [("abracadabra", 2), ("abracadabra", 3), ("to be or not to be", 4), ("banana", 1)]
    check_cases("01.counts", yours, cases, show=_first_context, guess=lambda its: {"counts": True})


def _first_context(its: SimpleNamespace) -> dict[str, str]:
    context = next(c for c in [*its.expected, *its.got] if its.expected.get(c) != its.got.get(c))
    expected, got = (_listed(counts.get(context, {})) for counts in (its.expected, its.got))
    return {"context": repr(context), "expected": expected, "got": got}


def _listed(after: Mapping) -> str:
    """b 2, c 1 for {"b": 2, "c": 1}."""
    return ", ".join(f"{character} {count:g}" for character, count in after.items()) or "-"


def check_draw(yours: Function) -> None:
    """`yours(probs, u)` is the first index whose cumulative probability is above u."""
    cases = [(np.array([0.2, 0.5, 0.3]), u) for u in (0.0, 0.1, 0.25, 0.65, 0.75, 0.99)]
    cases += [(np.array([0.0, 0.5, 0.0, 0.5]), u) for u in (0.0, 0.5, 0.3, 0.9)]
    cases += [(np.array([0.25, 0.0, 0.5, 0.125, 0.125]), u) for u in (0.249, 0.25, 0.251, 0.75, 0.874, 0.876)]
    check_cases(
        "01.draw", yours, cases, guess=lambda its: {"never": its.got in np.flatnonzero(its.probs == 0), "index": True}
    )


def check_posterior(yours: Function) -> None:
    """`yours(x, means, stds, priors)` is p(y | x), (n, k), for Gaussian classes, also far from all of them."""
    rng = np.random.default_rng(3)
    cases = []
    for n, k in ((5, 2), (4, 3)):
        x, means = rng.normal(0, 2, size=n), rng.normal(0, 2, size=k)
        cases.append((x, means, rng.uniform(0.5, 1.5, size=k), rng.dirichlet(np.full(k, 2.0))))
    two = np.array([-1.0, 1.5]), np.array([1.0, 1.0]), np.array([0.5, 0.5])
    cases += [(np.array([80.0, -90.0]), *two), (np.array([1e4, 0.2, -3e4]), *two)]  # far ones, and one in the middle
    cases.append(
        (np.array([500.0, -0.3, 900.0]), np.array([0.0, 2.0, -1.0]), np.array([0.1, 2.0, 1.0]), np.ones(3) / 3)
    )
    check_cases(
        "01.posterior",
        yours,
        cases,
        show=lambda its: {"x": its.x[0], "expected": its.expected[0].round(4), "got": its.got[0].round(4)},
        guess=lambda its: {"underflow": np.abs(its.x).max() > 50},
    )


def check_bytes(yours: Function) -> None:
    """`yours(shape, bits)` is the number of whole bytes that hold a tensor of `bits` bits a number."""
    cases = [
        ((28, 28), 8),
        ((16000,), 16),
        ((2, 3, 480, 640), 32),
        ((3, 5), 12),
        ((7,), 1),
        ((), 64),
        ((8,), 1),
        ((9,), 1),
    ]
    check_cases("01.bytes", yours, cases, guess=lambda its: {"bytes": True})
