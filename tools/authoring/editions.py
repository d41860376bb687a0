"""Keep the two editions of a chapter alike: what must be equal, and the tool that carries a change over.

    make editions FROM=zh            or: python -m tools.authoring.editions --from zh|en [CHAPTER ...]

What Python runs is the same in both, what a reader reads is in the reader's language: comments, docstrings, alt texts
are an edition's own (`remarks`), all other code is equal to the byte.

Code cells go to the other edition by cell id, in the order of the first. Its text cells stay, and so do its comments,
docstrings and alt texts beside a line that did not change. Cells that now hold remarks in the wrong language, or whose
remarks changed in the first edition only, are listed for a translator. A text cell that the other edition lacks gets a
placeholder there. If the code of a cell was changed in both since the last commit, nothing is written.

Outputs are not carried over: the words in figures and printed lines are in the reader's language, so each edition is
executed by itself (`make execute` runs both). A cell whose code did not change keeps its outputs, another one loses
them, and the contract asks for the run. The kinds of the outputs and the numbers in their text must agree afterward.
"""

import argparse
import copy
import re
import subprocess
import sys
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from tools.authoring import remarks
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
NUMBER = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?(?:e[+-]?\d+)?")
LANGUAGE = {"zh": "Chinese", "en": "English"}


class BothChanged(Exception):
    """A code cell was changed in both editions; the message names it."""


def shared_source(cell: NotebookNode) -> str:
    """The source without what is an edition's own: remarks, and the literal in the setup cell."""
    code = remarks.shared(cell.source)
    return LITERAL.sub('start("…")', code) if "setup" in tags(cell) else code


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
    """Code cells are equal to the byte, but for remarks and the literal in the setup cell; missing ones count."""
    found = []
    for a, b in _pairs(zh, en):
        if a.cell_type == "code" and shared_source(a) != shared_source(b):
            lines = zip(shared_source(a).split("\n"), shared_source(b).split("\n"), strict=False)
            first = next((f"zh {p!r}, en {q!r}" for p, q in lines if p != q), "one is longer")
            found.append(f"[{a.id}] code differs: {first}")
    only = {cell.id for cell in code_cells(zh)} ^ {cell.id for cell in code_cells(en)}
    return found + [f"[{i}] is a code cell of only one edition" for i in sorted(only)]


def output_differences(zh: NotebookNode, en: NotebookNode) -> list[str]:
    """Outputs are of the same kinds and say the same numbers, except in cells tagged localized or timing."""
    found = []
    for a, b in _pairs(zh, en):
        if a.cell_type != "code" or b.cell_type != "code" or tags(a) & {"localized", "timing"}:
            continue
        if kinds(a) != kinds(b):
            found.append(f"[{a.id}] outputs differ: zh stores {kinds(a)}, en {kinds(b)}; make execute runs both")
        elif numbers(a) != numbers(b):
            only = sorted(set(numbers(a)) ^ set(numbers(b))) or "the same, not as often"
            found.append(f"[{a.id}] outputs differ in their numbers: {only}; make execute runs both editions")
    return found


def kinds(cell: NotebookNode) -> list[str]:
    """What the cell's outputs are: stream, figure, or MIME types."""
    return ["figure" if is_figure(o) else "+".join(sorted(o.get("data", {}))) or o.output_type for o in cell.outputs]


def is_figure(output: NotebookNode) -> bool:
    """Whether an output is a picture, by itself or in HTML that gives it its alt text."""
    data = output.get("data", {})
    return any(kind.startswith("image/") for kind in data) or data.get("text/html", "").startswith("<img ")


def numbers(cell: NotebookNode) -> list[str]:
    """The numbers in the text of the cell's outputs; a figure has none, its alt text is the edition's own."""
    texts = [o.get("text") or o.get("data", {}).get("text/plain", "") for o in cell.outputs if not is_figure(o)]
    return sorted(number for text in texts for number in NUMBER.findall(text))


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


