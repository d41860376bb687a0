"""How far a measured number can be trusted: 95 % intervals of a mean, of a share, and of anything by the bootstrap.

Each returns (estimate, low, high), plain floats; ValueError for data that give no interval.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats


def mean_interval(values: ArrayLike, level: float = 0.95) -> tuple[float, float, float]:
    """Mean of independent values, such as one result for each seed, with its interval by Student's t.

    values:  (n,) finite numbers, n at least 2
    level:   share of such intervals that hold the true mean, if the values are normally distributed
    Source: Student, The probable error of a mean (1908).
    """
    numbers = _numbers(values, "values", level)
    if np.ptp(numbers) == 0:
        return float(numbers[0]), float(numbers[0]), float(numbers[0])
    low, high = stats.ttest_1samp(numbers, 0).confidence_interval(level)
    return float(numbers.mean()), float(low), float(high)


def share_interval(successes: int, count: int, level: float = 0.95) -> tuple[float, float, float]:
    """`successes / count` with Wilson's interval, which stays inside 0..1 and also holds for shares near its ends.

    successes:  whole number, 0..count, of independent trials
    count:      whole number, at least 1
    Source: Wilson, Probable inference, the law of succession, and statistical inference (1927).
    """
    _check_level(level)
    if not (0 <= successes <= count >= 1 and successes % 1 == count % 1 == 0):
        raise ValueError(
            f"{successes} of {count} is not a share: expected whole numbers with 0 <= successes <= count >= 1"
        )
    low, high = stats.binomtest(int(successes), int(count)).proportion_ci(level, method="wilson")
    return int(successes) / int(count), float(low), float(high)


def bootstrap_interval(
    statistic: Callable[..., float],
    *samples: ArrayLike,
    level: float = 0.95,
    num_resamples: int = 2000,
    seed: int = 0,
) -> tuple[float, float, float]:
    """`statistic(*samples)` with the interval in which it falls when the rows of the data are drawn anew.

    statistic:  a function of as many (n,) arrays as there are samples; returns one number
    samples:    (n,) finite numbers each, n at least 2; row i of all of them is drawn together
    Source: Efron, Bootstrap methods: another look at the jackknife (1979); the percentile interval.
    """
    data = [_numbers(sample, f"sample {number}", level) for number, sample in enumerate(samples, start=1)]
    if len({len(sample) for sample in data}) != 1:
        raise ValueError(
            f"samples of {[len(sample) for sample in data]} rows: give at least one, all of the same length"
        )
    low, high = stats.bootstrap(
        data,
        statistic,
        paired=True,
        vectorized=False,
        method="percentile",
        confidence_level=level,
        n_resamples=num_resamples,
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return float(statistic(*data)), float(low), float(high)


def _numbers(values: ArrayLike, name: str, level: float) -> np.ndarray:
    _check_level(level)
    numbers = np.asarray(values, dtype=np.float64)
    if numbers.ndim != 1 or len(numbers) < 2:
        raise ValueError(f"{name} of shape {numbers.shape}: an interval needs a list of at least 2 numbers")
    if not np.isfinite(numbers).all():
        raise ValueError(f"{name}: {np.sum(~np.isfinite(numbers))} of {len(numbers)} numbers are NaN or infinite")
    return numbers


def _check_level(level: float) -> None:
    if not 0 < level < 1:
        raise ValueError(f"level {level} is not between 0 and 1; 0.95 is usual")
