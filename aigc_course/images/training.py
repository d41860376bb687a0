"""Training one network on images with one loss: VAE, diffusion, flow matching, styles, classes differ in nothing else.

Interrupted, it goes on bit for bit. Everything random is computed from the step and the seed.
"""

import math
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aigc_course.distributed import ALONE, Workers
from aigc_course.images.batches import Batches
from aigc_course.images.captioned import NUM_TOKENS
from aigc_course.images.diffusion import denoising_loss
from aigc_course.images.features import DigitFeatures
from aigc_course.images.flow import flow_loss
from aigc_course.images.keeping import Keeper
from aigc_course.images.stepping import check_finite, compiled, descend, move_average
from aigc_course.images.style import StyleAutoencoder, style_loss
from aigc_course.images.unet import UNet, VelocityUNet
from aigc_course.images.vae import VAE, vae_loss

Loss = Callable[[Any, Tensor, Tensor | None, torch.Generator], Tensor]  # network, images, labels, rng -> ()


class Family(NamedTuple):
    """What is trained, and on which loss."""

    network: Callable[[], nn.Module]
    loss: Loss


def class_loss(network: nn.Module, images: Tensor, labels: Tensor | None, rng: torch.Generator) -> Tensor:
    """Cross-entropy of the right label; (), nothing is drawn. ValueError without labels."""
    if labels is None:
        raise ValueError("a classifier learns from labels: give image_steps the digits' labels, too")
    return F.cross_entropy(network(images).float(), labels)


FAMILIES = {
    "classifier": Family(DigitFeatures, class_loss),
    "vae": Family(VAE, vae_loss),
    "diffusion": Family(UNet, denoising_loss),
    "velocity": Family(VelocityUNet, partial(denoising_loss, velocity=True)),  # as large, with another target
    "flow": Family(UNet, flow_loss),
    "style": Family(StyleAutoencoder, style_loss),
    "text2image": Family(lambda: UNet(num_classes=NUM_TOKENS), flow_loss),
}


@dataclass(frozen=True)
class TrainingConfig:
    """How a network is trained on images. ValueError for settings that make no sense."""

    family: str = "flow"  # a key of FAMILIES: which loss
    num_steps: int = 3000  # one step = one batch
    batch_size: int = 64  # images
    learning_rate: float = 2e-3  # Adam's step size at its largest
    beta2: float = 0.99  # Adam's memory of the gradient's square
    rising: int = 100  # steps in which the step size rises to its largest
    falling: float = 0.5  # the last part of the training in which it falls linearly to 0, as a share
    average: float = 0.998  # decay of the averaged copy of the weights; 0: no average
    bfloat16: bool = False  # compute in bfloat16; worth it only where the hardware multiplies such numbers itself
    compiled: bool | None = None  # through torch.compile; None: on CUDA, where its graphs save the launches
    seed: int = 0  # chooses the order of the images and all noise

    def __post_init__(self) -> None:
        if self.family not in FAMILIES:
            raise ValueError(f'family "{self.family}" is not known; allowed: {", ".join(FAMILIES)}')
        for name, least in (("num_steps", 1), ("batch_size", 1), ("rising", 0)):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < least:
                raise ValueError(f"{name} {value}: expected a whole number of at least {least}")
        if not (math.isfinite(self.learning_rate) and self.learning_rate > 0):
            raise ValueError(f"learning_rate {self.learning_rate}: expected a finite number above 0")
        if not 0 <= self.falling <= 1:
            raise ValueError(f"falling {self.falling}: expected a share of the training, from 0 to 1")
        for name in ("beta2", "average"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} {getattr(self, name)}: expected a number from 0 to below 1")

    def rate_at(self, step: int) -> float:
        """The step size of a step: it rises, stays, and falls to 0."""
        rise = min(1.0, (step + 1) / (self.rising + 1))
        fall = min(1.0, (1 - step / self.num_steps) / self.falling) if self.falling else 1.0
        return self.learning_rate * min(rise, fall)


class Training:
    """A network, the average of its weights, and Adam; `best` is the one to keep.

    Without a network, a new one of the family is made, with the seed of the settings.
    """

    def __init__(
        self, config: TrainingConfig, network: nn.Module | None = None, device: str | torch.device = "cpu"
    ) -> None:
        if network is None:
            torch.manual_seed(config.seed)
            network = FAMILIES[config.family].network()
        self.config, self.loss = config, FAMILIES[config.family].loss
        self.network = network.to(device).to(memory_format=torch.channels_last).train()
        self.average = deepcopy(self.network) if config.average else None
        self.device = next(self.network.parameters()).device
        self.called = compiled(self.network, self.device, config.compiled)
        betas = (0.9, config.beta2)
        self.optimizer = torch.optim.Adam(self.network.parameters(), config.learning_rate, betas=betas, fused=True)

    @property
    def best(self) -> nn.Module:
        """The network to keep: the average where there is one."""
        return self.average or self.network

    @property
    def modules(self) -> dict[str, nn.Module]:
        """The networks by name."""
        return {"network": self.network} | ({} if self.average is None else {"average": self.average})

    @property
    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        """The optimizers by name."""
        return {"network": self.optimizer}

    def update(self, step: int, images: Tensor, labels: Tensor | None, workers: Workers = ALONE) -> Tensor:
        """One step down the loss of one batch, or of this process' share of it; the loss before it, ()."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.rate_at(step)
        seed = (self.config.seed + 1) * 1_000_000_007 + step
        rng = torch.Generator().manual_seed(seed + workers.rank * 2**40)  # each process has noise of its own
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.config.bfloat16):
            loss = self.loss(self.called, images, labels, rng)
        descend(self.optimizer, loss)
        if self.average is not None:
            move_average(self.average, self.network, min(self.config.average, (step + 1) / (step + 10)))
        return loss.detach()


def image_steps(
    training: Training,
    images: Tensor,
    labels: Tensor | None = None,
    keeper: Keeper | None = None,
    workers: Workers = ALONE,
) -> Iterator[dict[str, int | Tensor]]:
    """Train in place; yield {"step", "loss"} after each step.

    images: (count, 28, 28) uint8, where the network is;  labels: (count,), (count, words) or None
    keeper: writes a checkpoint now and then, and goes on from one that is there already
    workers: the processes that share every batch; each draws noise of its own, so only losses without noise are those
             of the whole batch, and batch normalization sees only its share
    Raises TypeError or ValueError for images, labels or a checkpoint that do not fit, FloatingPointError when the loss
    is not finite any more.
    """
    data, config = Batches(images, labels, training.config), training.config
    workers.average_during_backward({"network": training.network})
    first = workers.agree("the last step", keeper.resume(training, data) if keeper else 0)
    for step in range(first, config.num_steps):
        batch, batch_labels = data.batch(step)  # (batch, 1, 28, 28), ((batch,),) or ()
        batch, batch_labels = workers.shard(batch), tuple(map(workers.shard, batch_labels))
        loss = training.update(step, batch, *(batch_labels or (None,)), workers=workers)
        check_finite(step, loss=loss)
        if keeper:
            keeper.after(step, training, data)
        yield {"step": step + 1, "loss": workers.mean(loss)}