def carry(source: NotebookNode, target: NotebookNode, edition: str) -> tuple[NotebookNode, list[str], list[str]]:
    """The target (of `edition`) with the source's code, tags and order.

    Returns it with the ids of the texts still to write, and of the code cells with remarks still to translate.
    """
    mine, result, to_write, to_translate = by_id(target), [], [], []
    for cell in source.cells:
        own = mine.get(cell.id)
        if own and own.cell_type != cell.cell_type:
            own = None
        if cell.cell_type == "code":
            new, foreign = carry_code(cell, own, edition)
            to_translate += [cell.id] * foreign
        else:
            new = own or copy.deepcopy(cell)
            if own is None:
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
    return new, to_write, to_translate


def carry_code(cell: NotebookNode, own: NotebookNode | None, edition: str) -> tuple[NotebookNode, bool]:
    """The other edition's form of a code cell, and whether remarks of the first had to be taken with it."""
    new = copy.deepcopy(cell)
    if "setup" in tags(cell):
        new.source, foreign = LITERAL.sub(f'start("{edition}")', cell.source), False
    else:
        new.source, foreign = remarks.carried(cell.source, own.source if own else "")
    if own and shared_source(own) == shared_source(cell):
        new.outputs, new.execution_count = own.outputs, own.execution_count
    else:
        new.outputs, new.execution_count = [], None
    return new, foreign


def changed_remarks(now: dict[str, NotebookNode], committed: dict[str, NotebookNode | None], first: str) -> list[str]:
    """Ids of code cells whose remarks changed in the `first` edition since the commit, and not in the other."""
    said = {e: {c.id: remarks.remarks(c.source) for c in code_cells(nb)} for e, nb in now.items()}
    before = {e: {c.id: remarks.remarks(c.source) for c in code_cells(nb)} for e, nb in committed.items() if nb}
    if len(before) < len(EDITIONS):
        return []
    second = other(first)
    return [
        i
        for i, own in said[first].items()
        if i in said[second] and own != before[first].get(i, own) and said[second][i] == before[second].get(i)
    ]


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
    """Path and new content of the edition that follows `first`, and lines that say what is still to write."""
    paths = {edition: path_of(stem, edition, root) for edition in EDITIONS}
    empty = nbformat.v4.new_notebook(metadata=METADATA)
    notebooks = {e: empty if e != first and not path.exists() else read(path) for e, path in paths.items()}
    committed = {edition: last_commit(path, root) for edition, path in paths.items()}
    if both := changed_in_both(notebooks, committed):
        raise BothChanged(
            f"{stem}: changed in both editions since the last commit, differently: {', '.join(both)}. "
            "Make these cells equal by hand, or take one back, then run this again; nothing was written"
        )
    second, changed = other(first), changed_remarks(notebooks, committed, first)
    nb, to_write, to_translate = carry(notebooks[first], notebooks[second], second)
    remark = f"comments, docstring or alt text of [{{}}], in {LANGUAGE[second]}"
    told = [f"still to write: the text of [{i}]" for i in to_write]
    told += [f"still to translate: {remark.format(i)}" for i in to_translate]
    told += [f"still true? {remark.format(i)}: {first} changed" for i in changed if i not in to_translate]
    return paths[second], nb, told


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    """The command line; the exit status is 1 when it refused."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.authoring.editions", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("chapter", nargs="*", help="05_1, 05 (all of part 5) or a file name; all chapters without")
    parser.add_argument("--from", dest="first", choices=EDITIONS, required=True, help="the edition that is right")
    options = parser.parse_args(arguments)
    try:
        results = [carried(stem, options.first, root) for stem in find(options.chapter, root)]
    except (BothChanged, ValueError, FileNotFoundError) as error:
        return stop(error)
    for path, nb, told in results:
        print(f"{shown(path, root)}: {'written' if write(path, nb) else 'was already alike'}")
        print("".join(f"  {line}\n" for line in told), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
