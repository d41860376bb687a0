"""The book on one page, for the printer: ids stay apart, links lead within, and the contents name every section."""

import pytest

from tools.site import pdf
from tools.site.browser import chromium

THERE = {"01_one", "02_two"}
LINES = """() => [...document.querySelectorAll("pre")].map((code) => {
  const size = parseFloat(getComputedStyle(code).fontSize);
  return [size, Math.round(code.getBoundingClientRect().height / (1.4 * size))];
})"""


def article(inside: str) -> str:
    return f'<html><nav id="x"></nav><article class="bd-article">{inside}</article></html>'


@pytest.mark.parametrize(
    ("inside", "expected"),
    [
        ('<p id="a">x</p>', '<p id="01_one--a">x</p>'),
        ('<a href="#a">x</a>', '<a href="#01_one--a">x</a>'),
        ('<a href="02_two.html#a">x</a>', '<a href="#02_two--a">x</a>'),
        ('<a class="t" href="02_two.html">x</a>', '<a class="t" href="#02_two">x</a>'),
        ('<a href="../en/01_one.html">x</a>', "<a>x</a>"),
        ('<a href="notebooks/01_one.ipynb">x</a>', "<a>x</a>"),
        ('<a href="https://a.org/x#y">x</a>', '<a href="https://a.org/x#y">x</a>'),
        ('<h1>T<a class="headerlink" href="#t" title="x">#</a></h1>', "<h1>T</h1>"),
        ('<code>id="a" href="#a"</code>', '<code>id="a" href="#a"</code>'),
    ],
)
def test_a_page_becomes_a_part_of_the_whole(inside, expected):
    assert pdf.within(article(inside), "01_one", THERE) == f'<article id="01_one">{expected}</article>'


def test_a_page_without_an_article_is_told():
    with pytest.raises(ValueError, match="the page 01_one has no article"):
        pdf.within("<html></html>", "01_one", THERE)


def test_the_contents_name_titles_and_sections_with_a_place_for_the_number():
    more = '<section id="more"><h2><a>More</a></h2></section>'
    inside = f'<section class="x" id="title"><h1>One <code>a</code></h1>{more}</section>'
    lines = pdf.contents([pdf.within(article(inside), "01_one", THERE)])
    assert lines.count("<li") == 2
    assert '<a href="#01_one--title">One a</a>' in lines
    assert '<a href="#01_one--more">More</a><span class="page-number" data-place="01_one--more">' in lines


def test_a_formula_in_a_title_is_text():
    spoken = "<math><mi>p</mi><annotation>p^{x}</annotation></math>"
    title = f'A &amp; <span class="katex">{spoken}<span class="katex-html"><span>p</span></span></span> again'
    assert pdf.Title(title).text == "A & p again"


@pytest.mark.browser
def test_long_lines_of_code_are_set_smaller_until_they_fit():
    pytest.importorskip("playwright.sync_api", reason="the extra site is not installed")
    cells = "".join(
        f'<div class="cell"><details class="hide"><summary>Hide the code</summary><div class="cell_input">'
        f'<div class="highlight"><pre>{"word " * (length // 5)}</pre></div></div></details></div>'
        for length in (60, 115, 300)
    )
    with chromium() as browser:
        page = browser.new_page(viewport=pdf.WIDTH)
        theirs = "div.cell details.hide > summary { display: block; }"  # of myst-nb
        page.set_content(f"<style>{theirs}{(pdf.HERE / 'print.css').read_text(encoding='utf-8')}</style>{cells}")
        before = page.evaluate(LINES)
        page.evaluate((pdf.HERE / "print.js").read_text(encoding="utf-8"), pdf.WORDS["en"])
        after = page.evaluate(LINES)
        summary = page.locator("summary").first.is_visible()
    assert [lines for _, lines in before] == [1, 2, 4]
    assert [lines for _, lines in after] == [1, 1, 3]
    assert after[0][0] > after[1][0] > after[2][0] >= 8.7
    assert not summary  # there is nothing to click on paper


@pytest.mark.browser
def test_answers_stand_at_the_end_of_a_chapter_without_saying_that_nobody_has_answered():
    pytest.importorskip("playwright.sync_api", reason="the extra site is not installed")
    box = "<div><strong>Round trip</strong><p>Not answered yet.</p><details>hint</details><details>code</details></div>"
    cell = f'<div class="cell tag_check"><div class="cell_output"><div class="output">{box}</div></div></div>'
    other = '<div class="cell"><div class="cell_output"><strong>A table</strong><p>This stays.</p></div></div>'
    with chromium() as browser:
        page = browser.new_page(viewport=pdf.WIDTH)
        page.set_content(f'<article id="a"><section>{cell}{other}</section></article>')
        page.evaluate((pdf.HERE / "print.js").read_text(encoding="utf-8"), pdf.WORDS["en"])
        answers = page.locator(".answers").inner_text()
        rest = page.locator("section section, .cell").all_inner_texts()
    assert "Round trip" in answers
    assert "hint" in answers
    assert "Not answered" not in answers
    assert any("This stays." in text for text in rest)


DARKNESS = """() => [...document.querySelectorAll("strong")].map(
    (one) => parseFloat(getComputedStyle(one).webkitTextStrokeWidth))"""


@pytest.mark.browser
@pytest.mark.parametrize(
    ("language", "family", "stroked"), [("zh", "thin", True), ("zh", "two", False), ("en", "thin", False)]
)
def test_bold_chinese_is_drawn_bold_where_the_font_has_no_such_face(language, family, stroked):
    pytest.importorskip("playwright.sync_api", reason="the extra site is not installed")
    thin, thick = (font_of(width).decode() for width in (40, 160))
    faces = "".join(
        f"@font-face {{ font-family: {name}; font-weight: {weight}; src: url(data:font/ttf;base64,{data}); }}"
        for name, weight, data in [("thin", "100 900", thin), ("two", "400", thin), ("two", "700", thick)]
    )
    style = f"<style>{faces} body {{ font-family: {family}; }}</style>"
    with chromium() as browser:
        page = browser.new_page(viewport=pdf.WIDTH)
        page.set_content(f"<html lang={language}><head>{style}</head><body><p>国<strong>国</strong></p></body></html>")
        page.evaluate("() => document.fonts.ready")
        page.evaluate((pdf.HERE / "print.js").read_text(encoding="utf-8"), pdf.WORDS[language])
        (width,) = page.evaluate(DARKNESS)
    assert (width > 0) is stroked


def font_of(width: int) -> bytes:
    """A font, as Base64, that draws 国 as one upright bar of this width."""
    import base64
    import io

    from fontTools.fontBuilder import FontBuilder
    from fontTools.pens.ttGlyphPen import TTGlyphPen

    pen = TTGlyphPen(None)
    for number, (x, y) in enumerate([(400, 0), (400, 700), (400 + width, 700), (400 + width, 0)]):
        (pen.lineTo if number else pen.moveTo)((x, y))
    pen.closePath()
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder([".notdef", "country"])
    builder.setupCharacterMap({ord("国"): "country"})
    builder.setupGlyf({".notdef": TTGlyphPen(None).glyph(), "country": pen.glyph()})
    builder.setupHorizontalMetrics({".notdef": (1000, 0), "country": (1000, 400)})
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Bar", "styleName": "Regular"})
    builder.setupOS2(sTypoAscender=800, usWinAscent=800, usWinDescent=200)
    builder.setupPost()
    written = io.BytesIO()
    builder.save(written)
    return base64.b64encode(written.getvalue())
