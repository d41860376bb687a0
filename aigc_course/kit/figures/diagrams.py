"""Boxes and arrows as pictures, which every viewer of notebooks can show: steps in order, and computational graphs.

A graph is drawn of all that has `data`, `grad`, `inputs` and `name`, such as the two kinds of node of chapter 4.1.
"""

import re
import unicodedata
from collections.abc import Hashable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch

from aigc_course.kit.figures.animation import show_animation
from aigc_course.kit.figures.labels import label, phrase
from aigc_course.kit.figures.plotting import BLUE, GREEN, ORANGE, RED, figure, show

PALE, GRAY, DARK = "#b0b0b0", "#606060", "#404040"
STATES = {  # of a step: the sign before its text, the color of its edge, the color inside
    "waiting": ("", BLUE, "white"),
    "done": ("✓ ", GREEN, "#e5f3ee"),
    "again": ("↻ ", ORANGE, "#fdf3df"),
}
COLUMNS = 3  # steps in a row
STEP = (0.42, 0.33)  # half the width and height of a step's box; columns and rows are 1 apart
NODE = (0.31, 0.36)  # of a node's

PIECES = re.compile(
    r"(?:[^\s\u2e80-\uffef]+|[\u2e80-\uffef])[、。，；：！？）》”]*\s*"
)  # of a text, between which a line may end

Place = tuple[float, float]


def draw_box(ax: Axes, place: Place, half_size: tuple[float, float], *, rounding: float, **style: Any) -> None:
    """A box with round corners, its middle at `place`."""
    (x, y), (half_width, half_height) = place, half_size
    corner = (x - half_width, y - half_height)
    shape = f"round,pad=0,rounding_size={rounding}"
    ax.add_patch(FancyBboxPatch(corner, 2 * half_width, 2 * half_height, boxstyle=shape, zorder=2, **style))


def draw_arrow(ax: Axes, tail: Place | np.ndarray, head: Place | np.ndarray, **style: Any) -> None:
    """An arrow, which lies behind the boxes."""
    ax.annotate("", xy=head, xytext=tail, arrowprops={"arrowstyle": "-|>", "color": GRAY} | style, zorder=1)


def write(ax: Axes, place: Place, text: str, **style: Any) -> None:
    """A text, its middle at `place`, in front of everything."""
    ax.text(*place, text, ha="center", va="center", zorder=3, **style)


def diagram(
    steps: Sequence[str],
    *,
    states: Sequence[str] = (),
    notes: Sequence[str] = (),
    back: tuple[int, int] | None = None,
    alt: str | None = None,
) -> None:
    """Draw ordered steps as boxes joined by arrows, three in a row, as an ox plows: left to right, then right to left.

    steps:   the boxes' texts in order, short, in English; drawn in the reader's language where `labels` knows it
    states:  "waiting", "done" or "again" for each box; all are waiting without it
    notes:   a short second line for each box, "" for none
    back:    (from, to), positions of two boxes that a dashed arrow joins against the order: a loop
    alt:     what is to be seen, as a sentence; made from the texts without it
    """
    if not steps:
        raise ValueError("diagram needs at least one step")
    states = states or ["waiting"] * len(steps)
    notes = notes or [""] * len(steps)
    rows, columns = -(-len(steps) // COLUMNS), min(COLUMNS, len(steps))
    places = []
    for number in range(len(steps)):
        row, column = divmod(number, COLUMNS)
        places.append((COLUMNS - 1 - column if row % 2 else column, -row))
    fig, ax = figure(width=2.55 * columns, height=1.05 * rows)
    for place, step, state, note in zip(places, steps, states, notes, strict=True):
        _draw_step(ax, place, label(step), state, note)
    for here, there in pairwise(places):
        _join_steps(ax, here, there)
    if back:
        _join_steps(ax, places[back[0]], places[back[1]], linestyle="--", color=ORANGE, linewidth=1.8)
    ax.set(xlim=(-0.5, columns - 0.5), ylim=(-rows + 0.5, 0.5))
    ax.set_axis_off()
    show(fig, alt or _in_words(steps, states, notes, back))


def _draw_step(ax: Axes, place: Place, text: str, state: str, note: str) -> None:
    sign, edge, inside = STATES[state]
    draw_box(ax, place, STEP, rounding=0.06, edgecolor=edge, facecolor=inside, linewidth=1.2)
    x, y = place
    lines = wrapped(note, 33, max_lines=2) if note else []
    title = "\n".join(wrapped(sign + text, 26))
    write(ax, (x, y + 0.085 * len(lines)), title, fontsize=9, weight="normal" if state == "waiting" else "bold")
    if lines:
        write(ax, (x, y - 0.13), "\n".join(lines), fontsize=7.5, color=DARK)


def wrapped(text: str, width: int, max_lines: int = 9) -> list[str]:
    """The text in lines at most as wide as `width` Latin letters, a Chinese character being as wide as two.

    A line ends after a word or between two Chinese characters, never before a closing mark; what is too much ends in …
    """
    lines, room = [""], width
    for piece in PIECES.findall(text):
        size = sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in piece.rstrip())
        if size > room and lines[-1]:
            lines.append("")
            room = width
        lines[-1] += piece
        room -= size + len(piece) - len(piece.rstrip())
    lines = [line.rstrip() for line in lines]
    return lines if len(lines) <= max_lines else [*lines[: max_lines - 1], lines[max_lines - 1] + " …"]


