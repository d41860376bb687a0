"""Chapter 9: each question says where it was asked, and is answered by a cell that runs or by a link into a chapter."""

import ast
import re

import pytest

from tools.authoring.links import HEADING
from tools.authoring.notebooks import EDITIONS, by_id, path_of, read, stems

ASKED = {"en": "*Asked in*", "zh": "*提问处：*"}
THE_ARTICLES = ("core-text", "uses-text", "learn-text", "challenges-text")


def questions(edition: str) -> dict[str, list]:
    """Id of the cell that asks -> it and the cells up to the next heading."""
    found, current = {}, None
    for cell in read(path_of("09_faq", edition)).cells:
        headings = HEADING.findall(cell.source) if cell.cell_type == "markdown" else []
        if headings:
            asks = cell.source.startswith("### ") and not cell.source.startswith(("### Challenge", "### 挑战"))
            current = found.setdefault(cell.id, []) if asks else None
        if current is not None:
            current.append(cell)
    return found


@pytest.mark.parametrize("edition", EDITIONS)
def test_every_question_has_a_source_and_an_answer(edition):
    asked = questions(edition)
    assert set(THE_ARTICLES) < set(asked)
    assert len(asked) >= len(THE_ARTICLES) + 12
    assert list(asked) == list(questions("en"))
    for name, (question, *answer) in asked.items():
        line = question.source.rstrip().splitlines()[-1]
        if name not in THE_ARTICLES:
            assert line.startswith(ASKED[edition]), name
            assert re.search(r"https://github\.com/[\w.-]+/[\w.-]+/issues/\d+", line), name
        runs = any(cell.cell_type == "code" and cell.outputs for cell in answer)
        assert runs or re.search(r"\]\(\d\d\w*\.ipynb#", question.source), name


@pytest.mark.parametrize("edition", EDITIONS)
def test_the_order_of_learning_names_chapters_that_are_there(edition):
    cell = ast.parse(by_id(read(path_of("09_faq", edition)))["learn"].source)
    needs = ast.literal_eval(next(node.value for node in cell.body if isinstance(node, ast.Assign)))
    here = {re.match(r"\d\d(?:_\d)?", stem)[0] for stem in stems()}
    files = {name: "_".join([f"{int(name.split('.')[0]):02}", *name.split(".")[1:]]) for name in needs}
    assert set(files.values()) <= here
    order = list(needs)
    for name, earlier in needs.items():
        assert all(order.index(other) < order.index(name) for other in earlier), name


@pytest.mark.parametrize("edition", EDITIONS)
def test_the_reading_list_says_why_and_has_chinese_books(edition):
    text = by_id(read(path_of("09_faq", edition)))["reading"].source
    entries = [line for line in text.splitlines() if line.startswith("- ")]
    assert len(entries) >= 6
    assert all(len(entry) > 40 for entry in entries)
    assert sum("《" in entry for entry in entries) >= 2
