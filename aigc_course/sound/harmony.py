"""What a teacher of harmony looks at: notes in the key, parallel fifths and octaves, voices in their range."""

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np

from aigc_course.sound.scores import REST, STEPS, VOICES, Score, notes_of, sounding

SCALE = (0, 2, 4, 5, 7, 9, 11)  # half steps of a major scale above its first note
FIFTH, OCTAVE = 7, 0  # half steps, whole octaves taken off


def in_key_share(score: Score) -> float:
    """Share of the notes that lie in one scale: that of the 12 major scales (minor ones share theirs) which fits best.

    A random piece gets more than 7/12, since the best one is taken; NaN without notes.
    """
    pitches = np.array([note.pitch for note in notes_of(score)])
    if not len(pitches):
        return float("nan")
    shares = [np.isin((pitches - first) % 12, SCALE).mean() for first in range(12)]
    return float(max(shares))


def parallels(score: Score, interval: int) -> list[tuple[int, int, int]]:
    """(step, upper voice, lower voice) where two voices move in the same direction and stay an interval apart.

    interval: FIFTH or OCTAVE (unisons count as octaves, twelfths as fifths)
    """
    now = sounding(score)
    moves = np.diff(now, axis=0)  # (steps - 1, 4)
    found = []
    for upper, lower in combinations(range(len(VOICES)), 2):
        sings = (now[:, upper] > REST) & (now[:, lower] > REST)
        apart = (now[:, upper] - now[:, lower]) % 12 == interval
        same = (moves[:, upper] * moves[:, lower]) > 0
        steps = np.flatnonzero(same & apart[1:] & apart[:-1] & sings[1:] & sings[:-1]) + 1
        found += [(int(step), upper, lower) for step in steps]
    return sorted(found)


def in_range_share(score: Score, ranges: Sequence[tuple[int, int]]) -> float:
    """Share of the notes that lie in the range of their voice, (lowest, highest) MIDI for each; NaN without notes."""
    inside = [ranges[note.voice][0] <= note.pitch <= ranges[note.voice][1] for note in notes_of(score)]
    return float(np.mean(inside)) if inside else float("nan")


class Measures(NamedTuple):
    """Of many pieces together."""

    in_key: float  # mean share of a piece
    fifths: float  # parallel ones, per 100 quarters
    octaves: float
    in_range: float


def measures(scores: Sequence[Score], ranges: Sequence[tuple[int, int]]) -> Measures:
    """The mean share in key and in range, and parallels per 100 quarters; ValueError without scores."""
    if not scores:
        raise ValueError("there are no scores to measure; give at least one")
    quarters = sum(len(score.grid) for score in scores) / STEPS
    fifths, octaves = (sum(len(parallels(score, kind)) for score in scores) for kind in (FIFTH, OCTAVE))
    return Measures(
        float(np.mean([in_key_share(score) for score in scores])),
        100 * fifths / quarters,
        100 * octaves / quarters,
        float(np.mean([in_range_share(score, ranges) for score in scores])),
    )
