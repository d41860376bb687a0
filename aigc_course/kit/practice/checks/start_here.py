"""Check of the sample exercise with which the course begins."""

import numpy as np

from aigc_course.kit.practice.checks import Function, check_cases
from aigc_course.kit.runtime import say


def check_brightness(yours: Function) -> None:
    """`yours(image)` is the mean of the pixels of a uint8 picture, on a scale from 0 to 1."""
    rng = np.random.default_rng(0)
    pictures = {
        say("渐变", "gradient"): np.tile(np.linspace(0, 255, 28).astype(np.uint8), (28, 1)),
        say("噪声", "noise"): rng.integers(0, 256, size=(28, 28), dtype=np.uint8),
        say("小图", "small"): rng.integers(0, 256, size=(3, 5), dtype=np.uint8),
        say("全白", "white"): np.full((28, 28), 255, dtype=np.uint8),
    }
    check_cases(
        "00.brightness",
        yours,
        [(image,) for image in pictures.values()],
        about=lambda its: {"picture": next(name for name, image in pictures.items() if image is its.image)},
        form="not_mean",
    )
