"""The list of last verified results: only whole runs that passed, the latest of each, as the book shows them."""

import json
import os
import subprocess
import sys

import pytest
from nbformat.v4 import new_code_cell, new_notebook

from tools import verified
from tools.authoring.notebooks import EDITIONS, ROOT, path_of, write

STEM = "01_toy"


@pytest.fixture
def course(tmp_path):
    """A repository with one chapter in both editions."""
    for edition in EDITIONS:
        write(path_of(STEM, edition, tmp_path), new_notebook(cells=[new_code_cell("1 + 1"), new_code_cell("2")]))
    (tmp_path / "docs").mkdir()
    return tmp_path


def entry(root, **said) -> dict:
    path = path_of(STEM, said.get("edition", "zh"), root)
    used = {"seconds": 12.4, "CPU s": 9.6, "peak MiB": 300.2, "cells": 2}
    facts = {"notebook": STEM, "edition": "zh", "device": "cpu", "scale": "quick", "data": "full"}
    left = verified.leave(facts | used | said, path, root)
    return json.loads(left.read_text(encoding="utf-8"))


def run_notebooks(root, *asked, **settings) -> None:
    plain = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST", "AIGC"))}
    command = [sys.executable, "-m", "pytest", "-p", "tools.nbval_table", "--nbval-lax", "--nbval-current-env"]
    command += ["-p", "no:cacheprovider", "-q", *asked, "notebooks"]
    subprocess.run(command, cwd=root, env=plain | {"PYTHONPATH": str(ROOT)} | settings, check=True, timeout=300)


def test_a_whole_strict_run_leaves_a_row_that_the_list_takes(course, capsys):
    (course / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    run_notebooks(course)
    assert not (course / verified.LEFT).exists()  # not strict: a result outside its band would have passed
    run_notebooks(course, "--deselect", f"notebooks/en/{STEM}.ipynb::Cell 1", AIGC_STRICT="1")
    assert [path.name for path in (course / verified.LEFT).iterdir()] == [f"{STEM}.zh.-.-.-.json"]
    assert verified.main(course) == 0
    assert "docs/verified.csv: 1 rows, 0 of them of code that has changed since" in capsys.readouterr().out
    (row,) = verified.rows(course)
    assert (row["notebook"], row["edition"]) == (STEM, "zh")
    assert float(row["seconds"]) < 60
    assert 20 < float(row["peak_mib"]) < 200
    assert row["versions"].startswith("Python 3.")
    assert "numpy" in row["versions"]
    assert verified.is_current(row, course)


def test_a_run_of_some_cells_or_without_facts_leaves_what_it_knows(course):
    assert verified.leave({"cells": 1}, path_of(STEM, "zh", course), course) is None
    row = entry(course)
    assert (row["seconds"], row["cpu_seconds"], row["peak_mib"]) == (12, 10, 300)


def test_the_latest_run_of_each_counts_and_notebooks_that_are_gone_have_none(course):
    zh, en, sample = entry(course), entry(course, edition="en"), entry(course, data="sample")
    old = [row | {"date": "2026-01-01", "seconds": "1"} for row in (zh, en)]
    gone = en | {"notebook": "02_gone"}
    found = verified.merged(old, [zh, sample, gone], course)
    kept = [(row["edition"], row["data"], str(row["seconds"])) for row in found]
    assert kept == [("zh", "full", "12"), ("zh", "sample", "12"), ("en", "full", "1")]


def test_changed_code_is_seen_and_changed_words_are_not(course):
    entry(course)
    assert verified.main(course) == 0
    (row,) = verified.rows(course)
    path = path_of(STEM, "zh", course)
    path.write_text(path.read_text(encoding="utf-8").replace('"outputs": []', '"outputs":  []'), encoding="utf-8")
    assert verified.is_current(row, course)
    path.write_text(path.read_text(encoding="utf-8").replace("1 + 1", "1 + 2"), encoding="utf-8")
    assert not verified.is_current(row, course)


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "build/verified holds no runs"), ("{", "is damaged"), ("[]", "was not written by this")],
)
def test_what_is_no_run_is_refused_and_the_list_stays(content, message, course, capsys):
    if content:
        (course / verified.LEFT).mkdir(parents=True)
        (course / verified.LEFT / "a.json").write_text(content, encoding="utf-8")
    assert verified.main(course) == 1
    assert message in capsys.readouterr().err
    assert not (course / verified.LIST).exists()


def test_a_list_with_other_columns_is_refused(course):
    (course / verified.LIST).write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(ValueError, match="has the columns a, b; expected notebook, edition"):
        verified.rows(course)


def test_every_row_of_the_course_is_of_a_notebook_that_is_there():
    table = verified.rows()
    assert table == verified.merged(table, [])
    for row in table:
        assert path_of(row["notebook"], row["edition"]).is_file()
        assert float(row["seconds"]) > 0
