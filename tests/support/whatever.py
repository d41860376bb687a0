"""Inputs for tests with hypothesis: anything that a program may be handed, as Python's values, arrays and tensors."""

import numpy as np
import torch
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

KINDS = st.sampled_from([np.float32, np.float64, np.int64, np.bool_, np.uint8])
SEEDS = st.integers(0, 2**32 - 1)
REAL = st.floats(-100, 100, allow_nan=False, width=32)
WHATEVER = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 2**70),
    st.floats(),
    st.complex_numbers(),
    st.text(max_size=5),
    st.binary(max_size=5),
    st.lists(st.floats(width=32), max_size=4),
    st.lists(st.lists(st.integers(-2, 9), max_size=3), max_size=3),
    arrays(KINDS, array_shapes(min_dims=0, max_side=4)),
)
TENSORS = arrays(
    st.sampled_from([np.float32, np.float64, np.int64]), array_shapes(min_dims=0, min_side=0, max_side=3)
).map(torch.tensor)


def tensors(*shape: int, low: float = -3, high: float = 3) -> st.SearchStrategy[torch.Tensor]:
    """Finite floats of one shape."""
    return arrays(np.float32, shape, elements=st.floats(low, high, width=32)).map(torch.tensor)


def rng_of(seed: int) -> torch.Generator:
    """A generator of torch on the CPU."""
    return torch.Generator().manual_seed(seed)
