"""Checks of what a notebook stores: outputs, pictures, size. Each returns lines "[cell id] what"."""

import base64
import html
import re
import struct
from typing import NamedTuple

from nbformat import NotebookNode

from tools.authoring.notebooks import code_cells, to_text
from tools.authoring.tidy import WIDGET
from tools.contract.language import HAN

MAX_BYTES = 400_000
MAX_WIDTH = 1000  # pixels of the page; the picture itself has twice as many
ALT = {  # an alt text of either language: so many characters at least, and how it ends
    "zh": (12, "。"),
    "en": (40, "."),
}
SHOWN = re.compile(r'<img alt="([^"]*)" width="(\d+)" src="data:image/png;base64,([^"]*)">')
DATA_ADDRESS = re.compile(r"data:[\w/+.-]+;base64,[\w/+=]*")  # letters that say nothing
CAPTION = {"zh": re.compile(r"\*图 ?(\d+)(?:\. |　).+\*"), "en": re.compile(r"\*Figure (\d+)\. .+\*")}
BAR = r"[\r\x08]|\d+%\|.*\|.*\d+/\d+|\d+(?:it|B) \[\d\d:\d\d,|[█━╸╺]{5}"
TRACES = {
    "an absolute path": re.compile(
        r"(?<![\w.~:/<-])/(?:work|home|Users|tmp|root|content|private|usr|opt|var)/|\b[A-Z]:\\\w"
    ),
    "a warning": re.compile(r"\b[A-Z]\w*Warning\b:|^WARNING\b", re.MULTILINE),
    "a memory address, different in each run": re.compile(r"\bat 0x[0-9a-fA-F]{6,}"),
    "the rest of a progress bar": re.compile(BAR, re.MULTILINE),
    "terminal colors": re.compile(r"\x1b\["),
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
    texts = [str(text) for kind, text in data.items() if kind.startswith("text/")]
    return output.get("text", "") + DATA_ADDRESS.sub("", "\n".join(texts))


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
            for picture in filter(None, map(picture_of, cell.outputs)):
                waiting.append(cell.id)
                found += [f"[{cell.id}] {problem}" for problem in picture.problems()]
            continue
        paragraphs = [line.strip() for line in cell.source.split("\n") if line.strip()] if waiting else []
        for index, figure_id in enumerate(waiting):
            number += 1
            match = CAPTION[edition].fullmatch(paragraphs[index]) if index < len(paragraphs) else None
            if match is None:
                wanted = {"zh": f"*图{number}　…*", "en": f"*Figure {number}. …*"}[edition]
                found.append(f"[{cell.id}] must begin with the caption of the figure in [{figure_id}]: {wanted}")
            elif int(match[1]) != number:
                found.append(f"[{cell.id}] numbers its figure {match[1]}; it is figure {number}")
        waiting = []
    return found + [f"[{i}] has a figure, but no text cell with its caption follows" for i in waiting]


class Picture(NamedTuple):
    """A stored picture: its alt text and its width on the page in pixels."""

    alt: str
    width: int

    def problems(self) -> list[str]:
        """What is wrong with it."""
        language = "zh" if HAN.search(self.alt) else "en"
        least, end = ALT[language]
        found = []
        if len(self.alt) < least or not self.alt.endswith(end):
            found.append(
                f"has a figure whose alt text is not a sentence of at least {least} characters with a full stop: "
                f"{self.alt!r}"
            )
        if self.width > MAX_WIDTH:
            found.append(f"has a figure {self.width} pixels wide; at most {MAX_WIDTH}")
        return found


def picture_of(output: NotebookNode) -> Picture | None:
    """The picture of an output: in an <img> with its alt text, or bare, described in the output's metadata."""
    data = output.get("data", {})
    if match := SHOWN.search(data.get("text/html", "")):
        return Picture(html.unescape(match[1]).strip(), int(match[2]))
    kind = next((kind for kind in data if kind.startswith("image/")), None)
    if kind is None:
        return None
    described = output.get("metadata", {}).get(kind, {})
    alt = described.get("alt") if isinstance(described, dict) else None
    return Picture((alt or "").strip(), png_width(data[kind]) if kind == "image/png" else 0)


def png_width(encoded: str) -> int:
    """Width in pixels of a PNG in base64, from its header."""
    header = base64.b64decode("".join(encoded.split())[:64])
    return struct.unpack(">I", header[16:20])[0]
