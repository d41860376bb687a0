"""The glossary in the book: a page a language, and a link to it where a chapter first uses a term.

The links are written into the finished pages, never into the notebooks: into running text only, not into headings,
code, tables, formulas, results or other links.
"""

import html
import re
import unicodedata
from collections.abc import Iterable
from html.parser import HTMLParser
from itertools import groupby
from pathlib import Path

from tools.authoring.glossary import EVERYDAY, HAN, SHORT, Term
from tools.authoring.notebooks import chapter_number

TITLE = {"zh": "术语表", "en": "Glossary"}
ABOUT = {
    "zh": "每个术语全书只用一种说法。各章第一次用到一个术语时链接到这里；术语后面的数字是用到它的章节，"
    "点开就是那里第一次用它的地方。列为“本书不用”的，是其他资料里的说法。日常也用的词，各章不加链接。",
    "en": "One name for each term throughout the book. A chapter links here where it first uses a term; the numbers "
    "are the chapters that use it, and lead to that place. “Not used here” stands before names that other texts use. "
    "Words that are everyday words too have no links in the chapters.",
}
UNUSED = {"zh": "本书不用：", "en": "not used here: "}
LANGUAGE = {"zh": "zh-CN", "en": "en"}
USES = '<span class="uses" id="uses-{}"></span>'  # filled in when the chapters are searched
REMARK = re.compile(r" ?[(（].*?[)）]")
SHORT_NAME = re.compile(r"[(（]([A-Z][\w-]*)[)）]")

RUNNING_TEXT = {"p", "li", "dd"}
NEVER_IN = {"h1", "h2", "h3", "h4", "h5", "h6", "a", "code", "pre", "table", "svg", "script", "style", "summary", "nav"}
NEVER_IN_CLASS = {"cell", "katex", "math", "math-block", "toctree-wrapper", "term"}
NEVER_BELOW = {"sources"}  # ids of sections: titles of papers
OTHER_MEANINGS = {  # of words that are terms elsewhere: Python's generators, verbs
    "zh": "(?:Python的?|写成一个|是一个) ?生成器",
    "en": r"(?:Python|is a)\s+generator(?=[,: ])|batches\s+of\s+occupations|label\s+texts|evaluation[”\"]?\s+purposes",
}
EMPTY = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}


def own(term: Term, edition: str) -> str:
    """A term's name in this edition, without a remark in brackets."""
    return REMARK.sub("", term.chinese if edition == "zh" else term.english)


def slug(term: Term) -> str:
    """The end of the term's address, the same in both editions: "frechet-distance"."""
    plain = unicodedata.normalize("NFKD", REMARK.sub("", term.english)).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")


def page(glossary: list[Term], edition: str) -> str:
    """The glossary of one edition as Markdown, in the order of its alphabet; Chinese by pinyin."""
    from pypinyin import lazy_pinyin

    def key(term: Term) -> str:
        name = unicodedata.normalize("NFKD", own(term, edition)).encode("ascii", "ignore").decode()
        return ("".join(lazy_pinyin(own(term, edition))) if edition == "zh" else name).casefold()

    parts = [f"# {TITLE[edition]}", ABOUT[edition]]
    for letter, group in groupby(sorted(glossary, key=key), lambda term: key(term)[0].upper()):
        parts += [f"## {letter}", *(_entry(term, edition) for term in group)]
    return "\n\n".join(parts) + "\n"


def _entry(term: Term, edition: str) -> str:
    mine, theirs = (term.chinese, term.english) if edition == "zh" else (term.english, term.chinese)
    code = LANGUAGE["en" if edition == "zh" else "zh"]
    line = f"**{mine}**" if mine == theirs else f'**{mine}** · <span lang="{code}">{theirs}</span>'
    variants = [name for name in term.variants if bool(HAN.search(name)) == (edition == "zh")]
    between = "、" if edition == "zh" else ", "
    others = f" · {UNUSED[edition]}{between.join(variants)}" if variants else ""
    return f"(term-{slug(term)})=\n{line}{others} {USES.format(slug(term))}"


