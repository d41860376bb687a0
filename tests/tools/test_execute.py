"""make execute: what of a run is stored, and that nothing is lost when a cell fails."""

import pytest
from finished_chapter import STEM
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tools.authoring import editions, execute
from tools.authoring.notebooks import EDITIONS, METADATA, ROOT, by_id, path_of, read, to_text, write
from tools.authoring.tidy import tidy, tidy_outputs, tidy_text

RUN = "01_toy"


def change(course, edition, source):
    """Type something into the cell `random` and save."""
    path = path_of(RUN, edition, course)
    nb = read(path)
    by_id(nb)["random"].source = source
    write(path, nb)


def files(course):
    """The text of every notebook."""
    return {path: path.read_text(encoding="utf-8") for path in course.rglob("*.ipynb")}


TOY = {
    "setup": 'from aigc_course.kit.runtime import start\nstart("EDITION")',
    "where": "import os\nos.getcwd().rsplit(os.sep, 1)[-1] == 'EDITION' or os.environ['AIGC_SCALE']",
    "bar": "from tqdm import tqdm\nfor _ in tqdm(range(3)): pass\nprint('a'); print('b')",
    "said": "import warnings, sys\nwarnings.warn('careful')\nprint('c')",
    "spoken": "from aigc_course.kit.runtime import language\nprint(language())",
    "random": "import random\nrandom.Random(0).random()",
    "settings": "sorted(name for name in os.environ if name in ('AIGC_STRICT', 'AIGC_SEED', 'AIGC_FACTS'))",
}


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """A course whose chapter can really run, at a time when the author's settings would spoil the outputs."""
    for name, value in {"AIGC_STRICT": "1", "AIGC_SEED": "3", "AIGC_SCALE": "full"}.items():
        monkeypatch.setenv(name, value)
    for edition in EDITIONS:
        nb = new_notebook(metadata={**METADATA, "widgets": {"x": 1}})
        for cell_id, source in TOY.items():
            tag = {"setup": "setup", "spoken": "localized"}.get(cell_id, "any")
            typed = source.replace("EDITION", edition) if cell_id == "setup" else source
            nb.cells.append(new_code_cell(typed, id=cell_id, metadata={"tags": [tag], "scrolled": True}))
        nb.cells.insert(1, new_markdown_cell(edition, id="text"))
        write(path_of(RUN, edition, tmp_path), nb)
    return tmp_path


def test_outputs_are_stored_tidy_and_alike(toy, capsys):
    assert execute.main(["01"], toy) == 0
    assert "[said]" in capsys.readouterr().out  # the warning is reported, not stored
    zh, en = (read(path_of(RUN, edition, toy)) for edition in EDITIONS)
    assert editions.output_differences(zh, en) == []
    for nb, edition in ((zh, "zh"), (en, "en")):
        cells = by_id(nb)
        assert nb.metadata == METADATA
        assert [cell.execution_count for cell in nb.cells if cell.cell_type == "code"] == list(range(1, 8))
        assert [output.text for output in cells["bar"].outputs] == ["a\nb\n"]
        assert [output.text for output in cells["said"].outputs] == ["c\n"]
        assert cells["spoken"].outputs[0].text == f"{edition}\n"
        assert cells["where"].outputs[0].data["text/plain"] == "'quick'"
        assert cells["settings"].outputs[0].data["text/plain"] == "[]"
        assert all(set(cell.metadata) <= {"tags"} for cell in nb.cells)
    text = path_of(RUN, "zh", toy).read_text(encoding="utf-8")
    assert text.endswith("}\n")
    assert '\n "cells"' in text


def test_a_chapter_that_fails_is_left_as_it_was(toy, capsys):
    for edition in EDITIONS:
        change(toy, edition, "1 / 0")
    before = files(toy)
    assert execute.main(["--edition", "zh"], toy) == 1
    said = capsys.readouterr().err
    assert "[random]" in said
    assert "ZeroDivisionError" in said
    assert files(toy) == before


def test_editions_whose_code_differs_are_not_run(toy, capsys):
    change(toy, "en", "2")
    before = files(toy)
    assert execute.main([], toy) == 1
    assert "[random]" in capsys.readouterr().err
    assert files(toy) == before


def test_a_broken_file_is_named(toy, capsys):
    path_of(RUN, "zh", toy).write_text("<<<<<<< HEAD\n{")
    assert execute.main([], toy) == 1
    assert "01_toy.ipynb is no notebook" in capsys.readouterr().err


# tidy


@pytest.mark.parametrize(
    ("printed", "stored"),
    [
        ("plain\n\ntext\n", "plain\n\ntext\n"),
        ("before\n10%\r50%\rdone\r\n", "before\ndone\n"),
        ("\x1b[31mred\x1b[0m\n", "red\n"),
        (f"{ROOT}/data/x.csv in {ROOT}\n", "data/x.csv in .\n"),
    ],
)
def test_printed_text_is_stored_as_a_terminal_ends_up(printed, stored):
    assert tidy_text(printed) == stored


def test_widgets_leave_what_shows_without_them():
    view = {"application/vnd.jupyter.widget-view+json": {"model_id": "x"}, "text/plain": "Pad()"}
    bar = new_output("display_data", data=dict(view))
    pad = new_output("display_data", data={**view, "text/html": "a stored drawing"})
    words = [new_output("stream", name="stdout", text=text) for text in ("a\n", "b\n", " \n")]
    warning = new_output("stream", name="stderr", text="careful\n  line 1\n")
    kept, messages = tidy_outputs([words[0], bar, warning, words[1], pad, words[2]])
    assert [output.get("text") for output in kept] == ["a\nb\n", None]
    assert messages == ["careful"]
    assert set(kept[1].data) == {"text/plain", "text/html"}


def test_a_tidy_notebook_stays_as_it_is(course):
    nb = read(path_of(STEM, "en", course))
    before = to_text(nb)
    assert tidy(nb, course) == []
    assert to_text(nb) == before
