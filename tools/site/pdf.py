"""Print a built book as one PDF a language: python -m tools.site.pdf [--language zh|en]; make pdf builds it first

Chromium prints all pages as one document: a title, contents with page numbers, the chapters in order, and at the end
of each its hints, solutions and answers. build/pdf/ gets the files. Sound and film are named, not printed.
"""

import argparse
import html
import io
import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path

from aigc_course.storage import files
from tools.authoring.notebooks import EDITIONS, ROOT, find, shown, stop
from tools.site import pages
from tools.site.browser import chromium, served

HERE = ROOT / "docs"
BOOK = "print.html"  # stands beside the pages while it is printed
WIDTH = {"width": 672, "height": 960}  # px: what docs/print.css leaves of A4 for text
WORDS = {
    "zh": {
        "title": "AIGC从入门到实战",
        "contents": "目录",
        "answers": "提示、解答与答案",
        "see": "提示与解答见本章末尾",
        "sound": "（这里有一段声音：请听网页版或notebook）",
    },
    "en": {
        "title": "AIGC from the ground up",
        "contents": "Contents",
        "answers": "Hints, solutions and answers",
        "see": "Hints and solution: at the end of the chapter",
        "sound": "(Here is a sound: listen to it in the web book or in the notebook.)",
    },
}
LANGUAGE = {"zh": "zh-CN", "en": "en"}
ARTICLE = re.compile(r'<article class="bd-article">(.*?)</article>', re.DOTALL)
HEADERLINK = re.compile(r'<a class="headerlink".*?</a>', re.DOTALL)
TAG = re.compile(r"<[a-zA-Z][^<>]*>")
ID = re.compile(r'(\s(?:id|for|aria-labelledby|aria-describedby)=")([^"]+)"')
HREF = re.compile(r'(\s(?:xlink:)?href=")([^"]*)"')
HEADING = re.compile(
    r'<section[^<>]*\sid="([^"]+)"[^<>]*>\s*(?:<span[^<>]*></span>\s*)*<h([12])>(.*?)</h\2>', re.DOTALL
)
NUMBER = '<span class="page-number" data-place="{}">000</span>'


def within(text: str, page: str, pages_there: set[str]) -> str:
    """The article of one page as a part of the whole: its ids begin with the page's name, and links lead there."""

    def href(match: re.Match) -> str:
        target = match[2]
        if re.match(r"[a-z]+:", target):
            return match[0]
        name, _, anchor = target.partition("#")
        name = name.removesuffix(".html") if name else page
        if name not in pages_there:
            return ""  # the other edition, a file to download: not on paper
        return f'{match[1]}#{name}{f"--{anchor}" if anchor else ""}"'

    def tag(match: re.Match) -> str:
        return HREF.sub(href, ID.sub(rf'\g<1>{page}--\g<2>"', match[0]))

    found = ARTICLE.search(text)
    if not found:
        raise ValueError(f"the page {page} has no article; build the book again: make site")
    return f'<article id="{page}">{TAG.sub(tag, HEADERLINK.sub("", found[1]))}</article>'


def sections(articles: list[str]) -> list[tuple[str, int, str]]:
    """The titles of the pages and of their sections: (id, 1 or 2, text)."""
    return [
        (place, int(level), Title(title).text.strip())
        for each in articles
        for place, level, title in HEADING.findall(each)
    ]


def contents(articles: list[str]) -> str:
    """The titles of the pages and of their sections, each with a place for its page's number."""
    lines = [
        f'<li class="level-{level}"><a href="#{place}">{html.escape(title)}</a>{NUMBER.format(place)}</li>'
        for place, level, title in sections(articles)
    ]
    return f"<ul>{''.join(lines)}</ul>"


class Title(HTMLParser):
    """A title as text; of a formula what a screen reader has of it, not how it is drawn."""

    def __init__(self, title: str):
        super().__init__()
        self.text, self.skipped = "", 0  # how deep within what is skipped
        self.feed(title)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self.skipped or tag == "annotation" or ("class", "katex-html") in attrs:
            self.skipped += 1

    def handle_endtag(self, tag: str) -> None:
        self.skipped = max(self.skipped - 1, 0)

    def handle_data(self, data: str) -> None:
        self.text += "" if self.skipped else data


