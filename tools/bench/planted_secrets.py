"""Secrets planted in a language model's training text, over seeds: the table that opens chapter 8.

    python -m tools.bench.planted_secrets [--seeds 0 1 2]     writes data/planted_secrets.csv, about 15 s per seed

It runs the chapter's own cells, so the table is made by the code that readers see.
"""

import argparse
import contextlib
import csv
import io
import math
from datetime import date

import numpy as np

from aigc_course.kit.runtime import data_folder, use_threads
from tools.authoring.bands import machine
from tools.authoring.notebooks import path_of, read

CELLS = ("imports", "secret-data", "secret-tokens", "secret-train", "secret-rank")
COLUMNS = ("seed", "name", "repeats", "rank", "exposure", "date", "machine")


def rows_of(seed: int, names: dict) -> list[dict]:
    """One row a code: how often it stood in the text, and its place among all 10,000."""
    names["lines"], secrets = names["planted_lines"](np.random.default_rng(seed))
    model = names["train_on_lines"](names["lines"], seed)
    rows = []
    for name, (code, repeats) in secrets.items():
        rank = names["rank_of"](model, name, code)
        exposure = round(math.log2(10_000) - math.log2(rank), 3)
        rows.append(dict(zip(COLUMNS, (seed, name, repeats, rank, exposure, date.today(), machine()), strict=True)))
    return rows


def main() -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    options = parser.parse_args()
    cells = {cell.id: cell.source for cell in read(path_of("08_challenges", "en")).cells}
    names: dict = {}
    with contextlib.redirect_stdout(io.StringIO()):
        for name in CELLS:
            exec(compile(cells[name], name, "exec"), names)
    use_threads("small")
    rows = [row for seed in options.seeds for row in rows_of(seed, names)]
    with (data_folder() / "planted_secrets.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
