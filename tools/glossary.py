"""The course's terms, from notebooks/GLOSSARY.md: one translation a term, and the variants not to use."""

import re
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode

from tools.editions import CODE_BLOCKS
from tools.notebooks import ROOT

HAN = re.compile(r"[\u4e00-\u9fff]")
NOT_PROSE = re.compile(r"\$\$.*?\$\$|\$[^$\n]+\$|\]\([^)]*\)|<[^>]*>|https?://\S+", re.DOTALL)
ALSO_CALLED = re.compile(r"[（(](?:也|又|旧)(?:译|称|叫)[^）)]*[）)]")  # where a text tells the reader of another name


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
    """A text cell without code, formulas, addresses and remarks such as （也译作…）."""
    return ALSO_CALLED.sub("", NOT_PROSE.sub(" ", CODE_BLOCKS.sub(" ", text)))


def wrong_terms(nb: NotebookNode, edition: str, glossary: list[Term]) -> list[str]:
    """One line for each variant that a text cell of this edition uses instead of the glossary's term."""
    found = []
    for cell in nb.cells:
        text = prose(cell.source) if cell.cell_type == "markdown" else ""
        for term in glossary:
            for variant in term.variants:
                if edition == "zh" and HAN.search(variant) and variant in text:
                    found.append(f"[{cell.id}] says {variant}; the glossary's term is {term.chinese}")
                elif edition == "en" and not HAN.search(variant) and _word(variant).search(text):
                    found.append(f'[{cell.id}] says "{variant}"; the glossary\'s term is "{term.english}"')
    return found


def _word(variant: str) -> re.Pattern:
    return re.compile(rf"(?<!\w){re.escape(variant)}s?(?!\w)", re.IGNORECASE)
