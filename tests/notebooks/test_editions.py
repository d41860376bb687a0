"""Both editions of every chapter are alike in everything but the reader's language; the checks see what is broken."""

import re
import tomllib
from collections.abc import Callable

import pytest
from finished_chapter import STEM
from nbformat import NotebookNode

from aigc_course.kit import bands
from tools.authoring import editions, glossary
from tools.authoring.notebooks import EDITIONS, ROOT, by_id, path_of, read, stems

TERMS = glossary.terms()


def pairs() -> list[tuple[str, NotebookNode, NotebookNode]]:
    """Stem, Chinese and English edition of every chapter that both have."""
    complete = [stem for stem in stems() if all(path_of(stem, edition).is_file() for edition in EDITIONS)]
    return [(stem, read(path_of(stem, "zh")), read(path_of(stem, "en"))) for stem in complete]


def listed(problems: list[str]) -> str:
    """The problems as a message, one a line."""
    return "\n".join(["", *problems])


def test_both_editions_have_the_same_chapters():
    problems = editions.file_differences()
    assert not problems, listed(problems)


@pytest.mark.parametrize("differences", editions.DIFFERENCES, ids=lambda check: check.__name__)
def test_editions_are_alike(differences: Callable):
    problems = [f"{stem} {line}" for stem, zh, en in pairs() for line in differences(zh, en)]
    assert not problems, listed(problems)


def test_texts_use_the_terms_of_the_glossary():
    problems = []
    for stem, zh, en in pairs():
        for edition, nb in (("zh", zh), ("en", en)):
            problems += [f"{edition}/{stem} {x}" for x in glossary.wrong_terms_in_notebook(nb, edition, TERMS)]
    assert not problems, listed(problems)


def test_questions_use_the_terms_of_the_glossary():
    problems = []
    for path in sorted(ROOT.glob("aigc_course/kit/practice/questions/*.toml")):
        for edition, text in texts(tomllib.loads(path.read_text(encoding="utf-8"))):
            problems += [f"{path.name}: {text[:40]!r} {x}" for x in glossary.wrong_terms(text, edition, TERMS)]
    assert not problems, listed(problems)


def texts(entry: object, key: str = "") -> list[tuple[str, str]]:
    """(edition, text) for everything that a table of questions says in a language."""
    if isinstance(entry, dict):
        return [found for name, value in entry.items() for found in texts(value, name)]
    if isinstance(entry, list):
        return [found for value in entry for found in texts(value)]
    return [(key, entry)] if key in EDITIONS else []


def test_expected_values_are_called_something_in_chinese():
    sources = [cell.source for _, zh, _ in pairs() for cell in zh.cells if cell.cell_type == "code"]
    given = {name for source in sources for name in re.findall(r'\bexpect\(\s*"(\w+)"', source)}
    assert given
    assert given == set(bands.chinese_names()), "aigc_course/kit/bands.toml names what chapters give to expect()"


# The glossary itself


def test_the_glossary_is_alphabetic_with_one_translation_a_term():
    english, chinese = [term.english for term in TERMS], [term.chinese for term in TERMS]
    assert len(TERMS) >= 80
    assert english == sorted(english, key=str.casefold)
    assert len(set(english)) == len(english)
    assert len(set(chinese)) == len(chinese)


def test_no_term_holds_a_variant_that_is_not_to_be_used():
    for term in TERMS:
        for variant in term.variants:
            clashing = [t for t in TERMS if variant in t.chinese or glossary._pattern(variant).search(t.english)]
            assert not clashing, f"{variant} is ruled out for {term.english}, but is part of {clashing}"


def test_a_wrong_term_is_found_in_prose_only():
    assert glossary.wrong_terms("这里用反向传播训练神经网络。", "zh", TERMS) == []
    assert "反向传播" in glossary.wrong_terms("这里用后向传播。", "zh", TERMS)[0]
    assert "dataset" in glossary.wrong_terms("Two data sets are loaded.", "en", TERMS)[0]
    assert glossary.wrong_terms("判别器（也译作鉴别器），`optimizer`，[Optimizer](https://a.b/c)", "zh", TERMS) == []
    assert glossary.wrong_terms("`data set`, $data set$, [A data set](https://a.b)", "en", TERMS) == []


