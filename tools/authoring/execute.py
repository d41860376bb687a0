"""Run chapters at quick scale and store their outputs, tidied: each edition its own, in its reader's language.

    make execute CHAPTER=05_1        or: python -m tools.authoring.execute [CHAPTER ...] [--edition zh|en|both]

A chapter in which a cell fails is left as it was.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

from tools.authoring import editions
from tools.authoring.notebooks import EDITIONS, ROOT, find, path_of, read, shown, stop, write
from tools.authoring.tidy import COLORS, tidy

CELL_TIMEOUT_S = 1200
OWN_SETTINGS = ("AIGC_STRICT", "AIGC_SEED", "AIGC_FACTS", "MPLBACKEND")  # an author's settings that must not leak in


class CellFailed(Exception):
    """A cell that did not run to its end; the message names it and holds the traceback."""


def environment(progress: str) -> dict[str, str]:
    """The kernel's environment: quick scale, no progress bars, a progress file that is not the author's own."""
    kept = {name: value for name, value in os.environ.items() if name not in OWN_SETTINGS}
    return {**kept, "AIGC_SCALE": "quick", "AIGC_PROGRESS": progress, "TQDM_DISABLE": "1"}


def client_of(nb: NotebookNode, folder: Path, cell_seconds: int) -> NotebookClient:
    """What runs the notebook's cells, with `folder` as working folder; its kernel is not started yet."""
    return NotebookClient(
        nb,
        timeout=cell_seconds,
        kernel_name="python3",
        record_timing=False,
        store_widget_state=False,
        resources={"metadata": {"path": str(folder)}},
    )


def run(nb: NotebookNode, folder: Path) -> NotebookNode:
    """Execute the notebook in place with `folder` as working folder; CellFailed for the first cell that fails."""
    client = client_of(nb, folder, CELL_TIMEOUT_S)
    with tempfile.TemporaryDirectory() as scratch:
        settings = environment(str(Path(scratch) / "progress.json"))
        with client.setup_kernel(env=settings):
            for index, cell in enumerate(nb.cells):
                try:
                    client.execute_cell(cell, index)
                except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
                    details = COLORS.sub("", str(error))
                    raise CellFailed(f"cell [{cell.id}] failed\n{details}") from error
    return nb


def execute(stem: str, wanted: tuple[str, ...], root: Path = ROOT) -> None:
    """Execute one chapter in the `wanted` editions; nothing is written unless all of them run to the end."""
    paths = {edition: path_of(stem, edition, root) for edition in wanted}
    notebooks = {edition: read(path) for edition, path in paths.items()}
    if len(wanted) == 2 and (found := editions.code_differences(*notebooks.values())):
        raise ValueError(
            f"{stem}: the editions' code differs ({found[0]}); first say which one is right: make editions FROM=zh|en"
        )
    for edition, nb in notebooks.items():
        begin = time.perf_counter()
        try:
            run(nb, paths[edition].parent)
        except CellFailed as error:
            raise CellFailed(f"{shown(paths[edition], root)}, {error}") from error
        print(f"{shown(paths[edition], root)}: ran in {time.perf_counter() - begin:.1f} s")
        for line in tidy(nb, root):
            print(f"  dropped from stderr: {line}")
    for edition, nb in notebooks.items():
        write(paths[edition], nb)


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    """The command line; the exit status is 1 when a chapter failed."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.authoring.execute", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("chapter", nargs="*", help="05_1, 05 (all of part 5) or a file name; all chapters without")
    parser.add_argument("--edition", choices=[*EDITIONS, "both"], default="both")
    options = parser.parse_args(arguments)
    wanted = EDITIONS if options.edition == "both" else (options.edition,)
    try:
        chapters = find(options.chapter, root)
    except ValueError as error:
        return stop(error)
    failed = 0
    for stem in chapters:
        try:
            execute(stem, wanted, root)
        except (CellFailed, ValueError, FileNotFoundError) as error:
            failed = stop(error)
    if len(wanted) == 1 and not failed:
        print(f"only the edition {wanted[0]} was run; the other one keeps the outputs that it has")
    return failed


if __name__ == "__main__":
    sys.exit(main())
