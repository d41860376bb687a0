"""Models of chorales on the held-out pieces, and what they write beside Bach: data/chorales.csv.

    python -m tools.bench.chorales [--build build/chorales] [--file data/chorales.csv]

Takes what tools.train.chorales has left in the build folder, all kinds and seeds that are there, and adds the rows that
are missing. nats: -log P per note of the grid (each voice, each sixteenth), onsets: of those that begin a note. The
transformer's rows also hold measures of 40 pieces that it wrote, at most 8 bars each, and "bach" those of the held-out
pieces, cut to 8 bars; "notes at random" has each voice's notes drawn anew from its range. About 15 s a row.
"""

import argparse
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from aigc_course.kit import runtime
from aigc_course.kit.datasets.chorales import load_chorales
from aigc_course.sound.chorale_model import ChoraleModel, write_chorales
from aigc_course.sound.chorales import VOICE_RANGES, tokens_of
from aigc_course.sound.harmony import Measures, measures
from aigc_course.sound.scores import REST, Score
from aigc_course.storage.tables import kept_rows, write_rows
from aigc_course.storage.weights import load_weights
from tools.authoring.bands import machine
from tools.authoring.notebooks import ROOT
from tools.train.chorale_peer import Bigram
from tools.train.chorales import TRAININGS, nats, new_model, scores_of

COLUMNS = (
    "kind", "seed", "weights", "nats", "onsets", "in_key", "fifths", "octaves", "in_range", "seconds", "date",
    "machine",
)  # fmt: skip
PIECES, STEPS_OF_A_PIECE = 40, 128
SMOOTHINGS = (0.01, 0.03, 0.1, 0.3, 1.0)


def beginning(score: Score) -> Score:
    """The first bars, as many as a model writes."""
    return Score(score.grid[:STEPS_OF_A_PIECE], score.begin)


def at_random(score: Score, rng: np.random.Generator) -> Score:
    """The same rhythm with each note drawn from the range of its voice."""
    drawn = np.stack([rng.integers(low, high + 1, len(score.grid)) for low, high in VOICE_RANGES], axis=1)
    return Score(np.where(score.grid > REST, drawn, score.grid), score.begin)


def counted_nats(training: Sequence[Score], validation: Sequence[Score], test: Sequence[Score]) -> tuple[float, float]:
    """(nats, of onsets) of the counts, smoothed as is best on the validation pieces."""

    def mean(smoothing: float, scores: Sequence[Score]) -> tuple[float, float]:
        model = Bigram(training, smoothing)
        values = np.concatenate([model.nats(score) for score in scores])
        onsets = np.concatenate([tokens_of(score).ravel() >= VOICE_RANGES[3][0] for score in scores])
        return float(values.mean()), float(values[onsets].mean())

    return mean(min(SMOOTHINGS, key=lambda smoothing: mean(smoothing, validation)[0]), test)


def rows(build: Path, done: set[tuple[str, str]]) -> Iterator[dict[str, Any]]:
    """What is not in the table yet."""
    chorales = load_chorales()
    training, validation, test = (scores_of(part) for part in chorales)
    if ("bach", "0") not in done:
        cut = [beginning(score) for score in test]
        yield row("bach", 0, 0, (float("nan"), float("nan")), measures(cut, VOICE_RANGES), 0.0)
        rng = np.random.default_rng(0)
        random = measures([at_random(score, rng) for score in cut], VOICE_RANGES)
        yield row("notes at random", 0, 0, (float("nan"), float("nan")), random, 0.0)
        yield row("counts", 0, 0, counted_nats(training, validation, test), None, 0.0)
    for kind in TRAININGS:
        for file in sorted(build.glob(f"{kind}-*.safetensors")):
            seed = file.stem.removeprefix(f"{kind}-")
            if (kind, seed) in done:
                continue
            model = new_model(kind, 0)
            load_weights(model, file)
            model.eval()
            written = None
            if isinstance(model, ChoraleModel):
                written = measures(write_chorales(model, PIECES, int(seed), STEPS_OF_A_PIECE), VOICE_RANGES)
            size = sum(weights.numel() for weights in model.parameters())
            seconds = float(file.with_suffix(".seconds").read_text(encoding="utf-8"))
            yield row(kind, int(seed), size, nats(model, test), written, seconds)


def row(
    kind: str, seed: int, size: int, loss: tuple[float, float], of: Measures | None, seconds: float
) -> dict[str, Any]:
    """A row as it is written."""
    numbers = [f"{value:.4f}" if np.isfinite(value) else "" for value in (*loss, *(of or [float("nan")] * 4))]
    values = (kind, seed, size, *numbers, f"{seconds:.0f}", date.today(), machine())
    return dict(zip(COLUMNS, values, strict=True))


def main() -> None:
    """Add the rows that are missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=ROOT / "build" / "chorales")
    parser.add_argument("--file", type=Path, default=runtime.data_folder() / "chorales.csv")
    options = parser.parse_args()
    runtime.use_threads("small")
    there: list[dict[str, Any]] = [*kept_rows(options.file)]
    for new in rows(options.build, {(each["kind"], each["seed"]) for each in there}):
        there.append(new)
        write_rows(options.file, there, COLUMNS)
        print(new)


if __name__ == "__main__":
    main()
