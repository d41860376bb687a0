"""Checks of the exercises on backpropagation: a neuron by hand, the backward pass, a slope, the rule of softmax."""

from types import SimpleNamespace
from typing import Any

import numpy as np

from aigc_course.kit.practice.checks import Function, check_cases, close

Edges = list[tuple[int, int, float]]  # (source, target, slope), in the order of the targets

# nodes and edges of a square, a chain, a node used at two depths, two branches, and a leaf that L does not depend on
GRAPHS: tuple[tuple[int, Edges], ...] = (
    (2, [(0, 1, 3.0), (0, 1, 3.0)]),
    (4, [(0, 1, 2.0), (1, 2, -0.5), (2, 3, 4.0)]),
    (4, [(0, 1, 3.0), (0, 1, 3.0), (1, 2, 3.0), (0, 2, 9.0), (1, 3, 1.0), (2, 3, 1.0)]),
    (5, [(0, 2, 2.0), (1, 2, -1.0), (1, 3, 0.5), (2, 4, 0.25), (3, 4, 3.0)]),
    (4, [(0, 2, 1.5), (2, 3, 2.0), (0, 3, -1.0)]),
)


def check_neuron(yours: Function) -> None:
    """`yours(w, b, x, t)` is (dL/dw, dL/db) of L = (tanh(w x + b) - t)²."""
    check_cases(
        "04_1.neuron",
        yours,
        [(0.5, -0.3, 2.0, 1.0), (-1.2, 0.4, 0.7, -0.5), (0.3, 0.2, -1.5, 0.9)],
        show=lambda its: {"expected": its.expected, "got": its.got},
        form="two_numbers",
    )


def check_backward(yours: Function) -> None:
    """`yours(num_nodes, edges)` is dL/d(node) of every node, where L is the last one."""
    check_cases(
        "04_1.backward",
        yours,
        GRAPHS,
        guess=lambda its: {"last": close(its.got[:-1], its.expected[:-1])},
        form="one_each",
    )


def check_swish(yours: Function) -> None:
    """`yours(x)` is x·sigmoid(x) and its derivative, finite for all x."""
    rng = np.random.default_rng(3)
    arrays = np.array([-2.0, -0.5, 0.3, 1.7]), rng.normal(0, 2, (3, 4)), np.array([-1000.0, -50.0, 0.0, 50.0, 1000.0])
    check_cases(
        "04_1.swish",
        yours,
        [(x,) for x in arrays],
        show=_worst_of_swish,
        guess=lambda its: {_worst_of_swish(its)["part"]: True},
        form="two_arrays",
    )


def _worst_of_swish(its: SimpleNamespace) -> dict[str, Any]:
    """The element to speak of: one that is not finite, else the largest error of the values, else of the slopes."""
    (y, slope), (right_y, right_slope) = its.got, its.expected
    infinite = ~(np.isfinite(y) & np.isfinite(slope))
    part, got, expected = ("slope", slope, right_slope) if close(y, right_y) else ("y", y, right_y)
    if infinite.any():
        part = "overflow"
    at = np.unravel_index((infinite if infinite.any() else np.abs(got - expected)).argmax(), y.shape)
    shown = {"y": y[at], "slope": slope[at]}
    return {"part": part, "x": its.x[at], "expected": expected[at], "got": got[at]} | shown


def check_softmax(yours: Function) -> None:
    """`yours(p, g)` is dL/dz for p = softmax(z) and g = dL/dp."""
    rng = np.random.default_rng(4)
    cases = []
    for batch, classes in ((4, 3), (3, 3), (1, 3), (5, 10)):
        z, g = rng.normal(0, 1, (batch, classes)), rng.normal(0, 1, (batch, classes))
        cases.append((np.exp(z) / np.exp(z).sum(axis=1, keepdims=True), g))
    check_cases("04_1.softmax", yours, cases, show=lambda its: {"total": np.abs(its.got.sum(axis=1)).max()})
