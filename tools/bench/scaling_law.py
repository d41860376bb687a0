"""The loss of a small network against the number of digits that it learns from: the table of chapter 8's scaling law.

    python -m tools.bench.scaling_law [--seeds 0 1 2]     writes data/scaling_law.csv, about a minute per seed

It runs the chapter's own cells, so the table is made by the code that readers see; rows are written when all are done.
"""

import argparse
import contextlib
import csv
import io
from datetime import date

from tqdm import tqdm

from aigc_course.kit.runtime import data_folder, use_threads
from aigc_course.storage.files import replacing
from tools.authoring.bands import machine
from tools.authoring.notebooks import path_of, read

CELLS = ("imports", "scaling-run")
AMOUNTS = (125, 250, 500, 1000, 2000, 4000)  # the last is held out
COLUMNS = ("digits", "seed", "loss", "date", "machine")


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
    pairs = [(amount, seed) for amount in AMOUNTS for seed in options.seeds]
    rows = [
        dict(zip(COLUMNS, (*pair, round(names["loss_after"](*pair), 4), date.today(), machine()), strict=True))
        for pair in tqdm(pairs, unit="run")
    ]
    table = io.StringIO(newline="")
    writer = csv.DictWriter(table, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    with replacing(data_folder() / "scaling_law.csv") as file:
        file.write(table.getvalue().encode())


if __name__ == "__main__":
    main()
