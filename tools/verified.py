"""The last verified results: what each notebook took when it last passed as a test, in docs/verified.csv.

    make test CHAPTER=05_1          or any other run of nbval with AIGC_STRICT=1 and the plugin tools.nbval_table
    python -m tools.verified        merges what the runs left in build/verified/ into the list

A row is one run in which all cells of a notebook passed; of the same notebook, device, scale and source of the data
the latest run counts. Nothing is written by hand: the web book shows the list and says which code changed since.
"""

import datetime
import hashlib
import importlib.metadata
import json
import os
import platform
import sys
from pathlib import Path

from aigc_course.storage import files
from aigc_course.storage.tables import read_rows, write_rows
from tools.authoring.notebooks import EDITIONS, ROOT, path_of, shown, stop

LEFT = Path("build") / "verified"  # one file a notebook, device, scale and source of the data
LIBRARIES = ("numpy", "torch", "tensorflow", "tensorflow-cpu", "transformers")
LIST = Path("docs") / "verified.csv"
KEY = ("notebook", "edition", "device", "scale", "data")
COLUMNS = (*KEY, "seconds", "cpu_seconds", "peak_mib", "machine", "versions", "date", "code")

Row = dict[str, str]


def leave(row: dict, notebook: Path, root: Path) -> Path | None:
    """Write to LEFT what nbval_table knows of a notebook that passed; None, and nothing, unless all its cells ran."""
    sources = code_of(notebook)
    if row["cells"] != len(sources):
        return None
    facts = {name: row.get(name, "-") for name in KEY}
    used = {"seconds": round(row["seconds"]), "cpu_seconds": round(row["CPU s"]), "peak_mib": round(row["peak MiB"])}
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    entry = facts | used | {"machine": machine(), "versions": versions(), "date": today, "code": hashed(sources)}
    file = root / LEFT / f"{'.'.join(facts.values())}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    files.write(file, json.dumps(entry, ensure_ascii=False).encode())
    return file


def code_of(notebook: Path) -> list[str]:
    """The sources of a notebook's code cells, in order."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


def hashed(sources: list[str]) -> str:
    """A short name for exactly this code."""
    return hashlib.sha256("\0".join(sources).encode()).hexdigest()[:12]


def machine() -> str:
    """The processor's name, where the system tells it, and how many the system sees."""
    told = Path("/proc/cpuinfo")
    lines = told.read_text(encoding="utf-8", errors="replace").splitlines() if told.is_file() else []
    named = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return f"{named or platform.processor() or platform.machine()}, {os.cpu_count()} CPUs"


def versions() -> str:
    """Python and the libraries that decide what a chapter computes."""
    found = [f"Python {platform.python_version()}"]
    for name in LIBRARIES:
        try:
            found.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            continue
    return ", ".join(found)


def rows(root: Path = ROOT) -> list[Row]:
    """The list as it is stored; [] while there is none. ValueError for a file with other columns."""
    path = root / LIST
    if not path.is_file():
        return []
    names, found = read_rows(path)
    if names != COLUMNS:
        raise ValueError(f"{path} has the columns {', '.join(names)}; expected {', '.join(COLUMNS)}")
    return found


def left_by_runs(root: Path = ROOT) -> list[Row]:
    """What test runs left; ValueError for a file that is no such row."""
    found = []
    for path in sorted((root / LEFT).glob("*.json")):
        try:
            row = json.loads(path.read_text(encoding="utf-8"))
        except json.JSONDecodeError as error:
            raise ValueError(f"{path} is damaged ({error}); remove it and run the notebook again") from error
        if not isinstance(row, dict) or set(row) != set(COLUMNS):
            raise ValueError(f"{path} was not written by this tools.nbval_table; remove it and run the notebook again")
        found.append({name: str(row[name]) for name in COLUMNS})
    return found


def merged(old: list[Row], new: list[Row], root: Path = ROOT) -> list[Row]:
    """One row a notebook, edition, device, scale and source of data, the latest; none of notebooks that are gone."""
    latest: dict[tuple[str, ...], Row] = {}
    for row in sorted([*old, *new], key=lambda row: row["date"]):  # of one day the new ones come last
        if path_of(row["notebook"], row["edition"], root).is_file():
            latest[tuple(row[name] for name in KEY)] = row
    return [latest[key] for key in sorted(latest, key=lambda key: (key[0], EDITIONS.index(key[1]), *key[2:]))]


def is_current(row: Row, root: Path = ROOT) -> bool:
    """Whether the notebook's code is still the one that ran."""
    return hashed(code_of(path_of(row["notebook"], row["edition"], root))) == row["code"]


def write(table: list[Row], root: Path = ROOT) -> None:
    """Store the list, whole or not at all."""
    write_rows(root / LIST, table, COLUMNS)


def main(root: Path = ROOT) -> int:
    """Merge; the exit status."""
    try:
        new = left_by_runs(root)
        if not new:
            raise ValueError(f"{shown(root / LEFT, root)} holds no runs; make test CHAPTER=05_1 leaves some there")
        table = merged(rows(root), new, root)
    except ValueError as error:
        return stop(error)
    write(table, root)
    changed = sum(not is_current(row, root) for row in table)
    print(f"{LIST.as_posix()}: {len(table)} rows, {changed} of them of code that has changed since")
    return 0


if __name__ == "__main__":
    sys.exit(main())
