"""What the search knows beyond Sphinx: the glossary's terms are words, and how much a page has to say of each."""

import json
import re
from pathlib import Path

from tools.authoring.glossary import HAN, Term

IN_TITLE, IN_HEADING = 1000, 100  # against 1 for each time that the text has the term
SCORER = """\
// Written by tools/site/search.py. A page's points: what Sphinx gives it, and what it has to say of the glossary's terms.
var Scorer = {
  score: (result) => {
    const query = (new URLSearchParams(window.location.search).get("q") || "").toLowerCase().trim();
    return result[4] + ((Scorer.terms[query] || {})[result[0]] || 0);
  },
  terms: %s,
  objNameMatch: 11, objPartialMatch: 6, objPrio: {}, objPrioDefault: 0,
  title: 15, partialTitle: 7, term: 5, partialTerm: 2,
};
"""


def names(glossary: list[Term]) -> list[str]:
    """Every name of every term, in both languages, in full and abbreviated, in lower case."""
    found: dict[str, None] = {}
    for term in glossary:
        for text in (term.english, term.chinese):
            bare = re.sub(r" ?[(（].*?[)）]", "", text)
            short = re.findall(r"[(（]([A-Z]\w*)[)）]", text)
            found |= dict.fromkeys(name.lower().strip() for name in (bare, *short))
    return [name for name in found if len(name) > 1]


def points(name: str, title: str, headings: list[str], text: str) -> int:
    """How much a page has to say of a term."""
    sought = re.compile(re.escape(name) if HAN.search(name) else rf"(?<![a-z]){re.escape(name)}(?:s|es)?(?![a-z])")
    in_title, in_headings, in_text = (len(sought.findall(part.lower())) for part in (title, "\n".join(headings), text))
    return IN_TITLE * bool(in_title) + IN_HEADING * bool(in_headings) + in_text


def scorer(pages: dict[str, tuple[str, list[str], str]], terms: list[str]) -> str:
    """The script for Sphinx's search; `pages`: name -> (title, headings, text)."""
    table = {}
    for term in terms:
        found = {name: points(term, *page) for name, page in pages.items()}
        if found := {name: number for name, number in found.items() if number}:
            table[term] = found
    return SCORER % json.dumps(table, ensure_ascii=False)


def write_dictionary(path: Path, terms: list[str]) -> None:
    """The Chinese terms as a dictionary for jieba, which then takes each as one word."""
    path.write_text("".join(f"{term} 100000\n" for term in terms if HAN.search(term)), encoding="utf-8")
