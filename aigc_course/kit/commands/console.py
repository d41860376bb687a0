"""What all commands share: the reader's language, tables, and a failure that is one line."""

import os
import sys
from typing import Any

import typer
from typer.core import TyperGroup

from aigc_course.kit.runtime import WrongSetting


def system_language() -> str:
    """ "zh" or "en", as the locale asks; English for every other language.

    As gettext does, LANGUAGE (a list such as "zh_CN:en") comes before LC_ALL, LC_MESSAGES and LANG.
    """
    names = ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")
    wanted = next((os.environ[name] for name in names if os.environ.get(name)), "")
    known = [part[:2] for part in wanted.lower().split(":") if part[:2] in ("zh", "en")]
    return known[0] if known else "en"


class Commands(TyperGroup):
    """Commands whose failure is one line on stderr: exit status 2 for a wrong argument, 1 for everything else."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except (typer.Exit, typer.Abort):
            raise
        except (ValueError, OSError, RuntimeError, MemoryError) as error:
            print(str(error) or type(error).__name__, file=sys.stderr)
            is_argument = isinstance(error, ValueError) and not isinstance(error, WrongSetting)
            raise SystemExit(2 if is_argument else 1) from error


def print_table(columns: list[str], rows: list[tuple[str, ...]], styles: list[str] | None = None) -> None:
    """Print a table; `styles` colors its rows where the terminal has colors.

    It is as wide as the terminal, or wide enough for whole lines in a pipe or file.
    """
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*columns, box=box.SIMPLE_HEAD, pad_edge=False)
    for row, style in zip(rows, styles or [""] * len(rows), strict=True):
        table.add_row(*(Text(cell, style=style) for cell in row))
    Console(width=None if sys.stdout.isatty() else 160, soft_wrap=False, highlight=False).print(table)
