"""Secrets planted in a language model's training text, over seeds: the table that opens chapter 8.

    python -m tools.bench.planted_secrets [--seeds 0 1 2]     writes data/planted_secrets.csv, about 15 s per seed

It runs the chapter's own cells, so the table is made by the code that readers see.
"""

import argparse
import contextlib
import io
import math
from collections.abc import Iterable, Sequence
from datetime import date

import numpy as np

from aigc_course.kit.runtime import data_folder, use_threads
from aigc_course.storage.tables import write_rows
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


def names_of_cells(wanted: Iterable[str]) -> dict:
    """What these cells of chapter 8 define, run in this order with one thread."""
    cells = {cell.id: cell.source for cell in read(path_of("08_challenges", "en")).cells}
    names: dict = {}
    with contextlib.redirect_stdout(io.StringIO()):
        for name in wanted:
            exec(compile(cells[name], name, "exec"), names)
    use_threads("small")
    return names


def write_table(name: str, columns: Sequence[str], rows: Iterable[dict]) -> None:
    """Write a table into the data folder, whole or not at all."""
    write_rows(data_folder() / name, rows, columns)


def main() -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    options = parser.parse_args()
    names = names_of_cells(CELLS)
    write_table("planted_secrets.csv", COLUMNS, [row for seed in options.seeds for row in rows_of(seed, names)])


if __name__ == "__main__":
    main()
