"""Keep the two editions of a chapter alike: what must be equal, and the tool that carries a change over.

    make editions FROM=zh            or: python -m tools.authoring.editions --from zh|en [CHAPTER ...]

Code cells and outputs go to the other edition by cell id, in the order of the first; its texts stay. A text cell
that the other edition lacks gets a placeholder there. If the same code cell was changed in both since the last
commit, nothing is written.
"""

import argparse
import copy
import re
import subprocess
import sys
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from tools.authoring.notebooks import (
    EDITIONS,
    METADATA,
    ROOT,
    by_id,
    code_cells,
    find,
    from_text,
    other,
    path_of,
    read,
    shown,
    stems,
    stop,
    tags,
    write,
)

LITERAL = re.compile(r'\bstart\("(?:zh|en)"\)')
CODE_BLOCKS = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
FORMULA = re.compile(r"(?<!\\)\$\$(.+?)(?<!\\)\$\$", re.DOTALL)
LANGUAGE = {"zh": "Chinese", "en": "English"}


class BothChanged(Exception):
    """A code cell was changed in both editions; the message names it."""


def shared_source(cell: NotebookNode) -> str:
    """The source without what is an edition's own: the literal in the setup cell."""
    return LITERAL.sub('start("…")', cell.source) if "setup" in tags(cell) else cell.source


# What must be equal: each function takes both notebooks and returns one line for each difference


def file_differences(root: Path = ROOT) -> list[str]:
    """Chapters that only one edition has."""
    pairs = [(stem, edition) for stem in stems(root) for edition in EDITIONS]
    return [f"{shown(path_of(s, e, root), root)} is missing" for s, e in pairs if not path_of(s, e, root).is_file()]


def cell_differences(zh: NotebookNode, en: NotebookNode) -> list[str]:
    """Both have the same cell ids in the same order, of the same types."""
    ids, others = [cell.id for cell in zh.cells], [cell.id for cell in en.cells]
    found = [f"[{i}] is only in zh" for i in ids if i not in others]
    found += [f"[{i}] is only in en" for i in others if i not in ids]
    found += [f"[{i}] occurs twice" for i in dict.fromkeys(ids + others) if max(ids.count(i), others.count(i)) > 1]
    if not found:
        found = [f"[{a}] of zh stands where en has [{b}]" for a, b in zip(ids, others, strict=True) if a != b][:1]
    return found + [
        f"[{a.id}] is {a.cell_type} in zh, {b.cell_type} in en" for a, b in _pairs(zh, en) if a.cell_type != b.cell_type
    ]


def code_differences(zh: NotebookNode, en: NotebookNode) -> list[str]:
    """Code cells are equal to the byte, but for the literal in the setup cell; missing ones count."""
    found = []
    for a, b in _pairs(zh, en):
        if a.cell_type == "code" and shared_source(a) != shared_source(b):
            lines = zip(shared_source(a).split("\n"), shared_source(b).split("\n"), strict=False)
            first = next((f"zh {p!r}, en {q!r}" for p, q in lines if p != q), "one is longer")
            found.append(f"[{a.id}] code differs: {first}")
    only = {cell.id for cell in code_cells(zh)} ^ {cell.id for cell in code_cells(en)}
    return found + [f"[{i}] is a code cell of only one edition" for i in sorted(only)]


def output_differences(zh: NotebookNode, en: NotebookNode) -> list[str]:
    """Texts and pictures are equal, except in cells tagged localized or timing."""
    return [
        f"[{a.id}] outputs differ"
        for a, b in _pairs(zh, en)
        if a.cell_type == "code" and a.outputs != b.get("outputs") and not tags(a) & {"localized", "timing"}
    ]


def metadata_differences(zh: NotebookNode, en: NotebookNode) -> list[str]:
    """Tags, slide types and whatever else a cell's metadata holds are equal."""
    found = []
    for a, b in _pairs(zh, en):
        keys = sorted(key for key in {*a.metadata, *b.metadata} if a.metadata.get(key) != b.metadata.get(key))
        found += [f"[{a.id}] {k} differs: zh {a.metadata.get(k)}, en {b.metadata.get(k)}" for k in keys]
    return found


def formula_differences(zh: NotebookNode, en: NotebookNode) -> list[str]:
    """Displayed formulas are equal, in the same order."""
    found = []
    for a, b in _pairs(zh, en):
        left, right = formulas(a.source), formulas(b.source)
        if a.cell_type == "markdown" and left != right:
            first = next((f"zh {p!r}, en {q!r}" for p, q in zip(left, right, strict=False) if p != q), None)
            found.append(f"[{a.id}] formulas differ: {first or f'zh has {len(left)}, en {len(right)}'}")
    return found


DIFFERENCES = (cell_differences, code_differences, output_differences, metadata_differences, formula_differences)


def formulas(text: str) -> list[str]:
    """The displayed formulas of a text cell, blanks and line breaks made one."""
    return [" ".join(formula.split()) for formula in FORMULA.findall(CODE_BLOCKS.sub("", text))]


