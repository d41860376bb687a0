"""A network in a folder: config.json names its class and settings, model.safetensors holds its weights."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from aigc_course.storage import weights
from aigc_course.storage.files import naming, replacing

if TYPE_CHECKING:
    from torch import nn

CONFIG_FILE, WEIGHTS_FILE = "config.json", "model.safetensors"
ADVICE = "copy or download the folder again"
MOST = {  # larger settings are damage, and would fill the memory
    "latent_dim": 4096,
    "width": 512,
    "num_classes": 1000,
    "num_steps": 1024,
    "num_layers": 64,
    "num_heads": 64,
}


def save_network(network: "nn.Module", folder: str | Path, settings: Sequence[str] = ()) -> None:
    """Write config.json and model.safetensors to a folder, both or neither: they belong together.

    settings: names of arguments of the network's class that are its attributes, too; they are whole numbers
    """
    folder = Path(folder)
    with naming(folder, folder):
        folder.mkdir(parents=True, exist_ok=True)
    config = {"network": type(network).__name__, **{name: getattr(network, name) for name in settings}}
    with replacing(folder / WEIGHTS_FILE) as numbers, replacing(folder / CONFIG_FILE) as settings_file:
        numbers.write(weights.content_of(network))
        settings_file.write(f"{json.dumps(config, indent=2)}\n".encode())
        for file in (numbers, settings_file):  # so that a full disk shows before either has its new name
            file.flush()
            os.fsync(file.fileno())


def load_network(folder: str | Path, allowed: Mapping[str, type["nn.Module"]]) -> "nn.Module":
    """The network that lies in `folder`, in eval mode on the CPU.

    allowed: the classes that config.json may name
    Raises FileNotFoundError for missing files; ValueError for a damaged config.json or model.safetensors, a pickle, and
    weights of other names or shapes than config.json describes.
    """
    path = Path(folder) / CONFIG_FILE
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} is not there; a stored network is a folder with {CONFIG_FILE} and {WEIGHTS_FILE}: name another "
            "one, or copy or download it again"
        )
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        network_class = allowed[config.pop("network")]
        if giant := [name for name, value in config.items() if type(value) is not int or not 0 <= value <= MOST[name]]:
            raise ValueError(f"{giant[0]} is {config[giant[0]]!r:.40}, expected 0 to {MOST[giant[0]]:,}")
        network = network_class(**config)
    except (ValueError, KeyError, TypeError, AttributeError, RuntimeError, RecursionError) as error:
        raise ValueError(
            f'{path} is damaged or from another program ({error!r}): expected "network", one of {", ".join(allowed)}, '
            f"and its settings; {ADVICE}"
        ) from error
    weights.load_weights(network, Path(folder) / WEIGHTS_FILE, ADVICE)
    return network.eval()
