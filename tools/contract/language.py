"""What the chapter contract asks of the words in code cells. Each check returns lines "[cell id] what".

Comments, docstrings and alt texts speak the edition's language; words that are drawn or printed are looked up in
aigc_course/kit/figures/words/, so a word must stand there, and what stands there must be used.
"""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from nbformat import NotebookNode

from tools.authoring import remarks
from tools.authoring.notebooks import code_cells, parse, tags

WORDS = Path("aigc_course/kit/figures/words")
SHARED = "kit.toml"
HAN = re.compile(r"[\u3400-\u9fff]")
LATIN = re.compile(r"[A-Za-z]")
SENTENCE = re.compile(r"[A-Za-z]{2,} [A-Za-z]{2,}")  # two words in a row; shapes such as (n, 10) are no language


def remark_problems(nb: NotebookNode, edition: str) -> list[str]:
    """Comments, docstrings and alt texts in the other edition's language."""
    found = []
    for cell in code_cells(nb):
        for remark in [] if "setup" in tags(cell) else remarks.remarks(cell.source):
            chinese, latin = len(HAN.findall(remark)), len(LATIN.findall(remark))
            if edition == "zh" and not chinese and SENTENCE.search(remark):
                found.append(f"[{cell.id}] has a comment, docstring or alt text that is not Chinese: {remark[:60]!r}")
            elif edition == "en" and chinese > latin:
                found.append(f"[{cell.id}] has a comment, docstring or alt text that is not English: {remark[:60]!r}")
    return found


def word_problems(nb: NotebookNode, stem: str, root: Path) -> list[str]:
    """Words of label(), phrase(), sliders() and Workflow({...}) without Chinese; words of the chapter's file unused."""
    own, shared = table(root, f"{stem}.toml"), table(root, SHARED)
    found, texts = [], set()
    for cell in code_cells(nb):
        try:
            tree = parse(cell.source)
        except SyntaxError:
            continue
        texts |= {
            node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
        for text in asked(tree):
            texts.add(text)
            if text is None:
                found.append(
                    f"[{cell.id}] label() and phrase() take the English word itself, so that it can be looked up"
                )
            elif text not in own and text not in shared:
                found.append(f'[{cell.id}] "{text}" has no Chinese in {WORDS.as_posix()}/{stem}.toml')
    return found + [f'[setup] "{text}" of {stem}.toml is used in no cell' for text in own if text not in texts]


def asked(tree: ast.Module) -> Iterator[str | None]:
    """The English words that a cell looks up; None for one that is no literal."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        called, first = getattr(node.func, "id", getattr(node.func, "attr", "")), node.args[0]
        if getattr(getattr(node.func, "value", None), "id", "") == "self":  # a layer that is called label, perhaps
            continue
        given: list[ast.expr] = []
        if called in ("label", "phrase"):
            given = [first]
        elif called == "Workflow" and isinstance(first, ast.Dict):
            given = list(first.values)
        elif called == "sliders":  # beside each slider stands the word for its name
            given = [
                ast.Constant(word.arg.replace("_", " ")) for word in node.keywords if word.arg not in (None, "alt")
            ]
        for text in given:
            yield text.value if isinstance(text, ast.Constant) and isinstance(text.value, str) else None


def table(root: Path, name: str) -> dict[str, str]:
    """English -> Chinese of one file; {} where there is none."""
    path = root / WORDS / name
    return tomllib.loads(path.read_text(encoding="utf-8"))["labels"] if path.is_file() else {}
