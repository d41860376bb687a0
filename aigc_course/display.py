"""What only a notebook can show: source code in colour, and diagrams that every viewer of notebooks can display."""

import inspect
from collections.abc import Sequence
from itertools import pairwise

from aigc_course.plotting import BLUE, GREEN, figure, show


def show_source(thing: object) -> None:
    """Show the source of a function, class or module of the course, in colour."""
    from IPython.display import Code, display

    try:
        source = inspect.getsource(thing)
    except (TypeError, OSError) as error:
        raise ValueError(
            f"there is no Python source to show for {thing!r}; give a function, class or module that a file defines"
        ) from error
    display(Code(source.rstrip(), language="python"))


def diagram(steps: Sequence[str], *, done: int = 0, alt: str | None = None, columns: int = 3) -> None:
    """Draw ordered steps as boxes joined by arrows, as a picture (GitHub, Colab, Binder and a web page all show it).

    steps:    the boxes' texts in order, short; "\\n" breaks a line
    done:     so many of the first boxes are filled
    columns:  boxes a row; the rows run left to right, then right to left, like an ox ploughing
    """
    if not steps:
        raise ValueError("diagram needs at least one step")
    rows = -(-len(steps) // columns)
    fig, ax = figure(width=2.3 * min(columns, len(steps)), height=0.95 * rows)
    centres = []
    for number in range(len(steps)):
        row, place = divmod(number, columns)
        centres.append((place if row % 2 == 0 else columns - 1 - place, -row))
    for number, ((x, y), text) in enumerate(zip(centres, steps, strict=True)):
        colour = GREEN if number < done else BLUE
        box = {"boxstyle": "round,pad=0.45", "edgecolor": colour, "facecolor": "#e5f3ee" if number < done else "white"}
        ax.text(x, y, text, ha="center", va="center", fontsize=9, bbox=box, zorder=2)
    for here, there in pairwise(centres):
        style = {"arrowstyle": "-|>", "color": "#606060", "shrinkA": 34, "shrinkB": 34}
        if here[0] == there[0]:
            style |= {"shrinkA": 14, "shrinkB": 14}
        ax.annotate("", xy=there, xytext=here, arrowprops=style, zorder=1)
    ax.set(xlim=(-0.5, min(columns, len(steps)) - 0.5), ylim=(-rows + 0.5, 0.5))
    ax.set_axis_off()
    show(fig, alt or f"A flow diagram of {len(steps)} steps: {' → '.join(' '.join(s.split()) for s in steps)}.")
