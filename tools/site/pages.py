"""Which pages the book has, and their sources: the notebooks and texts of the repository with links that lead on."""

import copy
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tools.authoring import glossary
from tools.authoring.badges import links_to_open
from tools.authoring.minutes import minutes_of
from tools.authoring.notebooks import chapter_number, is_placeholder, other, path_of, repository, stems
from tools.site import links, results, terms

README = {"zh": "README.zh.md", "en": "README.md"}
DATA = {"zh": "data/README.zh.md", "en": "data/README.md"}
TEACHING = {"zh": "TEACHING.zh.md", "en": "TEACHING.md"}
PARTS = {  # what the contents name each group of pages
    "zh": ("各章", "查阅", "教与写"),
    "en": ("Chapters", "Look up", "Teach and write"),
}
HEAD = {"zh": ("章", "初读", "可以先跳过", "notebook"), "en": ("chapter", "first reading", "can wait", "notebook")}
MINUTES = {"zh": "{}分钟", "en": "{} min"}
FILE = {"zh": "下载", "en": "download"}
START = {"zh": "安装与设置", "en": "Installation and settings"}  # the READMEs' page; its own title is the book's
CONTROLS = {  # below a cell whose widget only a kernel can move
    "zh": "*这个单元格里的控件要在[notebook](notebook:{})里才能用，网页上只有代码。*",
    "en": "*The controls of this cell work in the [notebook](notebook:{}); this page shows its code alone.*",
}
TABLE = "<!-- table of chapters -->"
LICENSE_HEAD = {"zh": "许可", "en": "License"}
FENCED = re.compile(r"(^```.*?^```)", re.DOTALL | re.MULTILINE)
TITLE = re.compile(r"^# .*$", re.MULTILINE)
HEADING = re.compile(r"^(?=#{1,6} )", re.MULTILINE)


@dataclass(frozen=True)
class Book:
    """One edition as a set of pages."""

    root: Path
    edition: str
    chapters: tuple[str, ...]  # stems, in order; those of the list that this edition has

    @classmethod
    def of(cls, root: Path, edition: str, chosen: list[str]) -> "Book":
        """The book of the chosen chapters; ValueError when the edition has none of them."""
        has = tuple(stem for stem in stems(root) if stem in chosen and path_of(stem, edition, root).is_file())
        if not has:
            raise ValueError(f"notebooks/{edition} has none of these chapters: {', '.join(chosen) or '(none)'}")
        return cls(root, edition, has)

    @property
    def address(self) -> str | None:
        """The public repository; None while there is none."""
        address = repository(self.root)
        return None if is_placeholder(address) else address

    @property
    def texts(self) -> dict[Path, str]:
        """The repository's texts that are pages: file -> name of the page."""
        named = {
            f"docs/index.{self.edition}.md": "index",
            README[self.edition]: "start",
            "notebooks/GLOSSARY.md": "glossary",
            "docs/verified.csv": "verified",
            DATA[self.edition]: "data",
            "LICENSE": "license",
            TEACHING[self.edition]: "teaching",
            "CONTRIBUTING.md": "contributing",
        }
        return {self.root / file: name for file, name in named.items() if (self.root / file).is_file()}

    @property
    def pages(self) -> dict[Path, str]:
        """All pages: file -> name; the names are the same in both editions."""
        return self.texts | {path_of(stem, self.edition, self.root): stem for stem in self.chapters}

    def contents(self) -> list[tuple[str, list[str]]]:
        """The pages in the order of reading, in groups: (caption, names)."""
        there = set(self.texts.values())
        groups = (
            list(self.chapters),
            ["start", "glossary", "verified", "data", "license"],
            ["teaching", "contributing"],
        )
        return [
            (caption, [name for name in names if name in there or name in self.chapters])
            for caption, names in zip(PARTS[self.edition], groups, strict=True)
        ]


def write(book: Book, counterpart: Book | None, folder: Path) -> dict[str, tuple[str, list[str], str]]:
    """Write the sources of all pages into the new `folder`; for the search: name -> (title, headings, text)."""
    folder.mkdir(parents=True)
    rewrite = links.Rewriter(book.root, book.pages, counterpart.pages if counterpart else {}, _places, book.address)
    texts = {}
    for file, name in book.pages.items():
        if file.suffix == ".ipynb":
            notebook = read(file)
            page = chapter(notebook, file, rewrite)
            target = folder / f"{name}.ipynb"
            text = "\n\n".join("".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "markdown")
            content = json.dumps(page, ensure_ascii=False)
        else:
            target = folder / f"{name}.md"
            text, content = _text(book, file, name, rewrite)
        target.write_text(content, encoding="utf-8")
        headings = links.HEADING.findall(links.FENCE.sub("", text))
        texts[name] = (headings[0] if headings else name, headings[1:], text)
    return texts


