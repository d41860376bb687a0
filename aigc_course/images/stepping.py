"""What the steps of all trainings on images have in common: one step down a loss, averaged weights, a compiled part."""

# pyright: reportPrivateImportUsage=false
# torch._foreach_lerp_ does in one call what its public relatives do weight by weight.

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

CHECK_EVERY = 100  # steps between two looks at whether the losses are finite: a look waits for the device


def descend(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    """One step down the loss."""
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


@torch.no_grad()
def move_average(average: nn.Module, model: nn.Module, decay: float) -> None:
    """average = decay · average + (1 - decay) · model, for weights and running statistics alike."""
    averaged, new = (list(m.parameters()) + [b for b in m.buffers() if b.is_floating_point()] for m in (average, model))
    torch._foreach_lerp_(averaged, new, 1 - decay)


def check_finite(step: int, **losses: Tensor) -> None:
    """FloatingPointError, naming it, when a loss is NaN or infinite; looks every CHECK_EVERY steps."""
    if step % CHECK_EVERY == 0 and not all(math.isfinite(loss.item()) for loss in losses.values()):
        said = " and ".join(f"{name} is {loss.item()}" for name, loss in losses.items())
        raise FloatingPointError(f"{said} at step {step}: lower the learning rate")


def compiled(part: Callable, device: torch.device, asked: bool | None) -> Callable:
    """The part itself, or, where asked for or on CUDA, its compiled form; CUDA's graphs launch all work at once."""
    compiles = device.type == "cuda" if asked is None else asked
    return torch.compile(part, mode="reduce-overhead" if device.type == "cuda" else None) if compiles else part
