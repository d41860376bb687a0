"""Scores as rows of tokens for a language model: voice after voice, step after step, "hold" where a note goes on.

A row is   header, what sounded before in each voice, then soprano alto tenor bass of step 0, of step 1, ...
The header says on which sixteenth of the bar the row begins, and whether the piece begins there. A pitch's token is its
MIDI number.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from aigc_course.sound.scores import BAR, REST, VOICES, Score, sounding

PAD, END, HOLD_TOKEN, REST_TOKEN = 0, 1, 2, 3
HEADER = 4  # the first of 32 tokens: a piece begins on sixteenth 0..15, then: a piece is in its middle there
LOW, HIGH = 36, 81  # MIDI: the lowest and highest pitch with a token
VOCAB_SIZE = HIGH + 1
VOICE_RANGES = ((57, 81), (53, 74), (48, 69), (36, 64))  # MIDI, of Bach's voices in the training chorales
NUM_VOICES = len(VOICES)
LEAD = 1 + NUM_VOICES  # tokens of a row before its first step
BatchAt = Callable[[int], Tensor]


def tokens_of(score: Score) -> np.ndarray:
    """(steps, 4) int64: each entry of the grid as a token; ValueError for a pitch that has none."""
    grid = score.grid.astype(np.int64)
    notes = grid > REST
    if (notes & ((grid < LOW) | (grid > HIGH))).any():
        raise ValueError(f"pitches {grid[notes].min()} to {grid[notes].max()}: the model knows MIDI {LOW} to {HIGH}")
    return np.where(notes, grid, np.where(grid == REST, REST_TOKEN, HOLD_TOKEN))


def score_from(tokens: np.ndarray, begin: int) -> Score:
    """The score of (steps, 4) tokens; errors as of `Score`."""
    return Score(np.where(tokens >= LOW, tokens, np.where(tokens == REST_TOKEN, REST, -1)), begin)


def row_of(score: Score, first: int, num_steps: int) -> np.ndarray:
    """The row (5 + 4 num_steps,) of `num_steps` steps from step `first` on: END behind the piece, then PAD."""
    steps = len(score.grid)
    if not 0 <= first < steps or num_steps < 1:
        raise ValueError(f"first {first}, num_steps {num_steps}: expected 0 to {steps - 1}, and at least 1 step")
    row = np.full(LEAD + NUM_VOICES * num_steps, PAD)
    row[0] = HEADER + (score.begin + first) % BAR + BAR * (first > 0)
    before = sounding(score)[first - 1] if first else np.zeros(NUM_VOICES, int)
    row[1:LEAD] = np.where(before > REST, before, REST_TOKEN)
    tokens = tokens_of(score)[first : first + num_steps].ravel()
    row[LEAD : LEAD + len(tokens)] = tokens
    if LEAD + len(tokens) < len(row):
        row[LEAD + len(tokens)] = END
    return row


def counted(targets: Tensor) -> Tensor:
    """Which targets (batch, length - 1) of rows are learned: not what the row is told at its beginning, nor padding."""
    learned = targets != PAD
    learned[:, : LEAD - 1] = False
    return learned


def shifts_of(score: Score, ranges: Sequence[tuple[int, int]] = VOICE_RANGES) -> list[int]:
    """All transpositions, in half steps, in which no voice leaves its range; 0 is always one of them."""
    low, high = -11, 11
    for voice, (lowest, highest) in enumerate(ranges):
        pitches = score.grid[:, voice][score.grid[:, voice] > REST]
        if len(pitches):
            low, high = max(low, lowest - int(pitches.min())), min(high, highest - int(pitches.max()))
    return sorted({*range(low, high + 1), 0})


def row_batches(scores: Sequence[Score], num_steps: int, batch_size: int, seed: int) -> BatchAt:
    """Batches (batch, 5 + 4 num_steps) of windows from random places of the pieces, each in a random key within range.

    A batch depends on its number and the seed alone. A piece is drawn as often as it is long. A window begins on a
    quarter of the bar and may reach over the end.
    """
    if not scores or batch_size < 1:
        raise ValueError(f"{len(scores)} scores, batch_size {batch_size}: expected at least one of each")
    keys = [[score.transposed(shift) for shift in shifts_of(score)] for score in scores]
    lengths = np.array([len(score.grid) for score in scores])

    def batch_at(step: int) -> Tensor:
        rng = np.random.default_rng([seed, step])
        rows = []
        for piece in rng.choice(len(scores), batch_size, p=lengths / lengths.sum()):
            score = keys[piece][rng.integers(len(keys[piece]))]
            first = 4 * int(rng.integers(-(num_steps // 8), max(lengths[piece] - num_steps // 2, 1) // 4 + 1))
            rows.append(row_of(score, max(first, 0), num_steps))  # the beginning is drawn more often: it is learned too
        return torch.from_numpy(np.stack(rows))

    return batch_at


def windows(score: Score, num_steps: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """Rows that cover a piece, half a row further each time, and which of their tokens are new; (row, new) each.

    So every token is judged once, and but for the first row with at least half a row before it.
    """
    found, stride = [], max(num_steps // 2, 1)
    for first in range(0, max(len(score.grid) - num_steps + stride, 1), stride):
        row = row_of(score, first, num_steps)
        new = row >= HOLD_TOKEN
        new[: LEAD + (NUM_VOICES * (num_steps - stride) if first else 0)] = False
        found.append((row, new))
    return found
