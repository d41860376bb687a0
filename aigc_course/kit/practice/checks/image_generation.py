"""Checks of the exercises on image generation: the pair of flow matching, KL, a step of DDIM, AdaIN; eight calls."""

from collections.abc import Callable
from functools import cache

import numpy as np
from scipy import stats

from aigc_course.kit.practice.checks import Function, Wrong, array, call, check_cases

MOST_CALLS, NUM_POINTS = 8, 400
PEAKS = (  # means, standard deviations and shares of the distributions to which the flows of the challenge lead
    ((-2.0, 2.0), (0.3, 0.3), (0.5, 0.5)),
    ((-1.5, 0.5, 2.5), (0.2, 0.4, 0.25), (0.3, 0.4, 0.3)),
    ((3.0, -1.0), (0.5, 0.15), (0.35, 0.65)),
)


def check_pair(yours: Function) -> None:
    """`yours(noise, images, times)` is the place of each point at its time and its velocity, (2, batch, pixels)."""
    rng = np.random.default_rng(20)
    shapes = ((3, 4), (4, 4), (1, 5), (6, 2))
    check_cases("06_2.pair", yours, [(*rng.normal(size=(2, *shape)), rng.uniform(size=shape[0])) for shape in shapes])


def check_kl(yours: Function) -> None:
    """`yours(mean, log_variance)` is the KL divergence of each row from the standard normal distribution."""
    rng = np.random.default_rng(21)
    shapes = ((3, 2), (4, 4), (1, 3), (5, 1))
    check_cases("06_2.kl", yours, [tuple(rng.normal(size=(2, *shape))) for shape in shapes])


def check_ddim(yours: Function) -> None:
    """`yours(x, eps, a, a_earlier)` is one step of DDIM with the picture clipped to -1..1."""
    rng = np.random.default_rng(22)
    shares = ((0.5, 0.8), (0.05, 0.3), (0.9, 1.0), (0.3, 0.35))
    cases = [(*rng.normal(0, 1.2, size=(2, 3, 5)), a, a_earlier) for a, a_earlier in shares]
    check_cases("06_2.ddim", yours, cases)


def check_adain(yours: Function) -> None:
    """`yours(features, scales, shifts)` gives every channel of every image this deviation and mean."""
    rng = np.random.default_rng(23)
    cases = []
    for batch, channels, side in ((2, 3, 4), (3, 3, 3), (1, 2, 5)):
        features = rng.normal(1, 2, size=(batch, channels, side, side + 1))
        cases.append((features, rng.uniform(0.5, 2, (batch, channels)), rng.normal(size=(batch, channels))))
    check_cases("06_2.adain", yours, cases)


def score_solver(yours: Function) -> float:
    """Mean distance of the points that `yours(velocity, x)` arrives at from the exact ends, over three flows."""
    starts = stats.norm.ppf((np.arange(NUM_POINTS) + 0.5) / NUM_POINTS)
    distances = []
    for peaks, ends in zip(PEAKS, exact_ends(), strict=True):
        times, velocity = [], velocity_to(*peaks)

        def noted(x: np.ndarray, t: float, times: list = times, velocity: Function = velocity) -> np.ndarray:
            times.append(t)
            return velocity(np.asarray(x, np.float64), t)

        arrived = array(call(yours, noted, starts))
        if len(times) > MOST_CALLS:
            raise Wrong("too_many", most=MOST_CALLS, got=len(times))
        if outside := [t for t in times if np.ndim(t) or not 0 <= t <= 1]:
            raise Wrong("time", t=outside[0])
        if arrived.shape != starts.shape:
            raise Wrong("form", wanted=starts.shape, got=arrived.shape)
        if np.array_equal(arrived, starts):
            raise Wrong("stayed")
        distances.append(np.abs(arrived - ends).mean())
    return float(np.mean(distances))


def velocity_to(means: tuple, deviations: tuple, shares: tuple) -> Callable[[np.ndarray, float], np.ndarray]:
    """The velocity of the flow from N(0, 1) to a mixture of Gaussians: the mean of theirs, by how likely each is."""
    m, s, share = (np.array(values)[:, None] for values in (means, deviations, shares))  # (peaks, 1)

    def velocity(x: np.ndarray, t: float) -> np.ndarray:
        variance = (1 - t) ** 2 + t**2 * s**2
        logs = np.log(share) - 0.5 * np.log(variance) - 0.5 * (x - t * m) ** 2 / variance  # (peaks, n)
        weights = np.exp(logs - logs.max(axis=0))
        toward = m + (t * s**2 - (1 - t)) / variance * (x - t * m)
        return (weights * toward).sum(axis=0) / weights.sum(axis=0)
        velocities = m + (t * s**2 - (1 - t)) / variance * (x - t * m)
        return (weights * velocities).sum(axis=0) / weights.sum(axis=0)

    return velocity


@cache
def exact_ends(num_steps: int = 1000) -> list[np.ndarray]:
    """Where the starting points arrive, by so many steps of Runge and Kutta's method of order 4."""
    ends = []
    for peaks in PEAKS:
        velocity, h = velocity_to(*peaks), 1 / num_steps
        x = stats.norm.ppf((np.arange(NUM_POINTS) + 0.5) / NUM_POINTS)
        for step in range(num_steps):
            t = step * h
            first = velocity(x, t)
            second = velocity(x + h / 2 * first, t + h / 2)
            third = velocity(x + h / 2 * second, t + h / 2)
            fourth = velocity(x + h * third, t + h)
            x = x + h / 6 * (first + 2 * second + 2 * third + fourth)
        ends.append(x)
    return ends
