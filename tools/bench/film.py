"""The next frames of moving digits, and cuts in films, against what stands beside them: data/film.csv.

    python -m tools.bench.film [prediction] [cuts] [--models build/frames] [--file data/film.csv]

`cuts` has scenedetect in the same run, on the same files: pip install -e ".[bench]". Prediction: three seeds of clips,
and as many networks as were trained (one that the course ships, or those of `tools.train.frames` with other seeds,
written to FOLDER/1, FOLDER/2, ...). Every row is written anew.
"""

import argparse
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import torch

from aigc_course.intervals import bootstrap_interval, mean_interval
from aigc_course.kit.datasets.mnist import bundled_sample
from aigc_course.kit.runtime import data_folder, use_threads
from aigc_course.storage.tables import kept_rows, write_rows
from aigc_course.synthetic.moving_digits import MovingDigits, halved, moving_digits
from aigc_course.video import cuts, prediction
from aigc_course.video.films import KINDS, film
from aigc_course.video.mux import read_mp4, write_mp4
from aigc_course.video.prediction import AHEAD, CONTEXT, squared_errors
from tools.authoring.bands import machine

COLUMNS = ("what", "case", "method", "trained", "seed", "value", "hits", "missed", "false", "date", "machine")
NUM_CLIPS = 1000  # a seed
FIRST_SEED = 10_000  # of clips to judge by: those to learn from have 0, 1, 2
FILMS, TUNED_ON = range(30), range(1000, 1016)  # films to judge by; those that the threshold was chosen on
SHARES = {  # what a card says
    "copied": "error against the last frame again",
    "carried_on": "error against constant velocity, from a bounce on",
}
Rows = list[dict[str, Any]]


def test_clips(seed: int) -> MovingDigits:
    """Clips of digits that no network has learned from."""
    digits = bundled_sample("test")
    return moving_digits(halved(digits.images), digits.labels, NUM_CLIPS, CONTEXT + AHEAD, FIRST_SEED + seed)


def from_a_bounce_on(clips: MovingDigits) -> np.ndarray:
    """(n, AHEAD) bool: predicted frames at or after the first bounce, where none falsified the last velocity seen."""
    met = np.logical_or.accumulate(clips.bounces[:, CONTEXT:], axis=1)
    return met & ~clips.bounces[:, CONTEXT - 1 : CONTEXT]


@torch.no_grad()
def prediction_rows(network: torch.nn.Module, seeds: Sequence[int], trained: int = 0) -> Rows:
    """Errors of the network and of what it is compared with, on all frames and on those from a bounce on."""
    rows = []
    for seed in seeds:
        clips = test_clips(seed)
        frames = torch.from_numpy(clips.frames)
        known, truth = frames[:, :CONTEXT], frames[:, CONTEXT:]
        way = torch.from_numpy(clips.places[:, CONTEXT:] - clips.places[:, CONTEXT - 1 : CONTEXT]).float()
        guesses = {
            "network": prediction.continued(network, known, AHEAD),
            "copied": prediction.copied(known, AHEAD),
            "carried_on": prediction.carried_on(known, AHEAD),
            "true_motion": torch.stack([prediction.warp(known[:, -1], way[:, time]) for time in range(AHEAD)], dim=1),
        }
        met = from_a_bounce_on(clips)
        free = ~clips.bounces[:, CONTEXT - 1 :].any(axis=1)
        for method, guess in guesses.items():
            errors = squared_errors(guess, truth).numpy()
            unmet = np.repeat(np.asarray(free)[:, None], AHEAD, 1)
            cases: dict[str, np.ndarray] = {"all": np.ones(met.shape, bool), "bounce": met, "free": unmet}
            for case, chosen in cases.items():
                value = errors[chosen].mean()
                row = {"what": "prediction", "case": case, "method": method, "seed": seed, "value": value}
                rows.append({**row, "trained": trained if method == "network" else ""})
    return rows


def interval_of(rows: Rows, against: str) -> tuple[float, float, float]:
    """Error of the network as a share of that of `against`, mean and 95 % interval over seeds; see SHARES."""
    case = "bounce" if against == "carried_on" else "all"
    found = {(row["method"], row["trained"], row["seed"]): float(row["value"]) for row in rows if row["case"] == case}
    shares = [
        value / found[against, "", seed] for (method, _, seed), value in found.items() if method == "network"
    ]  # fmt: skip
    return mean_interval(shares)


