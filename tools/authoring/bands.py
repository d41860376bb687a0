"""Measure the expected results anew: run chapters with several seeds and store where a new run will fall.

    make bands CHAPTER=05_1        or: python -m tools.authoring.bands [CHAPTER ...] [--seeds N] [--scale quick|full]

Each value that a notebook gives to `expect` becomes a row of data/expected_results.csv: the 99 % prediction interval
for one more run, mean ± t · sd · sqrt(1 + 1/n), widened where needed so that every measured value lies inside. Rows of
the same quantity, scale, device and data source are replaced, all others stay. Each finished run is kept in build/bands
until the chapter's code changes, so that a measurement that was stopped goes on where it was.
"""

import argparse
import csv
import hashlib
import io
import json
import math
import os
import platform
import re
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from datetime import date
from pathlib import Path

import psutil
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

from aigc_course.kit.bands import COLUMNS, Band, read
from tools.authoring.notebooks import ROOT, find, path_of, stop, write_text
from tools.authoring.notebooks import read as read_notebook
from tools.authoring.tidy import COLORS

NUM_SEEDS, FEWEST_SEEDS = 5, 3
PROBABILITY = 0.99  # that a new run falls inside
CELL_TIMEOUT_S = 3600
SAME = 1e-3  # the least tolerance, relative, of a fractional quantity: another processor rounds otherwise
SAME_SHARE = 3e-4  # the least tolerance of a share: so rounded, a few answers in ten thousand may come out otherwise
SHARE_WORDS = "accuracy|precision|recall|share|rate|probability|calibration|coverage|total_variation"
SHARE = re.compile(rf"(?<![a-z])({SHARE_WORDS})(?![a-z])")  # a name with one of them is a share's: never outside 0..1
NOT_INHERITED = ("AIGC_STRICT", "AIGC_FACTS", "MPLBACKEND")
DATA_FROM = ("AIGC_OFFLINE", "AIGC_CACHE", "AIGC_DEVICE")  # they decide which data and which device a run takes

Key = tuple[str, str, str, str]


class CannotMeasure(Exception):
    """A run that gives no usable values; the message says which and why."""


def run(nb: NotebookNode, folder: Path, seed: int, scale: str) -> list[dict]:
    """Execute a notebook in a kernel of its own; what it gave to `expect`, one entry a call."""
    kept = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
    with tempfile.TemporaryDirectory() as scratch:
        log = Path(scratch) / "values.jsonl"
        settings = {"AIGC_SEED": str(seed), "AIGC_SCALE": scale, "AIGC_BANDS_LOG": str(log)}
        settings["AIGC_PROGRESS"] = str(Path(scratch) / "progress.json")
        resources = {"metadata": {"path": str(folder)}}
        client = NotebookClient(nb, timeout=CELL_TIMEOUT_S, kernel_name="python3", resources=resources)
        try:
            client.execute(env=kept | settings)
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            raise CannotMeasure(f"the run with AIGC_SEED={seed} failed\n{COLORS.sub('', str(error))}") from error
        return [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()] if log.exists() else []


def collect(runs: list[list[dict]]) -> dict[Key, list[float]]:
    """The values of each quantity, one a run; CannotMeasure when a run lacks one, has it twice, or it is not finite."""
    values: dict[Key, list[float]] = defaultdict(list)
    for number, entries in enumerate(runs):
        for entry in entries:
            key = tuple(entry[name] for name in COLUMNS[:4])
            if not math.isfinite(entry["value"]):
                raise CannotMeasure(f"{key[0]} is {entry['value']} in run {number}: that is no result to expect")
            if len(values[key]) > number:
                raise CannotMeasure(f"{key[0]} is given to expect() twice in a run: give each place its own name")
            values[key].append(entry["value"])
        if behind := [key[0] for key, found in values.items() if len(found) != number + 1]:
            raise CannotMeasure(f"{', '.join(behind)}: not in every run, or with another device or data source")
    return dict(values)


def interval(quantity: str, values: list[float]) -> tuple[float, float]:
    """Where a new run will fall with probability 0.99 if runs are normally distributed; bounds rounded outward.

    Source: prediction interval for one more observation, e.g. Hahn and Meeker, Statistical Intervals (1991).
    """
    from scipy import stats

    mean, n, is_share = statistics.fmean(values), len(values), SHARE.search(quantity) is not None
    if min(values) == max(values) and mean.is_integer() and not is_share:
        return mean, mean
    deviation = statistics.stdev(values)
    reach = float(stats.t.ppf((1 + PROBABILITY) / 2, n - 1)) * deviation * math.sqrt(1 + 1 / n)
    reach = max(reach, SAME_SHARE if is_share else SAME * abs(mean))
    low, high = outward(min(mean - reach, *values), max(mean + reach, *values))
    if is_share and min(values) >= 0 and max(values) <= 1:
        low, high = max(low, 0.0), min(high, 1.0)
    return low, high


