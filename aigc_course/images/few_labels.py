"""Learning from few labels, with and without generated images: a small classifier and a small generator.

Every function takes the few labeled images and nothing else, so what was not given cannot leak in.
Images are floats (n, 1, 14, 14) in -1..1: a quarter of MNIST's pixels, so that hundreds of trainings can be afforded.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aigc_course.images.flow import euler_steps, flow_loss
from aigc_course.images.unet import time_embedding

SIDE = 14
BATCH_SIZE = 32
Augment = Callable[[Tensor, torch.Generator], Tensor]  # (batch, 1, 14, 14) -> the same shape


class Labeled(NamedTuple):
    """Images and their classes."""

    images: Tensor  # (n, 1, 14, 14) floats in -1..1
    labels: Tensor  # (n,) int64


def small_images(images: np.ndarray) -> Tensor:
    """(n, 28, 28) uint8 -> (n, 1, 14, 14) floats in -1..1: each pixel the mean of four."""
    if images.dtype != np.uint8 or images.shape[1:] != (28, 28):
        raise ValueError(f"images {images.dtype} {images.shape}: expected uint8 (n, 28, 28)")
    return F.avg_pool2d(torch.from_numpy(images)[:, None].float() / 127.5 - 1, 2)


def draw_labels(labels: np.ndarray, per_class: int, seed: int) -> np.ndarray:
    """Rows of `per_class` examples of each class, chosen by the seed; fewer are the first of more of the same seed."""
    order = np.random.default_rng(seed).permutation(len(labels))
    rows = [order[labels[order] == each] for each in np.unique(labels)]
    if not 1 <= per_class <= min(map(len, rows)):
        raise ValueError(f"per_class {per_class}: expected 1 to {min(map(len, rows))}, as many as there are of each")
    return np.concatenate([some[:per_class] for some in rows])


def small_classifier(num_classes: int) -> nn.Sequential:
    """(n, 1, 14, 14) -> (n, num_classes) logits: two convolutions and a layer; 9,930 weights for ten classes."""
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, stride=2, padding=1), nn.ReLU(),  # (n, 16, 7, 7)
        nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.ReLU(),  # (n, 32, 4, 4)
        nn.Flatten(), nn.Linear(512, num_classes),
    )  # fmt: skip


def train_classifier(
    own: Labeled, seed: int, num_steps: int = 300, augment: Augment | None = None, generated: Labeled | None = None
) -> nn.Sequential:
    """A classifier trained on its own labels; with generated images, they are half of every batch.

    augment: changes the own images of a batch, each time anew
    """
    torch.manual_seed(seed)
    rng = torch.Generator().manual_seed(seed)
    model = small_classifier(int(own.labels.max()) + 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    num_own = BATCH_SIZE if generated is None else BATCH_SIZE // 2
    for _ in range(num_steps):
        rows = torch.randint(len(own.labels), (num_own,), generator=rng)
        images, labels = own.images[rows], own.labels[rows]
        if augment is not None:
            images = augment(images, rng)
        if generated is not None:
            more = torch.randint(len(generated.labels), (BATCH_SIZE - num_own,), generator=rng)
            images, labels = torch.cat([images, generated.images[more]]), torch.cat([labels, generated.labels[more]])
        loss = F.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model


@torch.no_grad()
def accuracy(model: nn.Module, test: Labeled) -> float:
    """Share of the test images whose class the model names."""
    return float((model(test.images).argmax(1) == test.labels).float().mean())


class SmallVelocity(nn.Module):
    """The velocity of flow matching: images (n, 1, 14, 14), times (n,), labels (n,) -> (n, 1, 14, 14).

    A label of `num_classes`, or None, says nothing. 0.24 million weights.
    """

    def __init__(self, num_classes: int, width: int = 256) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.told = nn.Embedding(num_classes + 1, 32)
        self.layers = nn.Sequential(
            nn.Linear(SIDE * SIDE + 64, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU(),
            nn.Linear(width, width), nn.SiLU(), nn.Linear(width, SIDE * SIDE),
        )  # fmt: skip

    def forward(self, images: Tensor, times: Tensor, labels: Tensor | None = None) -> Tensor:
        if labels is None:
            labels = torch.full((len(images),), self.num_classes, device=images.device)
        inputs = torch.cat([images.flatten(1), time_embedding(times, 32), self.told(labels)], dim=1)
        return self.layers(inputs).view_as(images)


def train_generator(own: Labeled, seed: int, num_steps: int = 1000, augment: Augment | None = None) -> SmallVelocity:
    """Flow matching on the labels given, and on nothing else. Source: Lipman et al. 2023, as in chapter 6.2."""
    torch.manual_seed(seed)
    rng = torch.Generator().manual_seed(seed)
    model = SmallVelocity(int(own.labels.max()) + 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for _ in range(num_steps):
        rows = torch.randint(len(own.labels), (2 * BATCH_SIZE,), generator=rng)
        images = own.images[rows] if augment is None else augment(own.images[rows], rng)
        loss = flow_loss(model, images, own.labels[rows], rng)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model


def draw_images(model: SmallVelocity, per_class: int, seed: int, num_steps: int = 10) -> Labeled:
    """`per_class` images of each class, by Euler's steps."""
    rng = torch.Generator().manual_seed(seed)
    labels = torch.arange(model.num_classes).repeat_interleave(per_class)
    x = torch.randn((len(labels), 1, SIDE, SIDE), generator=rng)
    for x in euler_steps(lambda images, times: model(images, times, labels), x, num_steps):
        pass
    return Labeled(x.clamp(-1, 1), labels)
