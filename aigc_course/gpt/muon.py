"""Muon in the precision of the weights: torch's own computes in bfloat16, which few processors do fast."""

import math
from collections.abc import Callable, Iterable

import torch
from torch import Tensor

COEFFICIENTS = (3.4445, -4.775, 2.0315)  # of the polynomial a s + b s^3 + c s^5 that pulls singular values toward 1
STEPS = 5  # so often it is applied
MOMENTUM = 0.95
LIKE_ADAMW = 0.2  # an update's root mean square, as large as AdamW's


def orthogonalized(matrix: Tensor) -> Tensor:
    """About U V^T of the matrix U S V^T: its directions, all equally long. Source: Jordan et al. 2024."""
    a, b, c = COEFFICIENTS
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = x / x.norm().clamp(min=1e-7)
    for _ in range(STEPS):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.T if tall else x


class Muon(torch.optim.Optimizer):
    """Steps that are equally long in all directions of a matrix; as torch.optim.Muon with "match_rms_adamw"."""

    def __init__(self, matrices: Iterable[Tensor], lr: float, weight_decay: float):
        super().__init__(matrices, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """Move every matrix that has a gradient."""
        loss = closure() if closure else None
        for group in self.param_groups:
            for matrix in group["params"]:
                if matrix.grad is None:
                    continue
                state = self.state[matrix]
                if not state:
                    state["momentum_buffer"] = torch.zeros_like(matrix)
                momentum = state["momentum_buffer"].lerp_(matrix.grad, 1 - MOMENTUM)
                update = orthogonalized(matrix.grad.lerp(momentum, MOMENTUM))
                matrix.mul_(1 - group["lr"] * group["weight_decay"])
                matrix.add_(update, alpha=-group["lr"] * LIKE_ADAMW * math.sqrt(max(matrix.shape)))
        return loss
