"""Classical data augmentation: new images from old ones, by changes that leave the label as it is.

All take and return floats (batch, 1, height, width); every image of a batch is changed in its own way, chosen by `rng`.
`torchvision.transforms.v2` has the same and more; here each is written as its formula.
"""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor


def warp(images: Tensor, places: Tensor, paper: float = -1.0) -> Tensor:
    """Images whose pixel (row, column) is taken from another place, by interpolation between its four neighbors.

    images: (batch, 1, h, w) floats;  places: (batch, h, w, 2), x and y in -1..1 over the image, as in `grid_sample`
    paper:  what lies outside of the image
    """
    check_images(images)
    if places.shape != (len(images), *images.shape[2:], 2):
        raise ValueError(f"places {tuple(places.shape)} for images {tuple(images.shape)}: expected x and y per pixel")
    return F.grid_sample(images - paper, places, mode="bilinear", align_corners=False) + paper


def affine(images: Tensor, degrees: Tensor, size: Tensor, shift: Tensor, paper: float = -1.0) -> Tensor:
    """Turn each image about its middle, scale it, then shift it.

    degrees: (batch,), clockwise;  size: (batch,), above 0, 1 leaves it;  shift: (batch, 2), pixels right and down
    A pixel at p of the new image is taken from turn(-degrees) · (p - shift) / size of the old one.
    """
    check_images(images)
    if degrees.shape != (len(images),) or size.shape != degrees.shape or shift.shape != (len(images), 2):
        raise ValueError(
            f"degrees {tuple(degrees.shape)}, size {tuple(size.shape)}, shift {tuple(shift.shape)}: expected "
            f"({len(images)},), ({len(images)},) and ({len(images)}, 2)"
        )
    if not (size > 0).all():  # also for NaN
        raise ValueError(f"size {size.min().item():g}: expected numbers above 0; 1 leaves an image as large as it is")
    height, width = images.shape[2:]
    angle = degrees * (math.pi / 180)
    rows = torch.arange(height).to(images) - (height - 1) / 2
    columns = torch.arange(width).to(images) - (width - 1) / 2
    x = columns[None, None, :] - shift[:, 0, None, None]  # (batch, 1, w)
    y = rows[None, :, None] - shift[:, 1, None, None]  # (batch, h, 1)
    cos, sin = (angle.cos() / size)[:, None, None], (angle.sin() / size)[:, None, None]
    places = torch.stack([(cos * x + sin * y) * 2 / width, (cos * y - sin * x) * 2 / height], dim=-1)
    return warp(images, places, paper)


def random_affine(
    images: Tensor, rng: torch.Generator, degrees: float = 15.0, size: float = 0.1, shift: float = 1.0
) -> Tensor:
    """As `affine`, with an angle of at most ±degrees, a size of 1 ± size and a shift of at most ±shift pixels."""
    if not (0 <= degrees <= 180 and 0 <= size < 1 and shift >= 0):
        raise ValueError(f"degrees {degrees}, size {size}, shift {shift}: expected 0..180, 0..1 and at least 0")
    check_images(images)
    turn, grow, right, down = (2 * torch.rand((4, len(images)), generator=rng) - 1).to(images)  # -1..1
    return affine(images, degrees * turn, 1 + size * grow, shift * torch.stack([right, down], dim=1))


def elastic(images: Tensor, rng: torch.Generator, strength: float = 1.0, smoothness: float = 2.0) -> Tensor:
    """Move every pixel by a smooth random field, as handwriting differs from hand to hand.

    strength: standard deviation of the moves;  smoothness: that of the Gaussian which smooths them; both in pixels
    Source: Simard, Steinkraus and Platt 2003.
    """
    check_images(images)
    height, width = images.shape[2:]
    if not (0 <= strength < math.inf and 0 < smoothness < min(height, width) / 3):
        raise ValueError(
            f"strength {strength}, smoothness {smoothness} for images of {height} x {width}: expected at least 0, and "
            "above 0 up to a third of a side"
        )
    reach = math.ceil(3 * smoothness)
    bell = torch.exp(-0.5 * (torch.arange(-reach, reach + 1).to(images) / smoothness) ** 2)
    bell = bell / bell.square().sum().sqrt()  # a sum of independent numbers of variance 1 keeps variance 1
    noise = torch.randn((len(images) * 2, 1, height + 2 * reach, width + 2 * reach), generator=rng).to(images)
    smooth = F.conv2d(F.conv2d(noise, bell.view(1, 1, 1, -1)), bell.view(1, 1, -1, 1))
    moves = strength * smooth.view(len(images), 2, height, width)  # pixels
    x = (torch.arange(width).to(images) + 0.5) * 2 / width - 1
    y = (torch.arange(height).to(images) + 0.5) * 2 / height - 1
    places = torch.stack(torch.broadcast_tensors(x[None, :], y[:, None]), dim=-1)
    return warp(images, places + moves.movedim(1, -1) * torch.tensor([2 / width, 2 / height]).to(images))


def mixup(images: Tensor, targets: Tensor, rng: torch.Generator, alpha: float = 0.2) -> tuple[Tensor, Tensor]:
    """share · one + (1 - share) · other, for images and labels alike, with share from Beta(alpha, alpha).

    images: (batch, ...);  targets: (batch, classes), probabilities;  returns both mixed with those of a shuffled batch
    Source: Zhang et al. 2018.
    """
    if targets.dim() != 2 or len(targets) != len(images) or not targets.is_floating_point():
        raise ValueError(
            f"targets {tuple(targets.shape)}: expected (batch, classes) floats, such as one_hot(...).float()"
        )
    if not 0 < alpha < math.inf:
        raise ValueError(f"alpha {alpha}: expected a number above 0; 0.2 mixes most pairs only a little")
    from_torch = int(torch.randint(2**31, (1,), generator=rng))
    share = np.random.default_rng(from_torch).beta(alpha, alpha)  # torch's own takes no generator
    other = torch.randperm(len(images), generator=rng)
    return share * images + (1 - share) * images[other], share * targets + (1 - share) * targets[other]


def check_images(images: Tensor) -> None:
    """TypeError, ValueError unless they are floats (batch, 1, height, width)."""
    if not isinstance(images, Tensor) or not images.is_floating_point():
        kind = images.dtype if isinstance(images, Tensor) else type(images).__name__
        raise TypeError(f"images of {kind}: expected a tensor of floats")
    if images.dim() != 4 or images.shape[1] != 1:
        raise ValueError(f"images {tuple(images.shape)}: expected (batch, 1, height, width)")
