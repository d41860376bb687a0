"""What only a notebook can show: source code in colour, and diagrams that every viewer of notebooks can display."""

import inspect
import textwrap
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch

from aigc_course.kit.figures.plotting import BLUE, GREEN, ORANGE, RED, figure, show


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


STATES = {  # of a box: the sign before its text, the colour of its edge, the colour inside
    "waiting": ("", BLUE, "white"),
    "done": ("✓ ", GREEN, "#e5f3ee"),
    "failed": ("✗ ", RED, "#fbe9dd"),
    "again": ("↻ ", ORANGE, "#fdf3df"),
}
HALF_WIDTH, HALF_HEIGHT = 0.42, 0.33  # of a box; columns and rows are 1 apart


def diagram(
    steps: Sequence[str],
    *,
    done: int = 0,
    states: Sequence[str] = (),
    notes: Sequence[str] = (),
    back: tuple[int, int] | None = None,
    alt: str | None = None,
    columns: int = 3,
) -> None:
    """Draw ordered steps as boxes joined by arrows, as a picture (GitHub, Colab, Binder and a web page all show it).

    steps:    the boxes' texts in order, short
    done:     so many of the first boxes are done; or states: "waiting", "done", "failed" or "again" for each box
    notes:    a short second line for each box, "" for none
    back:     (from, to), positions of two boxes that a dashed arrow joins against the order: a loop
    columns:  boxes a row; the rows run left to right, then right to left, like an ox ploughing
    """
    if not steps:
        raise ValueError("diagram needs at least one step")
    states = states or ["done"] * done + ["waiting"] * (len(steps) - done)
    notes = notes or [""] * len(steps)
    rows, width = -(-len(steps) // columns), min(columns, len(steps))
    fig, ax = figure(width=2.55 * width, height=1.05 * rows)
    places = []
    for number in range(len(steps)):
        row, place = divmod(number, columns)
        places.append((place if row % 2 == 0 else columns - 1 - place, -row))
    for place, text, state, note in zip(places, steps, states, notes, strict=True):
        _draw_box(ax, place, text, state, note)
    for here, there in pairwise(places):
        _draw_arrow(ax, here, there)
    if back:
        _draw_arrow(ax, places[back[0]], places[back[1]], linestyle="--", color=ORANGE, linewidth=1.8)
    ax.set(xlim=(-0.5, width - 0.5), ylim=(-rows + 0.5, 0.5))
    ax.set_axis_off()
    show(fig, alt or _in_words(steps, states, notes, back))


def _draw_box(ax: Axes, place: tuple[int, int], text: str, state: str, note: str) -> None:
    (x, y), (sign, edge, inside) = place, STATES[state]
    corner = (x - HALF_WIDTH, y - HALF_HEIGHT)
    style = {"boxstyle": "round,pad=0,rounding_size=0.06", "edgecolor": edge, "facecolor": inside, "linewidth": 1.2}
    ax.add_patch(FancyBboxPatch(corner, 2 * HALF_WIDTH, 2 * HALF_HEIGHT, zorder=2, **style))
    title, lines = textwrap.fill(sign + text, 26), textwrap.wrap(note, 33, max_lines=2, placeholder=" …")
    lift = 0.085 * len(lines)
    ax.text(
        x,
        y + lift,
        title,
        ha="center",
        va="center",
        fontsize=9,
        weight="normal" if state == "waiting" else "bold",
        zorder=3,
    )
    if lines:
        ax.text(x, y - 0.13, "\n".join(lines), ha="center", va="center", fontsize=7.5, color="#404040", zorder=3)


def _draw_arrow(ax: Axes, here: tuple[int, int], there: tuple[int, int], **style: object) -> None:
    """From edge to edge of two boxes: straight along a row or column, else from the upper or lower edges."""
    across, up = np.sign(there[0] - here[0]), np.sign(there[1] - here[1])
    reach = (0, up * HALF_HEIGHT) if up else (across * HALF_WIDTH, 0)
    ends = (here[0] + reach[0], here[1] + reach[1]), (there[0] - reach[0], there[1] - reach[1])
    arrow = {"arrowstyle": "-|>", "mutation_scale": 13, "color": "#606060", "shrinkA": 1, "shrinkB": 1} | style
    ax.annotate("", xy=ends[1], xytext=ends[0], arrowprops=arrow, zorder=1)


def _in_words(steps: Sequence[str], states: Sequence[str], notes: Sequence[str], back: tuple[int, int] | None) -> str:
    """What the diagram shows, as a sentence."""
    said = []
    for step, state, note in zip(steps, states, notes, strict=True):
        remark = ": ".join(word for word in (state if state != "waiting" else "", note) if word)
        said.append(f"{step} ({remark})" if remark else step)
    loop = f"; a dashed arrow leads back from {steps[back[0]]} to {steps[back[1]]}" if back else ""
    return f"A flow diagram of {len(steps)} steps: {' → '.join(said)}{loop}."
