"""Chapters as pages, slides and scripts: the pictures keep their texts, and a script is Python that runs."""

import ast
import html
import os
import re
import subprocess
import sys

import pytest

from tools.authoring.notebooks import EDITIONS, ROOT, path_of, read, stems

nbconvert = pytest.importorskip("nbconvert")  # comes with JupyterLab

IMAGE = re.compile(r"<img\b[^>]*>")
ALT = re.compile(r'\balt="([^"]*)"')
# chapters that were executed before pictures were stored with their texts: the next `make execute` mends each of them
CHAPTERS = [(stem, edition) for stem in stems() for edition in EDITIONS]


def alts_of(nb):
    """The texts of all pictures that are stored in the outputs."""
    outputs = [output for cell in nb.cells for output in cell.get("outputs", [])]
    pages = ["".join(output["data"].get("text/html", "")) for output in outputs if "data" in output]
    return [html.unescape(ALT.search(image)[1]) for page in pages for image in IMAGE.findall(page)]


def read_with_texts(stem, edition):
    """The notebook, none of whose pictures is stored bare, without its text in the page."""
    nb = read(path_of(stem, edition))
    outputs = [output for cell in nb.cells for output in cell.get("outputs", [])]
    bare = [output for output in outputs if "image/png" in output.get("data", {})]
    assert not bare
    return nb


def in_page(page):
    """The texts of all pictures of a page; none may lack one, or have nbconvert's."""
    images = IMAGE.findall(page)
    texts = [html.unescape(found[1]) if (found := ALT.search(image)) else "" for image in images]
    assert all(texts), "a picture without a text"
    assert not [text for text in texts if "No description has been provided" in text]
    return texts


@pytest.mark.parametrize(("stem", "edition"), CHAPTERS)
def test_every_picture_of_a_page_has_its_text(stem, edition):
    nb = read_with_texts(stem, edition)
    page, _ = nbconvert.HTMLExporter().from_notebook_node(nb)
    missing = set(alts_of(nb)) - set(in_page(page))
    assert not missing


@pytest.mark.parametrize("edition", EDITIONS)
def test_every_picture_of_the_slides_has_its_text(edition):
    nb = read_with_texts("03_1_deep_learning_workflow", edition)
    slides, _ = nbconvert.SlidesExporter().from_notebook_node(nb)
    assert set(alts_of(nb)) <= set(in_page(slides))


def as_percent(nb):
    """What jupytext writes as py:percent: text as comments, code as it is (no cell has a magic)."""
    parts = []
    for cell in nb.cells:
        is_code = cell.cell_type == "code"
        lines = cell.source.split("\n") if is_code else [f"# {line}".rstrip() for line in cell.source.split("\n")]
        parts.append("\n".join(["# %%" if is_code else "# %% [markdown]", *lines]))
    return "\n\n".join(parts) + "\n"


@pytest.mark.parametrize(("stem", "edition"), CHAPTERS)
def test_a_chapter_becomes_a_script_without_magic(stem, edition):
    nb = read(path_of(stem, edition))
    exporter = nbconvert.ScriptExporter()
    script, resources = exporter.from_notebook_node(nb)
    assert resources["output_extension"] == ".py"
    assert "get_ipython()" not in script
    ast.parse(script)
    ast.parse(as_percent(nb))


@pytest.mark.slow
@pytest.mark.parametrize("form", ["script", "percent"])
def test_chapter_0_runs_as_a_script(form, tmp_path):
    nb = read(path_of("00_start_here", "en"))
    script = as_percent(nb) if form == "percent" else nbconvert.ScriptExporter().from_notebook_node(nb)[0]
    (tmp_path / "chapter.py").write_text(script, encoding="utf-8")
    settings = {
        "AIGC_OFFLINE": "1",
        "AIGC_CACHE": str(tmp_path / "cache"),
        "MPLBACKEND": "agg",
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "chapter.py"]
    done = subprocess.run(command, cwd=tmp_path, env=os.environ | settings, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "Traceback" not in done.stderr
    assert "<img" not in done.stdout  # a terminal gets the text of a picture
    assert "Not answered yet" in done.stdout
