"""Checks of the exercises on the background: counting n-grams, drawing by the inverse CDF, Bayes' rule, bytes."""

import math
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from aigc_course.kit.practice.checks import Wrong, array, call, close, number, numbers

TEXTS = (("abracadabra", 2), ("abracadabra", 3), ("to be or not to be", 4), ("banana", 1))


def check_counts(yours: Callable[[str, int], Any]) -> None:
    """`yours(text, n)` maps each context of n - 1 characters to what follows it and how often."""
    for text, n in TEXTS:
        result = call(yours, text, n)
        if not isinstance(result, Mapping) or not all(isinstance(after, Mapping) for after in result.values()):
            raise Wrong("not_nested", kind=type(result).__name__)
        got = {context: {k: v for k, v in after.items() if v != 0} for context, after in result.items()}
        got = {context: after for context, after in got.items() if after}
        expected = follow_counts(text, n)
        if got == expected:
            continue
        causes = {
            "context_length": follow_counts(text, n + 1),
            "last_missing": follow_counts(text[:-1], n),
            "each_once": {context: dict.fromkeys(after, 1) for context, after in expected.items()},
            "shares": {c: {k: v / sum(after.values()) for k, v in after.items()} for c, after in expected.items()},
        }
        cause = next((name for name, value in causes.items() if got == value), "counts")
        context = next(c for c in [*expected, *got] if expected.get(c) != got.get(c))
        shown = {"expected": _listed(expected.get(context, {})), "got": _listed(got.get(context, {}))}
        raise Wrong(cause, text=text, n=n, context=repr(context), **shown)


def _listed(after: Mapping) -> str:
    """b 2, c 1 for {"b": 2, "c": 1}."""
    return ", ".join(f"{character} {count:g}" for character, count in after.items()) or "-"


def follow_counts(text: str, n: int) -> dict[str, dict[str, int]]:
    """{context: {next character: how often}}, contexts of n - 1 characters."""
    found: dict[str, Counter] = {}
    for i in range(len(text) - n + 1):
        found.setdefault(text[i : i + n - 1], Counter())[text[i + n - 1]] += 1
    return {context: dict(after) for context, after in found.items()}


def check_draw(yours: Callable[[np.ndarray, float], int]) -> None:
    """`yours(probs, u)` is the first index whose cumulative probability is above u."""
    cases = [(np.array([0.2, 0.5, 0.3]), u) for u in (0.0, 0.1, 0.25, 0.65, 0.75, 0.99)]
    cases += [(np.array([0.0, 0.5, 0.0, 0.5]), u) for u in (0.0, 0.5, 0.3, 0.9)]
    results = [(probs, u, number(call(yours, probs, u))) for probs, u in cases]
    expected = [int(np.searchsorted(np.cumsum(probs), u, side="right")) for probs, u in cases]
    wrong = [i for i, (_, _, got) in enumerate(results) if got != expected[i]]
    if not wrong:
        return
    got = [each[2] for each in results]
    causes = {
        "one_more": [e + 1 for e in expected],
        "one_less": [e - 1 for e in expected],
        "likeliest": [float(np.argmax(probs)) for probs, _ in cases],
        "not_summed": [float(np.argmax(probs > u)) for probs, u in cases],
    }
    cause = next((name for name, value in causes.items() if got == value), None)
    probs, u, index = results[wrong[0]]
    impossible = index in range(len(probs)) and probs[int(index)] == 0
    cause = cause or ("never" if impossible else "index")
    raise Wrong(cause, probs=probs, u=u, expected=expected[wrong[0]], got=index)


def check_posterior(yours: Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray], np.ndarray]) -> None:
    """`yours(x, means, stds, priors)` is p(y | x), (n, k), for Gaussian classes, also far from all of them."""
    rng = np.random.default_rng(3)
    for n, k in ((5, 2), (4, 3)):
        x, means = rng.normal(0, 2, size=n), rng.normal(0, 2, size=k)
        stds, priors = rng.uniform(0.5, 1.5, size=k), rng.dirichlet(np.full(k, 2.0))
        expected = bayes(x, means, stds, priors)
        result = array(call(yours, x, means, stds, priors))
        if result.shape == (k, n) and close(result, expected.T):
            raise Wrong("transposed", expected=(n, k), got=(k, n))
        got = numbers(result, (n, k))
        if close(got, expected):
            continue
        joint = priors * density(x, means, stds)
        plain = np.exp(-((x[:, None] - means) ** 2) / (2 * stds**2))
        causes = {
            "joint": joint,
            "likelihood": density(x, means, stds),
            "no_prior": bayes(x, means, stds, np.ones(k)),
            "no_width": _shares(priors * plain),
            "variance": bayes(x, means, np.sqrt(stds), priors),
            "over_x": joint / joint.sum(axis=0, keepdims=True),
            "logarithm": np.log(expected),
        }
        cause = next((name for name, value in causes.items() if close(got, value)), "value")
        raise Wrong(cause, x=x[0], expected=expected[0].round(4), got=got[0].round(4))
    far = np.array([80.0, -90.0])
    means, stds, priors = np.array([-1.0, 1.5]), np.array([1.0, 1.0]), np.array([0.5, 0.5])
    got = numbers(call(yours, far, means, stds, priors), (2, 2))
    if not close(got, [[0, 1], [1, 0]]):
        raise Wrong("underflow", x=far[0], expected=[0.0, 1.0], got=got[0])


def density(x: np.ndarray, means: np.ndarray, stds: np.ndarray) -> np.ndarray:
    """N(x; mean, std) for every x and class, (n, k)."""
    z = (x[:, None] - means) / stds
    return np.exp(-(z**2) / 2) / (stds * math.sqrt(2 * math.pi))


def bayes(x: np.ndarray, means: np.ndarray, stds: np.ndarray, priors: np.ndarray) -> np.ndarray:
    """p(y | x), (n, k)."""
    return _shares(priors * density(x, means, stds))


def _shares(joint: np.ndarray) -> np.ndarray:
    return joint / joint.sum(axis=1, keepdims=True)


def check_bytes(yours: Callable[[tuple[int, ...], int], int]) -> None:
    """`yours(shape, bits)` is the number of whole bytes that hold a tensor of `bits` bits a number."""
    for shape, bits in (((28, 28), 8), ((16000,), 16), ((2, 3, 480, 640), 32), ((3, 5), 12), ((7,), 1), ((), 64)):
        got, numbers_in_it = number(call(yours, shape, bits)), math.prod(shape)
        expected = -(-numbers_in_it * bits // 8)
        if got == expected:
            continue
        causes = {
            "no_bits": numbers_in_it,
            "in_bits": numbers_in_it * bits,
            "added": -(-sum(shape) * bits // 8),
            "each_rounded": numbers_in_it * -(-bits // 8),
            "not_whole": numbers_in_it * bits / 8,
            "rounded_down": numbers_in_it * bits // 8,
        }
        cause = next((name for name, value in causes.items() if got == value), "bytes")
        raise Wrong(cause, shape=shape, bits=bits, expected=expected, got=got)
