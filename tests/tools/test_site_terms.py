"""The glossary in the web book: the first use of a term in running text is linked, and nothing else."""

import re

import pytest

from tools.authoring import glossary
from tools.authoring.glossary import Term
from tools.authoring.notebooks import EDITIONS, path_of, stems
from tools.site import results, terms

GRADIENT = Term("gradient", "梯度", ())
DESCENT = Term("gradient descent", "梯度下降", ("梯度递减",))
GAN = Term("generative adversarial network (GAN)", "生成对抗网络（GAN）", ())
SELF = Term("self-attention", "自注意力", ())
ATTENTION = Term("attention", "注意力", ())
VOCABULARY = Term("vocabulary", "词表", ())
EPOCH = Term("epoch", "轮", ())
GENERATOR = Term("generator", "生成器", ())
EDGE = Term("edge (in an image)", "边缘", ())
WORDS = [GRADIENT, DESCENT, GAN, SELF, ATTENTION, VOCABULARY, EPOCH, GENERATOR, EDGE]


def linked(inside: str, edition: str = "en") -> tuple[str, list[str]]:
    """What becomes of a page with this article, and the words that are links now."""
    page = f"<html><body><p>gradient 梯度</p><article>\n{inside}\n</article></body></html>"
    text, _ = terms.linked(page, terms.names(WORDS, edition))
    assert re.sub(r'<a class="term"[^>]*>(.*?)</a>', r"\1", text, flags=re.DOTALL) == page  # nothing else changed
    return text, re.findall(r'<a class="term"[^>]*>(.*?)</a>', text, re.DOTALL)


@pytest.mark.parametrize(
    ("inside", "words"),
    [
        ("<p>The gradient, and the gradient again.</p><p>gradient</p>", ["gradient"]),
        ("<p>Gradient descent follows a gradient</p>", ["Gradient descent", "gradient"]),
        ("<p>gradient\ndescent; gradient descent</p>", ["gradient\ndescent"]),
        ("<p>two GANs, a generative adversarial network</p>", ["GANs"]),
        ("<p>a GAN and a generative adversarial network</p>", ["GAN"]),
        ("<ul><li>self-attention, attention</li></ul>", ["self-attention", "attention"]),
        ("<p>inattention, Attentional; multi-attention</p>", []),
        ("<p>vocabularies, gradients</p>", ["vocabularies", "gradients"]),
        ("<p>a Python generator; the generator draws</p>", ["generator"]),
        ("<p>an edge</p>", []),  # an everyday word: its English has a remark
        ("<p><strong>gradient</strong> &amp; attention</p>", ["gradient", "attention"]),
        ("<p>a &lt; b: gradient<br>x<img src='gradient' alt='attention'></p>", ["gradient"]),
        # planted where nothing may be linked; the last word shows that the search went on
        ("<section><h2>gradient</h2><p>gradient</p></section>", ["gradient"]),
        ("<p><code>gradient</code> <a href='x'>attention</a> epoch</p>", ["epoch"]),
        ("<pre>gradient</pre><p>epoch</p>", ["epoch"]),
        ("<p><span class='katex'><math><mtext>gradient</mtext></math></span> epoch</p>", ["epoch"]),
        ("<div class='cell tag_x docutils'><div><p>gradient</p></div></div><p>epoch</p>", ["epoch"]),
        ("<table><tr><td><p>gradient</p></td></tr></table><p>epoch</p>", ["epoch"]),
        ("<section id='sources'><h2>Sources</h2><ul><li>gradient</li></ul></section><p>epoch</p>", ["epoch"]),
        ("gradient outside a paragraph<p title='gradient'>epoch</p>", ["epoch"]),
    ],
)
def test_the_first_use_in_running_text_is_linked_in_english(inside, words):
    assert linked(inside)[1] == words


