"""The table at the end of a run with nbval, and what it fails a run for."""

import importlib.util
import os
import shutil
import subprocess
import sys
from types import SimpleNamespace

import psutil
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from tools import verified
from tools.authoring.notebooks import EDITIONS, ROOT, path_of, write

RUN = "01_toy"
PATH = f"notebooks/zh/{RUN}.ipynb"


@pytest.fixture(autouse=True)
def not_strict(monkeypatch):
    monkeypatch.delenv("AIGC_STRICT", raising=False)


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
        last = "memory = bytearray(200 * 2**20)" if edition == "zh" else "import time; time.sleep(2); 1 / 0"
        write(path_of(RUN, edition, tmp_path), new_notebook(cells=[new_code_cell(first), new_code_cell(last)]))
    own = tmp_path / "own_table.py"
    own.write_text(
        own.read_text(encoding="utf-8").replace("= 1638", "= 200").replace("= 1792", "= 210"), encoding="utf-8"
    )
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
    settings |= {"PYTHONPATH": str(ROOT), "AIGC_STRICT": "1"}
    command = [sys.executable, "-m", "pytest", *nbval, "notebooks"]
    result = subprocess.run(
        command, cwd=tmp_path, env=settings, capture_output=True, text=True, check=False, timeout=300
    )
    en, zh = [line.split() for line in result.stdout.splitlines() if line.startswith(RUN)]
    assert result.returncode == 1
    assert en[:5] == [RUN, "en", "cpu", "quick", "sample"]
    assert zh[:5] == [RUN, "zh", "cpu", "quick", "sample"]
    assert en[8:] == ["1", "failed"]
    assert zh[8:] == ["OVER", "passed"]
    assert 20 < float(en[7]) < 200 < float(zh[7])  # MiB
    assert 0.1 < float(en[6]) < float(en[5]) - 1  # CPU seconds, and seconds of which two were slept
    assert f"FAILED {PATH}: its kernel needed" in result.stdout
    assert not (tmp_path / verified.LEFT).exists()  # one failed, the other needed too much: nothing is verified


def finish(table, reports):
    """The exit status and the row of a run in which all cells passed, from (seconds, facts) of each."""
    collected = table.Table()
    for seconds, facts in reports:
        report = SimpleNamespace(nodeid=f"{PATH}::Cell 0", duration=seconds, failed=False, passed=True, when="call")
        report.user_properties = [("kernel", facts)]
        collected.pytest_runtest_logreport(report)
    session = SimpleNamespace(exitstatus=pytest.ExitCode.OK)
    collected.pytest_sessionfinish(session)
    return session.exitstatus, table.cells(collected.rows[PATH])


@pytest.mark.parametrize(
    ("cpu", "memory", "scale", "status", "shown"),
    [
        (59, 1637, "quick", 0, ("59.0", "1637")),
        (61, 100, "quick", 0, ("61.0 OVER", "100")),
        (239, 100, "quick", 0, ("239.0 OVER", "100")),
        (241, 100, "quick", 1, ("241.0 OVER", "100")),
        (900, 100, "full", 0, ("900.0", "100")),
        (1, 1639, "quick", 0, ("1.0", "1639 OVER")),
        (1, 1793, "quick", 1, ("1.0", "1793 OVER")),
        (1, 1793, "full", 1, ("1.0", "1793 OVER")),
    ],
)
def test_the_limits_count_cpu_time_and_memory_and_not_how_long_it_took(table, cpu, memory, scale, status, shown):
    first = {"scale": scale, "CPU s": cpu / 2, "peak MiB": memory}  # after a cell: what the kernel has used so far
    found, row = finish(table, [(500, first), (500, {"scale": scale, "CPU s": cpu, "peak MiB": 50})])
    assert found == status
    assert row[5:8] == ("1000.0", *shown)


def test_a_notebook_that_records_nothing_has_a_row(table):
    assert finish(table, [(1, {})]) == (0, (RUN, "zh", "-", "-", "-", "1.0", "0.0", "0", "passed"))


HALF_A_SECOND = """
import time
while time.process_time() < 0.5:
    pass
"""
WITH_CHILDREN = """
import subprocess, sys
subprocess.run([sys.executable, "-c", sys.argv[1]])
running = subprocess.Popen([sys.executable, "-c", sys.argv[1] + "print(flush=True); time.sleep(60)"])
running.wait()
"""


def test_cpu_time_is_that_of_the_process_and_of_all_that_it_started(table):
    program = [sys.executable, "-c", HALF_A_SECOND + WITH_CHILDREN, HALF_A_SECOND]
    with subprocess.Popen(program, stdout=subprocess.PIPE) as process:
        process.stdout.readline()  # the last of the three has computed
        assert table.cpu_seconds(process.pid) > 1.4  # the system counts in hundredths of a second
        for child in psutil.Process(process.pid).children():
            child.kill()
    assert table.cpu_seconds(process.pid) is None


def test_the_memory_of_a_process_that_has_gone_is_unknown(table):
    process = subprocess.Popen([sys.executable, "-c", ""])
    assert table.peak_memory_mib(os.getpid()) > 10
    process.wait()
    assert table.peak_memory_mib(process.pid) is None
