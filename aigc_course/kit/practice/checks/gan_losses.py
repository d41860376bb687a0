"""Checks of the exercises on GAN losses: a stable loss, the slopes of G's losses, the best discriminator, modes."""

from collections.abc import Callable
from typing import Any

import numpy as np

from aigc_course.kit.practice.checks import Wrong, array, call, close, number, numbers


def softplus(a: np.ndarray) -> np.ndarray:
    """log(1 + exp(a)) = -log(1 - sigmoid(a)), without overflow."""
    return np.logaddexp(0, a)


def sigmoid(a: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-a)), without overflow."""
    return np.exp(-np.logaddexp(0, -a))


def check_stable_loss(yours: Callable[[np.ndarray, np.ndarray], float]) -> None:
    """`yours(real_logits, fake_logits)` is L_D of a batch, finite for large logits too."""
    rng = np.random.default_rng(1)
    for batch in (6, 1, 9):
        real, fake = rng.normal(1, 2, size=batch), rng.normal(-0.5, 2, size=batch)
        each = softplus(-real) + softplus(fake)
        result = array(call(yours, real, fake))
        if batch > 1 and result.shape == (batch,):
            raise Wrong("per_sample" if close(result, each) else "shape_batch", batch=batch)
        got, expected = number(result), each.mean()
        if close(got, expected):
            continue
        causes = {
            "sign": -expected,
            "sum": each.sum(),
            "half": expected / 2,
            "real_only": softplus(-real).mean(),
            "fake_only": softplus(fake).mean(),
            "fake_as_real": (softplus(-real) + softplus(-fake)).mean(),
            "exchanged": (softplus(-fake) + softplus(real)).mean(),
            "no_sigmoid": -(np.log(np.abs(real)) + np.log(np.abs(1 - fake))).mean(),
        }
        raise Wrong(_cause(got, causes), expected=expected, got=got)
    real, fake = np.array([900.0, -800.0, 0.5]), np.array([-700.0, 1000.0, 2.0])
    got, expected = number(call(yours, real, fake)), (softplus(-real) + softplus(fake)).mean()
    if not close(got, expected):
        cause = "clipped" if np.isfinite(got) else "overflow"
        raise Wrong(cause, expected=expected, got=got)


def check_slopes(yours: Callable[[np.ndarray], Any]) -> None:
    """`yours(fake_logits)` is the pair of slopes, saturating and non-saturating, with respect to each logit."""
    rng = np.random.default_rng(2)
    for count in (5, 3):
        logits = rng.normal(0, 2, size=count)
        d = sigmoid(logits)
        expected = np.stack([-d, d - 1])
        got = numbers(call(yours, logits), (2, count))
        if close(got, expected):
            continue
        causes = {
            "exchanged": expected[::-1],
            "sign": -expected,
            "mean": expected / count,
            "by_probability": np.stack([-1 / (1 - d), -1 / d]),
            "losses": np.stack([np.log(1 - d), -np.log(d)]),
        }
        cause = _cause(got, causes)
        if cause == "value":
            right = [close(mine, other) for mine, other in zip(got, expected, strict=True)]
            cause = "first" if right == [False, True] else "second" if right == [True, False] else "value"
        at = int(np.abs(got - expected).max(axis=0).argmax())
        raise Wrong(cause, logit=logits[at], expected=tuple(expected[:, at]), got=tuple(got[:, at]))
    large = np.array([-1000.0, 1000.0])
    got = numbers(call(yours, large), (2, 2))
    if not close(got, [[0, -1], [-1, 0]]):
        raise Wrong("overflow", got=got)


def check_mixed_batch(yours: Callable[[np.ndarray, np.ndarray, float], np.ndarray]) -> None:
    """`yours(p, q, real_share)` is the best D where a share of all samples is real."""
    rng = np.random.default_rng(3)
    for count, share in ((5, 0.5), (4, 0.9), (6, 0.2)):
        p, q = rng.uniform(0.1, 2, size=count), rng.uniform(0.1, 2, size=count)
        expected = share * p / (share * p + (1 - share) * q)
        got = numbers(call(yours, p, q, share), (count,))
        if close(got, expected):
            continue
        causes = {
            "ignores_share": p / (p + q),
            "other_share": (1 - share) * p / ((1 - share) * p + share * q),
            "fake": (1 - share) * q / (share * p + (1 - share) * q),
            "not_divided": share * p / (p + q),
            "ratio": share * p / ((1 - share) * q),
        }
        at = int(np.abs(got - expected).argmax())
        values = {"p": p[at], "q": q[at], "share": share}
        raise Wrong(_cause(got, causes), expected=expected[at], got=got[at], **values)


def check_modes(yours: Callable[[np.ndarray, np.ndarray, float, int], int]) -> None:
    """`yours(samples, means, std, least)` counts the modes with at least `least` samples within 3 std."""
    rng = np.random.default_rng(4)
    means, std, least = np.array([[0.0, 0.0], [8.0, 0.0], [0.0, 8.0], [8.0, 8.0], [16.0, 0.0], [16.0, 8.0]]), 0.5, 10
    # how many samples lie near each mode, and how far from it in standard deviations
    for counts, far in (((30, 30, 30, 30, 30, 30), 2.0), ((30, 10, 9, 0, 1, 25), 2.0), ((12, 12, 12, 40, 0, 0), 3.5)):
        directions = rng.normal(size=(sum(counts), 2))
        directions *= far * std / np.linalg.norm(directions, axis=1, keepdims=True)
        samples = rng.permutation(np.repeat(means, counts, axis=0) + directions)
        distances = np.linalg.norm(samples[:, None] - means, axis=2)
        inside = (distances < 3 * std).sum(axis=0)
        expected, got = int((inside >= least).sum()), number(call(yours, samples, means, std, least))
        if got == expected:
            continue
        causes = {
            "no_radius": (np.bincount(distances.argmin(axis=1), minlength=len(means)) >= least).sum(),
            "any_sample": (inside > 0).sum(),
            "more_than": (inside > least).sum(),
            "one_std": ((distances < std).sum(axis=0) >= least).sum(),
            "samples": inside.sum(),
        }
        cause = _cause(got, causes)
        raise Wrong(cause, expected=expected, got=int(got) if float(got).is_integer() else got, far=far)


def _cause(got: Any, causes: dict[str, Any]) -> str:
    """The first cause whose value is what was got, else "value"."""
    return next((key for key, value in causes.items() if close(got, value)), "value")