def _pairs(zh: NotebookNode, en: NotebookNode) -> list[tuple[NotebookNode, NotebookNode]]:
    others = by_id(en)
    return [(cell, others[cell.id]) for cell in zh.cells if cell.id in others]


# Carrying a change over


def copy_outputs(source: NotebookNode, target: NotebookNode) -> None:
    """Give the target's code cells the outputs of the source's, in place; those tagged localized keep their own."""
    for a, b in _pairs(source, target):
        if a.cell_type == "code":
            b.execution_count = a.execution_count
            if "localized" not in tags(a):
                b.outputs = copy.deepcopy(a.outputs)


def carry(source: NotebookNode, target: NotebookNode, edition: str) -> tuple[NotebookNode, list[str]]:
    """The target (of `edition`) with the source's code, outputs, tags and order; the ids of texts still to write."""
    mine, result, to_write = by_id(target), [], []
    for cell in source.cells:
        own = mine.get(cell.id)
        if cell.cell_type == "code":
            new = copy.deepcopy(cell)
            if "setup" in tags(cell):
                new.source = LITERAL.sub(f'start("{edition}")', cell.source)
            if "localized" in tags(cell):
                new.outputs = own.get("outputs", []) if own else []
        else:
            new = own if own and own.cell_type == cell.cell_type else copy.deepcopy(cell)
            if new is not own:
                new.source = f"TODO: write the text of cell `{cell.id}` in {LANGUAGE[edition]}"
                to_write.append(cell.id)
            new.metadata = copy.deepcopy(cell.metadata)
        result.append(new)
    kept = {cell.id for cell in result}
    for before, cell in zip([None, *target.cells], target.cells, strict=False):  # texts that only the target has
        if cell.cell_type != "code" and cell.id not in kept:
            place = [c.id for c in result].index(before.id) + 1 if before and before.id in kept else 0
            result.insert(place, cell)
            kept.add(cell.id)
    new = copy.deepcopy(target)
    new.cells = result
    return new, to_write


def changed_in_both(notebooks: dict[str, NotebookNode], committed: dict[str, NotebookNode | None]) -> list[str]:
    """Ids of code cells that differ between the editions and were changed in both since the commit."""
    if None in committed.values():  # a new chapter: there is no common state to compare with
        return []
    cells = {edition: {c.id: shared_code(c) for c in code_cells(nb)} for edition, nb in notebooks.items()}
    old = {edition: {c.id: shared_code(c) for c in code_cells(nb)} for edition, nb in committed.items()}
    return [
        i
        for i in dict.fromkeys([*cells["zh"], *cells["en"]])
        if cells["zh"].get(i) != cells["en"].get(i) and all(cells[e].get(i) != old[e].get(i) for e in EDITIONS)
    ]


def shared_code(cell: NotebookNode) -> tuple[str, dict]:
    """What the editions share of a code cell: source and metadata."""
    return shared_source(cell), cell.metadata


def last_commit(path: Path, root: Path = ROOT) -> NotebookNode | None:
    """The notebook as of git HEAD, None where it has none."""
    command = ["git", "-C", str(root), "show", f"HEAD:{path.relative_to(root).as_posix()}"]
    shown_file = subprocess.run(command, capture_output=True, check=False)
    return from_text(shown_file.stdout.decode("utf-8"), path) if shown_file.returncode == 0 else None


def carried(stem: str, first: str, root: Path = ROOT) -> tuple[Path, NotebookNode, list[str]]:
    """Path and new content of the edition that follows `first`, and the ids of its texts still to write."""
    paths = {edition: path_of(stem, edition, root) for edition in EDITIONS}
    empty = nbformat.v4.new_notebook(metadata=METADATA)
    notebooks = {e: empty if e != first and not path.exists() else read(path) for e, path in paths.items()}
    committed = {edition: last_commit(path, root) for edition, path in paths.items()}
    if both := changed_in_both(notebooks, committed):
        raise BothChanged(
            f"{stem}: changed in both editions since the last commit, differently: {', '.join(both)}. "
            "Make these cells equal by hand, or take one back, then run this again; nothing was written"
        )
    second = other(first)
    return paths[second], *carry(notebooks[first], notebooks[second], second)


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    """The command line; the exit status is 1 when it refused."""
    parser = argparse.ArgumentParser(prog="python -m tools.authoring.editions", description=__doc__.splitlines()[0])
    parser.add_argument("chapter", nargs="*", help="05_1, 05 (all of part 5) or a file name; all chapters without")
    parser.add_argument("--from", dest="first", choices=EDITIONS, required=True, help="the edition that is right")
    options = parser.parse_args(arguments)
    try:
        results = [carried(stem, options.first, root) for stem in find(options.chapter, root)]
    except (BothChanged, ValueError, FileNotFoundError) as error:
        return stop(error)
    for path, nb, to_write in results:
        print(f"{shown(path, root)}: {'written' if write(path, nb) else 'was already alike'}")
        for cell_id in to_write:
            print(f"  still to write: the text of [{cell_id}]")
    return 0


if __name__ == "__main__":
    sys.exit(main())
