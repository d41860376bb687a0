"""Spelling: British forms and common mistakes are found where text stands, and the course's own words pass."""

import json

import pytest

from tools import spelling

PLANTED = "We optimise a fucntion.\n"


def notebook(*cells: tuple[str, str]) -> str:
    """A notebook with the sources of its cells; every code cell has an output."""
    return json.dumps(
        {
            "cells": [
                {
                    "cell_type": kind,
                    "id": f"cell-{i}",
                    "source": source.splitlines(True),
                    "outputs": [{"text": PLANTED}],
                }
                for i, (kind, source) in enumerate(cells)
            ]
        }
    )


def test_the_course_is_spelled_right(capsys):
    assert spelling.main() == 0, capsys.readouterr().out


@pytest.mark.parametrize("name", ["page.md", "module.py", "questions.toml", ".github/workflow.yml"])
def test_a_british_form_and_a_typo_are_found_in_a_file(name, tmp_path, capsys):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("# All is well.\n# " + PLANTED, encoding="utf-8")
    assert spelling.main(tmp_path) == 1
    said = capsys.readouterr().out
    assert f"{name}:2: fucntion -> function" in said
    assert f"{name}:2: optimise -> optimize" in said


def test_names_in_code_are_read_as_words(tmp_path):
    (tmp_path / "module.py").write_text("num_colours = max_neighbours = 3\n", encoding="utf-8")
    assert [found.word for found in spelling.in_files(tmp_path)] == ["colours", "neighbours"]


def test_cells_of_a_notebook_are_read_and_their_outputs_are_not(tmp_path):
    path = tmp_path / "notebooks" / "en" / "01_topic.ipynb"
    path.parent.mkdir(parents=True)
    path.write_text(
        notebook(("markdown", "One line\nand one more."), ("code", "x = 1"), ("code", f"x = 2\n# {PLANTED}")),
        encoding="utf-8",
    )
    assert {str(found) for found in spelling.in_notebooks(tmp_path)} == {
        "notebooks/en/01_topic.ipynb [cell-2]: fucntion -> function",
        "notebooks/en/01_topic.ipynb [cell-2]: optimise -> optimize",
    }
    assert spelling.in_files(tmp_path) == []


@pytest.mark.parametrize(("word", "better"), [("towards", "toward"), ("grey", "gray"), ("learnt", "learned")])
def test_the_course_writes_some_words_in_one_way(word, better, tmp_path):
    (tmp_path / "page.md").write_text(f"It moves {word} it.\n", encoding="utf-8")
    assert spelling.in_files(tmp_path) == [spelling.Misspelling("page.md:1", word, [better])]


def test_what_cannot_run_does_not_pass(tmp_path, monkeypatch):
    monkeypatch.setattr(spelling, "WORDS", tmp_path / "missing.toml")
    with pytest.raises(RuntimeError, match="typos failed"):
        spelling.in_files(tmp_path)
