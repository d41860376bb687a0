"""Checks of the exercises on GAN losses: a stable loss, the slopes of G's losses, the best discriminator, modes.

And the score of a loss of one's own.
"""

from types import SimpleNamespace
from typing import Any

import numpy as np
from scipy.special import ndtri

from aigc_course.kit.practice.checks import Function, Wrong, array, call, check_cases, close


def check_stable_loss(yours: Function) -> None:
    """`yours(real_logits, fake_logits)` is L_D of a batch, finite for large logits too."""
    rng = np.random.default_rng(1)
    cases = [(rng.normal(1, 2, size=batch), rng.normal(-0.5, 2, size=batch)) for batch in (6, 1, 9)]
    cases.append((np.array([900.0, -800.0, 0.5]), np.array([-700.0, 1000.0, 2.0])))

    def guess(its: SimpleNamespace) -> dict[str, Any]:
        is_large = np.abs(its.real_logits).max() > 100
        return {"clipped": is_large and np.isfinite(its.got), "overflow": is_large}

    check_cases("04_3.stable_loss", yours, cases, guess=guess, form="shape_batch")


def check_slopes(yours: Function) -> None:
    """`yours(fake_logits)` is the pair of slopes, saturating and non-saturating, with respect to each logit."""
    rng = np.random.default_rng(2)
    cases = [(rng.normal(0, 2, size=5),), (rng.normal(0, 2, size=3),), (np.array([-1000.0, 1000.0]),)]

    def show(its: SimpleNamespace) -> dict[str, Any]:
        at = int(np.nan_to_num(np.abs(its.got - its.expected), nan=np.inf).max(axis=0).argmax())
        return {"logit": its.fake_logits[at], "right": tuple(its.expected[:, at]), "yours": tuple(its.got[:, at])}

    def guess(its: SimpleNamespace) -> dict[str, Any]:
        is_large = np.abs(its.fake_logits).max() > 100
        first, second = (close(got, expected) for got, expected in zip(its.got, its.expected, strict=True))
        return {"overflow": is_large, "first": second, "second": first}

    check_cases("04_3.slopes", yours, cases, show=show, guess=guess)


def check_mixed_batch(yours: Function) -> None:
    """`yours(p, q, real_share)` is the best D where a share of all samples is real."""
    rng = np.random.default_rng(3)
    cases = [
        (rng.uniform(0.1, 2, size=count), rng.uniform(0.1, 2, size=count), share)
        for count, share in ((5, 0.5), (4, 0.9), (6, 0.2))
    ]
    check_cases("04_3.mixed_batch", yours, cases)


def check_modes(yours: Function) -> None:
    """`yours(samples, means, std, least)` counts the modes with at least `least` samples within 3 std."""
    rng = np.random.default_rng(4)
    grid = np.array([[0.0, 0.0], [8.0, 0.0], [0.0, 8.0], [8.0, 8.0], [16.0, 0.0], [16.0, 8.0]])
    row = np.array([[-5.0, 2.0], [-1.8, 2.0], [40.0, 2.0]])  # the first two overlap where std is 1
    cases = []
    for means, counts, far, std, least in (  # so many samples, so many standard deviations from each mean
        (grid, (30, 30, 30, 30, 30, 30), 2.0, 0.5, 10),
        (grid, (30, 10, 9, 0, 1, 25), 2.0, 0.5, 10),
        (grid, (12, 12, 12, 40, 0, 0), 3.5, 0.5, 10),
        (grid - 3, (4, 5, 6, 3, 9, 10), 2.95, 0.25, 5),
        (grid[1:], (25, 5, 20, 19, 21), 2.95, 1.0, 20),
        (grid[::2], (25, 20, 30), 3.05, 0.8, 20),
        (grid, (9, 4, 7, 3, 5, 8), 3.01, 0.25, 4),  # just outside and just inside
        (grid[:4], (6, 2, 7, 5), 2.99, 0.8, 4),
        (row, (12, 0, 3), 1.0, 1.0, 3),
    ):
        directions = rng.normal(size=(sum(counts), 2))
        directions *= far * std / np.linalg.norm(directions, axis=1, keepdims=True)
        cases.append((rng.permutation(np.repeat(means, counts, axis=0) + directions), means, std, least))

    def about(its: SimpleNamespace) -> dict[str, float]:
        distances = np.linalg.norm(its.samples[:, None] - its.means, axis=2)
        return {"far": np.median(distances.min(axis=1)) / its.std}

    check_cases("04_3.modes", yours, cases, about=about)


HILL, STD = 2.5, 0.7  # p: two hills, at -HILL and at HILL
STARTS = ((0.3, 1.0), (1.5, 0.6), (11.0, 1.0))  # mean and standard deviation that G begins with


def score_own_loss(yours: Function) -> float:
    """Mean JSD in nats between two hills and G(z) = mean + std z, after 400 steps down `yours` from three starts.

    D is the best one at every step, the steps are plain gradient descent. `yours(logits)` is the loss of each fake; its
    slope is a central difference.
    """
    noise = ndtri((np.arange(400) + 0.5) / 400)
    ends = []
    for start in STARTS:
        mean, log_std = start[0], np.log(start[1])
        for _ in range(400):
            fakes = mean + np.exp(log_std) * noise
            logits = _log_hills(fakes) - _log_normal(fakes, mean, np.exp(log_std))
            losses = array(call(yours, np.concatenate([logits + 1e-4, logits - 1e-4])))
            if losses.shape != (800,):
                raise Wrong("one_each", expected=800, got=losses.shape)
            if not np.isfinite(losses).all():
                raise Wrong("not_finite", lowest=logits.min(), highest=logits.max())
            to_hills = (HILL * np.tanh(HILL * fakes / STD**2) - fakes) / STD**2  # d log p / dx
            slope = (losses[:400] - losses[400:]) / 2e-4 * (to_hills + noise / np.exp(log_std))
            mean = np.clip(mean - 0.1 * np.clip(slope.mean(), -5, 5), -30, 30)
            log_std = np.clip(log_std - 0.1 * np.clip((slope * noise).mean() * np.exp(log_std), -5, 5), -4, 2.5)
        ends.append(_divergence(mean, np.exp(log_std)))
    return float(np.mean(ends))


def _log_normal(x: np.ndarray, mean: float, std: float) -> np.ndarray:
    return -(((x - mean) / std) ** 2) / 2 - np.log(std * np.sqrt(2 * np.pi))


def _log_hills(x: np.ndarray) -> np.ndarray:
    return np.logaddexp(_log_normal(x, -HILL, STD), _log_normal(x, HILL, STD)) - np.log(2)


def _divergence(mean: float, std: float) -> float:
    """The JSD of a normal density and the two hills, on a grid finer than either."""
    x = np.linspace(-80, 80, 40_001)
    log_p, log_q = _log_hills(x), _log_normal(x, mean, std)
    log_middle = np.logaddexp(log_p, log_q) - np.log(2)
    both = np.exp(log_p) * (log_p - log_middle) + np.exp(log_q) * (log_q - log_middle)
    return float(both.sum() * (x[1] - x[0]) / 2)
