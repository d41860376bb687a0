"""A scaling law: how the loss falls as a model grows, fitted to small models and asked about a larger one.

loss(size) = floor + factor * size ** -exponent. Sources: Kaplan et al. 2020; Hoffmann et al. 2022, who have the floor.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import curve_fit


class PowerLaw(NamedTuple):
    """loss = floor + factor * size ** -exponent."""

    factor: float
    exponent: float
    floor: float

    def loss(self, size: ArrayLike) -> np.ndarray:
        """The loss expected at these sizes."""
        return self.floor + self.factor * np.asarray(size, dtype=np.float64) ** -self.exponent


class Prediction(NamedTuple):
    """Where a new run of another size will fall."""

    loss: float
    low: float  # 95 % interval for one more run: doubt about the law, and spread of runs
    high: float


def fit_power_law(sizes: ArrayLike, losses: ArrayLike, floor: float | None = None) -> PowerLaw:
    """Least squares on the logarithms of the losses: a tenth too much counts the same at every size.

    sizes:  (k,) different positive numbers, such as weights;  losses: (k, seeds) or (k,)
    floor:  the loss that no size goes below, where it is known, such as the entropy of the data: at least 0, and below
            the mean loss of every size; None: fitted, which needs 4 sizes, else 3
    ValueError for fewer, for another floor, for losses of 0 or less, or for losses that no such law fits.
    """
    return _fitted(*_checked(sizes, losses, floor), floor)


def _fitted(x: np.ndarray, y: np.ndarray, floor: float | None) -> PowerLaw:
    """As `fit_power_law`, for sizes and losses that are checked, or drawn again from residuals."""
    means, scale = y.mean(axis=1), float(np.exp(np.log(x).mean()))  # sizes in units of their middle
    lowest = 0.9 * means.min() if floor is None else floor
    begin = (max(means.mean() - lowest, 1e-9), 0.3, lowest)
    across, logs = np.repeat(x / scale, y.shape[1]), np.log(y.ravel())
    least_factor = 1e-12  # the logarithm of 0 is not a number
    try:
        if floor is None:
            found, _ = curve_fit(
                lambda s, a, b, c: np.log(c + a * s**-b), across, logs, begin,
                bounds=([least_factor, 0, 0], [np.inf, 5, means.min()]), max_nfev=20_000,
            )  # fmt: skip
        else:
            two, _ = curve_fit(
                lambda s, a, b: np.log(floor + a * s**-b), across, logs, begin[:2],
                bounds=([least_factor, 0], [np.inf, 5]), max_nfev=20_000,
            )  # fmt: skip
            found = (*two, floor)
    except (RuntimeError, ValueError) as error:
        raise ValueError(f"no power law fits these losses: {error}") from error
    return PowerLaw(float(found[0] * scale ** found[1]), float(found[1]), float(found[2]))


def predict(
    sizes: ArrayLike,
    losses: ArrayLike,
    size: float,
    floor: float | None = None,
    num_resamples: int = 500,
    seed: int = 0,
) -> Prediction:
    """The loss of one more run of another size, with its interval by the bootstrap of residuals.

    losses: (k, seeds), at least 2 seeds; runs are taken to differ by as many percent at every size;  others as
            `fit_power_law`
    """
    x, y = _checked(sizes, losses, floor)
    if y.shape[1] < 2:
        raise ValueError("one seed a size does not show how far runs differ; give losses (sizes, seeds), 2 or more")
    law, rng = _fitted(x, y, floor), np.random.default_rng(seed)
    residuals = np.log(y / law.loss(x)[:, None]).ravel()
    fitted = 3 if floor is None else 2
    residuals = residuals * np.sqrt(residuals.size / (residuals.size - fitted))  # a fit goes too near to its own data
    drawn = []
    for _ in range(num_resamples):
        again = law.loss(x)[:, None] * np.exp(rng.choice(residuals, y.shape))
        drawn.append(_fitted(x, again, floor).loss(size) * np.exp(rng.choice(residuals)))
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Prediction(float(law.loss(size)), float(low), float(high))


def _checked(sizes: ArrayLike, losses: ArrayLike, floor: float | None) -> tuple[np.ndarray, np.ndarray]:
    least = 4 if floor is None else 3  # one more than the numbers that are fitted: with as many, every law fits
    x, y = np.asarray(sizes, dtype=np.float64), np.asarray(losses, dtype=np.float64)
    y = y[:, None] if y.ndim == 1 else y
    if x.ndim != 1 or y.ndim != 2 or y.shape[:1] != x.shape:
        raise ValueError(f"sizes {x.shape} and losses {y.shape}: expected (k,) and (k, seeds)")
    if len(np.unique(x)) != len(x) or len(x) < least:
        raise ValueError(f"{len(np.unique(x))} different sizes: expected at least {least}, each once")
    if not (np.isfinite(x).all() and (x > 0).all() and np.isfinite(y).all()):
        raise ValueError("sizes must be positive and losses finite")
    if (y <= 0).any():
        raise ValueError(f"a loss of {y.min():g}: a power law is fitted to logarithms, so every loss must be above 0")
    if floor is not None and not 0 <= floor < y.mean(axis=1).min():
        raise ValueError(
            f"floor {floor} is not from 0 to below {y.mean(axis=1).min():.4g}, the smallest mean loss: no size goes "
            "below the floor, so give one in this range, or None to have it fitted"
        )
    return x, y
