"""How GANs for images are trained: settings, and three recipes: the article's, the best with and without labels."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch
from torch import nn

from aigc_course.gan.article import Discriminator, Generator
from aigc_course.gan.losses import LOSSES, check_positive, check_whole
from aigc_course.gan.networks import ConvDiscriminator, ConvGenerator


@dataclass(frozen=True)
class GANConfig:
    """How a GAN is trained; the defaults are the article's. ValueError for settings that make no sense."""

    num_steps: int = 46_900  # one step = one update of D, then one of G; 938 of 64 images are an epoch of 60,000
    batch_size: int = 64  # real images, and as many generated ones, an update
    latent_dim: int = 100  # length of the noise vector z
    loss: str = "non-saturating"  # a key of losses.LOSSES without a gradient penalty
    g_learning_rate: float = 2e-4  # Adam's step size
    d_learning_rate: float = 2e-4
    beta1: float = 0.9  # Adam's memory of the gradient ...
    beta2: float = 0.999  # ... and of its square
    falling: float = 0.0  # the last part of the training in which both step sizes fall linearly to 0, as a share
    one_draw: bool = False  # G learns from the images that D just saw; False: from new ones, as in the article
    average: float = 0.0  # decay of the averaged copy of G's weights; 0: no average
    bfloat16: bool = False  # compute in bfloat16; worth it only where the hardware multiplies such numbers itself
    compiled: bool | None = None  # through torch.compile; None: on CUDA, where its graphs save the launches
    seed: int = 0  # chooses the order of the images and all noise

    def __post_init__(self) -> None:
        allowed = [name for name, losses in LOSSES.items() if not losses.penalty]
        if self.loss not in allowed:
            raise ValueError(f'loss "{self.loss}" is not known here; allowed: {", ".join(allowed)}')
        check_whole(1, num_steps=self.num_steps, latent_dim=self.latent_dim)
        check_whole(2, batch_size=self.batch_size)
        check_positive(g_learning_rate=self.g_learning_rate, d_learning_rate=self.d_learning_rate)
        if not 0 <= self.falling <= 1:
            raise ValueError(f"falling {self.falling}: expected a share of the training, from 0 to 1")
        for name in ("beta1", "beta2", "average"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} {getattr(self, name)}: expected a number from 0 to below 1")
        if not isinstance(self.bfloat16, bool):
            raise ValueError(f"bfloat16 {self.bfloat16}: expected True or False; use has_bfloat16(device)")


class GanSetup(NamedTuple):
    """What a training begins with: its networks and settings."""

    G: nn.Module
    D: nn.Module
    config: GANConfig
    average: nn.Module | None = None  # a copy of G that becomes the average of its weights; it draws better

    @property
    def best(self) -> nn.Module:
        """The generator to keep: the average where there is one."""
        return self.average or self.G

    def to(self, device: str | torch.device) -> "GanSetup":
        """The same setup, its networks moved to a device."""
        for network in (self.G, self.D, self.average):
            if network is not None:
                network.to(device)
        return self


@dataclass(frozen=True)
class Recipe:
    """Two networks and how they are trained."""

    generator: Callable[[], nn.Module]
    discriminator: Callable[[], nn.Module]
    config: GANConfig
    has_labels: bool = False


BETTER = GANConfig(
    num_steps=18_000, latent_dim=16, g_learning_rate=2e-3, d_learning_rate=2e-3, beta1=0.5, beta2=0.99, falling=0.5,
    one_draw=True, average=0.998, bfloat16=True,
)  # fmt: skip
RECIPES = {
    "article-gan": Recipe(Generator, Discriminator, GANConfig()),
    "gan-unconditional": Recipe(ConvGenerator, ConvDiscriminator, BETTER),
    "gan": Recipe(lambda: ConvGenerator(num_classes=10), lambda: ConvDiscriminator(num_classes=10), BETTER, True),
}


def set_up(recipe: Recipe, seed: int = 0, **changes: Any) -> GanSetup:
    """Untrained networks of a recipe, started with `seed`, and its settings; `changes` replace fields of the config."""
    torch.manual_seed(seed)
    config = replace(recipe.config, seed=seed, **changes)
    layout = torch.channels_last  # what convolutions are fastest with; dense layers do not care
    G = recipe.generator().to(memory_format=layout)
    D = recipe.discriminator().to(memory_format=layout)
    return GanSetup(G, D, config, deepcopy(G) if config.average else None)
