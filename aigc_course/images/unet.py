"""A small U-Net for 28 x 28 images, told a time and a label: what diffusion and flow matching train.

Sources: Ronneberger et al. 2015 (U-Net); Ho et al. 2020 (blocks that are told the time); Hoogeboom et al. 2023 (fold
the image first: at 14 x 14 a convolution costs a quarter).
"""

import torch
from torch import Tensor, nn

from aigc_course.images.labels import WHOLE_NUMBERS
from aigc_course.images.precision import check_precision

GROUPS = 8  # of channels that are normalized together
FASTEST = 1000.0  # the quickest wave of the embedding turns by so many radians while the time goes from 0 to 1


def time_embedding(times: Tensor, dim: int) -> Tensor:
    """Sines and cosines of the times, from slow waves to quick ones; (batch,) in 0..1 -> (batch, dim).

    Source: Vaswani et al. 2017, section 3.5, with times of 0..1 in place of positions.
    """
    half = dim // 2
    speeds = FASTEST ** (torch.arange(half, device=times.device) / (half - 1))  # 1 .. FASTEST
    angles = times[:, None] * speeds  # (batch, half)
    return torch.cat([angles.sin(), angles.cos()], dim=1)


class Block(nn.Module):
    """Two convolutions beside a shortcut; the embedding scales and shifts what lies between them.

    images (batch, inputs, h, w), embedding (batch, dim) -> (batch, outputs, h, w)
    """

    def __init__(self, inputs: int, outputs: int, dim: int) -> None:
        super().__init__()
        self.norm1, self.conv1 = nn.GroupNorm(GROUPS, inputs), nn.Conv2d(inputs, outputs, 3, padding=1)
        self.norm2, self.conv2 = nn.GroupNorm(GROUPS, outputs), nn.Conv2d(outputs, outputs, 3, padding=1)
        self.told = nn.Linear(dim, 2 * outputs)
        self.shortcut = nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1)
        nn.init.zeros_(self.conv2.weight)  # at the start a block changes nothing: deep networks begin well so

    def forward(self, images: Tensor, embedding: Tensor) -> Tensor:
        inner = self.conv1(nn.functional.silu(self.norm1(images)))
        scale, shift = self.told(embedding)[:, :, None, None].chunk(2, dim=1)  # (batch, outputs, 1, 1) each
        inner = nn.functional.silu(self.norm2(inner) * (1 + scale) + shift)
        return self.shortcut(images) + self.conv2(inner)


class UNet(nn.Module):
    """Images (batch, 1, 28, 28), times (batch,) in 0..1, labels (batch,) or (batch, words) -> (batch, 1, 28, 28).

    A label of `num_classes`, or labels=None, says nothing: that is how one network also draws without being asked.
    Several words for an image are added up.
    With width 32 it has 0.26 million weights.
    """

    settings = ("width", "num_classes")  # what a stored network is rebuilt from

    def __init__(self, width: int = 32, num_classes: int = 10) -> None:
        if width < GROUPS or width % GROUPS:
            raise ValueError(f"width {width}: expected a multiple of {GROUPS}")
        super().__init__()
        self.width, self.num_classes, dim = width, num_classes, 2 * width
        self.time = nn.Sequential(nn.Linear(dim, dim), nn.SiLU(), nn.Linear(dim, dim))
        self.label = nn.Embedding(num_classes + 1, dim)  # the last one: nothing was said
        self.first = nn.Conv2d(4, width, 3, padding=1)
        self.down = Block(width, width, dim)
        self.shrink = nn.Conv2d(width, 2 * width, 3, stride=2, padding=1)
        self.middle = nn.ModuleList([Block(2 * width, 2 * width, dim), Block(2 * width, 2 * width, dim)])
        self.grow = nn.ConvTranspose2d(2 * width, width, 2, stride=2)
        self.up = Block(2 * width, width, dim)
        draw = nn.Conv2d(width, 4, 3, padding=1)
        self.last = nn.Sequential(nn.GroupNorm(GROUPS, width), nn.SiLU(), draw)
        for weights in draw.parameters():
            nn.init.zeros_(weights)  # at the start the answer is 0

    def forward(self, images: Tensor, times: Tensor, labels: Tensor | None = None) -> Tensor:
        check_images(images)
        check_precision("images", images, self.first.weight)
        if labels is None:
            labels = torch.full((len(images),), self.num_classes, device=images.device)
        check_told(times, labels, self.num_classes, len(images))
        check_precision("times", times, self.first.weight)
        told = self.label(labels) if labels.dim() == 1 else self.label(labels).sum(dim=1)  # (batch, dim)
        embedding = nn.functional.silu(self.time(time_embedding(times, 2 * self.width)) + told)
        fine = self.down(self.first(nn.functional.pixel_unshuffle(images, 2)), embedding)  # (batch, width, 14, 14)
        coarse = self.shrink(fine)  # (batch, 2 width, 7, 7)
        for block in self.middle:
            coarse = block(coarse, embedding)
        both = torch.cat([fine, self.grow(coarse)], dim=1)  # (batch, 2 width, 14, 14)
        return nn.functional.pixel_shuffle(self.last(self.up(both, embedding)), 2)  # (batch, 1, 28, 28)


class VelocityUNet(UNet):
    """A U-Net that diffusion trains to predict v = sqrt(ā_t) noise - sqrt(1 - ā_t) x.

    Only its name differs: it stands in config.json, so that no network draws whose answer means something else.
    """


def check_images(images: Tensor) -> None:
    """TypeError, ValueError unless they are floats (batch, 1, 28, 28); NaN is not looked for here."""
    if not isinstance(images, Tensor) or not images.is_floating_point():
        kind = images.dtype if isinstance(images, Tensor) else type(images).__name__
        raise TypeError(f"images of {kind}: expected a tensor of floats, about -1..1 and noise")
    if images.shape[1:] != (1, 28, 28):
        raise ValueError(f"images {tuple(images.shape)}: expected (batch, 1, 28, 28)")


def check_told(times: Tensor, labels: Tensor, num_classes: int, count: int) -> None:
    """ValueError unless there are a time in 0..1 and a label, or several words, for each of `count` images."""
    if times.shape != (count,) or not times.is_floating_point():
        raise ValueError(f"times {times.dtype} {tuple(times.shape)}: expected {count} floats in 0..1")
    if labels.dtype not in WHOLE_NUMBERS or labels.shape[:1] != (count,) or labels.dim() > 2:
        raise ValueError(f"labels {labels.dtype} {tuple(labels.shape)}: expected {count} whole numbers")
    if torch.compiler.is_compiling() or not count:
        return
    if not (times.min() >= 0 and times.max() <= 1):  # also for NaN
        raise ValueError(f"times {times.min().item():g} .. {times.max().item():g}: expected 0..1")
    if not 0 <= int(labels.min()) <= int(labels.max()) <= num_classes:
        wrong = int(labels.min()) if labels.min() < 0 else int(labels.max())
        raise ValueError(f"label {wrong}: expected 0 to {num_classes - 1}, or {num_classes} for no label")
