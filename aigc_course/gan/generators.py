"""A generator of `article` or `networks`: stored by `weights`, read back, set to draw for `images.features`."""

import json
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from aigc_course.gan.article import Generator
from aigc_course.gan.networks import ConvGenerator
from aigc_course.images.features import as_images
from aigc_course.images.labels import labels_for
from aigc_course.storage import weights

SHIPPED = {"gan": "conditional_gan", "gan-unconditional": "unconditional_gan", "article-gan": "article_gan"}
NETWORKS = {"Generator": Generator, "ConvGenerator": ConvGenerator}  # what config.json may name
CONFIG_FILE, WEIGHTS_FILE = "config.json", "model.safetensors"
ADVICE = "copy or download the folder again"
MOST = {"latent_dim": 4096, "width": 512, "num_classes": 1000}  # larger settings are damage, and would fill the memory
BATCH = 500  # images drawn side by side


def save_generator(G: nn.Module, folder: str | Path) -> None:
    """Write config.json and model.safetensors to a folder, each of them whole or not at all."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    names = ("latent_dim", "width", "num_classes") if isinstance(G, ConvGenerator) else ()
    config = {"network": type(G).__name__, **{name: getattr(G, name) for name in names}}
    weights.write(folder / CONFIG_FILE, f"{json.dumps(config, indent=2)}\n".encode())
    weights.save_weights(G, folder / WEIGHTS_FILE)


def load_generator(folder: str | Path) -> nn.Module:
    """The generator that lies in `folder`, ready to draw (eval mode, on the CPU).

    Raises FileNotFoundError for missing files; ValueError for a damaged config.json or model.safetensors, a pickle, and
    weights of other names or shapes than config.json describes.
    """
    path = Path(folder) / CONFIG_FILE
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} is not there; a stored generator is a folder with {CONFIG_FILE} and {WEIGHTS_FILE}"
        )
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        network = NETWORKS[config.pop("network")]
        if giant := [name for name, value in config.items() if type(value) is not int or not 0 <= value <= MOST[name]]:
            raise ValueError(f"{giant[0]} is {config[giant[0]]!r:.40}, expected 0 to {MOST[giant[0]]:,}")
        G = network(**config)
    except (ValueError, KeyError, TypeError, AttributeError, RuntimeError, RecursionError) as error:
        raise ValueError(
            f'{path} is damaged or from another program ({error!r}): expected "network", one of {", ".join(NETWORKS)}, '
            f"and its settings; {ADVICE}"
        ) from error
    weights.load_weights(G, Path(folder) / WEIGHTS_FILE, ADVICE)
    return G.eval()


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