# Each check sees what is broken on purpose


@pytest.fixture
def pair(course) -> tuple[NotebookNode, NotebookNode]:
    """Both editions of a finished chapter, with a formula."""
    both = tuple(read(path_of(STEM, edition, course)) for edition in EDITIONS)
    for nb in both:
        by_id(nb)["first-idea"].source += "\n\n$$\na = b\n$$\n\n$$c$$"
    return both


def test_a_finished_chapter_has_no_differences(pair):
    assert [line for check in editions.DIFFERENCES for line in check(*pair)] == []


def drop(nb, cell_id):
    nb.cells.remove(by_id(nb)[cell_id])


def swap(nb, first):
    nb.cells[first], nb.cells[first + 1] = nb.cells[first + 1], nb.cells[first]


def replace(nb, cell_id, old, new):
    cell = by_id(nb)[cell_id]
    assert old in cell.source
    cell.source = cell.source.replace(old, new)


BREAKS = {
    "a byte of code": (
        editions.code_differences,
        lambda nb: replace(nb, "first-figure", "0, 1", "0, 2"),
        "first-figure",
    ),
    "a blank at the end": (editions.code_differences, lambda nb: replace(nb, "quiz", ")", ") "), "quiz"),
    "the setup cell": (editions.code_differences, lambda nb: replace(nb, "setup", "import sys", "import os"), "setup"),
    "a code cell dropped": (editions.code_differences, lambda nb: drop(nb, "quiz"), "quiz"),
    "a text cell dropped": (editions.cell_differences, lambda nb: drop(nb, "remember"), "remember"),
    "two cells swapped": (editions.cell_differences, lambda nb: swap(nb, 3), "first-idea"),
    "another type": (editions.cell_differences, lambda nb: by_id(nb)["quiz"].update(cell_type="raw"), "quiz"),
    "a formula": (editions.formula_differences, lambda nb: replace(nb, "first-idea", "= b", "= d"), "first-idea"),
    "a formula dropped": (
        editions.formula_differences,
        lambda nb: replace(nb, "first-idea", "$$c$$", ""),
        "first-idea",
    ),
    "a tag": (editions.metadata_differences, lambda nb: by_id(nb)["quiz"].metadata.tags.pop(), "quiz"),
    "a slide type": (
        editions.metadata_differences,
        lambda nb: by_id(nb)["title"].metadata.slideshow.update(slide_type="skip"),
        "title",
    ),
    "a number in printed text": (
        editions.output_differences,
        lambda nb: by_id(nb)["exercise-1-answer"].outputs[0].update(text="2 done\n"),
        "exercise-1-answer",
    ),
    "a picture gone": (
        editions.output_differences,
        lambda nb: by_id(nb)["first-figure"].outputs.pop(),
        "first-figure",
    ),
}


@pytest.mark.parametrize("name", BREAKS)
def test_a_difference_is_found(pair, name):
    check, break_it, cell_id = BREAKS[name]
    break_it(pair[1])
    found = check(*pair)
    assert found
    assert all(re.match(rf"\[{cell_id}\]", line) for line in found)


def test_what_is_an_editions_own_may_differ(pair):
    for nb, remark, printed, alt in zip(pair, "一1", ("完成\n", "finished\n"), ("一张图。", "A figure."), strict=True):
        cell = by_id(nb)["first-figure"]
        cell.source = f'def nothing():\n    """{remark}"""  # {remark}\n\nshow(alt="{remark}")'
        cell.outputs[0].data["text/html"] = f'<img alt="{alt}" src="">'
        by_id(nb)["exercise-1-answer"].outputs[0].text = printed
    assert [line for check in editions.DIFFERENCES for line in check(*pair)] == []


@pytest.mark.parametrize("tag", ["localized", "timing"])
def test_tagged_outputs_may_differ(pair, tag):
    for nb, text in zip(pair, ("1", "2"), strict=True):
        cell = by_id(nb)["exercise-1-answer"]
        cell.metadata.tags, cell.outputs[0].text = [tag], text
    assert editions.output_differences(*pair) == []


def test_a_missing_edition_is_found(course):
    path_of(STEM, "en", course).unlink()
    assert editions.file_differences(course) == [f"notebooks/en/{STEM}.ipynb is missing"]
