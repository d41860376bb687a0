"""What one line of the doctor's table holds."""

from pathlib import Path
from typing import NamedTuple

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


def judged(name: str, value: str, is_well: bool, advice: str, otherwise: str = "hint") -> Check:
    """A line that needs advice only where something is not well."""
    return Check(name, value) if is_well else Check(name, value, otherwise, advice)


def home() -> Path:
    """The reader's folder; the empty one below / where a user whom the system does not know has none."""
    try:
        return Path.home()
    except RuntimeError:
        return Path("/no home")


def shown(path: Path) -> str:
    """A path as others may see it: inside the repository or the home folder, without what lies above."""
    root = Path(__file__).resolve().parents[4]
    for base, prefix in ((root, ""), (home(), "~/")):
        if path.is_relative_to(base):
            return prefix + path.relative_to(base).as_posix()
    return str(path)
