"""A computational graph as a picture: what was computed from what, and the gradients that flow back through it.

It draws all that has `data`, `grad`, `inputs` and `name`, such as the two kinds of node of chapter 4.1.
"""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch

from aigc_course.kit.figures.animation import show_animation
from aigc_course.kit.figures.plotting import BLUE, RED, figure

PALE, GREY = "#b0b0b0", "#606060"
HALF_WIDTH, HALF_HEIGHT = 0.31, 0.36  # of a box; columns and rows are 1 apart


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
    reached:  so many nodes, counted from the result, show their gradient in red; all of them by default
    An arrow carries the slope of the result along the input where the node knows it (`slopes`).
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
            ends = (x + HALF_WIDTH, y + aside), (to_x - HALF_WIDTH, to_y + aside)
            _draw_arrow(ax, *ends, slope, RED if lit else GREY)
        _draw_box(ax, places[node], node, (labels or {}).get(node, node.name), node in has_gradient)
    ax.set(xlim=(-0.45, columns - 0.55), ylim=(-0.45, rows - 0.55))
    ax.set_axis_off()
    return ax


def show_graph(
    order: Sequence[Any], labels: Mapping[Hashable, str] | None = None, *, alt: str, reached: int | None = None
) -> None:
    """Display `plot_graph`, in few colours so that it takes little space; alt: an English sentence on what it shows."""
    show_animation([plot_graph(order, labels, reached=reached).figure], alt)


def layout(order: Sequence[Any]) -> dict[Hashable, tuple[int, float]]:
    """Column and row of each node: results right of their inputs and amid them, a leaf just before its first use."""
    column: dict[Hashable, int] = {}
    row: dict[Hashable, float] = {}
    for node in order:
        column[node] = 1 + max((column[source] for source in node.inputs), default=-1)
        free = sum(not other.inputs for other in row)
        row[node] = float(np.mean([row[source] for source in node.inputs])) if node.inputs else free
    for leaf in [node for node in order if not node.inputs]:
        uses = [column[node] for node in order if any(source is leaf for source in node.inputs)]
        column[leaf] = min(uses, default=1) - 1
    return {node: (column[node], row[node]) for node in order}


def _draw_arrow(ax: Axes, tail: tuple, head: tuple, text: str, colour: str) -> None:
    """An arrow with the slope on it."""
    arrow = {"arrowstyle": "-|>", "color": colour, "linewidth": 1.1, "shrinkA": 0, "shrinkB": 0}
    ax.annotate("", xy=head, xytext=tail, arrowprops=arrow, zorder=1)
    if text:
        middle = [(a + b) / 2 for a, b in zip(tail, head, strict=True)]
        background = {"boxstyle": "round,pad=0.1", "facecolor": "white", "edgecolor": "none"}
        ax.text(*middle, text, ha="center", va="center", fontsize=8, color=BLUE, bbox=background, zorder=3)


def _draw_box(ax: Axes, place: tuple, node: Any, label: str, has_gradient: bool) -> None:
    """Name, value (or shape) and gradient (or its length) of a node, one below the other."""
    single = np.ndim(node.data) == 0
    value = f"{float(node.data):.3g}" if single else f"({', '.join(map(str, node.data.shape))})"
    edge = {
        "edgecolor": RED if has_gradient else PALE,
        "facecolor": "white",
        "boxstyle": "round,pad=0,rounding_size=0.05",
    }
    corner = (place[0] - HALF_WIDTH, place[1] - HALF_HEIGHT)
    ax.add_patch(FancyBboxPatch(corner, 2 * HALF_WIDTH, 2 * HALF_HEIGHT, mutation_aspect=1.5, zorder=2, **edge))
    ax.text(*place, f"{label}\n{value}\n", ha="center", va="center", fontsize=8.5, zorder=3)
    if has_gradient and node.grad is not None:
        gradient = f"{float(node.grad):.3g}" if single else f"length {np.linalg.norm(node.grad):.2g}"
        ax.text(*place, f"\n\n{gradient}", ha="center", va="center", fontsize=8.5, color=RED, zorder=3)
