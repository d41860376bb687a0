"""The bundle for a machine without a network: what is in it. `make bundle-test` installs a whole one, in minutes."""

import importlib.metadata
import re
import shutil
import subprocess
import sys

import pytest

from tools import bundle
from tools.authoring.notebooks import ROOT


def test_all_that_the_course_needs_is_in_it_in_the_installed_version():
    pins = bundle.closure(ROOT)
    for name in ("numpy", "torch", "jupyterlab", "fastapi", "starlette", "nbconvert", "hatchling"):
        assert name in pins
    assert pins["numpy"] == importlib.metadata.version("numpy")
    assert not {"pytest", "sphinx", "playwright", "ruff"} & set(pins)  # what only authors need
    assert "pywinpty" not in pins or sys.platform == "win32"  # markers of other systems


def test_each_package_finds_what_it_asks_for_in_the_bundle():
    """Without --no-deps, pip would find nothing missing."""
    pins = bundle.closure(ROOT)
    lacking = []
    for name, version in pins.items():
        for line in (importlib.metadata.distribution(name).requires or []) if version else []:
            need = bundle.Requirement(line)
            wanted = need.marker is None or need.marker.evaluate({"extra": ""})
            if wanted and bundle.canonicalize_name(need.name) not in pins:
                lacking.append(f"{name}: {line}")
    assert not lacking


def test_a_package_that_is_not_installed_is_named(tmp_path):
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8").replace('"numpy>=', '"no-such-package-here>=')
    (tmp_path / "pyproject.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="no-such-package-here is not installed here; run make learn first"):
        bundle.closure(tmp_path)


def test_what_only_a_gpu_needs_is_known_by_the_names_of_packages():
    assert all(name == bundle.canonicalize_name(name) for name in bundle.GPU_ONLY)
    assert "torch" not in bundle.GPU_ONLY


def test_files_of_the_repository_go_in_and_others_do_not(tmp_path):
    root = tmp_path / "root"
    (root / "data" / "cache").mkdir(parents=True)
    (root / "build" / "site").mkdir(parents=True)
    for name in ("known.txt", "unknown.txt", "data/cache/digits.gz", "build/site/index.html"):
        (root / name).write_text(name, encoding="utf-8")
    for words in (["init", "-q"], ["add", "known.txt"]):
        subprocess.run(["git", *words], cwd=root, check=True)
    bundle.copy_course(root, tmp_path / "made")
    made = {path.relative_to(tmp_path / "made").as_posix() for path in (tmp_path / "made").rglob("*") if path.is_file()}
    assert made == {"known.txt", "data/cache/digits.gz", "build/site/index.html", "install.py"}


def test_sizes_are_told_by_part(tmp_path):
    for name, size in (
        ("wheels/nvidia_x.whl", 5),
        ("wheels/numpy.whl", 3),
        ("data/a", 2),
        ("build/site/b", 7),
        ("c", 1),
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x" * size)
    assert list(bundle.sizes(tmp_path).values()) == [5, 3, 2, 7, 1]


def test_another_python_is_told_which_one_the_wheels_are_for(tmp_path):
    folder = tmp_path / "aigc_course-linux-x86_64-python99"
    folder.mkdir()
    shutil.copy(ROOT / "tools" / "offline_install.py", folder / "install.py")
    done = subprocess.run([sys.executable, folder / "install.py"], capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 1
    assert "run python3.99 install.py" in done.stdout
    assert "请用python3.99 install.py" in done.stdout
    assert not (folder / ".venv").exists()


def test_wheels_that_are_missing_end_the_installation_with_a_word(tmp_path):
    shutil.copy(ROOT / "tools" / "offline_install.py", tmp_path / "install.py")
    (tmp_path / "wheels").mkdir()
    (tmp_path / "wheels" / "wheels.txt").write_text("no-such-package-here==1.0\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "install.py"], cwd=tmp_path, capture_output=True, encoding="utf-8", check=False
    )
    assert done.returncode == 1
    assert "The installation failed" in done.stdout
    assert re.search("no-such-package-here", done.stderr)
