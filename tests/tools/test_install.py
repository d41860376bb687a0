"""The wheel, the setup cell where only the wheel is, and the installation that `make` does."""

import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml
from hosted import ADDRESS, content, run, settings, without_the_course

from aigc_course.kit.commands.doctor import machine
from tools.authoring.notebooks import setup_source

ROOT = Path(__file__).resolve().parents[2]
LOOK = """\
from pathlib import Path
import aigc_course
from aigc_course.kit.datasets import load_mnist
from aigc_course.kit.runtime import data_folder
print("PACKAGE", Path(aigc_course.__file__).parent)
print("DATA", data_folder())
print("DIGITS", len(load_mnist("train").images), load_mnist("test").source)
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, ROOT)
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as archive:
        yield archive


def test_the_wheel_carries_the_data_but_no_downloads(wheel):
    names = set(wheel.namelist())
    tracked = run("git", "ls-files", "data", cwd=ROOT).stdout.split()
    assert {f"aigc_course/{path}" for path in tracked} <= names
    assert not [name for name in names if "data/cache" in name or "__pycache__" in name]
    assert not [name for name in names if name.startswith(("tests/", "tools/", "notebooks/"))]


def test_the_wheel_carries_every_file_of_the_package(wheel):
    tracked = run("git", "ls-files", "aigc_course", cwd=ROOT).stdout.split()
    assert set(tracked) <= set(wheel.namelist())


@pytest.fixture
def bare_environment(tmp_path) -> Path:
    return without_the_course(tmp_path)


@pytest.fixture
def colab_folder(tmp_path):
    with content(tmp_path) as folder:
        yield folder


def test_without_a_public_address_the_setup_cell_says_so_in_one_line(tmp_path):
    program = tmp_path / "setup.py"
    program.write_text(setup_source("en", "https://github.com/OWNER/aigc_course"), encoding="utf-8")
    result = subprocess.run(
        [sys.executable, "-S", program], cwd=tmp_path, env={}, capture_output=True, encoding="utf-8"
    )
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert "no public address yet" in result.stderr
    assert "还没有公开网址" in result.stderr


@pytest.mark.parametrize("edition", ["zh", "en"])
@pytest.mark.parametrize("address", [ADDRESS, "https://github.com/OWNER/aigc_course"])
def test_where_the_course_is_installed_the_setup_cell_is_a_plain_program(edition, address, tmp_path):
    program = tmp_path / "setup.py"
    program.write_text(setup_source(edition, address), encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    assert run(sys.executable, program, cwd=tmp_path, env=environment).stdout.startswith("aigc_course ")


def test_the_setup_cell_installs_the_course_where_there_is_none(bare_environment, colab_folder, tmp_path):
    program = tmp_path / "setup.py"
    program.write_text(f"{setup_source('zh', ADDRESS)}\n{LOOK}", encoding="utf-8")
    result = run(bare_environment, program, cwd=colab_folder, env=settings(tmp_path))
    said = dict(line.split(maxsplit=1) for line in result.stdout.splitlines() if " " in line)
    package = Path(said["PACKAGE"])
    assert package.is_relative_to(bare_environment.parent.parent), "the course that was used is not the one installed"
    assert Path(said["DATA"]) == package / "data"
    assert said["DIGITS"] == "4000 sample"
    assert f"aigc_course {package_version()}, scale quick" in result.stdout


def package_version() -> str:
    from aigc_course import __version__

    return __version__


FAKE_PYTHON = """\
#!/bin/sh
# Stands for Python in tools/install.sh: answers its questions, and makes an environment that notes what it is asked.
here=$(dirname "$0")
case "$*" in
*version_info*"<"*) exit {too_old} ;;
*version_info*">="*) exit {too_new} ;;
*ensurepip*) exit {no_venv} ;;
*print*) echo 3.12 ;;
"-m venv"*) mkdir -p .venv/bin && cp "$0" .venv/bin/python && echo made >> made.txt ;;
"-m pip --version") exit 0 ;;
*) echo "$@" >> asked.txt; [ ! -e fail ] ;;
esac
"""


@pytest.fixture
def checkout(tmp_path):
    """A folder with what tools/install.sh needs, and a function that runs it with a made-up Python."""
    (tmp_path / "tools").mkdir()
    shutil.copy(ROOT / "tools" / "install.sh", tmp_path / "tools")

    def install(
        *, too_old: int = 0, too_new: int = 0, no_venv: int = 0, **settings: str
    ) -> subprocess.CompletedProcess:
        python = tmp_path / "python"
        python.write_text(FAKE_PYTHON.format(too_old=too_old, too_new=too_new, no_venv=no_venv), encoding="utf-8")
        python.chmod(0o755)
        environment = os.environ | {"PYTHON": str(python), "EXTRAS": ""} | settings
        command = ["sh", "tools/install.sh"]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    install.folder = tmp_path
    return install


def test_without_a_python_that_is_new_enough_it_says_how_to_get_one(checkout):
    result = checkout(too_old=1)
    assert result.returncode == 1
    assert "Python 3.11 or newer" in result.stderr
    assert "本课程需要 Python 3.11" in result.stderr


@pytest.mark.parametrize("too_new", [0, 1])
def test_a_python_newer_than_those_tested_is_told_and_used(too_new, checkout):
    result = checkout(too_new=too_new)
    assert result.returncode == 0
    assert ("newer than Python 3.13" in result.stderr) is bool(too_new)
    assert ("比课程测试过的3.13更新" in result.stderr) is bool(too_new)
    assert result.stderr.count("\n") == too_new


def test_the_newest_python_that_is_tested_is_the_same_everywhere():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = [int(line.split("3.")[1]) for line in project["classifiers"] if ":: 3." in line]
    oldest, newest = min(named), max(named)
    assert project["requires-python"] == f">=3.{oldest}"
    assert f">= (3, {newest + 1})" in (ROOT / "tools" / "install.sh").read_text(encoding="utf-8")
    assert ((3, oldest), (3, newest)) == (machine.OLDEST_PYTHON, machine.NEWEST_PYTHON)
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8"))
    assert workflow["jobs"]["cpu"]["strategy"]["matrix"]["python"] == [f"3.{oldest}", f"3.{newest}"]


def test_without_venv_it_names_the_package_to_install(checkout):
    result = checkout(no_venv=1)
    assert result.returncode == 1
    assert "sudo apt install python3-venv" in result.stderr


def test_an_interrupted_installation_is_made_anew(checkout):
    stamp = checkout.folder / ".venv" / ".installed"
    (checkout.folder / "fail").touch()
    assert checkout().returncode != 0
    assert not stamp.exists()
    (checkout.folder / "fail").unlink()
    result = checkout()
    assert result.returncode == 0, result.stderr
    assert "interrupted" in result.stdout
    assert stamp.exists()
    assert (checkout.folder / "made.txt").read_text() == "made\n" * 2


def test_a_changed_pyproject_installs_into_the_same_environment(checkout):
    assert checkout().returncode == checkout().returncode == 0
    assert (checkout.folder / "made.txt").read_text() == "made\n"


@pytest.mark.parametrize(("status", "extra"), [(0, "gpu"), (9, "cpu")])
def test_the_wheel_of_tensorflow_follows_the_gpu(status, extra, checkout):
    tool = checkout.folder / "nvidia-smi"
    tool.write_text(f"#!/bin/sh\nexit {status}\n", encoding="utf-8")
    tool.chmod(0o755)
    assert checkout(PATH=f"{checkout.folder}{os.pathsep}{os.environ['PATH']}").returncode == 0
    assert f".[{extra},lab,test]" in (checkout.folder / "asked.txt").read_text()
