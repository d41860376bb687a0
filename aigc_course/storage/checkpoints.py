"""Checkpoints from which a training goes on bit for bit, random states too: safetensors and JSON, never a pickle.

A new one is written beside the old one, flushed to the disk and only then given its name, so a program that is killed,
or runs out of disk space, leaves the old one in place; that one is kept as NAME.previous. The SHA-256 of everything in
the file stands in its metadata. Files of the format before this one are not read: train anew. A little longer than
other files: what is collected and what is restored stand side by side.
"""

import errno
import hashlib
import json
import os
import random
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from filelock import FileLock, Timeout
from safetensors.torch import save as bytes_of
from torch import Tensor, nn
from torch.optim import Optimizer

from aigc_course.storage import files, weights
from aigc_course.storage.fits import check_module, check_names, check_optimizer, settings_of

FORMAT = "aigc_course checkpoint 2"
LOCK_SECONDS = 60  # how long another program may be writing the same checkpoint
Modules = Mapping[str, nn.Module]
Optimizers = Mapping[str, Optimizer]

_resumed: dict[Path, str] = {}  # checkpoints of this process' trainings: SHA-256 of what they last read or wrote


class DamagedCheckpoint(ValueError):
    """A file that is no checkpoint of this course, or not any more: cut short, changed, or of another program."""


class Contents(NamedTuple):
    """What a file holds, once it has been checked."""

    tensors: dict[str, Tensor]
    notes: dict[str, Any]  # the JSON: state, settings of modules and optimizers, random states


def previous(path: str | Path) -> Path:
    """Where the checkpoint before the one at `path` is kept."""
    return Path(f"{path}.previous")


