"""What a step of a GAN's training is fed with: the batches of `images.batches`, and noise.

All of it is computed from the step and the seed, so that an interrupted training meets the same batches again.
"""

import torch
from torch import Tensor

from aigc_course.gan.recipes import GANConfig
from aigc_course.images.batches import Batches, Labels, check_images, order_of

__all__ = ["Batches", "Labels", "check_images", "noise", "order_of"]


def noise(step: int, count: int, config: GANConfig) -> Tensor:
    """z of a step, for D's update and for G's, the same on every device; (2, count, latent_dim)."""
    rng = torch.Generator().manual_seed((config.seed + 1) * 1_000_000_007 + step)
    return torch.randn(2, count, config.latent_dim, generator=rng)
