"""Checks of the exercises on tools: how often a function is traced, the memory of a cache, padding; packing batches."""

import numbers

import numpy as np

from aigc_course.kit.practice.answers import call
from aigc_course.kit.practice.checks import Function, check_cases
from aigc_course.kit.practice.exercises import Wrong

MOST, START = 1024, 64  # cells of a batch; what starting one costs, in cells


def check_traces(yours: Function) -> None:
    """`yours(calls)` is how often tf.function runs Python for these calls."""
    cases = [
        ([("tensor", (2,)), ("tensor", (2,)), ("tensor", (3,)), ("tensor", (4,)), ("tensor", (5,))],),
        ([("number", 1), ("number", 2), ("number", 1), ("tensor", ()), ("tensor", ())],),
        ([("tensor", (2, 3)), ("number", 7), ("tensor", (3, 2)), ("tensor", (2, 3)), ("number", 7), ("tensor", (6,))],),
        ([("tensor", (4,)), ("tensor", (3,)), ("tensor", (4,)), ("tensor", (3,)), ("tensor", (4,))],),
        ([],),
    ]
    check_cases("07.traces", yours, cases)


def check_cache(yours: Function) -> None:
    """`yours(num_layers, dim, length, batch_size, bytes_each)` is the size of a key-value cache in bytes."""
    cases = [(4, 256, 100, 1, 4), (12, 768, 1024, 3, 2), (2, 8, 5, 7, 1), (1, 16, 9, 2, 4), (6, 5, 3, 11, 2)]
    check_cases("07.cache", yours, cases)


def check_padding(yours: Function) -> None:
    """`yours(texts, padding)` are rows of equal length, filled up on the left."""
    cases = [
        ([[5, 6], [7, 8, 9, 4], [3]], 0),
        ([[1, 2, 3], [4, 5, 6]], 9),
        ([[8]], 0),
        ([[2], [], [3, 4, 5]], 7),
        ([[11, 12, 13], [14], [15, 16]], 1),
    ]
    check_cases("07.padding", yours, cases)


def score_pack(yours: Function) -> float:
    """Cost per token of 300 unseen texts in the batches of `yours(lengths, most)`: cells with padding, and starts."""
    rng = np.random.default_rng(2026)
    lengths = [int(n) for n in np.clip(rng.lognormal(3.2, 0.8, 300), 1, 400)]
    batches = call(yours, list(lengths), MOST)
    if not isinstance(batches, list | tuple) or not all(isinstance(batch, list | tuple) for batch in batches):
        raise Wrong("form", kind=type(batches).__name__)
    flat = [at for batch in batches for at in batch]
    if not all(isinstance(at, numbers.Integral) for at in flat) or sorted(flat) != list(range(len(lengths))):
        raise Wrong("every_text", texts=len(lengths))
    cost = 0
    for batch in filter(None, batches):
        cells = len(batch) * max(lengths[at] for at in batch)
        if cells > MOST:
            raise Wrong("too_large", cells=cells, most=MOST)
        cost += START + cells
    return cost / sum(lengths)
