"""The loss of a small network against the number of digits that it learns from: the table of chapter 8's scaling law.

    python -m tools.bench.scaling_law [--seeds 0 1 2]     writes data/scaling_law.csv, about a minute per seed

It runs the chapter's own cells, so the table is made by the code that readers see; rows are written when all are done.
"""

import argparse
from datetime import date

from tqdm import tqdm

from tools.authoring.bands import machine
from tools.bench.planted_secrets import names_of_cells, write_table

CELLS = ("imports", "scaling-run")
AMOUNTS = (125, 250, 500, 1000, 2000, 4000)  # the last is held out
COLUMNS = ("digits", "seed", "loss", "date", "machine")


def main() -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    options = parser.parse_args()
    names = names_of_cells(CELLS)
    pairs = [(amount, seed) for amount in AMOUNTS for seed in options.seeds]
    rows = [
        dict(zip(COLUMNS, (*pair, round(names["loss_after"](*pair), 4), date.today(), machine()), strict=True))
        for pair in tqdm(pairs, unit="run")
    ]
    write_table("scaling_law.csv", COLUMNS, rows)


if __name__ == "__main__":
    main()
