"""What one line of the doctor's table holds."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

Say = Callable[[str, str], str]  # takes the Chinese and the English text, returns the reader's

MARKS = {"ok": "✓", "hint": "!", "problem": "✗"}


class Check(NamedTuple):
    """One line of the table."""

    name: str
    value: str
    state: str = "ok"  # "ok", "hint" (the course runs, but) or "problem" (it cannot run)
    advice: str = ""  # what to do; empty when there is nothing to do

    @property
    def mark(self) -> str:
        """The sign in front of the line."""
        return MARKS[self.state]


def shown(path: Path) -> str:
    """A path as others may see it: inside the repository or the home folder, without what lies above."""
    root = Path(__file__).resolve().parents[4]
    for base, prefix in ((root, ""), (Path.home(), "~/")):
        if path.is_relative_to(base):
            return prefix + path.relative_to(base).as_posix()
    return str(path)