def whole(folder: Path, edition: str, articles: list[str]) -> str:
    """The book as one page; `folder` holds the built pages and their styles."""
    words = WORDS[edition]
    styles = ["_static/pygments.css", "_static/katex.min.css", "_static/mystnb.css"]
    found = [name for name in styles if (folder / name).is_file()]
    found += [f"_static/{path.name}" for path in sorted((folder / "_static").glob("mystnb.*.css"))]
    sheets = "".join(f'<link rel="stylesheet" href="{name}">' for name in found)
    print_style = (HERE / "print.css").read_text(encoding="utf-8")
    return (
        f'<!doctype html><html lang="{LANGUAGE[edition]}" data-theme="light"><head><meta charset="utf-8">'
        f"<title>{words['title']}</title>{sheets}<style>{print_style}</style></head>"
        f"<body><header><h1>{words['title']}</h1><p>CC BY 4.0</p></header><nav><h1>{words['contents']}</h1>"
        f"{contents(articles)}</nav>{''.join(articles)}</body></html>"
    )


@contextmanager
def beside(folder: Path, text: str) -> Iterator[None]:
    """The book as one page beside the pages whose files it shows, while the block runs."""
    (folder / BOOK).write_text(text, encoding="utf-8")
    try:
        yield
    finally:
        (folder / BOOK).unlink()


def numbers(path: Path) -> dict[str, int]:
    """The page, counted from 1, of every place in a PDF that a link leads to."""
    from pypdf import PdfReader  # pyright: ignore[reportMissingImports]: only the extra `site` has it

    reader = PdfReader(path)
    places = {}
    for name, place in reader.named_destinations.items():
        number = reader.get_destination_page_number(place)
        if number is not None:
            places[name.removeprefix("/")] = number + 1
    return places


def printed(browser, edition: str, site: Path, names: list[str], target: Path) -> int:
    """Print one edition, of the pages with these names, to `target`; how many pages it has.

    Without tags, which would make the file three times as large: the web book is there for screen readers.
    """
    folder, there = site / edition, set(names)
    articles = [within((folder / f"{name}.html").read_text(encoding="utf-8"), name, there) for name in names]
    target.parent.mkdir(parents=True, exist_ok=True)
    with beside(folder, whole(folder, edition, articles)), served(site) as address:
        page = browser.new_page(viewport=WIDTH)
        page.set_default_timeout(600_000)
        page.goto(f"{address}/{edition}/{BOOK}")
        page.emulate_media(media="print")
        page.evaluate((HERE / "print.js").read_text(encoding="utf-8"), WORDS[edition])
        for _ in range(2):  # the first time to learn the numbers of the pages
            page.pdf(path=target, prefer_css_page_size=True, print_background=True)
            page.evaluate(
                """numbers => { for (const each of document.querySelectorAll(".page-number"))
                     each.textContent = numbers[each.dataset.place] ?? ""; }""",
                numbers(target),
            )
        page.close()
    return bookmarked(target, sections(articles))


def bookmarked(path: Path, titles: list[tuple[str, int, str]]) -> int:
    """Give a PDF the titles as bookmarks; how many pages it has."""
    from pypdf import PdfWriter  # pyright: ignore[reportMissingImports]: only the extra `site` has it

    starts, above = numbers(path), None
    writer = PdfWriter(clone_from=path)
    for place, level, title in titles:
        if place in starts:
            mark = writer.add_outline_item(
                title=title, page_number=starts[place] - 1, parent=above if level > 1 else None
            )
            above = mark if level == 1 else above
    content = io.BytesIO()
    writer.write(content)
    files.write(path, content.getvalue())
    return len(writer.pages)


def main(arguments: list[str] | None = None) -> int:
    """The command line; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.site.pdf", description="Print a built book.")
    parser.add_argument("--language", choices=EDITIONS, help="only this edition")
    parser.add_argument("--site", type=Path, default=ROOT / "build" / "site", help="the book; build/site by default")
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "pdf", help="where the files go; build/pdf")
    options = parser.parse_args(arguments)
    try:
        for edition in [options.language] if options.language else EDITIONS:
            site = options.site.resolve()
            settings = site.parent / "book" / edition / "book.json"
            if not settings.is_file():
                raise ValueError(f"{shown(site)} holds no book in the edition {edition}; make site builds it")
            chapters = json.loads(settings.read_text(encoding="utf-8"))["chapters"]
            book = pages.Book.of(ROOT, edition, find(chapters))
            names = [name for _, group in book.contents() for name in group if name != "contributing"]
            target = options.output.resolve() / f"aigc_course-{edition}.pdf"
            with chromium() as browser:
                count = printed(browser, edition, site, names, target)
            print(f"{shown(target)}: {count} pages, {target.stat().st_size / 1e6:.1f} MB", flush=True)
    except ValueError as error:
        return stop(error)
    return 0


if __name__ == "__main__":
    sys.exit(main())
