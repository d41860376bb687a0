"""Who may import whom: breaches planted in a copy of the package are found. `make lint` holds the package itself."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tools.lint import LINT_IMPORTS, ROOT

FRAMEWORKS = {"torch", "torchvision", "torchaudio", "tensorflow", "keras", "jax", "transformers", "diffusers"}
MAX_CPU_SECONDS = 0.05

BREACHES = [  # module, a line that may not stand in it, the import that must be named
    ("gan/losses", "import matplotlib.pyplot as plt", "gan.losses -> matplotlib"),
    ("gan/toy", "def later():\n    from tqdm.auto import tqdm", "gan.toy -> tqdm"),
    ("gan/recipes", "import requests", "gan.recipes -> requests"),
    ("text/ngrams", "from urllib.request import urlopen", "text.ngrams -> urllib"),
    ("gan/networks", "from aigc_course.kit.datasets import load_mnist", "gan.networks -> aigc_course.kit.datasets"),
    ("gan/article", "from aigc_course import kit", "gan.article -> aigc_course.kit"),
    ("gan/settings", "from ..kit.downloads import fetch", "gan.settings -> aigc_course.kit.downloads"),
    ("gan/densities", "from aigc_course.autograd import Tensor", "gan.densities -> aigc_course.autograd"),
    ("text/copying", "from aigc_course.gpt.model import GPT", "text.copying -> aigc_course.gpt.model"),
    ("translation/task", "from aigc_course.text import ngrams", "translation.task -> aigc_course.text.ngrams"),
    ("images/metrics", "import tensorflow as tf", "images.metrics -> tensorflow"),
    ("kit/practice/checks/background", "from keras import layers", "checks.background -> keras"),
    ("gpt/rows", "import nbformat", "gpt.rows -> nbformat"),
    ("kit/practice/exercises", "from tools.authoring.notebooks import read", "practice.exercises -> tools"),
    ("kit/runtime", "def later():\n    import torch", "kit.runtime -> torch"),
    ("kit/downloads", "from aigc_course.kit.datasets import mnist", "kit.downloads -> aigc_course.kit.datasets.mnist"),
    ("kit/figures/plotting", "from aigc_course.gan.losses import LOSSES", "figures.plotting -> aigc_course.gan.losses"),
    ("synthetic/reviews", "from aigc_course.text import decoding", "synthetic.reviews -> aigc_course.text.decoding"),
    ("storage/weights", "from aigc_course.kit import runtime", "storage.weights -> aigc_course.kit.runtime"),
    ("smell/__init__", '"""A topic that no contract knows yet."""', "not listed as layers: - aigc_course.smell"),
    ("sound/spectrogram", "from aigc_course.gpt.model import GPT", "sound.spectrogram -> aigc_course.gpt.model"),
]


def lint_imports(folder: Path) -> str:
    """What import-linter says about the package in `folder`, on one line without repeated spaces."""
    result = subprocess.run(
        [LINT_IMPORTS, "--no-logo", "--no-cache"], cwd=folder, capture_output=True, text=True, timeout=120
    )
    return f"exit status {result.returncode}: " + " ".join((result.stdout + result.stderr).split())


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package's programs and of the contracts."""
    folder = tmp_path_factory.mktemp("copy")
    shutil.copy(ROOT / "pyproject.toml", folder)
    for path in (ROOT / "aigc_course").rglob("*.py"):
        target = folder / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    return folder


@pytest.fixture(scope="module")
def said(copy: Path) -> str:
    """What import-linter says once every breach is planted."""
    assert lint_imports(copy).startswith("exit status 0"), "the package itself must keep its contracts"
    for module, line, _ in BREACHES:
        path = copy / "aigc_course" / f"{module}.py"
        path.parent.mkdir(exist_ok=True)
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        path.write_text(f"{before}\n{line}\n", encoding="utf-8")
    return lint_imports(copy)


@pytest.mark.parametrize(("module", "line", "found"), BREACHES)
def test_a_breach_is_found(module: str, line: str, found: str, said: str):
    assert said.startswith("exit status 1")
    assert re.search(rf"{re.escape(found)}\b", said)


def test_every_topic_is_kept_from_the_kit():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    layers, of_the_kit, *_ = project["tool"]["importlinter"]["contracts"]
    topics = layers["layers"][2].split(" | ")
    assert [f"aigc_course.{topic}" for topic in topics] == of_the_kit["forbidden_modules"]


@pytest.mark.parametrize(
    ("path", "allowed"),
    [("aigc_course/gan/losses.py", False), ("aigc_course/storage/weights.py", False), ("tools/bench/gan.py", True)],
)
def test_only_the_kit_and_tools_print(path: str, allowed: bool):
    command = [sys.executable, "-m", "ruff", "check", "--select", "T20", "--stdin-filename", ROOT / path, "-"]
    result = subprocess.run(command, input="print(1)\n", cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (result.returncode == 0) is allowed, result.stdout


def python(program: str) -> str:
    """What a program prints in a fresh interpreter, in the repository's root."""
    command = [sys.executable, "-c", program]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120, cwd=ROOT).stdout.strip()


def test_importing_the_course_loads_nothing_heavy():
    heavy = sorted(FRAMEWORKS | {"numpy", "pandas", "scipy", "sklearn", "matplotlib", "IPython", "typer", "rich"})
    assert python(f"import sys, aigc_course; print([name for name in {heavy} if name in sys.modules])") == "[]"


def test_importing_the_kit_loads_no_framework():
    paths = [path.relative_to(ROOT).with_suffix("") for path in (ROOT / "aigc_course" / "kit").rglob("*.py")]
    names = [".".join(path.parts).removesuffix(".__init__") for path in sorted(paths)]
    program = f"""
import importlib, sys
for name in {names}:
    importlib.import_module(name)
print([name for name in {sorted(FRAMEWORKS)} if name in sys.modules])
"""
    assert python(program) == "[]"


def test_importing_the_course_is_quick():
    program = "import time; begin = time.process_time(); import aigc_course; print(time.process_time() - begin)"
    seconds = min(float(python(program)) for _ in range(3))
    assert seconds <= MAX_CPU_SECONDS, f"import aigc_course takes {1000 * seconds:.0f} ms of CPU; at most 50 ms"
