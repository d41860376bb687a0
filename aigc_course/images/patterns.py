"""Patterns without end: a small network of random weights turns a place into a color, and repeats after one tile.

The network gets waves of the place, whole numbers of them in a tile, so that what it draws at the left edge goes on at
the right one, at any size. Source: Stanley 2007 (compositional pattern producing networks).
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

MOST_SIDE = 16_384  # pixels; 0.8 GB of color
ROWS = 64  # of the image that are computed at a time: 2048 pixels wide, they take some 40 MB


@dataclass(frozen=True)
class Pattern:
    """How a pattern is made; the same settings, the same pattern. ValueError for settings that make no sense."""

    seed: int = 0  # chooses all weights
    waves: int = 3  # the quickest wave fits so many times into a tile
    width: int = 16  # units of a layer
    depth: int = 3  # layers
    contrast: float = 1.5  # size of the weights: more bends the colors more often
    mirrored: bool = False  # the tile is its own mirror image, left to right and top to bottom

    def __post_init__(self) -> None:
        for name, most in (("waves", 32), ("width", 256), ("depth", 16)):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
                raise ValueError(f"{name} {value}: expected a whole number from 1 to {most}")
        if not isinstance(self.seed, int) or self.seed < 0:
            raise ValueError(f"seed {self.seed}: expected a whole number of at least 0")
        if not 0 < self.contrast <= 10:
            raise ValueError(f"contrast {self.contrast}: expected a number above 0, up to 10")


class PatternNetwork:
    """Places (n,), (n,) in tiles -> colors (n, 3) in 0..1: waves, then layers of tanh, then a sigmoid."""

    def __init__(self, pattern: Pattern) -> None:
        self.pattern = pattern
        rng = np.random.default_rng(pattern.seed)
        axis = np.arange(-pattern.waves, pattern.waves + 1)
        pairs = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)  # turns in a tile, to the right and down
        half = pairs[(pairs[:, 0] > 0) | ((pairs[:, 0] == 0) & (pairs[:, 1] > 0))]  # a wave and its opposite are one
        self.turns = half[rng.permutation(len(half))[: pattern.width]].astype(np.float64)  # (waves, 2)
        inputs = len(self.turns) if pattern.mirrored else 2 * len(self.turns)
        sizes = [inputs, *[pattern.width] * pattern.depth, 3]
        self.weights = [
            (rng.standard_normal((a, b)) * pattern.contrast / np.sqrt(a)).astype(np.float32) for a, b in pairwise(sizes)
        ]
        self.shifts = [rng.uniform(-1, 1, size).astype(np.float32) for size in sizes[1:]]

    def waves(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """The waves at places; (n,), (n,) -> (n, inputs) float32. Mirrored: cosines, which forget the sign."""
        if self.pattern.mirrored:
            across, down = (
                2 * np.pi * place[:, None] * turns for place, turns in zip((x, y), self.turns.T, strict=True)
            )
            return (np.cos(across) * np.cos(down)).astype(np.float32)
        angles = 2 * np.pi * (x[:, None] * self.turns[:, 0] + y[:, None] * self.turns[:, 1])  # (n, waves)
        return np.concatenate([np.sin(angles), np.cos(angles)], axis=1).astype(np.float32)

    def colors(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Colors at places, x to the right and y down in tiles: 0 and 1 are the same place; (n,), (n,) -> (n, 3)."""
        values = self.waves(np.asarray(x, np.float64), np.asarray(y, np.float64))
        *inner, (last_weights, last_shift) = zip(self.weights, self.shifts, strict=True)
        for weights, shift in inner:
            values = np.tanh(values @ weights + shift)  # (n, width)
        return 1 / (1 + np.exp(-2 * (values @ last_weights + last_shift)))


def render(pattern: Pattern, side: int = 512) -> np.ndarray:
    """One tile; (side, side, 3) uint8. Its edges fit together, left to right and top to bottom.

    Computed a few rows at a time, so that a tile of print size (2048) takes little more memory than itself.
    ValueError for a side outside 1..16,384.
    """
    if not isinstance(side, int) or isinstance(side, bool) or not 1 <= side <= MOST_SIDE:
        raise ValueError(f"side {side}: expected a whole number of pixels from 1 to {MOST_SIDE:,}")
    network, places = PatternNetwork(pattern), np.arange(side) / side
    tile = np.empty((side, side, 3), np.uint8)
    for first in range(0, side, ROWS):
        rows = places[first : first + ROWS]
        x, y = np.meshgrid(places, rows)
        colors = network.colors(x.ravel(), y.ravel())  # (rows · side, 3)
        tile[first : first + ROWS] = np.round(colors * 255).astype(np.uint8).reshape(len(rows), side, 3)
    return tile


def seam(tile: np.ndarray) -> float:
    """How much harder the step across the edges of a tile is than the steps inside it: about 1 without a seam.

    tile: (height, width, 3) or (height, width), at least 3 pixels each way; 0 for a tile of one color
    """
    tile = np.asarray(tile, np.float32)
    if tile.ndim not in (2, 3) or min(tile.shape[:2]) < 3:
        raise ValueError(
            f"a tile of shape {tile.shape}: expected (height, width) or (height, width, 3), at least 3 x 3"
        )
    across = [np.abs(tile[:, 0] - tile[:, -1]).mean(), np.abs(tile[0] - tile[-1]).mean()]
    inside = [np.abs(np.diff(tile, axis=1)).mean(), np.abs(np.diff(tile, axis=0)).mean()]
    return float(max(a / b if b else float(a > 0) for a, b in zip(across, inside, strict=True)))
