"""Read Bach's four-part chorales from music21's corpus into data/chorales.npz: python -m tools.train.chorale_scores

Kept are chorales of exactly four parts, in 4/4 from beginning to end, whose bars are all full (a repeat may cut one in
two). Each voice becomes a row of sixteenths: a MIDI number where a note begins, REST where a silence begins, HOLD where
the last of them goes on.
Needs the package music21 (pip install ".[music]"). Takes half a minute.
"""

import argparse
import hashlib
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np

from aigc_course.kit.runtime import data_folder
from aigc_course.sound.scores import BAR, HOLD, REST, STEPS, Score
from aigc_course.storage.files import write

NUM_COMPARED = 16  # steps of the melody, from note to note, that two settings of the same tune may share
SPLITS = ("training", "validation", "test")
TEST, VALIDATION = 11, 19  # of 100 hash values: below TEST for the test, from there below VALIDATION for choices


def voice_of(part: Any) -> np.ndarray | None:
    """A part of a music21 score as (steps,) int8; None where a chord or a grace note stands in it."""
    notes = [each for each in part.stripTies().flatten().notesAndRests if each.duration.quarterLength > 0]
    if any(each.isChord for each in notes):
        return None
    begins = np.array([float(each.offset) * STEPS for each in notes])
    pitches = [REST if each.isRest else each.pitch.midi for each in notes]
    num_steps = round(float(part.flatten().highestTime) * STEPS)
    sounding = np.searchsorted(begins, np.arange(num_steps), "right") - 1  # which note sounds as each step begins
    voice = np.full(num_steps, HOLD, np.int8)
    for step, which in enumerate(sounding):
        first = step == 0 or which != sounding[step - 1]
        if first and (step == 0 or pitches[which] != REST or pitches[sounding[step - 1]] != REST):
            voice[step] = pitches[which] if which >= 0 else REST
    return voice


def score_of(chorale: Any) -> Score | None:
    """A music21 score in the form of this course; None where it is not one that is kept."""
    parts = list(chorale.parts)
    if len(parts) != 4:
        return None
    for part in parts:
        if {mark.ratioString for mark in part.recurse().getElementsByClass("TimeSignature")} != {"4/4"}:
            return None
    bars = list(parts[0].getElementsByClass("Measure"))
    begin = round(float(bars[0].paddingLeft) * STEPS)
    whole = [bar for bar in bars if bar.highestTime * STEPS == BAR]  # a repeat may cut a bar into two
    if any((begin + round(float(bar.offset) * STEPS)) % BAR for bar in whole):
        return None  # a bar in the middle is not full: what follows would be off the beat
    voices = [voice_of(part) for part in parts]
    if any(voice is None for voice in voices) or len({len(voice) for voice in voices if voice is not None}) != 1:
        return None
    grid = np.stack([voice for voice in voices if voice is not None], axis=1)
    notes = np.flatnonzero((grid > REST).any(axis=1))
    silences = np.flatnonzero((grid == REST).all(axis=1))
    end = silences[silences > notes[-1]]  # a last bar that is filled up with rests
    return Score(grid[: end[0]] if len(end) else grid, begin)


def tune_of(score: Score) -> tuple[int, ...]:
    """The steps from note to note with which the melody begins: the same in every key."""
    soprano = score.grid[:, 0].astype(int)
    return tuple(np.diff(soprano[soprano > REST])[:NUM_COMPARED].tolist())


def split_of(tune: tuple[int, ...]) -> int:
    """0, 1 or 2: settings of one tune lie on one side, whatever else is in the corpus."""
    place = int(hashlib.sha256(str(tune).encode()).hexdigest(), 16) % 100
    return 2 if place < TEST else 1 if place < VALIDATION else 0


def chorales() -> Iterator[tuple[str, Score]]:
    """(name in the corpus, score) of each that is kept; the same notes come once."""
    from music21 import corpus  # pyright: ignore[reportMissingImports]  an extra

    seen: set[bytes] = set()
    for chorale in cast(Iterator[Any], corpus.chorales.Iterator()):
        score = score_of(chorale)
        if score is not None and (content := score.grid.tobytes()) not in seen:
            seen.add(content)
            yield Path(str(chorale.metadata.corpusFilePath)).stem, score


def packed(named: list[tuple[str, Score]]) -> bytes:
    """The bytes of the .npz file, the same for the same scores."""
    scores = [score for _, score in named]
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        grid=np.concatenate([score.grid for score in scores]),
        length=np.array([len(score.grid) for score in scores], np.int32),
        begin=np.array([score.begin for score in scores], np.int8),
        split=np.array([split_of(tune_of(score)) for score in scores], np.int8),
        name=np.array([name for name, _ in named]),
    )
    return buffer.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(description="Read Bach's chorales from music21's corpus.")
    parser.add_argument("--file", type=Path, default=data_folder() / "chorales.npz")
    file = parser.parse_args().file
    named = list(chorales())
    content = packed(named)
    write(file, content)
    counts = np.bincount([split_of(tune_of(score)) for _, score in named], minlength=3)
    print(f"{len(named)} chorales, {sum(len(score.grid) for _, score in named):,} sixteenths, {len(content):,} bytes")
    print(", ".join(f"{count} {name}" for count, name in zip(counts, SPLITS, strict=True)))
    print(f"SHA-256 {hashlib.sha256(content).hexdigest()}")


if __name__ == "__main__":
    main()
