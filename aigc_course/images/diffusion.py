"""Diffusion: noise is added to images step by step, a network learns to predict it, and drawing goes backward.

x_t = sqrt(ā_t) x + sqrt(1 - ā_t) noise, with ā_t the product of (1 - β) up to step t. Timesteps count from 0 to T - 1;
networks get them as times t / T. Sources: Ho et al. 2020 (DDPM); Song et al. 2021 (DDIM); Nichol and Dhariwal 2021
(cosine schedule); Salimans and Ho 2022 (velocity).
"""

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from aigc_course.images.guidance import Field, Told, drop_labels

MOST_BETA = 0.999  # a step that leaves nothing of the image could not be undone
DROPPED = 0.1  # share of the images that are shown without their label, for guidance


class Schedule(NamedTuple):
    """How much noise each timestep adds."""

    betas: Tensor  # (T,) variance of the noise that a step adds
    alpha_bars: Tensor  # (T,) share of the image's variance that is left after it

    def alpha_bar(self, timestep: int) -> float:
        """ā_t; 1 before the first step."""
        return float(self.alpha_bars[timestep]) if timestep >= 0 else 1.0


def schedule_of(betas: Tensor) -> Schedule:
    """Schedule with given betas; products in float64."""
    return Schedule(betas.float(), torch.cumprod(1 - betas.double(), dim=0).float())


def linear_schedule(num_timesteps: int = 1000) -> Schedule:
    """β from 1e-4 to 0.02 for 1,000 steps, for fewer ones as much more; ValueError below 21. Source: Ho et al. 2020."""
    check_steps(num_timesteps, least=21)
    return schedule_of(torch.linspace(1e-4, 0.02, num_timesteps, dtype=torch.float64) * (1000 / num_timesteps))


def cosine_schedule(num_timesteps: int = 1000) -> Schedule:
    """ā_t falls like a squared cosine, slowly at both ends. Source: Nichol and Dhariwal 2021, equation 17."""
    check_steps(num_timesteps)
    left = [math.cos((t / num_timesteps + 0.008) / 1.008 * math.pi / 2) ** 2 for t in range(num_timesteps + 1)]
    betas = [min(1 - after / before, MOST_BETA) for before, after in pairwise(left)]
    return schedule_of(torch.tensor(betas, dtype=torch.float64))


def check_steps(num_steps: int, most: int | None = None, least: int = 1) -> None:
    """ValueError unless it is a whole number from `least` to `most`."""
    if not isinstance(num_steps, int) or isinstance(num_steps, bool) or num_steps < least:
        raise ValueError(f"{num_steps} steps: expected a whole number of at least {least}")
    if most is not None and num_steps > most:
        raise ValueError(f"{num_steps} steps: the schedule has only {most}")


SCHEDULE = cosine_schedule(400)  # of the diffusion models that the course trains; DDPM takes all of its steps


def check_noise(noise: Tensor) -> None:
    """TypeError, ValueError unless it is a tensor of finite floats with at least one element."""
    if not isinstance(noise, Tensor) or not noise.is_floating_point():
        kind = noise.dtype if isinstance(noise, Tensor) else type(noise).__name__
        raise TypeError(f"noise of {kind}: expected a tensor of floats, such as torch.randn(batch, 1, 28, 28)")
    if not noise.numel() or not torch.isfinite(noise).all():
        bad = noise.numel() - int(torch.isfinite(noise).sum())
        raise ValueError(f"noise of shape {tuple(noise.shape)}, {bad} numbers NaN or infinite: expected finite ones")


def add_noise(images: Tensor, noise: Tensor, timesteps: Tensor, schedule: Schedule) -> Tensor:
    """x_t = sqrt(ā_t) x + sqrt(1 - ā_t) noise.

    images, noise: (batch, ...)  equal shapes
    timesteps:     (batch,)      whole numbers in 0 .. T - 1
    ValueError for anything else.
    """
    count = images.shape[:1] or None  # a single number is no batch
    if images.shape != noise.shape or timesteps.shape != count or timesteps.is_floating_point() or not len(images):
        shapes = f"images {tuple(images.shape)}, noise {tuple(noise.shape)}, timesteps {tuple(timesteps.shape)}"
        raise ValueError(
            f"{shapes}, {timesteps.dtype}: expected equal shapes and one whole number for each image, of at least one"
        )
    if not 0 <= int(timesteps.min()) <= int(timesteps.max()) < len(schedule.betas):
        raise ValueError(
            f"timesteps {int(timesteps.min())} .. {int(timesteps.max())}: expected 0 .. {len(schedule.betas) - 1}"
        )
    left = left_at(timesteps, images, schedule)
    return left.sqrt() * images + (1 - left).sqrt() * noise


def left_at(timesteps: Tensor, images: Tensor, schedule: Schedule) -> Tensor:
    """ā of each image's timestep (batch,), shaped to multiply the images: (batch, 1, 1, 1)."""
    return schedule.alpha_bars.to(images.device)[timesteps].view(-1, *[1] * (images.dim() - 1))