def names(glossary: Iterable[Term], edition: str) -> dict[str, str]:
    """Patterns of what a reader may want to look up -> the end of the term's address; "" for what is no term."""
    found = {OTHER_MEANINGS[edition]: ""}
    for term in glossary:
        if term.english in EVERYDAY or re.search(r"\((?:of|in) ", term.english):
            continue
        found[_pattern(own(term, edition))] = slug(term)
        for short in SHORT_NAME.findall(term.chinese if edition == "zh" else term.english):
            found[rf"(?<![\w-]){short}s?(?!\w)"] = slug(term)
    return found


def _pattern(name: str) -> str:
    if HAN.search(name):
        return SHORT.get(name, re.escape(name))
    words = r"[\s-]+".join(map(re.escape, re.split(r"[ -]", name)))
    words = f"{words[:-1]}(?:y|ies)" if words.endswith("y") else f"{words}(?:s|es)?"
    return rf"(?<![\w-])(?i:{words})(?!\w)"


class Linker(HTMLParser):
    """Finds the first use of each term in the running text of one page."""

    def __init__(self, text: str, patterns: dict[str, str]):
        super().__init__(convert_charrefs=False)
        longest_first = sorted(patterns, key=len, reverse=True)
        self.slugs = [patterns[pattern] for pattern in longest_first]
        self.any_term = re.compile("|".join(f"({pattern})" for pattern in longest_first)) if patterns else None
        self.lines = [0, *(end.end() for end in re.finditer("\n", text))]
        self.open: list[tuple[str, bool]] = []  # the elements around: name, and whether nothing in it is linked
        self.found: dict[str, tuple[int, int]] = {}  # the end of a term's address -> where it stands in the page
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        classes = set((given.get("class") or "").split())
        if tag not in EMPTY:
            never = tag in NEVER_IN or given.get("id") in NEVER_BELOW or bool(classes & NEVER_IN_CLASS)
            self.open.append((tag, never))

    def handle_endtag(self, tag: str) -> None:
        for depth in range(len(self.open) - 1, -1, -1):
            if self.open[depth][0] == tag:
                del self.open[depth:]
                return

    def handle_data(self, data: str) -> None:
        around = {tag for tag, _ in self.open}
        if not self.any_term or "article" not in around or not around & RUNNING_TEXT or any(no for _, no in self.open):
            return
        line, column = self.getpos()
        start = self.lines[line - 1] + column
        for match in self.any_term.finditer(data):
            if name := self.slugs[(match.lastindex or 1) - 1]:
                self.found.setdefault(name, (start + match.start(), start + match.end()))


def linked(text: str, patterns: dict[str, str]) -> tuple[str, list[str]]:
    """A page with its first uses linked, and the ends of the addresses of the terms that it uses."""
    found = Linker(text, patterns).found
    for name, (start, end) in sorted(found.items(), key=lambda item: item[1], reverse=True):
        link = f'<a class="term" id="use-{name}" href="glossary.html#term-{name}">{text[start:end]}</a>'
        text = text[:start] + link + text[end:]
    return text, list(found)


def link_pages(folder: Path, chapters: Iterable[str], glossary: list[Term], edition: str) -> None:
    """Link the terms in the built pages of the chapters, and let the glossary lead back to each first use."""
    patterns, uses = names(glossary, edition), {}
    for stem in chapters:
        file = folder / f"{stem}.html"
        text, used = linked(file.read_text(encoding="utf-8"), patterns)
        file.write_text(text, encoding="utf-8")
        for name in used:
            uses.setdefault(name, []).append(stem)
    file = folder / "glossary.html"
    text = file.read_text(encoding="utf-8")
    for name, stems in uses.items():
        places = " · ".join(
            f'<a href="{html.escape(stem)}.html#use-{name}">{spoken_number(stem)}</a>' for stem in stems
        )
        empty = USES.format(name)
        text = text.replace(empty, empty.replace("></span>", f"> · {places}</span>"))
    file.write_text(text, encoding="utf-8")


def spoken_number(stem: str) -> str:
    """ "5.1" for 05_1_mnist_classifier, "10" for 10_jobs."""
    return ".".join(str(int(part)) for part in chapter_number(stem).split("_"))
