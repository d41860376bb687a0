"""Numbers that go into a network must be of the precision of its weights; torch says less clearly that they are not."""

import torch
from torch import Tensor


def check_precision(name: str, numbers: Tensor, weights: Tensor) -> None:
    """ValueError for whole numbers, and where one of the two is of double precision and the other is not.

    Half precision passes: autocast brings it together with float32.
    """
    kinds = (numbers.dtype, weights.dtype)
    if not numbers.is_floating_point() or (torch.float64 in kinds and kinds[0] != kinds[1]):
        wanted = str(weights.dtype).removeprefix("torch.")
        raise ValueError(f"{name} {kinds[0]}: expected {kinds[1]}, as the weights have; give {name}.to(torch.{wanted})")
