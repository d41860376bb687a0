"""The course's terms, from notebooks/GLOSSARY.md: one translation a term, and the variants not to use."""

import re
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode

from tools.authoring.editions import CODE_BLOCKS
from tools.authoring.notebooks import ROOT

HAN = re.compile(r"[\u4e00-\u9fff]")
NOT_PROSE = re.compile(  # formulas, titles of linked sources, addresses, HTML tags
    r"\$\$.*?\$\$|\$[^$\n]+\$|\[[^\]]*\]\(https?:[^)]*\)|\]\([^)]*\)|<[^>]*>|https?://\S+", re.DOTALL
)
ALSO_CALLED = re.compile(r"[（(](?:[^）)，,]*[，,] ?)?(?:(?:也|又|旧)(?:译|称|叫)|also (?:called|written))[^）)]*[）)]")
OTHER_WORDS = re.compile("[单双半]精度")  # hold a variant, and are terms of their own
NOT_TEXT = re.compile(  # what does not introduce a term: formulas, titles of chapters and books, addresses
    r"\$\$.*?\$\$|\$[^$\n]+\$|\[[^\]]*\]\([^)]*\.ipynb[^)]*\)|《[^》]*》|\]\([^)]*\)|https?://\S+", re.DOTALL
)
NAVIGATION = ("title", "goals", "sources")  # cells that name terms before they are explained
EVERYDAY = ("band", "exercise", "occupation")  # words that no reader looks up in an English book
SHORT = {"轮": "(?<![车齿])轮(?![流廓到换盘子])"}  # one character, which is part of other words too


@dataclass(frozen=True)
class Term:
    english: str
    chinese: str
    variants: tuple[str, ...]  # Chinese ones are looked for in the Chinese edition, the others in the English one


def terms(path: Path = ROOT / "notebooks" / "GLOSSARY.md") -> list[Term]:
    """The rows of the glossary's table, in order."""
    rows = [line.strip().strip("|").split("|") for line in path.read_text(encoding="utf-8").splitlines() if "|" in line]
    rows = [[field.strip() for field in row] for row in rows]
    if any(len(row) != 3 for row in rows):
        raise ValueError(f"{path}: every row needs three columns: English | 中文 | do not use")
    return [Term(en, zh, tuple(v for v in re.split(r"\s*[、，,]\s*", no) if v)) for en, zh, no in rows[2:]]


def prose(text: str) -> str:
    """A text without code, formulas, titles of linked sources and remarks such as （也译作…）."""
    return OTHER_WORDS.sub("", ALSO_CALLED.sub("", NOT_PROSE.sub(" ", CODE_BLOCKS.sub(" ", text))))


def wrong_terms(text: str, edition: str, glossary: list[Term]) -> list[str]:
    """One line for each variant that a text of this edition uses instead of the glossary's term."""
    found, text = [], prose(text)
    for term in glossary:
        right = {"zh": term.chinese, "en": term.english}[edition]
        for variant in term.variants:
            is_chinese = bool(HAN.search(variant))
            if is_chinese == (edition == "zh") and _pattern(variant).search(text):
                found.append(f'says "{variant}"; the glossary\'s term is "{right}"')
    return found


def wrong_terms_in_notebook(nb: NotebookNode, edition: str, glossary: list[Term]) -> list[str]:
    """The same for the text cells of a notebook, each line with the cell's id."""
    texts = [cell for cell in nb.cells if cell.cell_type == "markdown"]
    return [f"[{cell.id}] {line}" for cell in texts for line in wrong_terms(cell.source, edition, glossary)]


def without_english(nb: NotebookNode, glossary: list[Term]) -> list[str]:
    """One line for each term whose English is missing in the paragraph of the Chinese chapter that has it first.

    Headings, tables and the list of goals do not count. Terms whose English carries a remark, such as "edge (in an
    image)", are everyday words too and are left to the author.
    """
    named = {_bare(t.chinese): t for t in glossary if HAN.search(t.chinese) and not _is_everyday(t)}
    longest_first = sorted(named, key=len, reverse=True)
    any_term = re.compile("|".join(SHORT.get(name, re.escape(name)) for name in longest_first))
    met, found = set(), []
    for cell in nb.cells:
        if cell.cell_type != "markdown" or cell.id in NAVIGATION:
            continue
        for paragraph in re.split(r"\n\s*\n", cell.source):
            text = "\n".join(line for line in paragraph.split("\n") if not line.startswith(("#", "|")))
            names = any_term.findall(CODE_BLOCKS.sub(" ", NOT_TEXT.sub(" ", text)))
            for name in dict.fromkeys(names):
                if name not in met and not any(
                    re.search(_loosely(e), text, re.IGNORECASE) for e in _english(named[name])
                ):
                    found.append(f"[{cell.id}] has {name} first, without its English: {named[name].english}")
                met.add(name)
    return found


def _is_everyday(term: Term) -> bool:
    return term.english in EVERYDAY or re.search(r"\((?:of|in) ", term.english) is not None


def _bare(text: str) -> str:
    """A term without its abbreviation in brackets."""
    return re.sub(r" ?[(（].*?[)）]", "", text)


def _english(term: Term) -> list[str]:
    """The English names of a term: in full and abbreviated."""
    return [_bare(term.english), *re.findall(r"[(（]([A-Z]\w*)[)）]", term.english + term.chinese)]


def _loosely(name: str) -> str:
    """A pattern for an English name in which blanks, hyphens and underscores are the same."""
    return "(?<![A-Za-z])" + re.sub(r"[ -]", r"[\\s_-]", re.escape(name).replace(r"\ ", " ").replace(r"\-", "-"))


def _pattern(variant: str) -> re.Pattern:
    if HAN.search(variant):
        return re.compile(re.escape(variant))
    return re.compile(rf"(?<!\w){re.escape(variant)}s?(?!\w)", re.IGNORECASE)
