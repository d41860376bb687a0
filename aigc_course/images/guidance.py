"""Classifier-free guidance: one network that draws with a label and without, and is pushed away from the latter.

Source: Ho and Salimans 2022, with the weight written as most programs do: 1 is the label alone.
"""

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

MOST_GUIDANCE = 1000
Field = Callable[[Tensor, Tensor], Tensor]  # images (batch, 1, 28, 28), times (batch,) -> (batch, 1, 28, 28)


class Told(Protocol):
    """A network that is told a label, or, with num_classes in its place, nothing."""

    num_classes: int

    def __call__(self, images: Tensor, times: Tensor, labels: Tensor | None = None, /) -> Tensor: ...


def drop_labels(labels: Tensor, share: float, num_classes: int, rng: torch.Generator) -> Tensor:
    """The labels, `share` of them replaced by `num_classes`, which says nothing.

    labels: (batch,) or (batch, words), of which `share` are replaced each for itself, too;  returns the same shape
    """
    dropped = torch.rand(len(labels), generator=rng) < share
    if labels.dim() == 2:
        dropped = dropped[:, None] | (torch.rand(labels.shape, generator=rng) < share)
    return labels.masked_fill(dropped.to(labels.device), num_classes)


def guided(network: Told, labels: Tensor | None, guidance: float = 1.0) -> Field:
    """f = f(x) + guidance · (f(x | label) - f(x)) as a function of images and times.

    network:  images (batch, 1, 28, 28), times (batch,), labels (batch,), (batch, words) or None -> images
    guidance: 0 forgets the labels, 1 follows them, more exaggerates them; other than 0 and 1 it costs two calls
    ValueError for a guidance below 0 or above 1,000, where nothing but noise is drawn.
    """
    if not 0 <= guidance <= MOST_GUIDANCE:
        raise ValueError(
            f"guidance {guidance}: expected 0 (labels forgotten), 1 (followed) or more (exaggerated), at most "
            f"{MOST_GUIDANCE:,}"
        )
    if labels is None or guidance == 0:
        return lambda images, times: network(images, times, None)
    if guidance == 1:
        return lambda images, times: network(images, times, labels)

    def field(images: Tensor, times: Tensor) -> Tensor:
        nothing = torch.full_like(labels, network.num_classes)
        both = network(torch.cat([images, images]), torch.cat([times, times]), torch.cat([labels, nothing]))
        told, untold = both.chunk(2)
        return untold + guidance * (told - untold)

    return field
