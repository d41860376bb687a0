"""The table at the end of a run with nbval, and what it fails a run for."""

import importlib.util
import os
import shutil
import subprocess
import sys
from types import SimpleNamespace

import pytest
from nbformat.v4 import new_code_cell, new_notebook

from tools.authoring.notebooks import EDITIONS, ROOT, path_of, write

RUN = "01_toy"
PATH = f"notebooks/zh/{RUN}.ipynb"


@pytest.fixture(scope="module")
def table():
    """tools/nbval_table.py as a module of its own."""
    spec = importlib.util.spec_from_file_location("nbval_table", ROOT / "tools" / "nbval_table.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_table_shows_what_each_notebook_used(tmp_path):
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    shutil.copy(ROOT / "tools" / "nbval_table.py", tmp_path / "own_table.py")
    for edition in EDITIONS:
        first = f'from aigc_course.kit.runtime import *\nstart("{edition}"); record("data", "sample"); device()'
        last = "memory = bytearray(200 * 2**20)" if edition == "zh" else "1 / 0"
        write(path_of(RUN, edition, tmp_path), new_notebook(cells=[new_code_cell(first), new_code_cell(last)]))
    own = tmp_path / "own_table.py"
    own.write_text(own.read_text(encoding="utf-8").replace("= 1740", "= 200"), encoding="utf-8")
    nbval = [
        "-p",
        "own_table",
        "--nbval-lax",
        "--nbval-current-env",
        "-n",
        "2",
        "--dist",
        "loadfile",
        "-p",
        "no:cacheprovider",
    ]
    settings = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST", "AIGC"))}
    command = [sys.executable, "-m", "pytest", *nbval, "notebooks"]
    result = subprocess.run(
        command, cwd=tmp_path, env=settings, capture_output=True, text=True, check=False, timeout=300
    )
    en, zh = [line.split() for line in result.stdout.splitlines() if line.startswith(RUN)]
    assert result.returncode == 1
    assert en[:5] == [RUN, "en", "cpu", "quick", "sample"]
    assert zh[:5] == [RUN, "zh", "cpu", "quick", "sample"]
    assert en[7:] == ["1", "failed"]
    assert zh[7:] == ["OVER", "passed"]
    assert 20 < float(en[6]) < 200 < float(zh[6])  # MiB
    assert float(en[5]) > 0.1  # seconds
    assert f"FAILED {PATH}: its kernel needed" in result.stdout


def finish(table, reports):
    """The exit status and the rows of a run in which all cells passed, from (seconds, facts) of each."""
    collected = table.Table()
    for seconds, facts in reports:
        report = SimpleNamespace(nodeid=f"{PATH}::Cell 0", duration=seconds, failed=False, user_properties=[])
        report.user_properties = [("kernel", facts)]
        collected.pytest_runtest_logreport(report)
    session = SimpleNamespace(exitstatus=pytest.ExitCode.OK)
    collected.pytest_sessionfinish(session)
    return session.exitstatus, table.cells(collected.rows[PATH])


@pytest.mark.parametrize(
    ("seconds", "memory", "scale", "status", "shown"),
    [
        (59, 1739, "quick", 0, ("59.0", "1739")),
        (61, 100, "quick", 0, ("61.0 OVER", "100")),
        (121, 100, "quick", 1, ("121.0 OVER", "100")),
        (900, 100, "full", 0, ("900.0", "100")),
        (1, 1741, "quick", 1, ("1.0", "1741 OVER")),
        (1, 1741, "full", 1, ("1.0", "1741 OVER")),
    ],
)
def test_the_limits(table, seconds, memory, scale, status, shown):
    halves = [(seconds / 2, {"scale": scale, "peak MiB": memory}), (seconds / 2, {"scale": scale, "peak MiB": 50})]
    found, row = finish(table, halves)
    assert found == status
    assert row[5:7] == shown


def test_a_notebook_that_records_nothing_has_a_row(table):
    assert finish(table, [(1, {})]) == (0, (RUN, "zh", "-", "-", "-", "1.0", "0", "passed"))


def test_the_memory_of_a_process_that_has_gone_is_unknown(table):
    process = subprocess.Popen([sys.executable, "-c", ""])
    assert table.peak_memory_mib(os.getpid()) > 10
    process.wait()
    assert table.peak_memory_mib(process.pid) is None
