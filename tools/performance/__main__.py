"""Measure speed against the peers and write docs/performance: a table as CSV, and a page of it in each language.

    python -m tools.performance [NAME ...]     NAME, a benchmark of words.toml such as autograd; all of them without
        --pages                                only write the pages anew

Ours and the peer are measured in one run by tools/bench; nothing is written that was not measured. A machine that is
busy is said to be so in the table (its load), not waited for.
"""

import argparse
import importlib.metadata
import json
import os
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path

from aigc_course.storage.tables import write_rows
from tools.authoring.bands import machine
from tools.authoring.notebooks import EDITIONS, ROOT, write_text
from tools.performance import pages
from tools.performance.figures import LOG


def measure(bench: str) -> list[dict[str, str]]:
    """Run one benchmark; the rows of its comparisons. RuntimeError where it fails."""
    load = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "?"
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "figures"
        result = subprocess.run(
            [sys.executable, "-m", f"tools.bench.{bench}"], cwd=ROOT, env=os.environ | {LOG: str(log)}, check=False
        )
        if result.returncode or not log.is_file():
            raise RuntimeError(f"tools.bench.{bench} ended with status {result.returncode} and gave no figures")
        found = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    rows = []
    for each in found:
        packages = pages.words()[each["figure"]]["packages"]
        versions = ", ".join(f"{package} {importlib.metadata.version(package)}" for package in packages)
        where = {"date": date.today().isoformat(), "machine": machine(), "load": load, "versions": versions}
        rows.append({name: str(value) for name, value in (each | where).items()})
    return rows


def write(rows: list[dict[str, str]], root: Path = ROOT) -> None:
    """Store the table, and the pages of it."""
    write_rows(root / pages.TABLE, rows, pages.COLUMNS)
    for language in EDITIONS:
        write_text(root / "docs" / f"performance.{language}.md", pages.page(rows, language))


def main(arguments: list[str] | None = None) -> int:
    """Measure, store, and say what could not be finished."""
    known = list(dict.fromkeys(entry["bench"] for entry in pages.words().values()))
    parser = argparse.ArgumentParser(prog="python -m tools.performance", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("name", nargs="*", choices=[*known, []], help="benchmarks; all of them without")
    parser.add_argument("--pages", action="store_true", help="only write the pages anew")
    options = parser.parse_args(arguments)
    failed = []
    for bench in [] if options.pages else options.name or known:
        print(f"\n=== {bench} ===", flush=True)
        try:
            write(pages.merge(pages.read(ROOT), measure(bench)))
        except RuntimeError as error:
            failed.append(str(error))
    write(pages.merge(pages.read(ROOT), []))
    for problem in failed:
        print(problem, file=sys.stderr)
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