def read(path: Path) -> dict:
    """The notebook as it is stored; ValueError for a file that is none."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is no notebook: {error}. Take the last good one: git checkout -- {path}") from error


@cache
def _places(path: Path) -> links.Places:
    return links.places(read(path))


def chapter(notebook: dict, file: Path, rewrite: Callable[[str, Path], str]) -> dict:
    """A notebook with its links rewritten and with a place for every cell; the setup cell is folded."""
    page = copy.deepcopy(notebook)
    number = chapter_number(file.stem).replace("_", "-")
    cells, page["cells"] = page["cells"], []
    for cell in cells:
        page["cells"].append(cell)
        text = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            cell["source"] = with_places(rewrite(text, file), cell["id"], number)
        else:
            cell["metadata"]["place"] = links.place(cell["id"])
            if "setup" in cell["metadata"].get("tags", []):
                cell["metadata"]["tags"] = [*cell["metadata"]["tags"], "hide-input"]
            if "widget" in cell["metadata"].get("tags", []):
                note = CONTROLS[file.parent.name].format(file.stem)
                page["cells"].append(
                    {"cell_type": "markdown", "id": f"{cell['id']}-note", "metadata": {}, "source": note}
                )
    return page


def with_places(text: str, cell_id: str, number: str) -> str:
    """A text cell with a target above each heading, or at its beginning if it has none."""
    count = 0

    def target(_: re.Match | None = None) -> str:
        nonlocal count
        count += 1
        return f"(cell-{number}-at-{links.place(cell_id, count - 1)})=\n"

    parts = [part if part.startswith("```") else HEADING.sub(target, part) for part in FENCED.split(text)]
    return "".join(parts) if count else target() + text


def table(book: Book) -> str:
    """The chapters with the minutes that they take, and where to open each."""
    rows: list[tuple[str, ...]] = [HEAD[book.edition], ("---", "--:", "--:", "---")]
    for stem in book.chapters:
        notebook = read(path_of(stem, book.edition, book.root))
        title = "".join(notebook["cells"][0]["source"]).split("\n")[0].lstrip("# ").replace("|", r"\|")
        first, later = (5 * round(minutes / 5) for minutes in minutes_of(notebook, book.edition))
        opened = links_to_open(stem, book.edition, book.address) if book.address else {}
        places = [
            f"[{FILE[book.edition]}](notebook:{stem})",
            *(f"[{where}]({url})" for where, (_, url) in opened.items()),
        ]
        times = [MINUTES[book.edition].format(minutes) if minutes else "" for minutes in (max(first, 5), later)]
        rows.append((f"[{title}](page:{stem})", *times, " · ".join(places)))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def other_book(book: Book, chosen: list[str]) -> Book | None:
    """The same book in the other language; None where that has none of its chapters."""
    try:
        return Book.of(book.root, other(book.edition), chosen)
    except ValueError:
        return None


def _text(book: Book, file: Path, name: str, rewrite: links.Rewriter) -> tuple[str, str]:
    """A text of the repository as the search reads it and as Sphinx does."""
    if name == "glossary":
        page = terms.page(glossary.terms(file), book.edition)
        return page, page
    if name == "verified":
        page = results.page(book.root, book.edition, book.chapters)
        return page, page
    text = file.read_text(encoding="utf-8")
    if name == "license":
        return text, _licensed(text, book.edition)
    content = rewrite(text, file)
    if name == "start":
        content = TITLE.sub(f"# {START[book.edition]}", content, count=1)
    if name == "index":
        content = content.replace(TABLE, table(book)) + "".join(map(_toctree, book.contents()))
    return text, content


def _toctree(group: tuple[str, list[str]]) -> str:
    caption, names = group
    return "\n\n```{toctree}\n:hidden:\n:caption: " + caption + "\n\n" + "\n".join(names) + "\n```\n"


def _licensed(text: str, edition: str) -> str:
    return f"# {LICENSE_HEAD[edition]}\n\n```text\n{text.strip()}\n```\n"
