"""Music in four voices on a grid of sixteenths: what a score is here, and its notes one by one."""

import operator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

VOICES = ("soprano", "alto", "tenor", "bass")
STEPS = 4  # a quarter note has four sixteenths
BAR = 16  # sixteenths of a bar in 4/4
HOLD, REST = -1, 0  # what was last goes on; a silence begins
LOWEST, HIGHEST = 21, 108  # MIDI numbers of a piano's keys


@dataclass(frozen=True)
class Score:
    """Voices on a grid of sixteenths; ValueError for one that cannot be sung.

    grid:  (steps, 4) int8, soprano to bass: a MIDI number where a note begins, REST where a silence begins, else HOLD
    begin: the sixteenth of the bar, 0 to 15, on which it begins; 12 is an upbeat of a quarter
    """

    grid: np.ndarray
    begin: int = 0

    def __post_init__(self) -> None:
        grid = np.asarray(self.grid)
        if grid.ndim != 2 or grid.shape[1] != len(VOICES) or len(grid) == 0:
            raise ValueError(f"grid {grid.shape}: expected (steps, 4) with at least one step, soprano to bass")
        if not np.issubdtype(grid.dtype, np.integer):
            raise ValueError(f"grid of {grid.dtype}: expected whole numbers, such as int8")
        notes = grid > REST
        if ((grid < HOLD) | notes & ((grid < LOWEST) | (grid > HIGHEST))).any():
            raise ValueError(
                f"grid holds {grid.min()} to {grid.max()}: allowed are {LOWEST} to {HIGHEST} (MIDI), {REST} for a "
                f"silence and {HOLD} for what goes on"
            )
        if (grid[0] == HOLD).any():
            raise ValueError(
                "the first step holds a note that never began; begin with a MIDI number or 0 for a silence"
            )
        if not 0 <= operator.index(self.begin) < BAR:
            raise ValueError(f"begin {self.begin}: expected a sixteenth of the bar, 0 to {BAR - 1}")
        object.__setattr__(self, "grid", grid.astype(np.int8))

    def transposed(self, half_steps: int) -> "Score":
        """The same music, higher (above 0) or lower."""
        return Score(np.where(self.grid > REST, self.grid + half_steps, self.grid), self.begin)


class Note(NamedTuple):
    """One note of a voice."""

    voice: int  # 0 soprano ... 3 bass
    pitch: int  # MIDI
    start: int  # in sixteenths from the beginning
    length: int  # in sixteenths


def notes_of(score: Score) -> list[Note]:
    """All notes, one voice after the other."""
    notes = []
    for voice in range(len(VOICES)):
        column = score.grid[:, voice]
        starts = np.flatnonzero(column != HOLD)
        for start, end in zip(starts, [*starts[1:], len(column)], strict=True):
            if column[start] != REST:
                notes.append(Note(voice, int(column[start]), int(start), int(end - start)))
    return notes


def sounding(score: Score) -> np.ndarray:
    """(steps, 4): the MIDI number that sounds in each voice at each step, 0 for silence."""
    rows = np.where(score.grid != HOLD, np.arange(len(score.grid))[:, None], 0)
    return np.take_along_axis(score.grid, np.maximum.accumulate(rows, axis=0), axis=0).astype(int)
