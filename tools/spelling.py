"""The spelling of all English text, American: code, comments, questions, pages, and what notebooks' cells say.

    python -m tools.spelling        says where a word is wrong, and what it should be; changes nothing

`typos` knows common mistakes and British forms, without a network. tools/spelling.toml has the course's own words:
those that are right here, and those that are written in one way only. Outputs of notebooks are not read: what a program
prints is checked where the program is, and text that a model made up may well be wrong.
"""

import json
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
WORDS = ROOT / "tools" / "spelling.toml"
TYPOS = shutil.which("typos", path=sysconfig.get_path("scripts")) or "typos"


class Misspelling(NamedTuple):
    """A word, where it stands, and what it may have meant."""

    place: str  # a file and its line, or a notebook and its cell
    word: str
    better: list[str]

    def __str__(self) -> str:
        return f"{self.place}: {self.word} -> {' or '.join(self.better)}"


def main(root: Path = ROOT) -> int:
    """Print every misspelling; the exit status."""
    found = sorted(in_files(root) + in_notebooks(root))
    for misspelling in found:
        print(misspelling)
    if found:
        print(f"{len(found)} misspelled; a word that is right belongs in {WORDS.relative_to(ROOT).as_posix()}")
    return 1 if found else 0


def in_files(root: Path) -> list[Misspelling]:
    """Misspelled words in all files but notebooks; what git ignores is not read."""
    return [Misspelling(f"{path}:{line}", word, better) for path, line, word, better in asked(root)]


def in_notebooks(root: Path) -> list[Misspelling]:
    """Misspelled words in the sources of notebooks' cells, text and code."""
    with tempfile.TemporaryDirectory(prefix="aigc_course-spelling-") as scratch:
        cells: dict[str, list[str]] = {}  # of each notebook, the cell that a line of its text comes from
        for path in sorted(root.glob("notebooks/*/*.ipynb")):
            name, text = f"{path.parent.name}-{path.stem}.txt", ""
            cells[name] = []
            for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
                source = "".join(cell["source"]) + "\n"
                text += source
                cells[name] += [f"{path.relative_to(root).as_posix()} [{cell['id']}]"] * source.count("\n")
            (Path(scratch) / name).write_text(text, encoding="utf-8", newline="\n")
        return [Misspelling(cells[path][line - 1], word, better) for path, line, word, better in asked(Path(scratch))]


def asked(folder: Path) -> list[tuple[str, int, str, list[str]]]:
    """What typos finds in a folder: file, line, word, better words. RuntimeError when it cannot run."""
    command = [TYPOS, "--config", str(WORDS), "--hidden", "--format", "json", "."]
    done = subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8", check=False)
    if done.returncode not in (0, 2):  # 2: it found something
        raise RuntimeError(f"typos failed: {done.stderr.strip()}")
    entries = [json.loads(line) for line in done.stdout.splitlines()]
    return [
        (Path(entry["path"]).as_posix(), entry.get("line_num", 1), entry["typo"], entry["corrections"])
        for entry in entries
        if entry["type"] == "typo"
    ]


if __name__ == "__main__":
    sys.exit(main())
