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
ALSO_CALLED = re.compile(r"[（(](?:(?:也|又|旧)(?:译|称|叫)|also (?:called|written))[^）)]*[）)]")


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
    return ALSO_CALLED.sub("", NOT_PROSE.sub(" ", CODE_BLOCKS.sub(" ", text)))


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


def _pattern(variant: str) -> re.Pattern:
    if HAN.search(variant):
        return re.compile(re.escape(variant))
    return re.compile(rf"(?<!\w){re.escape(variant)}s?(?!\w)", re.IGNORECASE)
