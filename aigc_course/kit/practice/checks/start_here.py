"""Check of the sample exercise with which the course begins."""

from collections.abc import Callable

import numpy as np

from aigc_course.kit.practice.checks import Wrong, array, call, close, number


def check_brightness(yours: Callable[[np.ndarray], float]) -> None:
    """`yours(image)` is the mean of the pixels of a uint8 picture, on a scale from 0 to 1."""
    rng = np.random.default_rng(0)
    gradient = np.tile(np.linspace(0, 255, 28).astype(np.uint8), (28, 1))
    noise = rng.integers(0, 256, size=(28, 28), dtype=np.uint8)
    small = rng.integers(0, 256, size=(3, 5), dtype=np.uint8)
    white = np.full((28, 28), 255, dtype=np.uint8)
    for name, image in {"gradient": gradient, "noise": noise, "small": small, "white": white}.items():
        result = array(call(yours, image))
        if result.ndim:
            raise Wrong("not_mean", shape=image.shape, got=result.shape)
        got, expected = number(result), image.mean() / 255
        if close(got, expected):
            continue
        total = image.sum(dtype=np.int64)
        causes = {
            "scale": image.mean(),
            "divided_by_256": image.mean() / 256,
            "overflow": int(total % 256) / image.size / 255,
            "overflow_mean": int(total % 256) / image.size,
            "fixed_size": total / 784 / 255,
            "sum": total / 255,
            "maximum": image.max() / 255,
            "inverted": 1 - expected,
        }
        cause = next((key for key, value in causes.items() if close(got, value)), "value")
        cause = "overflow" if cause == "overflow_mean" else cause
        raise Wrong(cause, picture=name, shape=image.shape, expected=expected, got=got)
