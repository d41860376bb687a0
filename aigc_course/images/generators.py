"""Digits from each family of generators: networks in folders, and one way to draw with all of them.

VAE and style-based generator draw in one call; diffusion (it predicts velocity and draws by DDIM) and flow matching
(Euler), told digits or words, take steps and guidance.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from aigc_course.images.captioned import tokens_of
from aigc_course.images.captions import Caption
from aigc_course.images.diffusion import SCHEDULE, ddim_steps, last, noise_of_velocity
from aigc_course.images.features import as_images
from aigc_course.images.flow import euler_steps
from aigc_course.images.guidance import Field, guided
from aigc_course.images.labels import labels_for
from aigc_course.images.style import SIDES, StyleGenerator
from aigc_course.images.unet import UNet, VelocityUNet
from aigc_course.images.vae import VAE
from aigc_course.storage.networks import load_network, save_network

BATCH = 250  # images drawn side by side


class Kind(NamedTuple):
    """A family of generators."""

    network: type[nn.Module]
    folder: str  # of the one that the course ships, in data/models
    num_steps: int = 0  # calls of the network that are usual; 0: it draws in one call, without steps and guidance
    guidance: float = 1.0  # that is usual


KINDS = {
    "vae": Kind(VAE, "digit_vae"),
    "diffusion": Kind(VelocityUNet, "digit_diffusion", 20),
    "flow": Kind(UNet, "digit_flow", 10),
    "style": Kind(StyleGenerator, "digit_style"),
    "text2image": Kind(UNet, "digit_text2image", 10, 3.0),  # flow matching, told words
}


def save_generator(network: Any, folder: str | Path) -> None:
    """Write config.json and model.safetensors to a folder, each of them whole or not at all."""
    save_network(network, folder, network.settings)


def load_generator(folder: str | Path, kind: str) -> nn.Module:
    """The network of a kind, a key of KINDS, that lies in `folder`; in eval mode, on the CPU.

    Raises what `storage.networks.load_network` raises, ValueError for a kind that is not known.
    """
    network = known(kind).network
    return load_network(folder, {network.__name__: network})


def known(kind: str) -> Kind:
    """The family; ValueError, with the names there are, for another one."""
    if kind not in KINDS:
        raise ValueError(f'kind "{kind}" is not known; allowed: {", ".join(KINDS)}')
    return KINDS[kind]


def field_of(network: Any, kind: str, labels: Tensor | None, guidance: float = 1.0) -> Field:
    """What the sampler of "diffusion", "flow", or "text2image" follows: the predicted noise, or the velocity.

    labels: (batch,), or (batch, words), or None;  ValueError for a network of another kind
    """
    given, expected = type(network), known(kind).network
    if given is not expected:
        raise ValueError(f"{kind} draws with a {expected.__name__}, this is a {given.__name__}")
    field = guided(network, labels, guidance)
    return noise_of_velocity(field) if kind == "diffusion" else field


@torch.no_grad()
def draw(
    network: Any,
    kind: str,
    count: int,
    seed: int = 0,
    labels: Any = None,
    num_steps: int | None = None,
    guidance: float | None = None,
) -> np.ndarray:
    """Images that a network of a kind draws, the same ones for the same seed; (count, 28, 28) uint8.

    network:   as `load_generator` gives it
    labels:    a whole number for all or one each; None draws them uniformly; for "text2image" a list of captions
    num_steps, guidance: for kinds that take steps; None: what is usual
    ValueError for a count or a number of steps below 1, more steps than the schedule of a diffusion has, a guidance
    below 0 or above 1,000, labels that do not fit, steps or guidance where the family has none, and a network of
    another kind or one that draws NaN.
    """
    family = known(kind)
    if count < 1:
        raise ValueError(f"count {count}: expected at least 1 image")
    if not family.num_steps and (num_steps, guidance) != (None, None):
        raise ValueError(f"{kind} draws in one call: it takes neither steps nor guidance; diffusion and flow do")
    some_weights = next(network.parameters())  # they lie on the network's device
    rng = np.random.default_rng(seed)  # NumPy's: the first images do not depend on how many follow
    size = 784 if family.num_steps else network.latent_dim
    noise = torch.from_numpy(rng.standard_normal((count, size), np.float32))
    told = words_for(labels, count) if kind == "text2image" else labels_for(network.num_classes, count, labels, seed)
    num_steps = family.num_steps if num_steps is None else num_steps
    guidance = family.guidance if guidance is None else guidance
    was_training = network.training
    network.eval()
    images = []
    for first in range(0, count, BATCH):
        part = noise[first : first + BATCH].to(some_weights)
        part_told = None if told is None else told[first : first + BATCH].to(some_weights.device)
        if family.num_steps:
            field, start = field_of(network, kind, part_told, guidance), part.view(-1, 1, 28, 28)
            diffuses = kind == "diffusion"
            steps = ddim_steps(field, start, SCHEDULE, num_steps) if diffuses else euler_steps(field, start, num_steps)
            images.append(last(steps).clamp(-1, 1))
        elif kind == "style":
            images.append(network(part, part_told, layer_noise(first, len(part), seed, part.device)))
        else:
            images.append(network(part, part_told))
    network.train(was_training)
    return as_images(torch.cat(images))


def words_for(captions: Any, count: int) -> Tensor:
    """(count, 4) tokens of as many captions; ValueError for anything else."""
    if not isinstance(captions, Sequence) or len(captions) != count:
        raise ValueError(f"text2image needs one caption for each of {count} images, such as [parse(prompt)] * {count}")
    if not all(isinstance(caption, Caption) for caption in captions):
        raise ValueError("text2image takes captions: let `captions.parse` read a prompt")
    return tokens_of(captions)


def layer_noise(first: int, count: int, seed: int, device: torch.device) -> list[Tensor]:
    """Noise for the layers of a style-based generator, the same for an image however many follow it."""
    rngs = [np.random.default_rng([seed, first, layer]) for layer in range(len(SIDES))]
    return [
        torch.from_numpy(rng.standard_normal((count, 1, side, side), np.float32)).to(device)
        for rng, side in zip(rngs, SIDES, strict=True)
    ]
