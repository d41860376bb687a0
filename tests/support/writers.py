"""Everything in the course that writes a file of a learner's, run where writing fails; one line of JSON for each.

python writers.py FOLDER full|read-only|limit|nobody|gone|folder|long      FOLDER: where they write, mounted by the test
"""

import io
import json
import os
import resource
import shutil
import signal
import sys
import warnings
import wave
from contextlib import redirect_stdout, suppress
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn

from aigc_course.images.vae import VAE
from aigc_course.kit.commands import sampling
from aigc_course.kit.downloads import install
from aigc_course.kit.practice import progress
from aigc_course.storage import checkpoints, networks, weights
from aigc_course.trust import labels

LABEL = labels.Label("course", "1", reserved_2="x" * 80_000)


def picture(path: Path) -> None:
    Image.fromarray(np.zeros((9, 9), np.uint8)).save(path)


def sound(path: Path) -> None:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(400))


def record(path: Path, names: list[str]) -> str:
    os.environ["AIGC_PROGRESS"] = str(path)
    with redirect_stdout(io.StringIO()) as said:
        for name in names:
            progress.passed(name)
    return said.getvalue()


def fetched(path: Path, size: int) -> None:
    import hashlib

    content = np.random.default_rng(0).bytes(size)
    install(path, hashlib.sha256(content).hexdigest(), lambda file: file.write(content))


NOISE = np.random.default_rng(0).integers(0, 256, (200, 28, 28), dtype=np.uint8)
WRITERS = {  # name: file, what writes a small one, what writes one that is too large
    "a checkpoint": ("c.safetensors", lambda p: checkpoints.save(p, {"m": nn.Linear(3, 3)}),
                     lambda p: checkpoints.save(p, {"m": nn.Linear(200, 200)})),
    "weights": ("w.safetensors", lambda p: weights.save_weights(nn.Linear(3, 3), p),
                lambda p: weights.save_weights(nn.Linear(200, 200), p)),
    "a network in a folder": ("net", lambda p: networks.save_network(VAE(2, 2, 0), p, VAE.settings),
                              lambda p: networks.save_network(VAE(9, 9, 0), p, VAE.settings)),
    "samples of images": ("a.npy", lambda p: sampling.save_images(NOISE[:1], p),
                          lambda p: sampling.save_images(NOISE, p)),
    "samples of text": ("a.txt", lambda p: sampling.save_texts(["one"], p),
                        lambda p: sampling.save_texts(["two" * 50_000], p)),
    "a label in a picture": ("a.png", picture, lambda p: labels.write_label(p, LABEL)),
    "a label in a sound": ("a.wav", sound, lambda p: labels.write_label(p, LABEL)),
    "a download": ("MNIST/file", lambda p: fetched(p, 100), lambda p: fetched(p, 150_000)),
    "the record of progress": ("mine/progress.json", lambda p: record(p, ["05_1.loss"]) and None,
                               lambda p: record(p, ["05_1.loss", f"05_1.{'x' * 150_000}"])),
}  # fmt: skip


def content_of(path: Path) -> bytes | None:
    """All bytes at a place, of all files of a folder."""
    if os.path.isdir(path):  # unlike pathlib's, False for a name too long
        return b"".join(content_of(each) or b"" for each in sorted(path.iterdir()))
    return path.read_bytes() if os.path.isfile(path) else None


def attempt(write, path: Path) -> str:
    """What is said when something writes there; an empty text when it could."""
    try:
        return write(path) or ""
    except (ValueError, OSError, RuntimeError) as error:
        return str(error)


Places = dict[str, Path]


def full(folder: Path, places: Places) -> None:
    """The disk that is mounted here, but for 16 kB."""
    with (folder / "filler").open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))
    with (folder / "filler").open("r+b") as file:
        file.truncate(max(0, file.seek(0, 2) - 16_384))


def read_only(folder: Path, places: Places) -> None:
    assert os.system(f"mount -o remount,ro '{folder}'") == 0


def limit(folder: Path, places: Places) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (65_536, 65_536))


def nobody(folder: Path, places: Places) -> None:
    os.setgroups([])
    os.setgid(54321)
    os.setuid(54321)


def gone(folder: Path, places: Places) -> None:
    for each in folder.iterdir():
        shutil.rmtree(each) if each.is_dir() else each.unlink()
    places.update({name: folder / "gone" / str(n) / place.name for n, (name, place) in enumerate(places.items())})


def folder_there(folder: Path, places: Places) -> None:
    for place in places.values():
        for file in [place / name for name in ("config.json", "model.safetensors")] if place.is_dir() else [place]:
            file.unlink()
            file.mkdir()


def long(folder: Path, places: Places) -> None:
    places.update({name: place.with_name(f"{'x' * 300}{place.suffix}") for name, place in places.items()})


FAULTS = {
    "full": full, "read-only": read_only, "limit": limit, "nobody": nobody, "gone": gone, "folder": folder_there,
    "long": long,
}  # fmt: skip


def main(folder: Path, fault: str) -> None:
    """Write everything, make the fault, and try to write everything again."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    places = {name: folder / file for name, (file, *_) in WRITERS.items()}
    for name, (_, small, _) in WRITERS.items():
        places[name].parent.mkdir(exist_ok=True)
        small(places[name])
    FAULTS[fault](folder, places)
    for name, (_, _, large) in WRITERS.items():
        before = content_of(places[name])
        said = attempt(large, places[name])
        left = [each.name for each in places[name].parent.glob(".*.part")] if places[name].parent.is_dir() else []
        kept = content_of(places[name]) == before
        print(json.dumps({"writer": name, "said": said, "kept": kept, "left": left, "there": before is not None}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
