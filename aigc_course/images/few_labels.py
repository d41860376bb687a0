"""Learning from few labels, with and without generated images: a small classifier and a small generator.

Every function takes the few labeled images and nothing else, so what was not given cannot leak in.
Images are floats (n, 1, 14, 14) in -1..1: a quarter of MNIST's pixels, so that hundreds of trainings can be afforded.
"""

import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aigc_course.images.augmentation import random_affine
from aigc_course.images.flow import euler_steps, flow_loss
from aigc_course.images.guidance import guided
from aigc_course.images.unet import time_embedding

SIDE = 14
BATCH_SIZE = 32
NUM_STEPS, MORE_STEPS = 400, 1700  # of a classifier; the second takes as long as 400 and a generator together
GENERATOR_STEPS, PER_CLASS_DRAWN, GUIDANCE = 600, 100, 3.0
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
    """(n, 1, 14, 14) -> (n, num_classes) logits: two convolutions and a layer; 6,590 weights for ten classes."""
    return nn.Sequential(
        nn.Conv2d(1, 12, 3, stride=2, padding=1), nn.ReLU(),  # (n, 12, 7, 7)
        nn.Conv2d(12, 24, 3, stride=2, padding=1), nn.ReLU(),  # (n, 24, 4, 4)
        nn.Flatten(), nn.Linear(384, num_classes),
    )  # fmt: skip


def next_batch(own: Labeled, augment: Augment | None, generated: Labeled | None, rng: torch.Generator) -> Labeled:
    """Images drawn with replacement; where there are generated ones, they are half of the batch."""
    num_own = BATCH_SIZE if generated is None else BATCH_SIZE // 2
    rows = torch.randint(len(own.labels), (num_own,), generator=rng)
    images, labels = own.images[rows], own.labels[rows]
    if augment is not None:
        images = augment(images, rng)  # each time anew
    if generated is None:
        return Labeled(images, labels)
    more = torch.randint(len(generated.labels), (BATCH_SIZE - num_own,), generator=rng)
    return Labeled(torch.cat([images, generated.images[more]]), torch.cat([labels, generated.labels[more]]))


def train_classifier(
    own: Labeled,
    seed: int,
    num_steps: int = NUM_STEPS,
    augment: Augment | None = None,
    generated: Labeled | None = None,
) -> nn.Sequential:
    """A classifier trained on its own labels, with or without augmentation and generated images."""
    torch.manual_seed(seed)
    rng = torch.Generator().manual_seed(seed)
    model = small_classifier(int(own.labels.max()) + 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3, fused=True)
    for _ in range(num_steps):
        images, labels = next_batch(own, augment, generated, rng)
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

    A label of `num_classes`, or None, says nothing. The layers guess the image, which so few weights do better than
    guessing image minus noise; the velocity follows from it. 0.09 million weights.
    """

    def __init__(self, num_classes: int, width: int = 128) -> None:
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
        guess = self.layers(inputs).view_as(images)  # of the image at the end of the line
        return (guess - images) / (1 - times).clamp(min=0.05)[:, None, None, None]


def train_generator(own: Labeled, seed: int, num_steps: int = GENERATOR_STEPS) -> SmallVelocity:
    """Flow matching on the labels given, and on nothing else. Source: Lipman et al. 2023, as in chapter 6.2."""
    torch.manual_seed(seed)
    rng = torch.Generator().manual_seed(seed)
    model = SmallVelocity(int(own.labels.max()) + 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3, fused=True)
    for _ in range(num_steps):
        rows = torch.randint(len(own.labels), (2 * BATCH_SIZE,), generator=rng)
        loss = flow_loss(model, own.images[rows], own.labels[rows], rng)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model


@torch.no_grad()
def draw_images(model: SmallVelocity, per_class: int, seed: int, num_steps: int = 10) -> Labeled:
    """`per_class` images of each class, by Euler's steps with guidance."""
    rng = torch.Generator().manual_seed(seed)
    labels = torch.arange(model.num_classes).repeat_interleave(per_class)
    noise = torch.randn((len(labels), 1, SIDE, SIDE), generator=rng)
    *_, last = euler_steps(guided(model, labels, GUIDANCE), noise, num_steps)
    return Labeled(last.clamp(-1, 1), labels)


def arms(own: Labeled, seed: int) -> Iterator[tuple[str, nn.Sequential, float]]:
    """(name, classifier, CPU seconds with those of its generator) of each arm; all arms of a seed begin alike."""
    begin = time.process_time()
    generated = draw_images(train_generator(own, seed), PER_CLASS_DRAWN, seed)
    spent = time.process_time() - begin
    for name, num_steps, augment, more in (
        ("none", NUM_STEPS, None, None),
        ("longer", MORE_STEPS, None, None),
        ("generated", NUM_STEPS, None, generated),
        ("classical", NUM_STEPS, random_affine, None),
        ("classical longer", MORE_STEPS, random_affine, None),
        ("both", NUM_STEPS, random_affine, generated),
    ):
        begin = time.process_time()
        model = train_classifier(own, seed, num_steps, augment, more)
        yield name, model, time.process_time() - begin + (spent if more else 0)
