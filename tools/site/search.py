"""What the search knows beyond Sphinx: the glossary's terms are words, and how much a page has to say of each."""

import json
import re
from pathlib import Path

from tools.authoring.glossary import HAN, Term

IN_TITLE, IN_HEADING = 1000, 100  # against 1 for each time that the text has the term
SCORER = """\
// Written by tools/site/search.py. A page's points: Sphinx's own, and what the page has to say of the glossary's terms.
var Scorer = {
  score: (result) => {
    const query = (new URLSearchParams(window.location.search).get("q") || "").toLowerCase().trim();
    const found = Scorer.terms[query] || Scorer.terms[query.replace(/s$/, "")] || {};
    return result[4] + (found[result[0]] || 0);
  },
  terms: %s,
  objNameMatch: 11, objPartialMatch: 6, objPrio: {}, objPrioDefault: 0,
  title: 15, partialTitle: 7, term: 5, partialTerm: 2,
};
"""


def names(glossary: list[Term]) -> list[list[str]]:
    """Every term's names: in both languages, in full and abbreviated, in lower case."""
    found = []
    for term in glossary:
        both = (term.english, term.chinese)
        whole = [re.sub(r" ?[(（].*?[)）]", "", text) for text in both]
        short = [name for text in both for name in re.findall(r"[(（]([A-Z]\w*)[)）]", text)]
        found.append(
            [name for name in dict.fromkeys(each.lower().strip() for each in (*whole, *short)) if len(name) > 1]
        )
    return found


def points(term: list[str], title: str, headings: list[str], text: str) -> int:
    """How much a page has to say of a term, whatever it is called."""
    latin = r"(?<![a-z]){}(?:s|es)?(?![a-z])"
    sought = re.compile(
        "|".join(re.escape(name) if HAN.search(name) else latin.format(re.escape(name)) for name in term)
    )
    in_title, in_headings, in_text = (len(sought.findall(part.lower())) for part in (title, "\n".join(headings), text))
    if in_title:
        return IN_TITLE  # no more for any of them: the first chapter that is named after it comes first
    return IN_HEADING * bool(in_headings) + in_text


def scorer(pages: dict[str, tuple[str, list[str], str]], terms: list[list[str]]) -> str:
    """The script for Sphinx's search; `pages`: name -> (title, headings, text)."""
    table = {}
    for term in filter(None, terms):
        found = {name: points(term, *page) for name, page in pages.items()}
        found = {name: number for name, number in found.items() if number}
        table |= dict.fromkeys(term, found)
    return SCORER % json.dumps(table, ensure_ascii=False)


def write_dictionary(path: Path, terms: list[list[str]]) -> None:
    """The Chinese terms as a dictionary for jieba, which then takes each as one word."""
    lines = [f"{name} 100000\n" for term in terms for name in term if HAN.search(name)]
    path.write_text("".join(lines), encoding="utf-8")
