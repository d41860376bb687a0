"""Weights of a torch network in a safetensors file: written whole or not at all, checked before anything is changed."""

import os
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn

OTHER_KINDS = (b"\x80", b"PK", b"\x89HDF")  # how pickles, zip archives and HDF5 files begin


def save_weights(network: nn.Module, path: str | Path) -> None:
    """Write the weights and running statistics of a network: names, shapes and numbers, nothing that can run."""
    path = Path(path)
    write(path, save({name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()}))


def write(path: Path, content: bytes) -> None:
    """Write a file that appears when it is complete; OSError, with nothing changed, when the disk cannot take it."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(content)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def load_weights(network: nn.Module, path: str | Path, advice: str = "copy or download it again") -> None:
    """Put the weights of a file into `network`, all of them or, when an error is raised, none.

    advice: what the reader of an error can do about it
    Raises FileNotFoundError, and ValueError for a file that is cut short, of another kind, or another network's.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no model file {path}; {advice}")
    content = path.read_bytes()
    try:
        weights = load(content)
    except SafetensorError as error:
        if content.startswith(OTHER_KINDS):  # only now: a safetensors file may begin so too
            problem = "is a pickle, a zip archive or HDF5; these can hold code, so that only safetensors is read"
        else:
            problem = f"({len(content):,} bytes) was cut short or is no safetensors file ({error})"
        raise ValueError(f"{path} {problem}; {advice}") from error
    check_shapes(weights, network.state_dict(), path, advice)
    network.load_state_dict(weights)


def check_shapes(weights: dict[str, Tensor], wanted: dict[str, Tensor], path: Path, advice: str) -> None:
    """ValueError, naming the first difference, unless names and shapes agree."""
    for name in sorted(weights.keys() | wanted.keys()):
        inside, asked = (str(tuple(t[name].shape)) if name in t else "missing" for t in (weights, wanted))
        if inside != asked:
            raise ValueError(
                f'{path} belongs to another network: "{name}" is {inside} in the file, {asked} in the network; {advice}'
            )
