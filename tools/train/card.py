"""The card beside weights that the course ships, README.md: what they are, how they were made, how good they are."""

import platform
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from aigc_course.storage.files import write

MNIST = "the 60,000 training images of MNIST (LeCun, Cortes, Burges 1998; CC BY-SA 3.0)"


def write_card(folder: Path, title: str, rows: Mapping[str, str]) -> str:
    """Write the card to `folder` and return it: a table, one line for each row, in the order given."""
    lines = [f"# {title}", "", "| | |", "|---|---|", *(f"| {name} | {text} |" for name, text in rows.items())]
    card = "\n".join(lines) + "\n"
    write(folder / "README.md", card.encode())
    return card


def settings_of(recipe: Mapping[str, Any]) -> str:
    """Settings in one line: "num_epochs 12, batch_size 128"."""
    return ", ".join(f"{name} {value}" for name, value in recipe.items())


def time_of(seconds: float, device: str, framework: str) -> str:
    """How long a training took, on what, when and with which programs; framework: its name and version."""
    return f"{seconds:.0f} s on {device}, {date.today()}, {framework}, Python {platform.python_version()}"


def cpu(num_threads: int) -> str:
    """The processor as a device in a card: "1 CPU thread", "2 CPU threads"."""
    return f"{num_threads} CPU thread{'s' * (num_threads > 1)}"
