"""The web book as a reader has it: pages in a real browser, from a server and from the disk, on a desk and on a phone.

Slow, and only where the extra `site` is installed: `pytest -m slow tests/tools/test_site_in_browser.py`. Three chapters
are built; `python -m tools.site.check` and `python -m tools.site.axe` look at every page of a whole book.
"""

import subprocess
import sys
from pathlib import Path

import pytest
from book_pages import PLACES, first_hit

from tools.authoring.notebooks import EDITIONS, ROOT
from tools.site import __main__ as site
from tools.site import axe, check, npm, pdf
from tools.site.browser import chromium, served, watched

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.timeout(900)]
CHAPTERS = ["00", "01", "03_2"]  # a short one, one with a sound and a widget, one with formulas and exercises
FINE = {"elsewhere": [], "missing": [], "errors": []}
LESSON = "03_2_nlp_workflow.html"
PLAY = """async (medium) => {
  medium.muted = true;
  await medium.play();
  for (let waited = 0; waited < 200 && !medium.currentTime; waited++)  // 20 s: the machine may be busy
    await new Promise((done) => setTimeout(done, 100));
  return medium.currentTime;
}"""


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """Both editions of the chapters, as pages."""
    pytest.importorskip("sphinx", reason="the extra site is not installed")
    folder = tmp_path_factory.mktemp("book")
    subprocess.run([sys.executable, "-m", "tools.site", "--output", folder, *CHAPTERS], cwd=ROOT, check=True)
    return folder / site.SITE


@pytest.fixture(scope="module")
def browser():
    pytest.importorskip("playwright.sync_api")
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def address(built):
    with served(built) as base:
        yield base


@pytest.fixture
def page(browser):
    opened = browser.new_page(viewport=check.DESK)
    yield opened
    opened.close()


def test_every_page_meets_the_bars(built, browser, address):
    assert check.dead_links(built) == []
    for edition in EDITIONS:
        for file in sorted((built / edition).glob("*.html")):
            line, wrong = check.measured(browser, built, file, address)
            assert wrong == [], line


def test_what_misses_a_bar_is_found(built, browser, tmp_path):
    (tmp_path / "en").mkdir()
    bad = tmp_path / "en" / "bad.html"
    wide = "<article><p id='a' style='width: 700px'>x</p><p id=\"b\"></p><p id=\"b\"></p></article>"
    elsewhere = "<img src='http://192.0.2.1/a.png'><a href=\"none.html\">x</a><script>throw Error('planted')</script>"
    bad.write_text(f"<!doctype html><html>{wide}{elsewhere}<!--{'x' * check.MAX_WEIGHT}--></html>", encoding="utf-8")
    with served(tmp_path) as base:
        _, wrong = check.measured(browser, tmp_path, bad, base)
    said = "\n".join(wrong)
    for part in (
        "elsewhere: http://192.0.2.1",
        "errors: planted",
        'too wide for a phone: <p id="a"',
        "the id b",
        "weighs",
    ):
        assert part in said
    assert check.dead_links(tmp_path) == ["en/bad.html: none.html"]


def test_axe_finds_nothing_serious_here_and_what_is_planted(built, browser, address, page):
    script = npm.fetch(axe.PACKAGE, ROOT / "build") / "axe.min.js"
    for theme in axe.THEMES:
        found = axe.findings(browser, script, f"{address}/zh/{LESSON}", theme)
        assert [each for each in found if each["impact"] in axe.GRAVE] == []
    pale = built / "en" / "pale.html"
    text = (built / "en" / "00_start_here.html").read_text(encoding="utf-8")
    planted = (
        '<p style="color: #eee; background: #fff">pale</p><pre><span class="x" style="color:#fee">code</span></pre>'
    )
    pale.write_text(text.replace("</article>", f"{planted}</article>"), encoding="utf-8")
    try:
        for theme in axe.THEMES:
            found = axe.findings(browser, script, f"{address}/en/pale.html", theme)
            assert [each["id"] for each in found if each["impact"] in axe.GRAVE] == ["color-contrast"]
    finally:
        pale.unlink()


def test_formulas_are_drawn(page, address):
    page.goto(f"{address}/zh/{LESSON}")
    assert page.locator(".math-block .katex-html").count() >= 5
    assert page.locator("math annotation").count() >= 5  # for screen readers
    text = page.locator("article").inner_text()
    assert "$$" not in text
    assert "\\frac" not in text


