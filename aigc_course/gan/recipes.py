"""Recipes of `article_gan`, `gan_networks` and `gan_settings`: the article's, the best one with and without labels."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import nn

from aigc_course.gan.article import Discriminator, Generator
from aigc_course.gan.networks import ConvDiscriminator, ConvGenerator
from aigc_course.gan.settings import GANConfig


@dataclass(frozen=True)
class Recipe:
    """Two networks and how they are trained."""

    generator: Callable[[], nn.Module]
    discriminator: Callable[[], nn.Module]
    config: GANConfig
    has_labels: bool = False


class Players(NamedTuple):
    """The networks of one training."""

    G: nn.Module
    D: nn.Module
    average: nn.Module | None  # a copy of G that becomes the average of its weights; it draws better
    config: GANConfig

    @property
    def best(self) -> nn.Module:
        """The generator to keep: the average where there is one."""
        return self.average or self.G


BETTER = GANConfig(
    num_steps=18_000, latent_dim=16, g_learning_rate=2e-3, d_learning_rate=2e-3, beta1=0.5, beta2=0.99, falling=0.5,
    one_draw=True, average=0.998, bfloat16=None,
)  # fmt: skip
RECIPES = {
    "article-gan": Recipe(Generator, Discriminator, GANConfig()),
    "gan-unconditional": Recipe(ConvGenerator, ConvDiscriminator, BETTER),
    "gan": Recipe(lambda: ConvGenerator(num_classes=10), lambda: ConvDiscriminator(num_classes=10), BETTER, True),
}


def players(recipe: Recipe, seed: int = 0, **changes: float) -> Players:
    """Untrained networks of a recipe, started with `seed`, and its settings; `changes` replace fields of the config."""
    torch.manual_seed(seed)
    config = replace(recipe.config, seed=seed, **changes)
    layout = torch.channels_last  # what convolutions are fastest with; dense layers do not care
    G, D = (network().to(memory_format=layout) for network in (recipe.generator, recipe.discriminator))
    return Players(G, D, deepcopy(G) if config.average else None, config)
