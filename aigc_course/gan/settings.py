"""Settings of a training with the losses of `gan`, and what they make of data: the order of the images, the noise."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from aigc_course.gan.losses import LOSSES


@dataclass(frozen=True)
class GANConfig:
    """How a GAN is trained; the defaults are the article's. ValueError for settings that make no sense."""

    num_steps: int = 46_900  # one step = one update of D, then one of G; 938 of 64 images are an epoch of 60,000
    batch_size: int = 64  # real images, and as many generated ones, an update
    latent_dim: int = 100  # length of the noise vector z
    loss: str = "non-saturating"  # a key of gan.LOSSES without a gradient penalty
    g_learning_rate: float = 2e-4  # Adam's step size
    d_learning_rate: float = 2e-4
    beta1: float = 0.9  # Adam's memory of the gradient ...
    beta2: float = 0.999  # ... and of its square
    falling: float = 0.0  # the last part of the training in which both step sizes fall linearly to 0, as a share
    one_draw: bool = False  # G learns from the images that D just saw; False: from new ones, as in the article
    average: float = 0.0  # decay of the averaged copy of G's weights; 0: no average
    bfloat16: bool | None = False  # compute in bfloat16; None: where the hardware can
    compiled: bool | None = None  # through torch.compile; None: on CUDA, where its graphs save the launches
    seed: int = 0  # chooses the order of the images and all noise

    def __post_init__(self) -> None:
        if self.loss not in LOSSES or LOSSES[self.loss].penalty:
            allowed = ", ".join(name for name, losses in LOSSES.items() if not losses.penalty)
            raise ValueError(f'loss "{self.loss}" is not known here; allowed: {allowed}')
        for name, least in (("num_steps", 1), ("batch_size", 2), ("latent_dim", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} {getattr(self, name)}: expected at least {least}")
        for name in ("g_learning_rate", "d_learning_rate"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} {getattr(self, name)}: expected a finite number above 0")
        if not 0 <= self.falling <= 1:
            raise ValueError(f"falling {self.falling}: expected a share of the training, from 0 to 1")
        for name in ("beta1", "beta2", "average"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} {getattr(self, name)}: expected a number from 0 to below 1")


def check_images(images: Tensor, labels: Tensor | None, batch_size: int) -> None:
    """Refuse images that would train a GAN to nothing: TypeError, ValueError."""
    if not isinstance(images, Tensor) or images.dtype != torch.uint8:
        kind = images.dtype if isinstance(images, Tensor) else type(images).__name__
        raise TypeError(f"images of {kind}: expected the uint8 ones of MNIST, 0..255; they are scaled to -1..1 here")
    if images.dim() != 3 or images.shape[1:] != (28, 28):
        raise ValueError(f"images {tuple(images.shape)}: expected (count, 28, 28)")
    if len(images) < batch_size:
        raise ValueError(f"{len(images)} images do not fill a batch of {batch_size}; lower batch_size")
    if labels is not None and labels.shape != (len(images),):
        raise ValueError(f"labels {tuple(labels.shape)} for {len(images)} images: expected one each")


def order_of(epoch: int, count: int, seed: int) -> Tensor:
    """The order in which an epoch shows `count` images, the same one whenever it is asked for; (count,)."""
    return torch.randperm(count, generator=torch.Generator().manual_seed(seed * 1_000_003 + epoch))


def noise(step: int, count: int, config: GANConfig) -> Tensor:
    """z of a step, for D's update and for G's, the same on every device; (2, count, latent_dim)."""
    dice = torch.Generator().manual_seed((config.seed + 1) * 1_000_000_007 + step)
    return torch.randn(2, count, config.latent_dim, generator=dice)
