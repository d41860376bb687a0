"""Who may import whom in the package: notebooks over topics and support over runtime and downloads.

A module that is not named here is a topic module (autograd, gan, gpt, ...), so each new one is held to the rules.
"""

import ast
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

from tools.notebooks import ROOT

PACKAGE = ROOT / "aigc_course"
BASE = {"runtime", "downloads"}
SUPPORT = {
    *("datasets", "mnist", "corpora", "plotting", "display", "drawing", "animation", "graph_drawing", "markup"),
    *("pretrained", "sampling"),  # find or fetch a model; write its samples to a file
    "workflow",  # draws its boxes and prints what they did
    *("exercises", "checks", "questions", "quiz", "progress", "bands"),
    *("__init__", "__main__", "lab", "doctor"),
}
FRAMEWORKS = {"torch", "torchvision", "torchaudio", "tensorflow", "keras", "jax", "transformers", "diffusers"}
TENSORFLOW = {"tensorflow", "keras"}
AUTHORS = {"nbformat", "nbclient", "nbval", "pytest", "tools", "tests"}
SHOWS = {"matplotlib", "IPython", "ipywidgets", "anywidget", "tqdm", "rich", "typer"}
FETCHES = {"requests", "urllib", "httpx", "pooch", "huggingface_hub"}
TOPIC_MAY_TAKE = {"num_threads", "use_threads", "has_bfloat16"}  # from runtime: all else comes in as an argument
MEASURES = {"digit_features"}  # this one knows its file too: with other weights it would be another measure
MAX_IMPORT_SECONDS = 0.05