def detectors(frames: np.ndarray, file: Path) -> Iterator[tuple[str, list[int], float]]:
    """(method, frames where it sees changes, seconds) of each detector, on one decoded film."""
    began = time.perf_counter()
    yield "moved", [change.frame for change in cuts.changes(frames)], time.perf_counter() - began
    began = time.perf_counter()
    yield "not moved", [change.frame for change in cuts.changes(frames, reach=(0, 0))], time.perf_counter() - began
    import scenedetect  # pyright: ignore[reportMissingImports]  of the extra "bench"

    for name, chosen in {
        "scenedetect content": [scenedetect.ContentDetector()],
        "scenedetect adaptive": [scenedetect.AdaptiveDetector()],
        "scenedetect histogram": [scenedetect.HistogramDetector()],
        "scenedetect adaptive and fades": [scenedetect.AdaptiveDetector(), scenedetect.ThresholdDetector()],
    }.items():
        began = time.perf_counter()
        manager = scenedetect.SceneManager()
        for detector in chosen:
            manager.add_detector(detector)
        manager.detect_scenes(scenedetect.open_video(str(file)))
        found = [begin.frame_num for begin, _ in manager.get_scene_list()[1:]]
        yield name, found, time.perf_counter() - began


def cut_rows(seeds: Sequence[int]) -> Rows:
    """How each detector does on films that are written to a file and decoded again, the same for all.

    For each film hits, misses, false ones and F1; over all of them hits and misses of each kind, and the time it took.
    """
    rows, kinds, num_frames = [], defaultdict(Counter), 0
    seconds: defaultdict[str, float] = defaultdict(float)
    with tempfile.TemporaryDirectory() as folder:
        for seed in seeds:
            made = film(seed)
            file = Path(folder) / f"{seed}.mp4"
            write_mp4(made.frames, 25, None, 0, file, quality=18)
            frames = read_mp4(file).frames
            num_frames += len(frames)
            for method, found, spent in detectors(frames, file):
                hits, missed, false = whole = cuts.score(found, [each[:2] for each in made.transitions])
                row = {"what": "cuts", "case": "all", "method": method, "seed": seed, "value": whole.f1}
                rows.append({**row, "hits": hits, "missed": missed, "false": false})
                seconds[method] += spent
                for kind in KINDS:
                    part = cuts.score(found, [each[:2] for each in made.transitions if each.kind == kind])
                    kinds[method] += Counter({(kind, "hits"): part.hits, (kind, "missed"): part.missed})
    for method, counts in kinds.items():
        row = {"what": "cuts", "method": method, "seed": f"{seeds[0]}-{seeds[-1]}"}
        for kind in KINDS:
            hits, missed = counts[kind, "hits"], counts[kind, "missed"]
            rows.append({**row, "case": kind, "value": "", "hits": hits, "missed": missed})
        rows.append({**row, "case": "ms per frame", "value": 1000 * seconds[method] / num_frames})
    return rows


def f1_interval(rows: Rows, method: str) -> tuple[float, float, float]:
    """F1 over all films of a table's rows, and the interval in which it falls when films are drawn anew."""
    counts = np.array(
        [[int(row[name]) for name in ("hits", "missed", "false")] for row in rows
         if (row["what"], row["case"], row["method"]) == ("cuts", "all", method)]
    )  # fmt: skip
    return bootstrap_interval(lambda *sums: cuts.Score(*(int(part.sum()) for part in sums)).f1, *counts.T.astype(float))


def keep(file: Path, what: str, rows: Rows) -> None:
    """Put rows into the table in place of those about the same; whole or not at all."""
    table: Rows = [row for row in kept_rows(file) if row["what"] != what]
    for row in rows:
        value = row["value"] if row["value"] == "" else f"{row['value']:.5g}"
        table.append({**row, "value": value, "date": date.today(), "machine": machine()})
    write_rows(file, table, COLUMNS)


def main() -> None:
    """Measure what is asked for, and say what came out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", choices=["prediction", "cuts"], default=["prediction", "cuts"])
    parser.add_argument("--models", type=Path, help="a folder with more trained networks, in folders 1, 2, ...")
    parser.add_argument("--file", type=Path, default=data_folder() / "film.csv")
    options = parser.parse_args()
    use_threads("small")
    if "prediction" in options.what:
        folders = {0: data_folder() / "models" / "frame_predictor"}
        folders |= {int(path.name): path for path in sorted(options.models.glob("[1-9]"))} if options.models else {}
        rows = []
        for trained, folder in folders.items():
            found = prediction_rows(prediction.load_predictor(folder), range(3), trained)
            rows += [row for row in found if row["method"] == "network" or not trained]
        keep(options.file, "prediction", rows)
        for name, text in SHARES.items():
            print("{}: {:.3f} [{:.3f}, {:.3f}]".format(text, *interval_of(rows, name)))
    if "cuts" in options.what:
        rows = cut_rows(FILMS)
        keep(options.file, "cuts", rows)
        for method in dict.fromkeys(row["method"] for row in rows):
            print("{}: F1 {:.3f} [{:.3f}, {:.3f}]".format(method, *f1_interval(rows, method)))


if __name__ == "__main__":
    main()
