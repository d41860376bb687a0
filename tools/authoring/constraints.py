"""Write .github/constraints.txt: the versions of the course's own dependencies in this environment, for `test` in CI.

    python -m tools.authoring.constraints       after `make test` has passed with newer versions

Names and versions only, no address to get them from. Both wheels of TensorFlow are named, for CI takes the one that
its machine needs; a build's suffix (+cpu) is left out.
"""

import importlib.metadata
import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

from tools.authoring.notebooks import ROOT, shown, stop, write_text

EXTRAS = ("cpu", "lab", "test", "site")
CONSTRAINTS = Path(".github") / "constraints.txt"
HEAD = "# Versions that `make test` passed with; written by `python -m tools.authoring.constraints`.\n"
TENSORFLOW = {"tensorflow": "tensorflow-cpu", "tensorflow-cpu": "tensorflow"}  # the same release in two wheels


def asked_for(root: Path = ROOT) -> list[Requirement]:
    """What pyproject.toml asks for: the course, TensorFlow for a CPU, JupyterLab, the tests, the web book."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = project["dependencies"] + [line for extra in EXTRAS for line in project["optional-dependencies"][extra]]
    return [Requirement(line) for line in lines]


def installed(name: str) -> str:
    """The version of a distribution here, without the suffix of its build; ValueError where there is none."""
    for known in (name, TENSORFLOW.get(name, name)):
        try:
            return importlib.metadata.version(known).partition("+")[0]
        except importlib.metadata.PackageNotFoundError:
            continue
    raise ValueError(f"{name} is not installed here; run make test first, in the environment of the course")


def main(root: Path = ROOT) -> int:
    """Write the file and say so; the exit status."""
    try:
        pins = {need.name: f"{need.name}=={installed(need.name)}\n" for need in asked_for(root)}
    except ValueError as error:
        return stop(error)
    changed = write_text(root / CONSTRAINTS, HEAD + "".join(pins[name] for name in sorted(pins, key=str.lower)))
    print(f"{shown(root / CONSTRAINTS, root)}: {'written' if changed else 'as it was'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
