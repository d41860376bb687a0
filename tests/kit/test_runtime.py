"""The settings of a run: each is taken, and a wrong one is named together with what is allowed."""

import json
import platform
import random
import subprocess
import sys

import numpy as np
import pytest

from aigc_course.kit import runtime


@pytest.fixture(autouse=True)
def no_settings(monkeypatch):
    for name in ("AIGC_SCALE", "AIGC_DEVICE", "AIGC_SEED", "AIGC_THREADS", "AIGC_FACTS"):
        monkeypatch.delenv(name, raising=False)


def test_start_says_the_scale_and_keeps_the_language(capsys):
    runtime.start("zh")
    assert runtime.language() == "zh"
    assert "scale quick" in capsys.readouterr().out
    runtime.start("en")
    assert runtime.language() == "en"


def test_an_unknown_edition_is_refused_and_the_known_ones_are_named():
    with pytest.raises(ValueError, match=r"fr.*'zh' and 'en'"):
        runtime.start("fr")


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("AIGC_SCALE", "fast", "quick, full"),
        ("AIGC_DEVICE", "gpu7", "auto, cpu, cuda, mps"),
        ("AIGC_SEED", "-1", "whole number from 0 to 4,000,000"),
        ("AIGC_SEED", "5000000", "whole number from 0 to 4,000,000"),
        ("AIGC_THREADS", "0", "whole number from 1 to 1,024"),
        ("AIGC_THREADS", "1000000", "whole number from 1 to 1,024"),
    ],
)
def test_a_wrong_setting_is_named_at_the_start_with_what_is_allowed(monkeypatch, name, value, allowed):
    monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match=f"{name}={value}.*{allowed}.*Unset {name}"):
        runtime.start("en")


def test_scale_chooses(monkeypatch):
    assert runtime.scale(quick=2, full=50) == 2
    monkeypatch.setenv("AIGC_SCALE", "full")
    assert runtime.scale(quick=2, full=50) == 50


def test_a_device_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setattr(runtime, "_devices_seen", lambda: ["cpu"])
    monkeypatch.setenv("AIGC_DEVICE", "cuda")
    with pytest.raises(RuntimeError, match="sees only: cpu"):
        runtime.device()
    monkeypatch.setattr(runtime, "_devices_seen", lambda: ["cpu", "cuda"])
    assert runtime.device() == "cuda"
    monkeypatch.delenv("AIGC_DEVICE")
    assert runtime.device() == "cuda"


def test_the_same_seed_gives_the_same_numbers_in_every_library(monkeypatch):
    import torch

    def draw(seed):
        used = runtime.set_seed(seed)
        return used, random.random(), np.random.rand(), torch.rand(1).item()  # noqa: NPY002

    assert draw(7) == draw(7)
    assert draw(7)[1:] != draw(8)[1:]
    first = draw(7)
    monkeypatch.setenv("AIGC_SEED", "2")
    assert draw(7)[0] == 2007
    assert draw(7)[1:] != first[1:]


def test_a_seed_out_of_range_is_refused():
    with pytest.raises(ValueError, match="-1 is not in"):
        runtime.set_seed(-1)


def test_threads_follow_the_task(monkeypatch):
    import torch
    from threadpoolctl import threadpool_info

    monkeypatch.setenv("AIGC_THREADS", "2")
    assert runtime.num_threads("small") == 1
    assert runtime.num_threads("large") == 2
    with pytest.raises(ValueError, match="small, large"):
        runtime.num_threads("huge")
    assert runtime.use_threads("small") == 1
    assert torch.get_num_threads() == 1
    assert {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"} == {1}


def test_facts_are_written_for_the_table(monkeypatch, tmp_path):
    monkeypatch.setenv("AIGC_FACTS", str(tmp_path))
    runtime.record("data", "full")
    (file,) = tmp_path.glob("*.json")
    assert json.loads(file.read_text())["data"] == "full"
    assert runtime.facts()["data"] == "full"


def test_the_seed_reaches_tensorflow_and_the_threads_too_late_are_refused():
    code = """
import tensorflow as tf
from aigc_course.kit.runtime import device, set_seed, use_threads
assert use_threads("small") == 1
set_seed(3); first = float(tf.random.uniform(()))
set_seed(3); assert float(tf.random.uniform(())) == first
assert device() in ("cpu", "cuda", "mps")
import os; os.environ["AIGC_THREADS"] = "2"
try:
    use_threads("large")
except RuntimeError as error:
    print(error)
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    assert "restart the kernel" in result.stdout


@pytest.mark.parametrize(
    ("flags", "expected"),
    [("sse2 avx512_bf16", True), ("amx_bf16 amx_tile", True), ("avx2 avx512f", False), (None, False)],
)
def test_a_cpu_has_bfloat16_where_the_system_lists_it(flags, expected, monkeypatch, tmp_path):
    if flags is not None:  # None: no Linux
        (tmp_path / "cpuinfo").write_text(f"processor\t: 0\nflags\t\t: {flags}\n", encoding="utf-8")
    monkeypatch.setattr(runtime, "Path", lambda name: tmp_path / "cpuinfo")
    assert runtime.has_bfloat16("cpu") is expected


def test_bfloat16_is_only_used_where_it_is_quick(monkeypatch):
    assert runtime.has_bfloat16("mps") is False
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    assert runtime.has_bfloat16("cuda") is False


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries are left as they are")
def test_large_blocks_go_back_to_the_system_although_a_small_one_lies_behind_each():
    code = """
import os, sys
from pathlib import Path
from aigc_course.kit.runtime import give_memory_back, start

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20

def block(size):
    made = bytearray(size)
    for page in range(0, size, 4096):
        made[page] = 1  # memory is resident once it is written to
    return made

exec(sys.argv[1])
block(24 * 2**20)  # when it goes, glibc counts as small what is smaller
before = resident()
large, small = [], []
for _ in range(16):
    large.append(block(6 * 2**20))
    small.append(block(100_000))
most = resident() - before
del large
print(most, resident() - before)
"""
    held = {}
    for first in ("give_memory_back()", "start('en')", "pass"):
        done = subprocess.run([sys.executable, "-c", code, first], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        most, held[first] = map(float, done.stdout.splitlines()[-1].split())
        assert most > 90  # MiB: all 16 blocks were in use
    assert held["give_memory_back()"] < 10
    assert held["start('en')"] < 10
    assert held["pass"] > 50, "glibc gives them back by itself: then this test shows nothing"
