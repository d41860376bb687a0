"""A chapter as it is when its author has finished, made from the skeleton: material for the tests of the tools."""

import base64
import html
import shutil
import struct
import zlib
from pathlib import Path

from nbformat import NotebookNode
from nbformat.v4 import new_output

from tools.authoring.chapter import WORDS_FOLDER, begin
from tools.authoring.notebooks import EDITIONS, ROOT, code_cells, path_of, read, write, write_text

STEM = "05_2_text_generation"
ALT = {
    "zh": "一条从左下升到右上的直线，没有拐弯。",
    "en": "A straight line that rises from the lower left to the upper right.",
}


def finished_course(root: Path) -> Path:
    """Write a course with one chapter, in both editions, to the new folder `root`."""
    root.mkdir()
    shutil.copy(ROOT / "pyproject.toml", root)
    for path in begin(STEM, root):
        write_text(path, path.read_text(encoding="utf-8").replace("TODO", "Finished"))
    shutil.copy(ROOT / WORDS_FOLDER / "kit.toml", root / WORDS_FOLDER)
    for edition in EDITIONS:
        path = path_of(STEM, edition, root)
        nb = read(path)
        pretend_to_run(nb, edition)
        write(path, nb)
    return root


def pretend_to_run(nb: NotebookNode, edition: str) -> None:
    """Give every code cell a count and an output, the figure a picture with its alt text."""
    for count, cell in enumerate(code_cells(nb), start=1):
        cell.execution_count = count
        cell.outputs = [new_output("stream", name="stdout", text="done\n")]
        if cell.id == "first-figure":
            cell.outputs = [picture(alt=ALT[edition])]


def picture(width: int = 4, alt: str = ALT["en"]) -> NotebookNode:
    """The output of a cell that shows a white PNG of `width` x 1 pixels, as wide on the page."""
    chunks = {
        b"IHDR": struct.pack(">IIBBBBB", width, 1, 8, 0, 0, 0, 0),
        b"IDAT": zlib.compress(b"\0" + b"\xff" * width),
        b"IEND": b"",
    }
    png = b"\x89PNG\r\n\x1a\n"
    for kind, body in chunks.items():
        png += struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    source = f"data:image/png;base64,{base64.b64encode(png).decode()}"
    shown = f'<img alt="{html.escape(alt)}" width="{width}" src="{source}">'
    return new_output("display_data", data={"text/html": shown, "text/plain": alt})
