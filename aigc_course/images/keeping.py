"""Keeping a training on images in a file, so that it can be stopped at any moment: `checkpoints` for its networks."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn

from aigc_course.images.batches import Batches
from aigc_course.storage import checkpoints


class Training(Protocol):
    """What is kept of a training: networks and optimizers by name; its settings, a dataclass, name its num_steps."""

    @property
    def config(self) -> Any: ...

    @property
    def modules(self) -> Mapping[str, nn.Module]: ...

    @property
    def optimizers(self) -> Mapping[str, torch.optim.Optimizer]: ...


@dataclass(frozen=True)
class Keeper:
    """Keeps a training in a file, so that it can be stopped at any moment.

    If the file is there when a training begins, the training goes on from it and ends with the weights, bit for bit,
    that it would have had without interruption. Raises what `checkpoints` raises.
    """

    path: str | Path
    save_every: int = 1000  # steps; the end is saved too
    writes: bool = True  # False in all but one of the processes that share a training

    def resume(self, training: Training, data: Batches) -> int:
        """Fill the training from the file, if there is one; the number of steps that are done."""
        steps_done = checkpoints.resume(self.path, training.modules, training.optimizers, made_with(training, data))
        for optimizer in training.optimizers.values():
            lay_out_like_weights(optimizer)
        return steps_done

    def after(self, step: int, training: Training, data: Batches) -> None:
        """Write the file when it is time."""
        done = step + 1
        if self.writes and (done % self.save_every == 0 or done == training.config.num_steps):
            checkpoints.save(
                self.path, training.modules, training.optimizers, {"step": done, **made_with(training, data)}
            )


def lay_out_like_weights(optimizer: torch.optim.Optimizer) -> None:
    """Give Adam's memory the order in which its weights lie in the computer's memory, such as channels_last.

    A file does not keep that order, and the fused Adam goes through weights and memory side by side, whatever it is.
    """
    for weight, memory in optimizer.state.items():
        for name, value in memory.items():
            if value.shape == weight.shape:
                memory[name] = torch.empty_like(weight, dtype=value.dtype).copy_(value)


def made_with(training: Training, data: Batches) -> dict[str, Any]:
    """What tells a training from others."""
    return {"config": asdict(training.config), "data": data.fingerprint}
