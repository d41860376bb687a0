"""An automatic edit: the liveliest piece of each shot, cut to the beat of the music. Times are counted in frames."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from aigc_course.video.clips import check_clip, check_length, joined
from aigc_course.video.cuts import difference, shrunk


class Piece(NamedTuple):
    """A piece of a film: frames `begin` up to, not including, `end`, and how much moves in them."""

    begin: int
    end: int
    motion: float


def motion(frames):
    """How much a clip moves: the difference of each frame to the one before, 0 for the first; (n, h, w, 3) -> (n,)"""
    cells = shrunk(frames)
    return np.concatenate([[0.0], difference(cells[:-1], cells[1:])])


def liveliest(moving, begin, end, length):
    """Of all pieces of `length` frames between `begin` and `end`, the one in which most moves

    What exceeds twice the median of a piece is cut off: else a flash would be taken for life.
    """
    parts = [moving[first + 1 : first + length] for first in range(begin, end - length + 1)]
    lives = [float(np.minimum(part, 2 * np.median(part)).mean()) for part in parts]
    best = int(np.argmax(lives))
    return Piece(begin + best, begin + best + length, lives[best])


def beats(seconds_per_beat, fps, count):
    """On which frames the beats fall: 0, and `count` more, each rounded for itself, so that no error adds up"""
    return [round(number * seconds_per_beat * fps) for number in range(count + 1)]


def choose(
    frames: np.ndarray, shots: Sequence[tuple[int, int]], lengths: Sequence[int], margin: int = 10
) -> list[Piece]:
    """A piece for each length, in the film's order, from the shots in which most moves.

    shots: (begin, end) of each;  margin: frames at both ends of a shot that are left out, where a fade may remain
    ValueError where fewer shots than lengths are long enough.
    """
    for number, length in enumerate(lengths, start=1):
        check_length(length, f"length {number}", least=2)
    lengths = [int(length) for length in lengths]
    longest, moving = max(lengths), motion(check_clip(frames))
    inner = [(begin + margin, end - margin) for begin, end in shots if end - begin >= longest + 2 * margin]
    if len(inner) < len(lengths):
        raise ValueError(
            f"{len(lengths)} pieces of up to {longest} frames from {len(inner)} shots that are long enough: ask for "
            "fewer or shorter ones, or give a longer film"
        )
    ranked = sorted(inner, key=lambda shot: -liveliest(moving, *shot, longest).motion)
    taken = sorted(ranked[: len(lengths)])
    return [liveliest(moving, *shot, length) for shot, length in zip(taken, lengths, strict=True)]


def edited(frames: np.ndarray, pieces: Sequence[Piece]) -> np.ndarray:
    """The pieces one after the other."""
    return joined(*(frames[piece.begin : piece.end] for piece in pieces))
