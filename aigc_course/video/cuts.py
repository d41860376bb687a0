"""Where one shot of a film becomes the next: hard cuts and fades are found, pans and things that move are not.

Source of the idea: Zhang, Kankanhalli, Smoliar 1993, Automatic partitioning of full-motion video (a low threshold over
several frames for gradual changes). Here a pan is told from a fade by moving the frame before comparing.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from aigc_course.video.clips import check_clip

CELL = 4  # pixels that become one
GAP = 6  # frames to both sides of the one that is looked at
THRESHOLD = 12.0  # of 255: two pictures that differ more, on the average of cells and colors, are of two shots
REACH = (9, 2)  # cells that a camera may have moved over 2 GAP frames, to the side and up or down


class Change(NamedTuple):
    """A change of shot that was found."""

    frame: int  # of a hard cut, the first of the new shot; of a fade, its middle
    is_hard: bool


def shrunk(frames: np.ndarray) -> np.ndarray:
    """(n, h, w, 3) uint8 -> (n, h / CELL, w / CELL, 3) float32: the mean of each cell; what is left over is cut off."""
    n, height, width, _ = check_clip(frames).shape
    rows, columns = height // CELL, width // CELL
    if not rows or not columns:
        raise ValueError(f"frames of {height} x {width}: expected at least {CELL} x {CELL}")
    cells = frames[:, : rows * CELL, : columns * CELL].reshape(n, rows, CELL, columns, CELL, 3)
    return cells.mean(axis=(2, 4), dtype=np.float32)


def difference(before, after):
    """How far two pictures are apart, 0..255; (..., h, w, 3) twice -> (...)"""
    return np.abs(before - after).mean(axis=(-3, -2, -1))


def moved_difference(before, after, reach):
    """The same after the best move of the camera: `reach` cells at most, to the side and up or down"""
    height, width = before.shape[-3:-1]
    best = difference(before, after)
    for right in range(-reach[0], reach[0] + 1):
        for down in range(-reach[1], reach[1] + 1):
            here = before[..., max(down, 0) : height + min(down, 0), max(right, 0) : width + min(right, 0), :]
            there = after[..., max(-down, 0) : height + min(-down, 0), max(-right, 0) : width + min(-right, 0), :]
            best = np.minimum(best, difference(here, there))
    return best


def changes(frames: np.ndarray, threshold: float = THRESHOLD, reach: tuple[int, int] = REACH) -> list[Change]:
    """Where the shots of a clip (n, h, w, 3) meet, in their order; none for a clip too short to have two.

    A frame lies in a change if those GAP before and GAP after it are of two pictures; frames in a row that do are one
    change, or a flash if they are fewer than GAP. It is hard if a single step is more than half of it.
    reach: cells that the camera may have moved, (0, 0) for one that never does
    """
    cells = shrunk(frames)
    if len(cells) <= 2 * GAP:
        return []
    right, down = (min(most, size // 2) for most, size in zip(reach, cells.shape[2:0:-1], strict=True))
    apart = moved_difference(cells[: -2 * GAP], cells[2 * GAP :], (right, down))  # of the frames GAP .. n - GAP - 1
    neighbors = moved_difference(cells[:-1], cells[1:], (min(right, 1), min(down, 1)))  # of frames 1 .. n - 1
    found = []
    for first, last in runs(apart > threshold):
        if last - first < GAP:
            continue
        begin, end = first + GAP, last + GAP
        inside = neighbors[begin - 1 : end]
        is_hard = bool(inside.max() > apart[begin - GAP : end - GAP].max() / 2)
        found.append(Change(begin + int(inside.argmax()) if is_hard else (begin + end) // 2, is_hard))
    return found


def runs(flags: np.ndarray) -> list[tuple[int, int]]:
    """Begin and end (not included) of each row of True in a row; those less than GAP apart are one."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(int), [0]])))
    found: list[tuple[int, int]] = []
    for begin, end in edges.reshape(-1, 2).tolist():
        if found and begin - found[-1][1] < GAP:
            found[-1] = (found[-1][0], end)
        else:
            found.append((begin, end))
    return found


def shots_of(num_frames: int, found: Sequence[Change]) -> list[tuple[int, int]]:
    """Begin and end (not included) of the shots between the changes; a fade is cut in its middle."""
    places = [0, *(change.frame for change in found), num_frames]
    return [(begin, end) for begin, end in pairwise(places) if end > begin]


class Score(NamedTuple):
    """How well changes were found."""

    hits: int
    missed: int
    false: int  # found where there is none

    @property
    def f1(self) -> float:
        """2 hits / (2 hits + missed + false); 1 where there is nothing to find and nothing was found."""
        total = 2 * self.hits + self.missed + self.false
        return 2 * self.hits / total if total else 1.0


def score(found: Sequence[int], truth: Sequence[tuple[int, int]], slack: int = 2) -> Score:
    """Found frames against true transitions (first, last): a hit lies in one, or at most `slack` frames beside it.

    Each transition can be hit once; a second hit is false.
    """
    open_ones, hits = list(truth), 0
    for frame in found:
        hit = next((each for each in open_ones if each[0] - slack <= frame <= each[1] + slack), None)
        if hit is not None:
            open_ones.remove(hit)
            hits += 1
    return Score(hits, len(truth) - hits, len(found) - hits)
