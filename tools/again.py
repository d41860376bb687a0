"""Does a chapter bear being played with? Each cell run twice in a row; all cells, then each again from the end upwards.

    python -m tools.again 00 [03_1 ...] [--edition zh|en] [--way twice|upwards]

A learner runs a cell again after changing it, and goes back to an earlier one. That must not hang, and an error must be
one that says what to do. Prints each cell that failed, with its way and the last line of its traceback, and the cells
that took much longer than before; the exit status is 1 if there are any. Nothing is written.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

from tools.authoring.execute import client_of, environment
from tools.authoring.notebooks import find, path_of, read, shown, stop
from tools.authoring.tidy import COLORS

WAYS = ("twice", "upwards")
CELL_SECONDS = 900  # a cell that takes longer hangs
LONGER = 3  # so many times the time of its first run, and SLOW seconds more, is worth a look
SLOW = 20
EXPECTED = ("raises-exception",)  # tags of cells whose error is part of the lesson


def order(nb: NotebookNode, way: str) -> list[tuple[int, bool]]:
    """(index of a code cell, whether it is run again), in the order of this way."""
    code = [index for index, cell in enumerate(nb.cells) if cell.cell_type == "code"]
    if way == "twice":
        return [(index, again) for index in code for again in (False, True)]
    return [(index, False) for index in code] + [(index, True) for index in reversed(code)]


def problems(nb: NotebookNode, way: str, folder: Path) -> Iterator[str]:
    """Run the cells in this way; a line for each that fails or takes much longer than before. A dead kernel ends it."""
    client = client_of(nb, folder, CELL_SECONDS)
    seconds: dict[int, float] = {}
    with (
        tempfile.TemporaryDirectory() as scratch,
        client.setup_kernel(env=environment(str(Path(scratch) / "progress.json"))),
    ):
        for index, again in order(nb, way):
            cell, begin = nb.cells[index], time.perf_counter()
            where = f"[{cell.id}] {'again' if again else 'for the first time'}"
            try:
                client.execute_cell(cell, index)
            except (CellTimeoutError, DeadKernelError) as error:
                yield f"{where}: {type(error).__name__}, the rest was not run"
                return
            except CellExecutionError as error:
                if not set(EXPECTED) & set(cell.metadata.get("tags", [])):
                    yield f"{where}: {last_line(str(error))}"
                continue
            took = time.perf_counter() - begin
            if again and took > LONGER * seconds.get(index, took) + SLOW:
                yield f"{where}: took {took:.0f} s, before {seconds[index]:.0f} s"
            seconds.setdefault(index, took)


def last_line(traceback: str) -> str:
    """What a traceback says at its end."""
    lines = [line.strip() for line in COLORS.sub("", traceback).splitlines() if line.strip()]
    return f"{lines[-1]:.300}" if lines else "an error without a word"


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.again", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("chapter", nargs="+", help="03_1, 03 (all of part 3) or a file name")
    parser.add_argument("--edition", choices=("zh", "en"), default="en")
    parser.add_argument("--way", choices=WAYS, help="only one of the two")
    options = parser.parse_args(arguments)
    try:
        chapters = find(options.chapter)
    except ValueError as error:
        return stop(error)
    failed = 0
    for stem in chapters:
        path = path_of(stem, options.edition)
        for way in [options.way] if options.way else WAYS:
            begin, found = time.perf_counter(), 0
            for line in problems(read(path), way, path.parent):
                print(f"{shown(path)}, {way}: {line}", flush=True)
                found += 1
            failed += found
            print(f"{shown(path)}, {way}: {found} problems, {time.perf_counter() - begin:.0f} s", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
