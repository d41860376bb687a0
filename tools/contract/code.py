"""What the chapter contract asks of code cells. Each check returns lines "[cell id] what"."""

import ast
import re
from pathlib import Path

from nbformat import NotebookNode

from tools.authoring import remarks
from tools.authoring.notebooks import code_cells, parse, tags

MAX_LINES = 20
EXCUSED = {"setup", "exercise", "article", "widget"}  # a widget's view is not stored
FRAMEWORK = re.compile(r"^(?:import|from) (?:torch|tensorflow)\b", re.MULTILINE)
MAY_BE_SILENT = (ast.Assert, ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)
SPEAKS = re.compile(r"(?<!def )(?<![\w.])(?:check|hint|solution|quiz|expect|guess|guessed|challenge)\(")


def length_problems(nb: NotebookNode) -> list[str]:
    """Cells of more than 20 lines that are not one of the article's own programs."""
    return [
        f"[{cell.id}] has {lines} lines; at most {MAX_LINES} unless tagged article"
        for cell in code_cells(nb)
        if (lines := cell.source.count("\n") + 1) > MAX_LINES and "article" not in tags(cell)
    ]


def ending_problems(nb: NotebookNode) -> list[str]:
    """Cells that were run and end in neither a value, a figure, an assert, a definition nor an import."""
    found = []
    for cell in code_cells(nb):
        try:
            body = parse(cell.source).body
        except SyntaxError as error:
            found.append(f"[{cell.id}] is not Python: {error.msg} in line {error.lineno}")
            continue
        ran_silently = cell.execution_count and not cell.outputs and not tags(cell) & EXCUSED
        if not body:
            found.append(f"[{cell.id}] is empty")
        elif ran_silently and not isinstance(body[-1], MAY_BE_SILENT) and not _asserts(body[-1]):
            found.append(f"[{cell.id}] ends in neither a value, a figure nor an assert")
    return found


def _asserts(statement: ast.stmt) -> bool:
    """A call of a library's own assertion, such as np.testing.assert_allclose(...)."""
    call = getattr(statement, "value", None)
    name = getattr(getattr(call, "func", None), "attr", "") if isinstance(statement, ast.Expr) else ""
    return name.startswith("assert_")


def thread_problems(nb: NotebookNode) -> list[str]:
    """A chapter that computes with PyTorch or TensorFlow and leaves the number of threads to them.

    Two such notebooks side by side wait for each other at every small product: one took six times as long.
    """
    sources = {cell.id: cell.source for cell in code_cells(nb)}
    importing = [cell_id for cell_id, source in sources.items() if FRAMEWORK.search(source)]
    if not importing or any("use_threads(" in source for source in sources.values()):
        return []
    return [f"[{importing[0]}] imports a framework, yet no cell calls use_threads()"]


def language_problems(nb: NotebookNode) -> list[str]:
    """Cells that speak the reader's language and are not tagged localized."""
    return [
        f"[{cell.id}] speaks the reader's language: tag it localized"
        for cell in code_cells(nb)
        if SPEAKS.search(cell.source) and "localized" not in tags(cell)
    ]


def package_problems(nb: NotebookNode, package: Path, edition: str) -> list[str]:
    """Definitions in cells tagged in-package are those of the module that the cell's metadata names.

    In the English edition to the letter; the Chinese one has its own comments and docstrings.
    """
    same = remarks.shared if edition == "zh" else str
    found = []
    for cell in code_cells(nb):
        if "in-package" not in tags(cell):
            continue
        module = package.joinpath(*str(cell.metadata.get("module")).split(".")).with_suffix(".py")
        if not module.is_file():
            found.append(f'[{cell.id}] is tagged in-package; its metadata must name the module: "module": "autograd"')
            continue
        there, here = definitions(module.read_text(encoding="utf-8")), definitions(cell.source)
        found += [
            f"[{cell.id}] {name} is not the one in aigc_course/{module.name}"
            for name, source in here.items()
            if same(there.get(name, "")) != same(source)
        ]
        if not here:
            found.append(f"[{cell.id}] is tagged in-package but defines nothing")
    return found


def definitions(source: str) -> dict[str, str]:
    """Name and exact text, decorators included, of each function and class at the top level."""
    lines, found = source.split("\n"), {}
    for node in parse(source).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            found[node.name] = "\n".join(lines[first - 1 : node.end_lineno])
    return found
