"""Checks of the exercises on backpropagation: a neuron by hand, the backward pass, a slope, the rule of softmax."""

import math
from collections.abc import Callable

import numpy as np

from aigc_course.kit.practice.checks import Wrong, call, close, numbers


def check_neuron(yours: Callable[[float, float, float, float], tuple[float, float]]) -> None:
    """`yours(w, b, x, t)` is (dL/dw, dL/db) of L = (tanh(w x + b) - t)²."""
    for w, b, x, t in ((0.5, -0.3, 2.0, 1.0), (-1.2, 0.4, 0.7, -0.5), (0.3, 0.2, -1.5, 0.9)):
        result = call(yours, w, b, x, t)
        if not isinstance(result, list | tuple | np.ndarray) or len(result) != 2:
            raise Wrong("two_numbers", got=result)
        got = numbers(result, (2,))
        y = math.tanh(w * x + b)
        shared = 2 * (y - t) * (1 - y * y)
        expected = np.array([shared * x, shared])
        if not close(got, expected):
            raise Wrong(_cause_of_neuron(got, (w, b, x, t)), w=w, b=b, x=x, t=t, expected=expected, got=got)


def _cause_of_neuron(got: np.ndarray, case: tuple[float, float, float, float]) -> str:
    w, b, x, t = case
    z = w * x + b
    y = math.tanh(z)
    outer, inner, ends = 2 * (y - t), 1 - y * y, np.array([x, 1.0])
    causes = {
        "swapped": [outer * inner * ends[::-1]],
        "sign": [-outer * inner * ends],
        "factor": [outer / 2 * inner * ends],
        "no_tanh": [outer * ends, 2 * (z - t) * ends],
        "slope_of_tanh": [outer * slope * ends for slope in (1 - z * z, 1 - y, y, 1 - math.tanh(y) ** 2)],
        "no_x": [outer * inner * np.array([1.0, 1.0]), outer * inner * np.array([w, 1.0])],
        "x_in_both": [outer * inner * np.array([x, x])],
        "not_the_loss": [inner * ends],
    }
    return next((key for key, values in causes.items() if any(close(got, value) for value in values)), "value")


Edges = list[tuple[int, int, float]]  # (source, target, slope), in the order of the targets

# nodes and edges of a square, a chain, a node used at two depths, two branches, and a leaf that L does not depend on
GRAPHS: tuple[tuple[int, Edges], ...] = (
    (2, [(0, 1, 3.0), (0, 1, 3.0)]),
    (4, [(0, 1, 2.0), (1, 2, -0.5), (2, 3, 4.0)]),
    (4, [(0, 1, 3.0), (0, 1, 3.0), (1, 2, 3.0), (0, 2, 9.0), (1, 3, 1.0), (2, 3, 1.0)]),
    (5, [(0, 2, 2.0), (1, 2, -1.0), (1, 3, 0.5), (2, 4, 0.25), (3, 4, 3.0)]),
    (4, [(0, 2, 1.5), (2, 3, 2.0), (0, 3, -1.0)]),
)


def walk(num_nodes: int, edges: Edges, *, add: bool = True) -> np.ndarray:
    """dL/d(node) of every node when the edges are walked in this order; without `add`, shares replace each other."""
    gradients = np.zeros(num_nodes)
    gradients[-1] = 1.0
    for source, target, slope in edges:
        gradients[source] = gradients[target] * slope + (gradients[source] if add else 0.0)
    return gradients


def check_backward(yours: Callable[[int, Edges], list[float]]) -> None:
    """`yours(num_nodes, edges)` is dL/d(node) of every node, where L is the last one."""
    for n, edges in GRAPHS:
        backwards = edges[::-1]
        expected = walk(n, backwards)
        result = call(yours, n, edges)
        if not isinstance(result, list | tuple | np.ndarray) or len(result) != n:
            raise Wrong("one_each", n=n, got=result)
        got = numbers(result, (n,))
        if close(got, expected):
            continue
        causes = {
            "no_start": np.zeros(n),
            "reversed": expected[::-1],
            "forwards": walk(n, edges),
            "overwritten": walk(n, backwards, add=False),
            "last": np.append(expected[:-1], got[-1]),
        }
        cause = next((key for key, value in causes.items() if close(got, value)), "value")
        raise Wrong(cause, n=n, edges=edges, expected=expected, got=got)


def check_swish(yours: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]) -> None:
    """`yours(x)` is x·sigmoid(x) and its derivative, finite for all x."""
    rng = np.random.default_rng(3)
    for x in (
        np.array([-2.0, -0.5, 0.3, 1.7]),
        rng.normal(0, 2, (3, 4)),
        np.array([-1000.0, -50.0, 0.0, 50.0, 1000.0]),
    ):
        result = call(yours, x)
        if not isinstance(result, tuple | list) or len(result) != 2:
            raise Wrong("two_arrays", kind=type(result).__name__)
        value, slope = (numbers(array, x.shape) for array in result)
        s = 0.5 + 0.5 * np.tanh(x / 2)
        true_slope = s + x * s * (1 - s)
        if not (np.isfinite(value).all() and np.isfinite(slope).all()):
            bad = ~(np.isfinite(value) & np.isfinite(slope))
            raise Wrong("overflow", x=x[bad][0], y=value[bad][0], slope=slope[bad][0])
        if not close(value, x * s):
            i = np.unravel_index(np.argmax(np.abs(value - x * s)), x.shape)
            raise Wrong("y", x=x[i], expected=(x * s)[i], got=value[i])
        if not close(slope, true_slope):
            causes = {
                "first_term": s,
                "second_term": x * s * (1 - s),
                "sigmoid_slope": s * (1 - s),
                "minus": s - x * s * (1 - s),
            }
            cause = next((key for key, wrong in causes.items() if close(slope, wrong)), "slope")
            i = np.unravel_index(np.argmax(np.abs(slope - true_slope)), x.shape)
            raise Wrong(cause, x=x[i], expected=true_slope[i], got=slope[i])


def check_softmax(yours: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> None:
    """`yours(p, g)` is dL/dz for p = softmax(z) and g = dL/dp."""
    rng = np.random.default_rng(4)
    for batch, classes in ((4, 3), (3, 3), (1, 3), (5, 10)):
        z, g = rng.normal(0, 1, (batch, classes)), rng.normal(0, 1, (batch, classes))
        p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
        expected = p * (g - (p * g).sum(axis=1, keepdims=True))
        got = numbers(call(yours, p, g), (batch, classes))
        if not close(got, expected):
            causes = {
                "diagonal": g * p * (1 - p),
                "only_p": p * g,
                "no_p": g - (p * g).sum(axis=1, keepdims=True),
                "sign": -expected,
                "sum_of_g": p * (g - g.sum(axis=1, keepdims=True)),
                "wrong_axis": p * (g - (p * g).sum(axis=0)),
                "all_rows": p * (g - (p * g).sum()),
            }
            cause = next((key for key, wrong in causes.items() if close(got, wrong)), "value")
            total = np.abs(got.sum(axis=1)).max()
            raise Wrong(cause, batch=batch, classes=classes, expected=expected[0], got=got[0], total=total)
