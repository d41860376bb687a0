"""Medical-style phantoms: slices of a head made of ellipses, some with a lesion whose place is known to the pixel.

They are drawings, not patients: no conclusion about people follows from them. What they are good for is a question
about a method, since here the truth is known. Source of the idea: Shepp and Logan 1974.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

NAMES = ("healthy", "lesion")  # classes 0 and 1
FINE = 2  # drawn so many times finer, then averaged: edges are smooth


class Phantoms(NamedTuple):
    """Slices with their truth."""

    images: np.ndarray  # (n, side, side) uint8
    labels: np.ndarray  # (n,) uint8: 1 with a lesion
    lesions: np.ndarray  # (n, side, side) bool: where the lesion is; nowhere in healthy ones


def phantoms(count: int, seed: int = 0, side: int = 28, contrast: float = 0.3) -> Phantoms:
    """`count` slices, every second one with a lesion, the same ones for the same seed.

    side: pixels, at least 8;  contrast: how much brighter the lesion is, above 0 up to 0.5 (white is 1)
    Heads differ in size, shape, tilt and texture; each has two dark ventricles and a bright vessel, which is thin and
    long where a lesion is round. ValueError for a count below 1, a side below 8 and another contrast.
    """
    if count < 1 or side < 8 or seed < 0:
        raise ValueError(f"count {count}, side {side}, seed {seed}: expected at least 1, 8 and 0")
    if not 0 < contrast <= 0.5:
        raise ValueError(f"contrast {contrast}: expected a number above 0, up to 0.5")
    rng = np.random.default_rng(seed)
    places = (np.arange(side * FINE) + 0.5) / (side * FINE) * 2 - 1  # -1..1
    images, lesions = np.empty((count, side, side)), np.empty((count, side, side), bool)
    for number in range(count):
        head = rng.uniform((0.72, 0.82), (0.84, 0.94))  # half its width and height
        tilt, middle = rng.normal(0, 0.15), rng.normal(0, 0.04, 2)
        x, y = np.meshgrid(places - middle[0], places - middle[1])
        x, y = np.cos(tilt) * x + np.sin(tilt) * y, np.cos(tilt) * y - np.sin(tilt) * x
        image = 0.85 * inside(x, y, (0, 0), head)  # the skull
        brain = inside(x, y, (0, 0), head - 0.1)
        image[brain] = rng.uniform(0.38, 0.46) + texture(rng, x, y)[brain]
        for direction in (-1, 1):  # the ventricles
            place = (direction * rng.uniform(0.13, 0.19), rng.uniform(-0.12, 0.06))
            image[inside(x, y, place, rng.uniform((0.06, 0.18), (0.11, 0.28)), direction * 0.3)] = 0.15
        vessel = inside(x, y, anywhere(rng, head), (0.035, rng.uniform(0.2, 0.3)), rng.uniform(0, np.pi))
        image[vessel & brain] += 0.3
        radii, place = rng.uniform(0.12, 0.2, 2), anywhere(rng, head)  # drawn for healthy ones, too
        lesion = inside(x, y, place, radii, rng.uniform(0, np.pi)) & brain & bool(number % 2)
        image[lesion] += contrast
        images[number], lesions[number] = shrunk(image), shrunk(lesion.astype(float)) >= 0.5
    images += rng.normal(0, 0.03, images.shape)
    labels = (np.arange(count) % 2).astype(np.uint8)
    return Phantoms((np.clip(images, 0, 1) * 255).round().astype(np.uint8), labels, lesions)


def inside(x: np.ndarray, y: np.ndarray, place: tuple[float, float], radii: ArrayLike, turn: float = 0) -> np.ndarray:
    """Which of the points lie in an ellipse with these half axes, turned by `turn` radians; shape of x."""
    width, height = np.asarray(radii)
    right, down = x - place[0], y - place[1]
    along, across = np.cos(turn) * right + np.sin(turn) * down, np.cos(turn) * down - np.sin(turn) * right
    return (along / width) ** 2 + (across / height) ** 2 < 1


def anywhere(rng: np.random.Generator, head: np.ndarray) -> tuple[float, float]:
    """A place in the brain, beside the ventricles."""
    angle, reach = rng.uniform(0, 2 * np.pi), rng.uniform(0.5, 0.72)
    return reach * head[0] * np.cos(angle), reach * head[1] * np.sin(angle)


def texture(rng: np.random.Generator, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Slow waves of gray, at most 0.1 up or down; shape of x."""
    waves, phases = rng.normal(0, 5, (3, 2)), rng.uniform(0, 2 * np.pi, 3)
    angles = np.multiply.outer(x, waves[:, 0]) + np.multiply.outer(y, waves[:, 1]) + phases  # (..., 3)
    return 0.033 * np.sin(angles).sum(axis=-1)


def shrunk(image: np.ndarray) -> np.ndarray:
    """Each square of FINE x FINE pixels becomes its mean."""
    side = len(image) // FINE
    return image.reshape(side, FINE, side, FINE).mean(axis=(1, 3))
