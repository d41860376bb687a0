"""What can be measured of a drawn digit without knowing which one it is: width of the stroke, slant, size."""

from typing import NamedTuple

import numpy as np

INK = 0.3  # what a pixel must hold, 0 = paper and 1 = ink, to count as drawn


class Measured(NamedTuple):
    """Three attributes of each image."""

    stroke: np.ndarray  # (n,) width of the stroke in pixels
    slant: np.ndarray  # (n,) degrees from upright, above 0 leans to the right
    size: np.ndarray  # (n,) longer side of the box around the ink, in pixels


def measure(images: np.ndarray) -> Measured:
    """Attributes of images (n, height, width) uint8, 0 = paper.

    Raises TypeError for another dtype; ValueError for another shape, no images, or one without ink.
    """
    images = np.asarray(images)
    if images.dtype != np.uint8:
        raise TypeError(f"images of {images.dtype}: expected uint8, 0 = paper and 255 = ink")
    if images.ndim != 3 or not images.size:
        raise ValueError(f"images {images.shape}: expected (n, height, width), n at least 1")
    ink = images / np.float32(255)
    empty = np.flatnonzero(ink.max(axis=(1, 2)) < INK)
    if len(empty):
        raise ValueError(f"image {empty[0]} holds no ink, or hardly any: there is nothing to measure")
    return Measured(stroke_width(ink), slant(ink), box_side(ink))


def stroke_width(ink: np.ndarray) -> np.ndarray:
    """2 · area / perimeter, for a long stroke has two sides; ink (n, height, width) in 0..1 -> (n,) pixels.

    The perimeter is the integral of |gradient|, which needs no sharp edge (the coarea formula).
    """
    perimeter = (total_variation(ink) + total_variation(ink[:, :, ::-1])) / 2  # both, so that left is like right
    return 2 * ink.sum(axis=(1, 2)) / perimeter


def total_variation(ink: np.ndarray) -> np.ndarray:
    """The sum of |gradient| over the pixels, differences to the next pixel; (n, height, width) -> (n,)."""
    padded = np.pad(ink, ((0, 0), (1, 1), (1, 1)))
    down, across = np.diff(padded, axis=1)[:, :, :-1], np.diff(padded, axis=2)[:, :-1]
    return np.hypot(down, across).sum(axis=(1, 2))


def slant(ink: np.ndarray) -> np.ndarray:
    """Degrees by which the ink leans to the right; ink (n, height, width) in 0..1 -> (n,).

    A shear by cov(x, y) / var(y) would make the digit upright: second moments of the ink about its center.
    """
    height, width = ink.shape[1:]
    x, y = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)[:, None]  # y points down
    mass = ink.sum(axis=(1, 2))
    x = x - ((ink * x).sum(axis=(1, 2)) / mass)[:, None, None]
    y = y - ((ink * y).sum(axis=(1, 2)) / mass)[:, None, None]
    shear = -(ink * x * y).sum(axis=(1, 2)) / np.maximum((ink * y * y).sum(axis=(1, 2)), 1e-6)
    return np.degrees(np.arctan(shear))


def box_side(ink: np.ndarray) -> np.ndarray:
    """The longer side of the box around the pixels that are drawn; ink (n, height, width) in 0..1 -> (n,)."""
    drawn = ink >= INK
    return np.maximum(extent(drawn.max(axis=2)), extent(drawn.max(axis=1)))


def extent(marked: np.ndarray) -> np.ndarray:
    """From the first to the last True of each row, both counted; (n, length) -> (n,)."""
    return marked.shape[1] - marked.argmax(axis=1) - marked[:, ::-1].argmax(axis=1)
