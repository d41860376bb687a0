"""Checkpoints from which a training goes on bit for bit, random_states too: safetensors and JSON, never a pickle.

A new one is written beside the old one, flushed to the disk and only then given its name, so a program that is killed,
or runs out of disk space, leaves the old one in place; that one is kept as NAME.previous. The SHA-256 of everything in
the file stands in its header.
"""

import hashlib
import json
import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from safetensors import SafetensorError
from safetensors.torch import load as tensors_from
from safetensors.torch import save as bytes_of
from torch import Tensor, nn
from torch.optim import Optimizer

from aigc_course.storage import random_states

FORMAT = "aigc_course checkpoint 1"
MAX_HEADER = 100_000_000  # bytes; safetensors' own limit
Modules = Mapping[str, nn.Module]
Optimizers = Mapping[str, Optimizer]


class DamagedCheckpoint(ValueError):
    """A file that is no checkpoint of this course, or not any more: cut short, changed, or of another program."""


class Contents(NamedTuple):
    """What a file holds, once it has been checked."""

    tensors: dict[str, Tensor]
    notes: dict[str, Any]  # the JSON: state, optimizers' settings, random states


def previous(path: str | Path) -> Path:
    """Where the checkpoint before the one at `path` is kept."""
    return Path(f"{path}.previous")


def save(path: str | Path, modules: Modules, optimizers: Optimizers | None = None, state: Any = None) -> None:
    """Write modules, optimizers, a state and the states of all random generators to one file, or change nothing.

    modules, optimizers: by name, for example {"G": G, "D": D};  state: anything JSON can hold
    Raises OSError when the file cannot be written (the earlier checkpoint is untouched), TypeError for a state or a
    setting of an optimizer that JSON cannot hold.
    """
    path, spare = Path(path), Path(f"{path}.part")
    contents = serialise(modules, optimizers or {}, state)
    try:
        with spare.open("wb") as file:
            file.write(contents)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        spare.unlink(missing_ok=True)
        earlier = "the earlier checkpoint is untouched" if path.exists() else "there is no earlier one"
        raise OSError(
            error.errno, f"{error.strerror}: the checkpoint of {len(contents):,} bytes was not written; {earlier}", path
        ) from error
    if path.exists():
        keep(path)
    os.replace(spare, path)


def keep(path: Path) -> None:
    """Give the checkpoint at `path` a second name; where the disk knows only one name a file, that name alone."""
    second = Path(f"{path}.previous.part")
    try:
        second.unlink(missing_ok=True)
        os.link(path, second)
    except OSError:
        os.replace(path, previous(path))
    else:
        os.replace(second, previous(path))


def load(path: str | Path, modules: Modules, optimizers: Optimizers | None = None) -> Any:
    """Put everything back as `save` found it, random states too; return the state.

    Reads the previous checkpoint, with a warning, when the one at `path` is damaged or gone. Nothing is changed before
    everything has been checked. Raises FileNotFoundError when there is none, DamagedCheckpoint when none can be used,
    ValueError for a checkpoint of other modules, shapes or optimizers.
    """
    contents = read_newest(Path(path))
    optimizers = optimizers or {}
    weights = {name: part(contents.tensors, f"modules/{name}/") for name in modules}
    check_names("modules", contents.notes["modules"], modules)
    check_names("optimizers", list(contents.notes["optimizers"]), optimizers)
    for name, module in modules.items():
        check_weights(name, weights[name], module.state_dict())
    for name, optimizer in optimizers.items():
        check_optimizer(name, contents.notes["optimizers"][name], optimizer)
    for name, module in modules.items():
        module.load_state_dict(weights[name])
    for name, optimizer in optimizers.items():
        saved = contents.notes["optimizers"][name]
        kept = {int(number): dict(values) for number, values in saved["state"].items()}
        for key, tensor in part(contents.tensors, f"optimizers/{name}/").items():
            number, _, value = key.partition("/")
            kept.setdefault(int(number), {})[value] = tensor
        optimizer.load_state_dict({"state": kept, "param_groups": saved["param_groups"]})
    random_states.restore(part(contents.tensors, "random/"), contents.notes["random"])
    return contents.notes["state"]


def resume(path: str | Path, modules: Modules, optimizers: Optimizers, made_with: dict[str, Any]) -> int:
    """Fill modules and optimizers from a training's checkpoint, if there is one; return the number of its last step.

    made_with: settings and data of the training; saved beside "step" in the state, they must be the same. Raises what
    `load` raises, ValueError for a checkpoint of another training.
    """
    if not (Path(path).exists() or previous(path).exists()):
        return 0
    state = load(path, modules, optimizers)
    step = state.pop("step")
    if state != made_with:
        wanted, saved = made_with["config"], state["config"]
        other = {name: value for name, value in saved.items() if wanted.get(name) != value}
        asked = {name: wanted.get(name) for name in other}
        what = f"{other} where {asked} is asked for" if other else "other data"
        raise ValueError(f"{path} comes from a training with {what}; name another file, or delete it to begin anew")
    return step


