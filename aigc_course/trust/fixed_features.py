"""Features of small images that nobody trained: how strong lines of eight directions are, fine and coarse.

What is fixed before anybody looks at the data costs no privacy, so private training is left with one layer. A small
scattering transform; source: Tramèr and Boneh 2021, "Differentially Private Learning Needs Better Features".
"""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

NUM_DIRECTIONS = 8
FINE, COARSE = (7, 4.0, 1.5), (11, 8.0, 3.0)  # side, wavelength and width of a wave packet, in pixels
POOL = 4  # pixels that are averaged, each way


def wave_packets(side: int, wavelength: float, width: float) -> Tensor:
    """Waves under a bell curve in NUM_DIRECTIONS directions, even and odd: (2 directions, 1, side, side), mean 0."""
    if side % 2 == 0:
        raise ValueError(f"side {side} is even; a filter with a middle has an odd side, such as 7")
    places = torch.arange(side) - side // 2
    y, x = torch.meshgrid(places, places, indexing="ij")
    bell = torch.exp(-(x**2 + y**2) / (2 * width**2))
    packets = []
    for number in range(NUM_DIRECTIONS):
        angle = math.pi * number / NUM_DIRECTIONS
        phase = 2 * math.pi * (x * math.cos(angle) + y * math.sin(angle)) / wavelength
        even = bell * phase.cos()
        packets += [even - bell * even.sum() / bell.sum(), bell * phase.sin()]  # a flat area gives 0
    return torch.stack(packets)[:, None] / bell.sum()


def strengths(images: Tensor, packets: Tensor) -> Tensor:
    """How strong each direction is at each pixel, wherever the line lies in the packet.

    images: (n, 1, height, width) -> (n, directions, height, width), at least 0
    """
    waves = F.conv2d(images, packets, padding=packets.shape[-1] // 2).unflatten(1, (-1, 2))
    return waves.square().sum(2).sqrt()


def line_features(images: np.ndarray) -> Tensor:
    """The image itself, its fine and its coarse lines, each averaged over POOL x POOL pixels: rows of length 1.

    images: (n, height, width) uint8, sides divisible by POOL; 28 x 28 -> (n, 833) float32
    Each of the three parts is brought to mean 0 and deviation 1 within the image, so that no image looks at another.
    """
    if images.ndim != 3 or images.dtype != np.uint8 or images.shape[1] % POOL or images.shape[2] % POOL:
        raise ValueError(
            f"images {images.shape} of {images.dtype}: expected (n, height, width) of uint8, sides divisible by {POOL}"
        )
    pixels = torch.from_numpy(images).float()[:, None] / 255  # (n, 1, h, w)
    parts = []
    for part in (pixels, *(strengths(pixels, wave_packets(*size)) for size in (FINE, COARSE))):
        pooled = F.avg_pool2d(part, POOL).flatten(1)
        centered = pooled - pooled.mean(1, keepdim=True)
        parts.append(centered / (centered.norm(dim=1, keepdim=True) + 1e-6))
    return torch.cat(parts, 1) / math.sqrt(len(parts))
