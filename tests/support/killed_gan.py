"""A small GAN training that tests/gan/test_training.py runs in a process of its own, to kill it."""

import time
from copy import deepcopy
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from aigc_course.gan.recipes import GANConfig, GanSetup
from aigc_course.gan.training import Keeper, gan_image_steps
from aigc_course.storage import checkpoints

CONFIG = GANConfig(num_steps=60, batch_size=8, latent_dim=4, g_learning_rate=1e-3, d_learning_rate=1e-3, average=0.9)


class SmallGenerator(nn.Module):
    """z (batch, 4) -> images (batch, 1, 28, 28), with running statistics that a checkpoint must keep too."""

    def __init__(self) -> None:
        super().__init__()
        self.main = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 784), nn.Tanh())

    def forward(self, z: Tensor) -> Tensor:
        return self.main(z).view(-1, 1, 28, 28)


class SmallDiscriminator(nn.Module):
    """images (batch, 1, 28, 28) -> logits (batch, 1), with dropout, so that the random generator's state matters."""

    def __init__(self) -> None:
        super().__init__()
        self.main = nn.Sequential(nn.Flatten(), nn.Linear(784, 8), nn.LeakyReLU(0.2), nn.Dropout(0.2), nn.Linear(8, 1))

    def logits(self, images: Tensor) -> Tensor:
        return self.main(images)


def small_setup(config: GANConfig = CONFIG) -> GanSetup:
    """Small networks, the same ones each time."""
    torch.manual_seed(0)
    G, D = SmallGenerator(), SmallDiscriminator()
    return GanSetup(G, D, config, deepcopy(G) if config.average else None)


def small_images(count: int = 50) -> Tensor:
    """Bright bars on black, (count, 28, 28) uint8."""
    places = np.random.default_rng(0).integers(0, 20, count)
    images = np.zeros((count, 28, 28), np.uint8)
    for image, place in zip(images, places, strict=True):
        image[place : place + 8] = 200
    return torch.from_numpy(images)


def run(checkpoint: str, weights: str, started: object = None) -> None:
    """Train to the end, writing a checkpoint after every step to a slow disk; then write the weights."""
    flush = checkpoints.os.fsync
    checkpoints.os.fsync = lambda descriptor: (time.sleep(0.01), flush(descriptor))  # so that kills come meanwhile too
    setup = small_setup()
    for _ in gan_image_steps(setup, small_images(), keeper=Keeper(Path(checkpoint), save_every=1)):
        if started:
            started.set()
    modules = {"G": setup.G, "D": setup.D, "average": setup.average}
    save_file({f"{n}.{k}": v.clone() for n, module in modules.items() for k, v in module.state_dict().items()}, weights)
