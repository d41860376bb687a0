"""Inject faults, and print of each what happened and what was said; the exit status is 1 where anything is not right.

    make faults                or: python -m tools.faults [NAME ...]        NAME narrows, as pytest's -k does

A fault is not right if data are lost or wrong, or if it neither heals by itself nor is told with a way out. The tests
in tests/faults make them; faults that other tests make already are taken from there (reused.py). The table is stored
as build/faults.csv too.
"""

import argparse
import os
import sys
from collections import Counter
from pathlib import Path

import pytest

from aigc_course.storage.tables import write_rows
from tools.faults import reused
from tools.faults.table import Row, Table

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "build" / "faults.csv"
LEAST = 60
WIDTH = 96  # characters of a message that are shown


def shown(row: Row) -> str:
    """A row, its message below it."""
    said = row.message if len(row.message) <= WIDTH * 3 else f"{row.message[: WIDTH * 3]}…"
    lines = [said[i : i + WIDTH] for i in range(0, len(said), WIDTH)] or ["(nothing to do)"]
    return f"{row.mark} {row.fault:58.58} {row.became}\n" + "\n".join(f"        {line}" for line in lines)


def store(rows: list[Row]) -> None:
    """All rows, whole messages."""
    FILE.parent.mkdir(exist_ok=True)
    write_rows(FILE, [row._asdict() for row in rows], Row._fields)


def main(arguments: list[str] | None = None) -> int:
    """Run all faults, or those that are named."""
    parser = argparse.ArgumentParser(prog="python -m tools.faults", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("name", nargs="*", help="only tests whose names hold one of these")
    options = parser.parse_args(arguments)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    table = Table(store)
    chosen = ["-k", " or ".join(options.name)] if options.name else []
    files = ["tests/faults", *sorted({known.file for known in reused.FAULTS})]
    status = pytest.main(
        [*files, "-q", "-p", "no:cacheprovider", "--timeout=900", f"--rootdir={ROOT}", *chosen], plugins=[table]
    )
    rows = table.rows()
    print("\n" + "\n".join(map(shown, rows)) + "\n")
    bad = [row for row in rows if row.mark not in ("healed", "told  ")]
    good = {row.fault for row in rows} - {row.fault for row in bad}
    count = Counter(row.mark.strip() for row in rows)
    print(f"{len(good)} distinct faults withstood ({', '.join(f'{n} {mark}' for mark, n in count.items())})")
    if missing := table.not_run():
        print(f"not run here: {', '.join(missing)}")
    for row in bad:
        print(f"NOT RIGHT: {row.fault}: {row.became}")
    enough = bool(options.name) or len(good) >= LEAST
    if not enough:
        print(f"fewer than {LEAST}")
    return int(bool(bad) or status not in (0, pytest.ExitCode.NO_TESTS_COLLECTED) or not enough)


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(main())
