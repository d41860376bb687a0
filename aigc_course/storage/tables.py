"""Tables that come with the course, as CSV files: all rows whole, or an error that says what to do."""

import csv
import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from aigc_course.storage.files import write

ADVICE = "it comes with the course: fetch the course again, or run git checkout -- data"


def read_rows(path: str | Path, columns: tuple[str, ...] = ()) -> tuple[tuple[str, ...], list[dict[str, str]]]:
    """The names of the columns, and a dictionary for each row.

    columns: those that must be there
    FileNotFoundError where there is no file. ValueError for a file that is no table or ends within a line, a missing
    column, and a row of another length, which is named.
    """
    path = Path(path)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            text = file.read()
        reader = csv.DictReader(io.StringIO(text, newline=""))
        names, rows = tuple(reader.fieldnames or ()), list(reader)
    except OSError as error:
        raise FileNotFoundError(f"{path} is missing or cannot be read ({error.strerror}); {ADVICE}") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise ValueError(f"{path.name} is no table ({error}); {ADVICE}") from error
    if missing := [name for name in columns if name not in names]:
        there = ", ".join(names)[:200] or "none"
        raise ValueError(f"{path.name} has no column {', '.join(missing)}; it has {there}; {ADVICE}")
    if text and not text.endswith(("\n", "\r")):
        raise ValueError(f"{path.name} ends in the middle of its last line, so it was cut short; {ADVICE}")
    for line, row in enumerate(rows, start=2):
        if None in row or None in row.values():
            raise ValueError(f"{path.name}, line {line}: the row has more or fewer cells than the header; {ADVICE}")
    return names, rows


def kept_rows(path: str | Path) -> list[dict[str, str]]:
    """The rows that a table has so far: none while it is not there. Otherwise as `read_rows`."""
    return read_rows(path)[1] if Path(path).is_file() else []


def write_rows(path: str | Path, rows: Iterable[Mapping[str, Any]], columns: Iterable[str] = ()) -> None:
    """Store a table, whole or not at all: who is interrupted keeps the one that was there.

    columns: names and order; without them those of the first row. A cell that a row lacks stays empty.
    ValueError for a row with another column, and without a row and columns; OSError as `files.replacing`.
    """
    rows = list(rows)
    names = list(columns) or list(rows[0] if rows else ())
    if not names:
        raise ValueError(f"{Path(path).name}: a table without a row needs its columns")
    text = io.StringIO(newline="")
    table = csv.DictWriter(text, names, lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    write(path, text.getvalue().encode())
