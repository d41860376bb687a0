"""Tables that come with the course, as CSV files: all rows whole, or an error that says what to do."""

import csv
from pathlib import Path

ADVICE = "it comes with the course: fetch the course again, or run git checkout -- data"


def read_rows(path: str | Path, columns: tuple[str, ...] = ()) -> tuple[tuple[str, ...], list[dict[str, str]]]:
    """The names of the columns, and a dictionary for each row.

    columns: those that must be there
    FileNotFoundError where there is no file. ValueError for a file that is no table, a missing column, and a row of
    another length, which is named.
    """
    path = Path(path)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            names, rows = tuple(reader.fieldnames or ()), list(reader)
    except OSError as error:
        raise FileNotFoundError(f"{path} is missing or cannot be read ({error.strerror}); {ADVICE}") from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise ValueError(f"{path.name} is no table ({error}); {ADVICE}") from error
    if missing := [name for name in columns if name not in names]:
        there = ", ".join(names)[:200] or "none"
        raise ValueError(f"{path.name} has no column {', '.join(missing)}; it has {there}; {ADVICE}")
    for line, row in enumerate(rows, start=2):
        if None in row or None in row.values():
            raise ValueError(f"{path.name}, line {line}: the row has more or fewer cells than the header; {ADVICE}")
    return names, rows