def test_quizzes_answer_and_solutions_open(page, address):
    page.goto(f"{address}/zh/{LESSON}")
    option = page.locator(".aigc-quiz details.right").first
    assert not option.locator("p").is_visible()
    option.locator("summary").click()
    assert option.locator("p").is_visible()
    solutions = page.locator("div.cell.tag_check details")
    assert solutions.count() >= 5
    assert page.locator("div.cell.tag_check details[open]").count() == 0
    solutions.first.locator("summary").first.click()
    assert page.locator("div.cell.tag_check details[open]").count() == 1
    solutions.first.locator("summary").first.focus()
    page.keyboard.press("Enter")  # the keyboard alone closes it again
    assert page.locator("div.cell.tag_check details[open]").count() == 0


def test_figures_stay_on_white_in_the_dark(page, address):
    page.goto(f"{address}/en/{LESSON}")
    page.locator("button.theme-switch-button").first.click()
    page.locator(".header-article-items__end button.theme-change-button[data-mode=dark]").click()
    assert page.locator("html").get_attribute("data-theme") == "dark"
    white = "image => getComputedStyle(image).backgroundColor"
    assert page.locator("div.cell_output img").first.evaluate(white) == "rgb(255, 255, 255)"
    assert page.locator("article").evaluate("a => getComputedStyle(a).color") != "rgb(0, 0, 0)"


def test_the_other_language_opens_at_the_same_place(page, address, built):
    for base in (address, built.as_uri()):
        page.goto(f"{base}/zh/{LESSON}")
        places = page.evaluate(PLACES)
        assert len(places) > 50
        middle = places[len(places) // 2]
        page.evaluate("name => document.getElementById(name).scrollIntoView({ behavior: 'instant' })", middle)
        box = page.locator("a.book-language").bounding_box()  # Playwright's own click would scroll the page
        page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.wait_for_url(f"**/en/{LESSON}#*")
        assert page.url.partition("#")[2] == middle
        assert page.evaluate(PLACES) == places


def test_sounds_and_films_play(page, address):
    played = 0
    for edition in EDITIONS:
        for name in ("00_start_here", "01_background", "03_2_nlp_workflow"):
            page.goto(f"{address}/{edition}/{name}.html")
            for medium in page.locator("article audio, article video").all():
                assert medium.evaluate(PLAY) > 0, name
                assert medium.get_attribute("controls") is not None
                played += 1
    assert played >= len(EDITIONS)


def test_a_widget_has_something_in_its_place(page, address):
    page.goto(f"{address}/en/01_background.html")
    widget = page.locator("div.cell.tag_widget")
    assert widget.count() == 1
    note = page.locator("div.cell.tag_widget + p")
    assert "work in the notebook" in note.inner_text()
    assert page.request.get(f"{address}/en/{note.locator('a').get_attribute('href')}").ok


def test_a_term_leads_to_the_glossary_and_back(page, address):
    page.goto(f"{address}/zh/{LESSON}")
    term = page.locator("a.term").first
    name = term.get_attribute("id").removeprefix("use-")
    term.click()
    page.wait_for_url(f"**/glossary.html#term-{name}")
    page.locator(f"#uses-{name} a[href^='03_2']").click()
    page.wait_for_url(f"**/{LESSON}#use-{name}")


@pytest.mark.parametrize(("edition", "query"), [("zh", "注意力"), ("en", "attention"), ("zh", "attention")])
def test_the_search_finds_the_chapter(edition, query, page, address):
    seen = watched(page)
    assert first_hit(page, f"{address}/{edition}", query) == LESSON
    assert seen == FINE


def test_the_book_is_printed_with_contents_and_answers(built, browser, tmp_path):
    from pypdf import PdfReader

    names = ["index", "00_start_here", "03_2_nlp_workflow", "glossary"]
    target = tmp_path / "book.pdf"
    count = pdf.printed(browser, "zh", built, names, target)
    reader = PdfReader(target)
    texts = [page.extract_text() for page in reader.pages]
    assert count == len(texts) > 20
    assert not (built / "zh" / pdf.BOOK).exists()
    assert "目录" in texts[1]
    starts = pdf.numbers(target)
    number = next(starts[place] for place in starts if place.startswith("03_2_nlp_workflow--"))
    assert str(number) in "".join(texts[1:4])
    assert "提示、解答与答案" in "".join(texts)
    assert "softmax" in "".join(texts)
    fonts = {font for page in reader.pages[:5] for font in page["/Resources"].get("/Font", {})}
    assert fonts