def imports(tree: ast.AST, module: str) -> list[tuple[str, set[str]]]:
    """(module imported, names taken from it) for every import in a tree, wherever it stands."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(alias.name, set()) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            package = module.split(".")[: -node.level] if node.level else []
            source = ".".join(["aigc_course", *package] * bool(node.level) + [node.module] * bool(node.module))
            names = {alias.name for alias in node.names}
            if source == "aigc_course":  # from aigc_course import runtime
                found += [(f"aigc_course.{name}", set()) for name in names if not name.startswith("__")]
            else:
                found.append((source, names))
    return found


def own(imported: str) -> str | None:
    """The course's module that an import reads ("checks" for aigc_course.checks.classifier); None for others'."""
    first, _, rest = imported.partition(".")
    return rest.split(".")[0] or "__init__" if first == "aigc_course" else None


def violations(source: str, module: str) -> list[str]:
    """What is wrong with the imports of `module` ("gan", "checks.classifier"), one line each."""
    tree, top = ast.parse(source), module.split(".", maxsplit=1)[0]
    everything = imports(tree, module)
    first_line = (ast.get_docstring(tree) or "").split("\n")[0]
    at_import = imports(ast.Module([node for node in tree.body if not is_later(node)], []), module)
    outside = {name.split(".")[0] for name, _ in everything}
    inside = {(own(name), names) for name, names in ((n, frozenset(s)) for n, s in everything) if own(name)}
    found = [f"imports {name}, which is for tools and tests" for name in sorted(outside & AUTHORS)]
    if top != "classifier":
        found += [f"imports {name}; only classifier.py does" for name in sorted(outside & TENSORFLOW)]
    if top in BASE:
        found += [f"imports {name}; {top} must not pay for a framework" for name in sorted(outside & FRAMEWORKS)]
        above = sorted({name for name, _ in inside} - BASE - {"__init__"})
        found += [f"imports aigc_course.{name}, which stands above it" for name in above]
    elif top in SUPPORT:
        early = {name.split(".")[0] for name, _ in at_import} & FRAMEWORKS
        found += [f"imports {name} when it is imported; do so in the function that needs it" for name in sorted(early)]
    else:
        found += topic_violations(tree, top, outside, inside, first_line)
    return found


def topic_violations(tree: ast.AST, top: str, outside: set[str], inside: set, first_line: str) -> list[str]:
    """The rules for topic modules: they compute, and leave showing, fetching and choosing a device to the notebook."""
    found = [f"imports {name}: a topic module never shows anything" for name in sorted(outside & SHOWS)]
    found += [f"imports {name}: a topic module never downloads" for name in sorted(outside & FETCHES)]
    for name, names in sorted(inside, key=str):
        if name == "runtime":
            allowed = TOPIC_MAY_TAKE | ({"data_folder"} if top in MEASURES else set())
            if not names or names - allowed:
                found.append(f"takes {sorted(names)} from runtime; it may only take {sorted(allowed)}")
        elif name in BASE | SUPPORT - {"__init__"}:
            found.append(f"imports aigc_course.{name}: data, paths and pictures are the notebook's business")
        elif name not in {top, "__init__"} and name not in first_line:
            found.append(f"builds on aigc_course.{name}; the first line of its docstring must say so")
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    return found + [f"prints in line {call.lineno}" for call in calls if call.func.id == "print"]


def is_later(node: ast.AST) -> bool:
    """Whether a statement at the top level runs only when something is called."""
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)


def modules() -> dict[str, Path]:
    """Dotted name (without aigc_course) to path, for every module of the package."""
    found = {".".join(path.relative_to(PACKAGE).with_suffix("").parts): path for path in PACKAGE.rglob("*.py")}
    return {name.removesuffix(".__init__"): path for name, path in sorted(found.items())}


def test_every_module_keeps_to_its_layer():
    found = {
        name: problems
        for name, path in modules().items()
        if (problems := violations(path.read_text(encoding="utf-8"), name))
    }
    assert {"runtime", "datasets", "exercises"} <= set(modules())
    advice = "\nA module that shows or fetches things for the notebooks is named in SUPPORT, in tests/test_layering.py."
    assert not found, advice + "".join(
        f"\naigc_course/{name}: {'; '.join(problems)}" for name, problems in found.items()
    )


@pytest.mark.parametrize(
    ("module", "source", "said"),
    [
        ("gan", "import matplotlib.pyplot as plt", "never shows"),
        ("gan", "def f():\n    from tqdm.auto import tqdm", "never shows"),
        ("gan", "import requests", "never downloads"),
        ("gan", "from aigc_course.datasets import load_mnist", "notebook's business"),
        ("gan", "from aigc_course import plotting", "notebook's business"),
        ("gan", "from .downloads import fetch", "notebook's business"),
        ("gan", "from aigc_course.runtime import device", "may only take"),
        ("gan", "from aigc_course import runtime", "may only take"),
        ("gan", "from aigc_course.runtime import data_folder", "may only take"),
        ("gan", "def f():\n    print(1)", "prints"),
        ("gan", "import tensorflow as tf", "only classifier"),
        ("gan", '"""A GAN."""\nfrom aigc_course.autograd import Tensor', "must say so"),
        ("gan", "import nbformat", "tools and tests"),
        ("runtime", "def f():\n    import torch", "must not pay"),
        ("runtime", "from aigc_course.gan import G", "stands above"),
        ("downloads", "from aigc_course.datasets import x", "stands above"),
        ("plotting", "import torch", "in the function"),
        ("plotting", "if True:\n    import torch", "in the function"),
        ("checks.gan", "from tensorflow import keras", "only classifier"),
        ("exercises", "from tools.notebooks import read", "tools and tests"),
    ],
)
def test_a_module_in_the_wrong_layer_is_found(module, source, said):
    assert any(said in line for line in violations(source, module)), violations(source, module)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("gan", "import torch\nfrom torch import nn\nfrom aigc_course.runtime import use_threads"),
        ("gan", '"""A GAN whose gradients come from autograd."""\nfrom aigc_course.autograd import Tensor'),
        ("classifier", "import tensorflow as tf"),
        ("runtime", "def f():\n    from aigc_course import __version__\n    import numpy"),
        ("datasets", "from aigc_course.downloads import fetch\ndef f():\n    import torchvision"),
        ("checks.gan", "from aigc_course.exercises import Wrong\ndef f():\n    import torch"),
    ],
)
def test_a_module_in_its_layer_is_left_alone(module, source):
    assert violations(source, module) == []


def python(program: str) -> str:
    """What a program prints in a fresh interpreter, outside the repository."""
    command = [sys.executable, "-c", program]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120, cwd=ROOT.parent).stdout


def test_importing_the_course_loads_nothing_heavy():
    heavy = sorted(FRAMEWORKS | AUTHORS | SHOWS | {"numpy", "pandas", "sklearn", "scipy"})
    loaded = python(f"import sys, aigc_course; print([name for name in {heavy} if name in sys.modules])")
    assert loaded.strip() == "[]"


def test_importing_the_support_modules_loads_no_framework():
    names = [name for name in modules() if name.split(".")[0] in BASE | SUPPORT and not name.endswith("__main__")]
    program = f"""
import importlib, sys
for name in {names}:
    importlib.import_module("aigc_course" if name == "__init__" else f"aigc_course.{{name}}")
print([name for name in {sorted(FRAMEWORKS)} if name in sys.modules])
"""
    assert python(program).strip() == "[]"


def test_importing_the_course_is_quick():
    program = "import time; begin = time.perf_counter(); import aigc_course; print(time.perf_counter() - begin)"
    seconds = statistics.median(float(python(program)) for _ in range(5))
    assert seconds <= MAX_IMPORT_SECONDS, f"import aigc_course takes {1000 * seconds:.0f} ms; at most 50 ms"