def read_newest(path: Path) -> Contents:
    """The checkpoint at `path`, or else the previous one with a warning; errors as for `load`."""
    candidates = [file for file in (path, previous(path)) if file.exists()]
    if not candidates:
        raise FileNotFoundError(f"there is no checkpoint {path}; train first, or look for the folder it was written to")
    try:
        contents = read(candidates[0])
    except DamagedCheckpoint as error:
        if candidates[1:] == []:
            raise
        contents = read(candidates[1])
        warnings.warn(f"{error}. Going on from the previous checkpoint, {candidates[1]}", stacklevel=3)
        return contents
    if candidates[0] != path:
        warnings.warn(f"{path} is gone. Going on from the previous checkpoint, {candidates[0]}", stacklevel=3)
    return contents


def read(path: str | Path) -> Contents:
    """The contents of one file; DamagedCheckpoint, with the reason, if it is not whole or not a checkpoint."""
    content = Path(path).read_bytes()
    if content[:2] in (b"PK", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"):
        raise DamagedCheckpoint(
            f"{path} is a pickle (torch.save writes such files). Reading one may run any program it holds, so this "
            "course does not; load it where it comes from and write it with safetensors"
        )
    size = int.from_bytes(content[:8], "little")
    if len(content) < 8 or not 0 < size <= min(len(content) - 8, MAX_HEADER):
        raise DamagedCheckpoint(f"{path} is no safetensors file or was cut short at {len(content):,} bytes")
    try:
        header = json.loads(content[8 : 8 + size])
        about = header.pop("__metadata__", {})
    except (ValueError, AttributeError) as error:
        raise DamagedCheckpoint(f"{path} is damaged: its header cannot be read ({error})") from error
    if not isinstance(about, dict) or about.get("format") != FORMAT:
        raise DamagedCheckpoint(f'{path} was not written by `checkpoints.save`: its header does not say "{FORMAT}"')
    if about.get("sha256") != digest(header, about.get("notes", ""), content[8 + size :]):
        raise DamagedCheckpoint(f"{path} is damaged: its SHA-256 is not the one in its header; was it cut or changed?")
    try:
        return Contents(tensors_from(content), json.loads(about["notes"]))
    except (SafetensorError, ValueError) as error:  # the digest fits, so a program wrote it so
        raise DamagedCheckpoint(f"{path} cannot be read: {error}") from error


def digest(header: dict[str, Any], notes: str, payload: bytes) -> str:
    """SHA-256 over names, types, shapes and places of the tensors, over the notes and over the numbers."""
    hasher = hashlib.sha256(json.dumps([header, notes], sort_keys=True).encode())
    hasher.update(payload)
    return hasher.hexdigest()


def serialise(modules: Modules, optimizers: Optimizers, state: Any) -> bytes:
    """The bytes of a checkpoint."""
    tensors = {f"random/{name}": values for name, values in random_states.of_torch().items()}
    notes = {"modules": list(modules), "optimizers": {}, "state": state, "random": random_states.of_python()}
    for name, module in modules.items():
        tensors |= {f"modules/{name}/{key}": value for key, value in module.state_dict().items()}
    for name, optimizer in optimizers.items():
        saved = optimizer.state_dict()
        notes["optimizers"][name] = {
            "kind": type(optimizer).__name__,
            "param_groups": saved["param_groups"],
            "state": {
                n: {k: v for k, v in kept.items() if not isinstance(v, Tensor)} for n, kept in saved["state"].items()
            },
        }
        for number, kept in saved["state"].items():
            tensors |= {f"optimizers/{name}/{number}/{k}": v for k, v in kept.items() if isinstance(v, Tensor)}
    plain = bytes_of({name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()})
    start = 8 + int.from_bytes(plain[:8], "little")
    header, payload, text = json.loads(plain[8:start]), plain[start:], json.dumps(notes)
    about = {"format": FORMAT, "notes": text, "sha256": digest(header, text, payload)}
    written = json.dumps({"__metadata__": about, **header}).encode()
    written += b" " * (-len(written) % 8)
    return len(written).to_bytes(8, "little") + written + payload


def part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors whose names begin with `prefix`, which is taken off."""
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def check_names(what: str, saved: list[str], wanted: Mapping[str, object]) -> None:
    """ValueError unless the checkpoint holds what shall be filled, no more and no less."""
    if sorted(saved) != sorted(wanted):
        raise ValueError(
            f"the checkpoint holds the {what} {sorted(saved)}, but {sorted(wanted)} shall be filled from it"
        )


def check_weights(name: str, saved: dict[str, Tensor], wanted: dict[str, Tensor]) -> None:
    """ValueError, naming the first difference, unless names and shapes agree."""
    for key in sorted(saved.keys() | wanted.keys()):
        shapes = [str(tuple(tensors[key].shape)) if key in tensors else "none" for tensors in (saved, wanted)]
        if shapes[0] != shapes[1]:
            raise ValueError(
                f'the checkpoint is of another shape: "{key}" of module "{name}" has shape {shapes[0]} in the file, '
                f"{shapes[1]} in the model. Build the model with the settings it was trained with"
            )


def check_optimizer(name: str, saved: dict[str, Any], optimizer: Optimizer) -> None:
    """ValueError unless kind and numbers of parameters agree."""
    sizes = [[len(group["params"]) for group in groups] for groups in (saved["param_groups"], optimizer.param_groups)]
    kinds = saved["kind"], type(optimizer).__name__
    if kinds[0] != kinds[1] or sizes[0] != sizes[1]:
        raise ValueError(
            f'optimizer "{name}" is {kinds[0]} over groups of {sizes[0]} parameters in the checkpoint, but {kinds[1]} '
            f"over {sizes[1]} here. Build it as it was built for the training that wrote the checkpoint"
        )
