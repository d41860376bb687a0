"""What `make site` and `make slides` are told alike: chapters, editions, a folder; and what has to be installed."""

import argparse
import importlib.metadata
import subprocess
import sys
import tomllib
from pathlib import Path

from tools.authoring.notebooks import EDITIONS

BUILD = Path("build")


def parser(tool: str, description: str) -> argparse.ArgumentParser:
    """The arguments that both have; `python -m tools.TOOL --help` names them."""
    made = argparse.ArgumentParser(prog=f"python -m tools.{tool}", description=description)
    made.add_argument("chapters", nargs="*", metavar="CHAPTER", help="only these, for example 05_1; all by default")
    made.add_argument("--language", choices=EDITIONS, help="only this edition")
    made.add_argument("--install", action="store_true", help="first install what is missing")
    made.add_argument("--output", type=Path, metavar="FOLDER", help="where they go; build by default")
    return made


def requirements(root: Path) -> list[str]:
    """What pyproject.toml asks for in the extra `site`."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project["optional-dependencies"]["site"]


def missing(root: Path, only: str = "") -> list[str]:
    """The packages of the extra whose names begin with `only` and that are not installed in the range asked for."""
    from packaging.requirements import Requirement

    def is_there(need: Requirement) -> bool:
        try:
            return need.specifier.contains(importlib.metadata.version(need.name), prereleases=True)
        except importlib.metadata.PackageNotFoundError:
            return False

    return [line for line in requirements(root) if line.startswith(only) and not is_there(Requirement(line))]


def provide(tool: str, root: Path, *, install: bool, only: str = "") -> None:
    """Install the extra where `install` says so; ValueError where what `only` names is not there."""
    if install and (lacking := missing(root)):
        subprocess.run([sys.executable, "-m", "pip", "install", *lacking], check=True)
    elif lacking := missing(root, only):
        raise ValueError(f"not installed: {', '.join(lacking)}; run make {tool}, or python -m tools.{tool} --install")