def denoising_loss(
    network: Told,
    images: Tensor,
    labels: Tensor | None,
    rng: torch.Generator,
    schedule: Schedule = SCHEDULE,
    *,
    velocity: bool = False,
) -> Tensor:
    """E[|noise - network(x_t, t / T, label)|²], the mean over pixels. Source: Ho et al. 2020, equation 14.

    images:   (batch, 1, 28, 28) in -1..1;  labels: (batch,) or None;  rng: on the CPU, chooses timesteps and noise
    velocity: predict v = sqrt(ā_t) noise - sqrt(1 - ā_t) x instead. Source: Salimans and Ho 2022, section 4
    """
    num_timesteps = len(schedule.betas)
    timesteps = torch.randint(num_timesteps, (len(images),), generator=rng).to(images.device)
    noise = torch.randn(images.shape, generator=rng).to(images.device)
    if labels is not None:
        labels = drop_labels(labels, DROPPED, network.num_classes, rng)
    predicted = network(add_noise(images, noise, timesteps, schedule), timesteps / num_timesteps, labels)
    if not velocity:
        return F.mse_loss(predicted.float(), noise)
    left = left_at(timesteps, images, schedule)
    return F.mse_loss(predicted.float(), left.sqrt() * noise - (1 - left).sqrt() * images)


def noise_of_velocity(predict_velocity: Field, schedule: Schedule = SCHEDULE) -> Field:
    """What `ddpm_steps` and `ddim_steps` ask for, from a network that predicts v: sqrt(1 - ā_t) x_t + sqrt(ā_t) v."""

    def predict_noise(images: Tensor, times: Tensor) -> Tensor:
        left = left_at((times * len(schedule.betas)).round().long(), images, schedule)
        return (1 - left).sqrt() * images + left.sqrt() * predict_velocity(images, times)

    return predict_noise


def clean_images(noisy: Tensor, predicted_noise: Tensor, alpha_bar: float) -> Tensor:
    """x = (x_t - sqrt(1 - ā_t) noise) / sqrt(ā_t), clipped to -1..1, where images lie."""
    return ((noisy - math.sqrt(1 - alpha_bar) * predicted_noise) / math.sqrt(alpha_bar)).clamp(-1, 1)


@torch.no_grad()
def ddpm_steps(
    predict_noise: Field, noise: Tensor, schedule: Schedule, noise_at: Callable[[int], Tensor]
) -> Iterator[Tensor]:
    """Draw by DDPM; yield the images (batch, 1, 28, 28) after each of the schedule's T steps.

    x_(t-1) is drawn from the Gaussian q(x_(t-1) | x_t, x), x as the network predicts it (equation 7 of Ho et al. 2020).
    predict_noise: images, times (batch,) in 0..1 -> noise;  noise: (batch, 1, 28, 28), where drawing begins
    noise_at:      the noise that is added after timestep t, as large; not asked for after the last one
    Raises TypeError, ValueError for noise that is not finite.
    """
    check_noise(noise)
    images, num_timesteps = noise, len(schedule.betas)
    for timestep in reversed(range(num_timesteps)):
        beta, left, left_before = (
            float(schedule.betas[timestep]), schedule.alpha_bar(timestep), schedule.alpha_bar(timestep - 1)
        )  # fmt: skip
        clean = clean_images(images, predict_noise(images, times_of(images, timestep, num_timesteps)), left)
        images = (
            math.sqrt(left_before) * beta / (1 - left) * clean
            + math.sqrt(1 - beta) * (1 - left_before) / (1 - left) * images
        )
        if timestep:
            images = images + math.sqrt(beta * (1 - left_before) / (1 - left)) * noise_at(timestep)
        yield images


@torch.no_grad()
def ddim_steps(
    predict_noise: Field,
    noise: Tensor,
    schedule: Schedule,
    num_steps: int = 20,
    noise_at: Callable[[int], Tensor] | None = None,
) -> Iterator[Tensor]:
    """Draw by DDIM; yield the images (batch, 1, 28, 28) after each of num_steps steps.

    Source: Song et al. 2021, equation 12; the steps begin at the last timestep, evenly apart. Arguments and errors as
    for `ddpm_steps`; ValueError for num_steps below 1 or above T.
    noise_at: None adds no noise (σ = 0); otherwise the noise that is added after timestep t, with as much σ as DDPM has
              for such a step (equation 16 with η = 1)
    """
    check_noise(noise)
    num_timesteps = len(schedule.betas)
    check_steps(num_steps, num_timesteps)
    timesteps = [round((num_steps - i) * num_timesteps / num_steps) - 1 for i in range(num_steps + 1)]  # T - 1 .. -1
    images = noise
    for timestep, timestep_after in pairwise(timesteps):
        left, left_after = schedule.alpha_bar(timestep), schedule.alpha_bar(timestep_after)
        clean = clean_images(images, predict_noise(images, times_of(images, timestep, num_timesteps)), left)
        direction = (images - math.sqrt(left) * clean) / math.sqrt(1 - left)  # the noise that fits the clipped images
        variance = (1 - left_after) / (1 - left) * (1 - left / left_after) if noise_at else 0.0  # σ²
        images = math.sqrt(left_after) * clean + math.sqrt(1 - left_after - variance) * direction
        if noise_at and timestep_after >= 0:
            images = images + math.sqrt(variance) * noise_at(timestep)
        yield images


def times_of(images: Tensor, timestep: int, num_timesteps: int) -> Tensor:
    """One time for each image; (batch,)."""
    return torch.full((len(images),), timestep / num_timesteps, device=images.device)


def last(steps: Iterable[Tensor]) -> Tensor:
    """What a drawing ends with: the last of the images that it yields."""
    return deque(steps, maxlen=1).pop()