def _join_steps(ax: Axes, here: Place, there: Place, **style: Any) -> None:
    """From edge to edge of two boxes: straight along a row or column, else from the upper or lower edges."""
    across, up = np.sign(there[0] - here[0]), np.sign(there[1] - here[1])
    reach = np.array([0, up * STEP[1]] if up else [across * STEP[0], 0])
    draw_arrow(ax, here + reach, there - reach, **{"mutation_scale": 13, "shrinkA": 1, "shrinkB": 1} | style)


def _in_words(steps: Sequence[str], states: Sequence[str], notes: Sequence[str], back: tuple[int, int] | None) -> str:
    """What the diagram shows, as a sentence in the reader's language."""
    told, steps = [], [phrase(step) for step in steps]
    for step, state, note in zip(steps, states, notes, strict=True):
        remark = phrase(": ").join(said for said in (phrase(state) if state != "waiting" else "", note) if said)
        told.append(step + (phrase(" ({remark})").format(remark=remark) if remark else ""))
    loop = ""
    if back:
        loop = phrase("; a dashed arrow leads back from {last} to {first}")
        loop = loop.format(last=steps[back[0]], first=steps[back[1]])
    said = phrase("A flow diagram of {n} steps: {steps}{loop}.")
    return said.format(n=len(steps), steps=" → ".join(told), loop=loop)


def show_graph(
    order: Sequence[Any], labels: Mapping[Hashable, str] | None = None, *, alt: str, reached: int | None = None
) -> None:
    """Display `plot_graph`, in few colors so that it takes little space; alt: a sentence on what is to be seen."""
    show_animation([plot_graph(order, labels, reached=reached).figure], alt)


def plot_graph(
    order: Sequence[Any],
    labels: Mapping[Hashable, str] | None = None,
    *,
    reached: int | None = None,
    ax: Axes | None = None,
) -> Axes:
    """The nodes as boxes from the leaves on the left to the result on the right, an arrow from each input to its use.

    order:    all nodes, each one after its inputs, the result last
    labels:   names for some nodes; the others are called after their operation
    reached:  so many nodes, counted from the result, show their gradient in orange; all of them by default
    An arrow carries the slope of the result with respect to the input where the node knows it (`slopes`).
    """
    places = layout(order)
    columns, rows = (1 + max(place[i] for place in places.values()) for i in (0, 1))
    ax = ax or figure(width=min(1.5 * columns, 10.8), height=0.8 * rows)[1]
    has_gradient = set(order[len(order) - (len(order) if reached is None else reached) :])
    for node in order:
        for number, source in enumerate(node.inputs):
            twice = sum(other is source for other in node.inputs) > 1
            aside = 0.17 * (-1) ** number if twice else 0.0  # two arrows side by side
            slope = f"{node.slopes[number]:.3g}" if hasattr(node, "slopes") else ""
            lit = reached is not None and source in has_gradient
            (x, y), (to_x, to_y) = places[source], places[node]
            ends = (x + NODE[0], y + aside), (to_x - NODE[0], to_y + aside)
            draw_arrow(ax, *ends, color=RED if lit else GRAY, linewidth=1.1, shrinkA=0, shrinkB=0)
            if slope:
                middle = ((x + to_x) / 2, (y + to_y) / 2 + aside)
                background = {"boxstyle": "round,pad=0.1", "facecolor": "white", "edgecolor": "none"}
                write(ax, middle, slope, fontsize=8, color=BLUE, bbox=background)
        _draw_node(ax, places[node], node, (labels or {}).get(node, node.name), node in has_gradient)
    ax.set(xlim=(-0.45, columns - 0.55), ylim=(-0.45, rows - 0.55))
    ax.set_axis_off()
    return ax


def layout(order: Sequence[Any]) -> dict[Hashable, Place]:
    """Column and row of each node: results right of their inputs and amid them, a leaf just before its first use."""
    column: dict[Hashable, int] = {}
    row: dict[Any, float] = {}
    for node in order:
        column[node] = 1 + max((column[source] for source in node.inputs), default=-1)
        free = sum(not other.inputs for other in row)
        row[node] = float(np.mean([row[source] for source in node.inputs])) if node.inputs else free
    for leaf in [node for node in order if not node.inputs]:
        uses = [column[node] for node in order if any(source is leaf for source in node.inputs)]
        column[leaf] = min(uses, default=1) - 1
    return {node: (column[node], row[node]) for node in order}


def _draw_node(ax: Axes, place: Place, node: Any, name: str, has_gradient: bool) -> None:
    """Name, value (or shape) and gradient (or its norm) of a node, one below the other."""
    edge = RED if has_gradient else PALE
    draw_box(ax, place, NODE, rounding=0.05, edgecolor=edge, facecolor="white", mutation_aspect=1.5)
    single = np.ndim(node.data) == 0
    value = f"{float(node.data):.3g}" if single else str(node.data.shape)
    write(ax, place, f"{name}\n{value}\n", fontsize=8.5)
    if has_gradient and node.grad is not None:
        gradient = f"{float(node.grad):.3g}" if single else f"{label('norm')} {np.linalg.norm(node.grad):.2g}"
        write(ax, place, f"\n\n{gradient}", fontsize=8.5, color=RED)
