"""Flow matching: a network learns the velocity that carries noise to images along straight lines.

x_t = (1 - t) x0 + t x1, with noise x0 and an image x1, moves with v = x1 - x0; the network learns the mean of v at x_t,
and drawing follows it from t = 0 to t = 1. Sources: Lipman et al. 2023; Liu et al. 2023 (rectified flow).
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from aigc_course.images.diffusion import DROPPED, check_noise, check_steps
from aigc_course.images.guidance import Field, Told, drop_labels

LARGEST_STD = 1e100  # its square is still a number


def between(noise: Tensor, images: Tensor, times: Tensor) -> Tensor:
    """x_t = (1 - t) x0 + t x1; noise, images (batch, ...) of equal shapes, times (batch,) in 0..1 -> (batch, ...)."""
    if noise.shape != images.shape or times.dim() != 1 or times.shape != images.shape[:1]:
        raise ValueError(
            f"noise {tuple(noise.shape)}, images {tuple(images.shape)}, times {tuple(times.shape)}: expected equal "
            "shapes and one time for each"
        )
    t = times.view(-1, *[1] * (images.dim() - 1))  # (batch, 1, 1, 1)
    return (1 - t) * noise + t * images


def flow_loss(network: Told, images: Tensor, labels: Tensor | None, rng: torch.Generator) -> Tensor:
    """E[|(x1 - x0) - network(x_t, t, label)|²], the mean over pixels. Source: Lipman et al. 2023, equation 23.

    images: (batch, 1, 28, 28) in -1..1;  labels: (batch,) or None;  rng: on the CPU, chooses times and noise
    """
    times = torch.rand(len(images), generator=rng).to(images.device)
    noise = torch.randn(images.shape, generator=rng).to(images.device)
    if labels is not None:
        labels = drop_labels(labels, DROPPED, network.num_classes, rng)
    velocity = network(between(noise, images, times), times, labels)
    return F.mse_loss(velocity.float(), images - noise)


@torch.no_grad()
def euler_steps(velocity: Field, noise: Tensor, num_steps: int = 10) -> Iterator[Tensor]:
    """Follow the velocity from noise to images; yield x, as large as the noise, after each of num_steps steps.

    velocity: x (batch, ...), times (batch,) in 0..1 -> (batch, ...), called once a step
    Raises TypeError, ValueError for noise that is not finite and for num_steps below 1.
    """
    check_noise(noise)
    check_steps(num_steps)
    x = noise
    for step in range(num_steps):
        x = x + velocity(x, same_time(x, step / num_steps)) / num_steps
        yield x


@torch.no_grad()
def midpoint_steps(velocity: Field, noise: Tensor, num_steps: int = 5) -> Iterator[Tensor]:
    """As `euler_steps`, but a step takes the velocity at its middle: two calls, and an error of one order less."""
    check_noise(noise)
    check_steps(num_steps)
    x = noise
    for step in range(num_steps):
        halfway = x + velocity(x, same_time(x, step / num_steps)) / (2 * num_steps)
        x = x + velocity(halfway, same_time(x, (step + 0.5) / num_steps)) / num_steps
        yield x


def same_time(x: Tensor, time: float) -> Tensor:
    """One time for each of a batch; (batch,)."""
    return torch.full((len(x),), time, device=x.device)


class Gaussian1D(NamedTuple):
    """Where numbers lie: mean and standard deviation, both in the numbers' own unit."""

    mean: float
    std: float


def gaussian_velocity(x: Tensor, times: Tensor, start: Gaussian1D, end: Gaussian1D) -> Tensor:
    """The velocity between two Gaussians in closed form: E[x1 - x0 | x_t = x], what flow matching learns.

    x, times: (batch,), times in 0..1;  returns (batch,)
    x0, x1 and x_t are Gaussian together, so that the mean is a line in x: its slope is cov(x1 - x0, x_t) / var(x_t).
    ValueError unless both standard deviations are above 0 and at most LARGEST_STD.
    """
    if not (0 < start.std <= LARGEST_STD and 0 < end.std <= LARGEST_STD):
        raise ValueError(f"standard deviations {start.std} and {end.std}: expected above 0, at most {LARGEST_STD:g}")
    t = times
    mean = (1 - t) * start.mean + t * end.mean
    variance = (1 - t) ** 2 * start.std**2 + t**2 * end.std**2
    covariance = t * end.std**2 - (1 - t) * start.std**2
    return end.mean - start.mean + covariance / variance * (x - mean)