def save(path: str | Path, modules: Modules, optimizers: Optimizers | None = None, state: Any = None) -> None:
    """Write modules, optimizers, a state and the states of all random generators to one file, or change nothing.

    modules, optimizers: by name, for example {"G": G, "D": D};  state: anything JSON can hold
    Raises OSError when the file cannot be written (the earlier checkpoint is untouched), TypeError for a state or a
    setting of an optimizer that JSON cannot hold, ValueError where another program's training writes the same file.
    """
    path = Path(path)
    tensors, notes = collect(modules, optimizers or {}, state)
    about = {"format": FORMAT, "notes": notes, "sha256": digest(tensors, notes)}
    content = bytes_of(tensors, metadata=about)
    earlier = "the earlier checkpoint is untouched" if os.path.lexists(path) else "there is no earlier one"
    try:
        with locked(path):
            check_own(path)
            for place in (path, previous(path)):
                files.remove_unfinished(place)
            files.write(path, content, keep_as=previous(path))
    except OSError as error:
        said, _, way_out = f"{error.strerror}".partition("; ")
        way_out = way_out or files.WAYS_OUT.get(error.errno or 0, "name another place")
        problem = f"{said}: the checkpoint of {len(content):,} bytes was not written; {earlier}; {way_out}"
        raise OSError(error.errno, problem, str(path)) from error
    if path.resolve() in _resumed:
        _resumed[path.resolve()] = about["sha256"]


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep other programs from writing the same checkpoint meanwhile; OSError when one does so for too long."""
    if not path.parent.is_dir():  # the lock would make the folder
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path.parent))
    lock = FileLock(path.with_name(f".{path.name}.lock"))
    try:
        lock.acquire(timeout=LOCK_SECONDS)
    except Timeout as error:
        raise BlockingIOError(errno.EAGAIN, f"another program has been writing it for {LOCK_SECONDS} s") from error
    except (OSError, NotImplementedError):
        pass  # a disk without locks; what can be written at all is written all the same
    try:
        yield
    finally:
        lock.release()


def check_own(path: Path) -> None:
    """ValueError where another program has written the checkpoint of a training of this process."""
    ours, there = _resumed.get(path.resolve()), sha256_at(path)
    if ours is not None and there not in ("", ours):
        raise ValueError(
            f"another program has written {path} since this training run last did: do two runs share one "
            "checkpoint? Give each its own file"
        )


def sha256_at(path: Path) -> str:
    """The SHA-256 that the checkpoint at `path` says of itself; an empty text where there is none or it is damaged."""
    try:
        with weights.opened(path) as file:
            return (file.metadata() or {}).get("sha256", "")
    except (FileNotFoundError, ValueError):
        return ""


def load(path: str | Path, modules: Modules, optimizers: Optimizers | None = None) -> Any:
    """Put everything back as `save` found it, random states too; return the state.

    Reads the previous checkpoint, with a warning, when the one at `path` is damaged or gone. Nothing is changed before
    everything has been checked. Raises FileNotFoundError when there is none, DamagedCheckpoint when none can be used,
    ValueError for a checkpoint of other modules, shapes or optimizers.
    """
    contents = read_newest(Path(path))
    optimizers = optimizers or {}
    stored = {name: part(contents.tensors, f"modules/{name}/") for name in modules}
    check_names("modules", list(contents.notes["modules"]), modules)
    check_names("optimizers", list(contents.notes["optimizers"]), optimizers)
    for name, module in modules.items():
        check_module(name, stored[name], contents.notes["modules"][name], module)
    for name, optimizer in optimizers.items():
        check_optimizer(name, contents.notes["optimizers"][name], optimizer)
    for name, module in modules.items():
        module.load_state_dict(stored[name])
    for name, optimizer in optimizers.items():
        saved = contents.notes["optimizers"][name]
        kept = {int(number): dict(values) for number, values in saved["state"].items()}
        for key, tensor in part(contents.tensors, f"optimizers/{name}/").items():
            number, _, value = key.partition("/")
            kept.setdefault(int(number), {})[value] = tensor
        optimizer.load_state_dict({"state": kept, "param_groups": saved["param_groups"]})
    set_random_states(part(contents.tensors, "random/"), contents.notes["random"])
    return contents.notes["state"]


def resume(path: str | Path, modules: Modules, optimizers: Optimizers, made_with: dict[str, Any]) -> int:
    """Fill modules and optimizers from a training's checkpoint, if there is one; return the number of its last step.

    made_with: settings and data of the training; saved beside "step" in the state, they must be the same. From here on,
    `save` notices another training that writes the same file. Raises what `load` raises, ValueError for a checkpoint of
    another training.
    """
    path = Path(path)
    _resumed[path.resolve()] = sha256_at(path)
    if not (path.exists() or previous(path).exists()):
        return 0
    state = load(path, modules, optimizers)
    step = state.pop("step")
    if state != made_with:
        asked_for, saved = made_with["config"], state["config"]
        other = {name: value for name, value in saved.items() if asked_for.get(name) != value}
        asked = {name: asked_for.get(name) for name in other}
        what = f"{other} where {asked} is asked for" if other else "other data"
        raise ValueError(f"{path} comes from a training with {what}; name another file, or delete it to start over")
    return step


def read_newest(path: Path) -> Contents:
    """The checkpoint at `path`, or else the previous one with a warning; errors as for `load`."""
    candidates = [file for file in (path, previous(path)) if file.exists()]
    if not candidates:
        raise FileNotFoundError(f"there is no checkpoint {path}; train first, or find the folder it was written to")
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
    try:
        tensors, about = weights.read(path, "pt", "take an earlier checkpoint, or train anew")
    except FileNotFoundError:
        raise
    except ValueError as error:
        raise DamagedCheckpoint(f"{error}") from error
    if (said := about.get("format")) != FORMAT:
        older = ", an older format" if said else ""
        raise DamagedCheckpoint(
            f'{path} was not written by this `checkpoints.save`: it says {said!r}{older}, not "{FORMAT}"; train anew'
        )
    notes = about.get("notes", "")
    if about.get("sha256") != digest(tensors, notes):
        raise DamagedCheckpoint(
            f"{path} was changed: its SHA-256 is not the one in its metadata; take an earlier checkpoint, or train anew"
        )
    return Contents(tensors, json.loads(notes))


def digest(tensors: Mapping[str, Tensor], notes: str) -> str:
    """SHA-256 over the notes and over each tensor's name, type, shape and numbers, in the order of the names."""
    hasher = hashlib.sha256(notes.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        hasher.update(json.dumps([name, str(tensor.dtype), list(tensor.shape)]).encode())
        hasher.update(tensor.reshape(-1).view(torch.uint8).numpy())  # as bytes: NumPy knows no bfloat16
    return hasher.hexdigest()


def collect(modules: Modules, optimizers: Optimizers, state: Any) -> tuple[dict[str, Tensor], str]:
    """All that a checkpoint holds: the tensors, on the CPU, and the rest as JSON."""
    of_torch, of_python = random_states()
    tensors = {f"random/{name}": values for name, values in of_torch.items()}
    notes = {"modules": {}, "optimizers": {}, "state": state, "random": of_python}
    for name, module in modules.items():
        notes["modules"][name] = settings_of(module)
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
    return {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}, json.dumps(notes)


def random_states() -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The states of all random generators: torch's, on the CPU and each CUDA device; Python's and NumPy's, as JSON."""
    of_cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
    of_torch = {"cpu": torch.get_rng_state(), **{f"cuda{i}": state for i, state in enumerate(of_cuda)}}
    kind, keys, *rest = np.random.get_state()  # noqa: NPY002  the global generator is the one to restore
    return of_torch, {"python": random.getstate(), "numpy": [kind, keys.tolist(), *rest]}


def set_random_states(of_torch: Mapping[str, Tensor], of_python: Mapping[str, Any]) -> None:
    """Set the generators to what `random_states` gave; those of CUDA only where the device is there."""
    version, keys, gauss = of_python["python"]
    random.setstate((version, tuple(keys), gauss))
    np.random.set_state(tuple(of_python["numpy"]))  # noqa: NPY002
    torch.set_rng_state(of_torch["cpu"])
    for i in range(torch.cuda.device_count()):
        if (state := of_torch.get(f"cuda{i}")) is not None:
            torch.cuda.set_rng_state(state, i)


def part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors whose names begin with `prefix`, which is taken off."""
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