def outward(low: float, high: float) -> tuple[float, float]:
    """The bounds rounded away from each other, to 12 to 120 steps of a decimal place."""
    digits = -math.floor(math.log10((high - low) / 12))
    step = 10.0**-digits
    return round(math.floor(low / step) * step, digits), round(math.ceil(high / step) * step, digits)


def machine() -> str:
    """The processor and its number of cores, and nothing else of this machine."""
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists() and (
        match := re.search(r"^model name\s*:\s*(.+)$", cpuinfo.read_text(encoding="utf-8", errors="replace"), re.M)
    ):
        name = match[1]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else psutil.cpu_count() or 1
    return f"{' '.join(name.replace(',', ' ').split())}, {cores} {'core' if cores == 1 else 'cores'}"


def bands_of(values: dict[Key, list[float]]) -> list[Band]:
    """A band for each quantity, measured today on this machine."""
    today, here, found = date.today().isoformat(), machine(), []
    for key, measured in values.items():
        low, high = interval(key[0], measured)
        mean = float(f"{statistics.fmean(measured):.6g}")
        found.append(Band(*key, low, high, mean, len(measured), today, here))
    return found


def merge(old: list[Band], new: list[Band]) -> list[Band]:
    """The old bands with those of the same key replaced, in alphabetical order."""
    return sorted(({band.key: band for band in old} | {band.key: band for band in new}).values())


def to_csv(bands: list[Band]) -> str:
    """The bands as the text of data/expected_results.csv."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for band in bands:
        writer.writerow([f"{field:.10g}" if isinstance(field, float) else field for field in band])
    return text.getvalue()


def kept_at(stem: str, nb: NotebookNode, seed: int, scale: str, root: Path) -> Path:
    """Where a finished run is kept: another place for other code, another scale, other data or another device."""
    sources = [cell.source for cell in nb.cells if cell.cell_type == "code"]
    decides = json.dumps([sources, scale, [os.environ.get(name) for name in DATA_FROM]])
    digest = hashlib.sha256(decides.encode("utf-8")).hexdigest()[:12]
    return root / "build" / "bands" / f"{stem}-{digest}-{seed}.json"


def measure(stem: str, num_seeds: int, scale: str, root: Path = ROOT) -> list[Band]:
    """Run the English edition of a chapter once a seed, one kernel after the other; runs that were kept are read."""
    path, runs = path_of(stem, "en", root), []
    for seed in range(num_seeds):
        begin, nb = time.perf_counter(), read_notebook(path)
        kept = kept_at(stem, nb, seed, scale, root)
        if kept.exists():
            runs.append(json.loads(kept.read_text(encoding="utf-8")))
        else:
            runs.append(run(nb, path.parent, seed, scale))
            kept.parent.mkdir(parents=True, exist_ok=True)
            write_text(kept, json.dumps(runs[-1]))
        print(f"{stem}, seed {seed}: {len(runs[-1])} values, {time.perf_counter() - begin:.1f} s", flush=True)
    return bands_of(collect(runs))


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    """The command line; the exit status is 1 when a chapter could not be measured; the others' bands are stored."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.authoring.bands", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("chapter", nargs="*", help="05_1, 05 (all of part 5) or a file name; all chapters without")
    parser.add_argument("--seeds", type=int, default=NUM_SEEDS, help=f"runs a chapter, at least {FEWEST_SEEDS}")
    parser.add_argument("--scale", choices=["quick", "full"], default=os.environ.get("AIGC_SCALE") or "quick")
    options = parser.parse_args(arguments)
    if options.seeds < FEWEST_SEEDS:
        parser.error(f"--seeds {options.seeds}: at least {FEWEST_SEEDS} are needed to see how far runs differ")
    file, failed = root / "data" / "expected_results.csv", 0
    try:
        chapters = find(options.chapter, root)
    except ValueError as error:
        return stop(error)
    for stem in chapters:
        try:
            new = measure(stem, options.seeds, options.scale, root)
        except (CannotMeasure, FileNotFoundError, ValueError) as error:
            failed = stop(ValueError(f"{stem}: {error}"))
            continue
        write_text(file, to_csv(merge(read(file), new)))
        for band in new:
            print(f"  {band.quantity}: {band.interval}, mean {band.mean:.6g} ({', '.join(band.key[1:])})")
    return failed


if __name__ == "__main__":
    sys.exit(main())