@pytest.mark.parametrize(
    ("inside", "words"),
    [
        ("<p>用梯度下降，沿梯度走；梯度下降</p>", ["梯度下降", "梯度"]),
        ("<p><strong>自注意力</strong>（self-attention）和注意力</p>", ["自注意力", "注意力"]),
        ("<p>GAN，即生成对抗网络（generative adversarial network，GAN）</p>", ["GAN"]),
        ("<p>CycleGAN；轮廓、车轮；训练5轮</p>", ["轮"]),
        ("<p>训练循环是一个生成器：每步交出一个损失。生成器画图</p>", ["生成器"]),
        ("<h2>梯度</h2><p><code>梯度</code>和<a href='x'>注意力</a>，词表</p>", ["词表"]),
    ],
)
def test_the_first_use_in_running_text_is_linked_in_chinese(inside, words):
    assert linked(inside, "zh")[1] == words


def test_a_link_leads_to_the_term_and_the_term_back_to_each_first_use(tmp_path):
    for stem, text in {
        "03_2_two": "no such word",
        "04_1_one": "gradient descent",
        "10_jobs": "gradient descent",
    }.items():
        (tmp_path / f"{stem}.html").write_text(f"<article><p>{text}</p></article>", encoding="utf-8")
    (tmp_path / "glossary.html").write_text(terms.page(WORDS, "en"), encoding="utf-8")
    terms.link_pages(tmp_path, ["03_2_two", "04_1_one", "10_jobs"], WORDS, "en")
    page = (tmp_path / "04_1_one.html").read_text(encoding="utf-8")
    link = '<a class="term" id="use-gradient-descent" href="glossary.html#term-gradient-descent">gradient descent</a>'
    assert page == f"<article><p>{link}</p></article>"
    words = (tmp_path / "glossary.html").read_text(encoding="utf-8")
    places = ["04_1_one.html#use-gradient-descent", "10_jobs.html#use-gradient-descent"]
    assert re.findall(r'href="([^"]*)"', words) == places
    assert ">4.1</a> · " in words
    assert "(term-gradient-descent)=\n**gradient descent** · " in words


def test_both_editions_of_the_glossary_have_every_term_under_the_same_address():
    words = glossary.terms()
    addresses = {edition: re.findall(r"^\((.*)\)=$", terms.page(words, edition), re.MULTILINE) for edition in EDITIONS}
    assert len(set(addresses["en"])) == len(words)
    assert sorted(addresses["en"]) == sorted(addresses["zh"])
    assert addresses["en"].index("term-frechet-distance") < addresses["en"].index("term-gradient")
    chinese = terms.page(words, "zh")
    assert chinese.index("\n## C") < chinese.index("**词向量**") < chinese.index("\n## D")


def test_the_page_of_results_shows_each_run_and_what_has_none(tmp_path, monkeypatch):
    first, second, *_ = stems()
    row = {"notebook": first, "edition": "zh", "device": "cpu", "scale": "quick", "data": "full", "seconds": "41"}
    row |= {
        "cpu_seconds": "22",
        "peak_mib": "980",
        "machine": "A machine",
        "versions": "Python 3.11",
        "date": "2026-11-28",
    }
    rows = [row, row | {"edition": "en", "machine": "Another"}]
    monkeypatch.setattr(results.verified, "rows", lambda _: rows)
    monkeypatch.setattr(results.verified, "is_current", lambda each, _: each["edition"] == "zh")
    page = results.page(tmp_path, "en", (first, second))
    number = terms.spoken_number(first)
    facts = "cpu | quick | full | 41 | 22 | 980 | 2026-11-28"
    assert f"| [{number}](page:{first}) | Chinese | {facts} | A |" in page
    assert f"| [{number}](page:{first}) | English | {facts} (code changed since) | B |" in page
    other = terms.spoken_number(second)
    assert f"Not recorded yet: {other} (Chinese), {other} (English)." in page
    assert "* B: Another; Python 3.11" in page
    assert path_of(second, "zh").is_file()


def test_setups_are_lettered_like_columns():
    assert [results.letter(number) for number in (0, 25, 26, 27, 52)] == ["A", "Z", "AA", "AB", "BA"]
