"""Checks of what a notebook stores: outputs, pictures, size. Each returns lines "[cell id] what"."""

import base64
import re
import struct

from nbformat import NotebookNode

from tools.authoring.notebooks import code_cells, to_text
from tools.authoring.tidy import WIDGET

MAX_BYTES = 300_000
MAX_WIDTH = 1000  # pixels: a figure of 10 inches at 100 dpi
MIN_ALT = 40  # characters
CAPTION = {"zh": re.compile(r"\*图 (\d+)\. .+\*"), "en": re.compile(r"\*Figure (\d+)\. .+\*")}
BAR = r"[\r\x08]|\d+%\|.*\|.*\d+/\d+|\d+(?:it|B) \[\d\d:\d\d,|[█━╸╺]{5}"
TRACES = {
    "an absolute path": re.compile(
        r"(?<![\w.~:/<-])/(?:work|home|Users|tmp|root|content|private|usr|opt|var)/|\b[A-Z]:\\\w"
    ),
    "a warning": re.compile(r"\b[A-Z]\w*Warning\b:|^WARNING\b", re.MULTILINE),
    "a memory address, different in each run": re.compile(r"\bat 0x[0-9a-fA-F]{6,}"),
    "the rest of a progress bar": re.compile(
        r"[\r\x08]|\d+%\|.*\|.*\d+/\d+|\d+(?:it|B) \[\d\d:\d\d,|[█━╸╺]{5}", re.MULTILINE
    ),
    "terminal colours": re.compile(r"\x1b\["),
}


def output_problems(nb: NotebookNode) -> list[str]:
    """Stored errors, warnings, stderr, absolute paths, widgets and progress bars."""
    found = []
    for cell in code_cells(nb):
        for output in cell.outputs:
            if output.output_type == "error":
                found.append(f"[{cell.id}] stores the error {output.ename}: {output.evalue}")
            elif output.get("name") == "stderr":
                found.append(f"[{cell.id}] stores a message on stderr: {output.text.strip()[:60]!r}")
            elif WIDGET in output.get("data", {}):
                found.append(f"[{cell.id}] stores a widget, which shows as an error without its state")
            text = output_text(output)
            for what, pattern in TRACES.items():
                if match := pattern.search(text):
                    found.append(f"[{cell.id}] shows {what}: {_around(text, match.start())!r}")
        if {"execution", "ExecuteTime"} & set(cell.metadata):
            found.append(f"[{cell.id}] stores when it was executed")
    return found


def output_text(output: NotebookNode) -> str:
    """What an output says in text of any kind."""
    data = output.get("data", {})
    return output.get("text", "") + "\n".join(str(text) for kind, text in data.items() if kind.startswith("text/"))


def _around(text: str, position: int) -> str:
    return text[max(0, position - 20) : position + 50].strip()


def run_problems(nb: NotebookNode) -> list[str]:
    """Code cells that were not executed from top to bottom in one run."""
    return [
        f"[{cell.id}] has execution count {cell.execution_count}, not {count}: run the chapter with make execute"
        for count, cell in enumerate(code_cells(nb), start=1)
        if cell.execution_count != count
    ]


def size_problems(nb: NotebookNode) -> list[str]:
    """A notebook that is too large to open fast, with its largest cells."""
    size = len(to_text(nb).encode("utf-8"))
    if size <= MAX_BYTES:
        return []
    large = sorted(nb.cells, key=lambda cell: len(str(cell)), reverse=True)[:3]
    names = ", ".join(f"{cell.id} ({len(str(cell)) // 1000} kB)" for cell in large)
    return [f"[{large[0].id}] the notebook has {size // 1000} kB, at most {MAX_BYTES // 1000}; largest cells: {names}"]


def figure_problems(nb: NotebookNode, edition: str) -> list[str]:
    """Figures without alt text or caption, captions out of order, pictures that are too wide."""
    found, waiting, number = [], [], 0
    for cell in nb.cells:
        if cell.cell_type == "code":
            for output in cell.outputs:
                for kind in [kind for kind in output.get("data", {}) if kind.startswith("image/")]:
                    waiting.append(cell.id)
                    found += [f"[{cell.id}] {problem}" for problem in picture_problems(output, kind)]
            continue
        paragraphs = [line.strip() for line in cell.source.split("\n") if line.strip()] if waiting else []
        for index, figure_id in enumerate(waiting):
            number += 1
            match = CAPTION[edition].fullmatch(paragraphs[index]) if index < len(paragraphs) else None
            if match is None:
                wanted = {"zh": f"*图 {number}. …*", "en": f"*Figure {number}. …*"}[edition]
                found.append(f"[{cell.id}] must begin with the caption of the figure in [{figure_id}]: {wanted}")
            elif int(match[1]) != number:
                found.append(f"[{cell.id}] numbers its figure {match[1]}; it is figure {number}")
        waiting = []
    return found + [f"[{i}] has a figure, but no text cell with its caption follows" for i in waiting]


def picture_problems(output: NotebookNode, kind: str) -> list[str]:
    """What is wrong with the picture of this MIME type in an output: its alt text, its width."""
    found = []
    described = output.get("metadata", {}).get(kind, {})
    alt = (described.get("alt") or "").strip() if isinstance(described, dict) else ""
    if len(alt) < MIN_ALT or not alt.endswith("."):
        found.append(
            f"has a figure whose alt text is no sentence of at least {MIN_ALT} characters with a full stop: {alt!r}"
        )
    if kind == "image/png" and (width := png_width(output.data[kind])) > MAX_WIDTH:
        found.append(f"has a figure {width} pixels wide; at most {MAX_WIDTH}")
    return found


def png_width(encoded: str) -> int:
    """Width in pixels of a PNG in base64, from its header."""
    header = base64.b64decode("".join(encoded.split())[:64])
    return struct.unpack(">I", header[16:20])[0]
