"""The next frames of a clip: a network that says where things move, and what it must be better than.

Frames are floats, 0 paper to 1 ink, 32 x 32. Source of the idea: Finn, Goodfellow, Levine 2016, Unsupervised Learning
for Physical Interaction through Video Prediction: predict the motion and move the pixels that are there, instead of
painting new ones. Here the whole picture has one motion, since one digit moves in it.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aigc_course.storage.networks import load_network, save_network

SIDE = 32
CONTEXT = 4  # frames that the network looks at
AHEAD = 5  # frames that it is judged by


def warp(image, shift):
    """Move pictures, each by its own shift: (batch, h, w), (batch, 2) -> (batch, h, w)

    shift: x and y in pixels; what comes in from outside is 0
    """
    height, width = image.shape[-2:]
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    x, y = x - shift[:, 0, None, None], y - shift[:, 1, None, None]  # where each pixel comes from
    places = torch.stack([2 * x / (width - 1) - 1, 2 * y / (height - 1) - 1], dim=-1)  # grid_sample counts from -1 to 1
    return F.grid_sample(image[:, None], places, align_corners=True)[:, 0]


class FramePredictor(nn.Module):
    """frames (batch, CONTEXT, 32, 32) -> the next one (batch, 32, 32), which is the last one moved"""

    settings = ("width",)  # what a stored network is rebuilt from

    def __init__(self, width=16):
        super().__init__()
        self.width = width
        self.layers = nn.Sequential(
            nn.Conv2d(CONTEXT, width, 5, stride=2, padding=2), nn.SiLU(),  # (batch, width, 16, 16)
            nn.Conv2d(width, 2 * width, 3, stride=2, padding=1), nn.SiLU(),  # (batch, 2 width, 8, 8)
            nn.Conv2d(2 * width, 4 * width, 3, stride=2, padding=1), nn.SiLU(),  # (batch, 4 width, 4, 4)
            nn.Flatten(), nn.Linear(64 * width, 4 * width), nn.SiLU(), nn.Linear(4 * width, 2),
        )  # fmt: skip
        for weights in self.layers[-1].parameters():  # at first nothing moves: the last frame again
            nn.init.zeros_(weights)

    def forward(self, frames):
        return warp(frames[:, -1], self.layers(frames))


def continued(network, frames, count):
    """Predict a frame, append it, predict the next: (batch, at least CONTEXT, 32, 32) -> (batch, count, 32, 32)"""
    check_clips(frames)
    known = list(frames.unbind(1))
    for _ in range(count):
        known.append(network(torch.stack(known[-CONTEXT:], dim=1)))
    return torch.stack(known[-count:], dim=1)


def center(frames):
    """The middle of the ink, x and y in pixels: (..., h, w) -> (..., 2)"""
    y, x = torch.meshgrid(torch.arange(frames.shape[-2]), torch.arange(frames.shape[-1]), indexing="ij")
    ink = frames.sum(dim=(-2, -1))
    return torch.stack([(frames * x).sum(dim=(-2, -1)) / ink, (frames * y).sum(dim=(-2, -1)) / ink], dim=-1)


def copied(frames, count):
    """The last frame again and again: what a film shows when it stands still"""
    return frames[:, -1:].expand(-1, count, -1, -1)


def carried_on(frames, count):
    """The last frame moved on as it moved last: its middle minus that of the frame before, times 1, 2, ..., count"""
    velocity = center(frames[:, -1]) - center(frames[:, -2])  # (batch, 2) pixels per frame
    return torch.stack([warp(frames[:, -1], velocity * step) for step in range(1, count + 1)], dim=1)


def squared_errors(predicted: Tensor, truth: Tensor) -> Tensor:
    """Mean squared error of each frame; (batch, count, h, w) twice -> (batch, count)."""
    if predicted.shape != truth.shape:
        raise ValueError(f"predicted {tuple(predicted.shape)}, truth {tuple(truth.shape)}: expected the same shape")
    return ((predicted - truth) ** 2).mean(dim=(-2, -1))


@dataclass(frozen=True)
class PredictorConfig:
    """Settings of a training."""

    num_steps: int = 15_000
    batch_size: int = 64  # half as many once several frames are predicted
    learning_rate: float = 3e-3  # falls to 0 along half a cosine
    far_from: float = 0.8  # share of the steps after which AHEAD frames are predicted instead of one
    seed: int = 0


def check_clips(clips: Tensor, least: int = CONTEXT) -> None:
    """TypeError, ValueError unless they are floats (batch, at least `least`, SIDE, SIDE), none of them NaN."""
    if not isinstance(clips, Tensor) or not clips.is_floating_point():
        kind = clips.dtype if isinstance(clips, Tensor) else type(clips).__name__
        raise TypeError(f"clips of {kind}: expected a tensor of floats, 0 paper to 1 ink")
    if clips.dim() != 4 or clips.shape[1] < least or clips.shape[2:] != (SIDE, SIDE) or not len(clips):
        raise ValueError(
            f"clips {tuple(clips.shape)}: expected (batch, frames, {SIDE}, {SIDE}) with at least {least} frames"
        )
    if not torch.isfinite(clips).all():
        raise ValueError("the clips hold NaN or infinity")


def training_batch(clips: Tensor, step: int, config: PredictorConfig) -> Tensor:
    """What a step learns from, the same for the same seed: pieces of clips, turned over, mirrored or run backward.

    clips (n, CONTEXT + AHEAD, SIDE, SIDE) -> (batch, CONTEXT + 1 or CONTEXT + AHEAD, SIDE, SIDE)
    The rule of motion knows neither left nor right, up nor down, first nor last: 16 clips for each one, for nothing.
    """
    rng = torch.Generator().manual_seed(1_000_003 * config.seed + step)
    is_far = step >= config.far_from * config.num_steps
    size = max(1, config.batch_size // (2 if is_far else 1))
    rows = torch.randint(len(clips), (size,), generator=rng)
    begin, *flips = (int(number) for number in torch.randint(AHEAD, (5,), generator=rng))
    batch = clips[rows] if is_far else clips[rows, begin : begin + CONTEXT + 1]
    for dim, flip in zip((1, 2, 3), flips, strict=False):
        batch = batch.flip(dim) if flip % 2 else batch
    return (batch.transpose(2, 3) if flips[3] % 2 else batch).float()


def training_steps(
    network: nn.Module, optimizer: torch.optim.Optimizer, clips: Tensor, config: PredictorConfig, first: int = 0
) -> Iterator[Mapping[str, float]]:
    """Train in place and yield {"step", "loss"} after each step; from step `first` on, as if it had never stopped."""
    check_clips(clips[:1].float(), CONTEXT + AHEAD)
    for step in range(first, config.num_steps):
        for group in optimizer.param_groups:
            group["lr"] = config.learning_rate * 0.5 * (1 + math.cos(math.pi * step / config.num_steps))
        batch = training_batch(clips, step, config)
        known, truth = batch[:, :CONTEXT], batch[:, CONTEXT:]
        loss = squared_errors(continued(network, known, truth.shape[1]), truth).mean()
        optimizer.zero_grad()
        (100 * loss).backward()  # 100: else Adam's smallest divisor would be felt
        optimizer.step()
        yield {"step": step + 1, "loss": loss.item()}


def save_predictor(network: FramePredictor, folder: str | Path) -> None:
    """Write a network to a folder, each of its files whole or not at all."""
    save_network(network, folder, FramePredictor.settings)


def load_predictor(folder: str | Path) -> FramePredictor:
    """The network that lies in `folder`, in eval mode; errors as `storage.networks.load_network`."""
    network = load_network(folder, {"FramePredictor": FramePredictor})
    assert isinstance(network, FramePredictor)
    return network
