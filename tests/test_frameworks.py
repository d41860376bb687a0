"""Programs run apart: their results, memory and mistakes; the table of tools."""

import os
import re

import numpy as np
import pytest

from aigc_course import frameworks
from aigc_course.kit import data_folder

TOOLS = data_folder() / "tools.csv"


def test_arrays_go_in_and_results_come_out():
    run = frameworks.run_apart("print('你好')\nresults = {'double': 2 * x, 'one': 1.5}", {"x": np.arange(3.0)})
    assert run.results["double"].tolist() == [0, 2, 4]
    assert run.results["one"] == 1.5
    assert run.printed.strip() == "你好"
    assert run.cpu_seconds > 0


def test_memory_is_that_of_the_program_and_not_of_its_parent():
    mine = np.ones(40_000_000)  # 305 MiB in this process
    few, many = (
        frameworks.run_apart(f"held = bytearray({n})\nheld[::4096] = b'x' * len(held[::4096])\nresults = {{}}", {})
        for n in (1, 200 * 2**20)
    )
    assert few.peak_mib < mine.nbytes / 2**20 / 2
    assert 190 < many.peak_mib - few.peak_mib < 215


def test_each_program_has_one_thread():
    run = frameworks.run_apart("import os\nresults = {'threads': int(os.environ['OMP_NUM_THREADS'])}", {})
    assert run.results["threads"] == 1


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("results = {'x': 1 / 0}", "ZeroDivisionError: division by zero"),
        ("x = 1", "must bind `results`"),
        ("import sys\nsys.exit(3)", "exit status 3"),
    ],
)
def test_a_program_that_fails_says_why(program, said):
    with pytest.raises(RuntimeError, match=re.escape(said)):
        frameworks.run_apart(program, {})


def test_a_program_that_takes_too_long_is_ended():
    with pytest.raises(TimeoutError, match=r"not finished in 0\.5 seconds"):
        frameworks.run_apart("import time\ntime.sleep(60)", {}, seconds=0.5)


def test_lines_are_those_with_code():
    assert frameworks.count_lines("\n# a remark\nx = [\n    1,\n]  # and one here\n\ndef f():\n    return x\n") == 5
    assert frameworks.count_lines("") == 0


def test_every_tool_has_a_source_and_the_day_of_checking():
    tools = frameworks.read_tools(TOOLS)
    assert len({row["name"] for row in tools}) == len(tools) >= 20
    for row in tools:
        assert row["source"].startswith("https://")
        assert row["what_en"]
        assert row["what_zh"]
        assert bool(row["version"]) == bool(row["last_release"])
        assert row["research_only"] in ("", "yes", "no")
        assert not row["last_release"] or frameworks.months_before(row["last_release"], row["checked_on"]) >= 0
        assert row["license"] or row["research_only"] != "no"  # a use is called allowed only where a license was read


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (",2026-03,", ",March 2026,", "last_release 'March 2026' is no month"),
        (",framework,", ",thing,", "kind 'thing' is none of"),
        ("2026-11-28", "yesterday", "checked_on 'yesterday' is no day"),
    ],
)
def test_a_wrong_field_is_named(tmp_path, old, new, said):
    path = tmp_path / "tools.csv"
    path.write_text(TOOLS.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ValueError, match=said):
        frameworks.read_tools(path)


def test_months_are_counted_across_years():
    assert frameworks.months_before("2021-09", "2026-11-28") == 62
    assert frameworks.months_before("2026-11", "2026-11-28") == 0


@pytest.mark.skipif(os.name == "nt", reason="no signals")
def test_a_program_that_is_ended_says_what_it_said_last():
    program = "import os, sys\nprint('the last words', file=sys.stderr, flush=True)\nos.abort()"
    with pytest.raises(RuntimeError, match="ended by signal 6 after saying: the last words; if memory ran out"):
        frameworks.run_apart(program, {})
