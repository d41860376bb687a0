"""The states of all random generators, of torch, NumPy and Python, and how they are put back."""

import random
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor


def of_torch() -> dict[str, Tensor]:
    """The state of torch's generator on the CPU and on each CUDA device."""
    states = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    return {"cpu": torch.get_rng_state(), **{f"cuda{i}": state for i, state in enumerate(states)}}


def of_python() -> dict[str, Any]:
    """The states of Python's and NumPy's global generators, as JSON can hold them."""
    kind, keys, *rest = np.random.get_state()  # noqa: NPY002  the global generator is the one to restore
    return {"python": random.getstate(), "numpy": [kind, keys.tolist(), *rest]}


def restore(torchs: Mapping[str, Tensor], pythons: Mapping[str, Any]) -> None:
    """Set the generators to what `of_torch` and `of_python` gave; those of CUDA only where the device is there."""
    version, keys, gauss = pythons["python"]
    random.setstate((version, tuple(keys), gauss))
    np.random.set_state(tuple(pythons["numpy"]))  # noqa: NPY002
    torch.set_rng_state(torchs["cpu"])
    for i in range(torch.cuda.device_count()):
        if (state := torchs.get(f"cuda{i}")) is not None:
            torch.cuda.set_rng_state(state, i)
