"""The command that injects faults: what it counts as right, and that every line it reuses has its test."""

import ast
from collections import Counter

import pytest

from tools.faults import reused
from tools.faults.__main__ import ROOT, shown
from tools.faults.table import Row, Table

KNOWN = reused.Fault("tests/a.py", "test_a", "a fault: {case}", "nothing is lost", "make room")


@pytest.mark.parametrize("fault", reused.FAULTS, ids=lambda fault: f"{fault.test}-{fault.cases}")
def test_every_line_has_its_test(fault):
    tree = ast.parse((ROOT / fault.file).read_text(encoding="utf-8"))
    assert fault.test in [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]


def test_no_fault_is_counted_twice():
    assert Counter((fault.fault, fault.cases) for fault in reused.FAULTS).most_common(1)[0][1] == 1


def test_a_fault_is_found_by_test_and_case(monkeypatch):
    monkeypatch.setattr(reused, "FAULTS", [KNOWN._replace(cases="*-alone")])
    assert reused.of("tests/a.py::test_a[x-alone]").test == "test_a"
    assert reused.of("tests/a.py::test_a[x-with another]") is None
    assert reused.of("tests/b.py::test_a[x-alone]") is None
    assert reused.case_of("tests/a.py::test_a[x-alone]") == "x"


@pytest.mark.parametrize(
    ("said", "way_out", "mark"),
    [
        ("no space: make room", "make room", "told  "),
        ("no space:\nmake\nroom", "make room", "told  "),
        ("no space", "make room", "BROKEN"),
        ("", "make room", "BROKEN"),
        ("", "", "healed"),
    ],
)
def test_what_is_not_told_is_broken(said, way_out, mark):
    table = Table()
    table.heard = [said]
    row = table.row_of(KNOWN._replace(way_out=way_out), "tests/a.py::test_a[x]")
    assert (row.mark, row.fault) == (mark, "a fault: x")


def test_a_fault_that_breaks_once_is_broken():
    table = Table()
    good, bad = Row("told  ", "a", "kept", "make room", "1"), Row("BROKEN", "a", "lost", "", "2")
    table.found = {"1": [good], "2": [bad], "3": [good]}
    assert table.rows() == [bad]
    assert "lost" in shown(bad)
