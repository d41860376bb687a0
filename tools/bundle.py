"""Make a folder with which the course installs and runs on a machine like this one that has no network.

    make bundle                      or: python -m tools.bundle [--cpu] [--output FOLDER]
    make bundle-test                 or: python -m tools.bundle --test FOLDER, in a namespace without a network (Linux)

In it: the repository's files, the wheels of every package that the course and JupyterLab have here, in the versions
installed here, the data that was fetched (data/cache), the web book and the slides if they were made (build/), and
install.py, which needs nothing but a Python of this version. --cpu leaves out what torch does without on a CPU.
"""

import argparse
import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from aigc_course.storage import files
from tools.authoring.notebooks import ROOT, shown, stop

EXTRAS = ("cpu", "lab")
BUILDS = ("hatchling", "editables")  # install the course itself from its folder
# torch's wheel for Linux is linked against most of CUDA and does not start without it (libcudnn.so.9: not found);
# these it opens only when a GPU asks for them.
GPU_ONLY = ("triton", "cuda-bindings", "cuda-pathfinder", "nvidia-cusolver")
CHAPTER = "00_start_here"  # what the test runs


def closure(root: Path, extras: tuple[str, ...] = EXTRAS) -> dict[str, str]:
    """Package to installed version, of all that pyproject.toml asks for, directly or not, on this machine.

    ValueError for one that is not installed.
    """
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [*project["dependencies"], *BUILDS]
    wanted += [line for extra in extras for line in project["optional-dependencies"][extra]]
    queue = [Requirement(line) for line in wanted]
    pins: dict[str, str] = {}
    seen = set()
    while queue:
        need = queue.pop()
        name = canonicalize_name(need.name)
        if (key := (name, frozenset(need.extras))) in seen or not (need.marker is None or need.marker.evaluate()):
            continue
        seen.add(key)
        try:
            package = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError as error:
            if name in BUILDS:
                pins[name] = ""
                continue
            raise ValueError(f"{need.name} is not installed here; run make learn first, then make bundle") from error
        pins[name] = package.version
        for line in package.requires or []:
            asked = Requirement(line)
            if asked.marker is None or any(asked.marker.evaluate({"extra": extra}) for extra in ("", *need.extras)):
                asked.marker = None
                queue.append(asked)
    return dict(sorted(pins.items()))


def pinned(pins: dict[str, str]) -> str:
    """The packages as a file of requirements; a package of the builder's is taken in any version."""
    return "".join(f"{name}=={version}\n" if version else f"{name}\n" for name, version in pins.items())


def fetch_wheels(pins: dict[str, str], folder: Path) -> None:
    """Bring the wheels of `pins` into `folder`, and write wheels.txt beside them; ValueError where pip cannot."""
    folder.mkdir(parents=True, exist_ok=True)
    listed = folder / "wheels.txt"
    files.write(listed, pinned({name: version for name, version in pins.items() if name not in BUILDS}).encode())
    for what in (["--no-deps", "-r", str(listed)], list(BUILDS)):  # the second with all that they need
        command = [sys.executable, "-m", "pip", "wheel", "--wheel-dir", str(folder), "--quiet", *what]
        if subprocess.run(command, check=False).returncode:
            raise ValueError("pip could not fetch the wheels; what it said is above. Is there a network?")


def copy_course(root: Path, folder: Path) -> None:
    """The files of the repository that git knows, the data that was fetched, the book and the slides if there are."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, check=True).stdout
    for name in filter(None, listed.decode().split("\0")):
        if (root / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, folder / name)
    for name in ("data/cache", "build/site", "build/slides"):
        if (root / name).is_dir():
            shutil.copytree(root / name, folder / name, dirs_exist_ok=True)
    shutil.copy2(Path(__file__).parent / "offline_install.py", folder / "install.py")


def build(root: Path, folder: Path, *, cpu: bool) -> Path:
    """Make the bundle below `folder`; where it is. ValueError for what is missing here."""
    pins = closure(root)
    left_out = sorted(set(pins) & set(GPU_ONLY)) if cpu else []
    target = folder / f"aigc_course-{sysconfig.get_platform()}-python{platform.python_version_tuple()[1]}"
    target.mkdir(parents=True, exist_ok=True)
    copy_course(root, target)
    fetch_wheels({name: version for name, version in pins.items() if name not in left_out}, target / "wheels")
    if left_out:
        print(f"left out: {', '.join(left_out)}", flush=True)
    return target


def sizes(folder: Path) -> dict[str, int]:
    """Part of the bundle to its bytes; of the wheels, NVIDIA's apart."""
    found: dict[str, int] = dict.fromkeys(
        ("wheels of NVIDIA", "other wheels", "data", "book and slides", "the rest"), 0
    )
    for file in folder.rglob("*"):
        if file.is_file():
            first = file.relative_to(folder).parts[0]
            part = {"data": "data", "build": "book and slides", "wheels": "other wheels"}.get(first, "the rest")
            found["wheels of NVIDIA" if file.name.startswith("nvidia_") else part] += file.stat().st_size
    return found


def test(bundle: Path) -> int:
    """Install a copy of a bundle and run a chapter, without a network and without this environment; exit status."""
    with tempfile.TemporaryDirectory(prefix="aigc_course-bundle-") as scratch:
        place = Path(scratch) / "a copy of it"  # a name with spaces, as on a USB stick
        shutil.copytree(bundle, place)
        python = Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info[1]}"
        chapter = f"notebooks/zh/{CHAPTER}.ipynb"
        run = f"-m jupyter nbconvert --to notebook --execute --output-dir {scratch}/out {chapter}"
        steps = [f'"{python}" install.py', ".venv/bin/python -m aigc_course doctor", f".venv/bin/python {run}"]
        alone = {"HOME": scratch, "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
        nobody = "import socket; socket.create_connection(('192.0.2.1', 80), 2)"  # an address that belongs to nobody
        if (
            subprocess.run(["unshare", "-rn", str(python), "-c", nobody], capture_output=True, check=False).returncode
            == 0
        ):
            raise ValueError("the namespace has a network: nothing would be shown")
        for step in steps:
            print(f"\n=== {step} ===", flush=True)
            command = ["unshare", "-rn", "sh", "-c", f"ip link set lo up 2>/dev/null; {step}"]
            if status := subprocess.run(command, cwd=place, env=alone, check=False).returncode:
                print(f"\nfailed with status {status}: {step}", file=sys.stderr)
                return 1
    print("\nwithout a network: installed, the doctor passed, a chapter ran")
    return 0


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    """The command line; the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.bundle", description="The course for a machine without a network."
    )
    parser.add_argument("--cpu", action="store_true", help="leave out what torch does without on a CPU")
    parser.add_argument("--output", type=Path, metavar="FOLDER", help="where it goes; build/bundle by default")
    parser.add_argument(
        "--test", type=Path, metavar="BUNDLE", help="install this one where there is no network (Linux)"
    )
    options = parser.parse_args(arguments)
    try:
        if options.test:
            return test(options.test.resolve())
        target = build(root, (options.output or root / "build" / "bundle").resolve(), cpu=options.cpu)
    except (ValueError, OSError, subprocess.CalledProcessError) as error:
        return stop(error)
    for part, size in sizes(target).items():
        print(f"{part:20} {size / 1e6:8.0f} MB")
    print(f"{shown(target, root)}: copy this folder, then run: python3.{sys.version_info[1]} install.py")
    return 0


if __name__ == "__main__":
    os.environ.setdefault("PIP_DISABLE_PIP_VERSION_CHECK", "1")
    sys.exit(main())
