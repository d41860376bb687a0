"""What a step of a training on images is fed with: real images in an order, and their labels.

All of it is computed from the step and the seed, so that an interrupted training meets the same batches again.
"""

import hashlib
import math
from functools import cached_property
from typing import Protocol

import torch
from torch import Tensor

Labels = tuple[Tensor, ...]  # nothing, or one (batch,) tensor: what a network takes after its first argument


class Settings(Protocol):
    """What the settings of a training say about its batches."""

    @property
    def batch_size(self) -> int: ...

    @property
    def seed(self) -> int: ...


class Batches:
    """The real images of every step; an epoch shows each of them once, in an order of its own.

    images: (count, 28, 28) uint8;  labels: (count,), (count, words) or None;  both stay where they are, on a GPU
    Raises TypeError, ValueError for images or labels that would train a network to nothing.
    """

    def __init__(self, images: Tensor, labels: Tensor | None, config: Settings) -> None:
        check_images(images, labels, config.batch_size)
        self.images, self.labels = images, labels
        self.batch_size, self.seed = config.batch_size, config.seed
        self.epoch = -1  # of the order that is at hand
        self.order = torch.empty(0, dtype=torch.long)

    def batch(self, step: int) -> tuple[Tensor, Labels]:
        """Images (batch, 1, 28, 28) in -1..1 and their labels; the last batch of an epoch may be smaller."""
        epoch, index = divmod(step, math.ceil(len(self.images) / self.batch_size))
        if epoch != self.epoch:
            self.epoch = epoch
            self.order = order_of(epoch, len(self.images), self.seed).to(self.images.device)
        rows = self.order[index * self.batch_size :][: self.batch_size]
        real_images = self.images[rows].unsqueeze(1).float() / 127.5 - 1
        return real_images, () if self.labels is None else (self.labels[rows].long(),)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of images and labels: two trainings on different data are told apart."""
        hasher = hashlib.sha256(str(tuple(self.images.shape)).encode())
        for part in (self.images, self.labels):
            if part is not None:
                hasher.update(part.cpu().numpy().tobytes())
        return hasher.hexdigest()


def check_images(images: Tensor, labels: Tensor | None, batch_size: int) -> None:
    """Refuse images that would train a network to nothing: TypeError, ValueError."""
    if not isinstance(images, Tensor) or images.dtype != torch.uint8:
        kind = images.dtype if isinstance(images, Tensor) else type(images).__name__
        raise TypeError(f"images of {kind}: expected the uint8 ones of MNIST, 0..255; they are scaled to -1..1 here")
    if images.dim() != 3 or images.shape[1:] != (28, 28):
        raise ValueError(f"images {tuple(images.shape)}: expected (count, 28, 28)")
    if len(images) < batch_size:
        raise ValueError(f"{len(images)} images do not fill a batch of {batch_size}; lower batch_size")
    if images.max() <= 1:
        raise ValueError("images contain only 0 and 1: expected shades of 0..255, where 1 is nearly as white as 0")
    if labels is not None and (labels.shape[:1] != (len(images),) or len(labels.shape) > 2):
        raise ValueError(f"labels {tuple(labels.shape)} for {len(images)} images: expected one each")
    if labels is not None and (not isinstance(labels, Tensor) or labels.is_floating_point()):
        kind = labels.dtype if isinstance(labels, Tensor) else type(labels).__name__
        raise TypeError(f"labels of {kind}: expected a tensor of whole numbers, such as torch.from_numpy(labels)")


def order_of(epoch: int, count: int, seed: int) -> Tensor:
    """The order in which an epoch shows `count` images, the same one whenever it is asked for; (count,)."""
    return torch.randperm(count, generator=torch.Generator().manual_seed(seed * 1_000_003 + epoch))
