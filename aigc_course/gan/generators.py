"""A generator of `article` or `networks`: stored by `networks`, read back, set to draw for `images.features`."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from aigc_course.gan.article import Generator
from aigc_course.gan.networks import ConvGenerator
from aigc_course.images.features import as_images
from aigc_course.images.labels import labels_for
from aigc_course.storage.networks import load_network, save_network

SHIPPED = {"gan": "conditional_gan", "gan-unconditional": "unconditional_gan", "article-gan": "article_gan"}
NETWORKS = {"Generator": Generator, "ConvGenerator": ConvGenerator}  # what config.json may name
BATCH = 500  # images drawn side by side


def save_generator(G: nn.Module, folder: str | Path) -> None:
    """Write config.json and model.safetensors to a folder, each of them whole or not at all."""
    save_network(G, folder, ("latent_dim", "width", "num_classes") if isinstance(G, ConvGenerator) else ())


def load_generator(folder: str | Path) -> nn.Module:
    """The generator that lies in `folder`, ready to draw (eval mode, on the CPU); errors as for `load_network`."""
    return load_network(folder, NETWORKS)


@torch.no_grad()
def draw(G: nn.Module, count: int, seed: int = 0, labels: int | np.ndarray | Tensor | None = None) -> np.ndarray:
    """Images that G draws, the same ones for the same seed; (count, 28, 28) uint8.

    labels: for a generator with classes, one for all or one each; None draws them uniformly
    ValueError for a count below 1, labels that do not fit, or a generator that draws NaN.
    """
    if count < 1:
        raise ValueError(f"count {count}: expected at least 1 image")
    some_weights = next(G.parameters())  # they lie on G's device and have its dtype
    rng = np.random.default_rng(seed)  # NumPy's: the first images do not depend on how many follow
    z = torch.from_numpy(rng.standard_normal((count, G.latent_dim), np.float32))
    all_labels = labels_for(getattr(G, "num_classes", 0), count, labels, seed)
    was_training = G.training
    G.eval()
    images = []
    for first in range(0, count, BATCH):
        inputs = [z[first : first + BATCH].to(some_weights)]
        if all_labels is not None:
            inputs.append(all_labels[first : first + BATCH].to(some_weights.device))
        images.append(G(*inputs))
    G.train(was_training)
    return as_images(torch.cat(images))
