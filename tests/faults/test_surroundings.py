"""Odd places, clocks that go back, locales without Chinese, no home, no DNS, many learners at once, and kill -9."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
import torch
from nbformat.v4 import new_code_cell, new_notebook
from torch import nn

from aigc_course import frameworks
from aigc_course.kit import cache, downloads, runtime
from aigc_course.kit.commands import sampling
from aigc_course.kit.datasets import mnist
from aigc_course.kit.practice import progress
from aigc_course.storage import checkpoints
from tests.kit.datasets.test_datasets import child, right_answer, source  # noqa: F401  the slow mirror, and who asks it
from tools.authoring import notebooks

ROOT = Path(__file__).resolve().parents[2]
linux = pytest.mark.skipif(sys.platform != "linux", reason="signals and name spaces of Linux")


@pytest.fixture(autouse=True)
def english(monkeypatch):
    monkeypatch.setitem(runtime._facts, "language", "en")
    cache._writable.cache_clear()
    yield
    cache._writable.cache_clear()


# places

PLACES = {
    "Chinese and spaces": "我 的 课程 (2)",
    "quotes and a backslash": "a'b\"c\\d",
    "a line break": "a\nb",
    "percent signs and braces": "100% {x}",
    "emoji": "🦊",
    "4,000 letters deep": "/".join(["x" * 200] * 18),
}


@linux
@pytest.mark.parametrize("name", PLACES)
def test_an_odd_folder_serves_like_any_other(name, tmp_path, monkeypatch, withstood, capsys):
    folder = tmp_path / PLACES[name]
    folder.mkdir(parents=True)
    monkeypatch.setenv("AIGC_PROGRESS", str(folder / "progress.json"))
    monkeypatch.setenv("AIGC_CACHE", str(folder / "cache"))
    assert progress.passed("05_1.loss")[0] == 1
    assert "05_1.loss" in progress.done()
    layer = nn.Linear(2, 2)
    for step in range(2):
        checkpoints.save(folder / "c", {"m": layer}, state=step)
    assert checkpoints.load(folder / "c", {"m": layer}) == 1
    sampling.save_images([np.zeros((28, 28), np.uint8)], folder / "a.png")
    sampling.save_texts(["一"], folder / "a.txt")
    assert cache.cache_folder() == folder / "cache"
    assert "Traceback" not in capsys.readouterr().out
    withstood(f"a folder's name has {name}", "everything is written and read there")


@linux
def test_a_folder_whose_name_is_no_utf_8(tmp_path, withstood):
    folder = tmp_path / os.fsdecode(b"\xff\xfe")
    folder.mkdir()
    checkpoints.save(folder / "c", {"m": nn.Linear(2, 2)}, state=1)
    with pytest.raises(checkpoints.DamagedCheckpoint) as caught:
        checkpoints.load(folder / "c", {"m": nn.Linear(2, 2)})
    renamed = folder.rename(tmp_path / "renamed")
    assert checkpoints.load(renamed / "c", {"m": nn.Linear(2, 2)}) == 1
    withstood("a folder's name is no UTF-8", "a checkpoint waits until it is renamed", str(caught.value), "rename it")


@pytest.mark.parametrize("value", ["x" * 300, "/".join(["x" * 200] * 30)], ids=["300 letters", "6,000 letters"])
def test_a_cache_with_a_name_too_long_is_replaced(value, tmp_path, monkeypatch, withstood, capsys):
    monkeypatch.setenv("AIGC_CACHE", str(tmp_path / value))
    assert cache.cache_folder().is_dir()
    said = capsys.readouterr().out
    withstood(f"AIGC_CACHE of {len(value):,} letters", "a temporary folder serves", said, "set AIGC_CACHE")


# surroundings of a command


@linux
@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "changes", "encoding"),
    [
        ("no HOME and a user whom nobody knows", {"HOME": None, "USER": None, "AIGC_PROGRESS": None}, "utf-8"),
        ("HOME is a file", {"HOME": "/etc/passwd", "AIGC_PROGRESS": None}, "utf-8"),
        ("the locale C, without UTF-8", {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, "ascii"),
        ("a terminal of GBK", {"PYTHONIOENCODING": "gbk", "LANGUAGE": "zh"}, "gbk"),
        ("a terminal of ASCII, in Chinese", {"PYTHONIOENCODING": "ascii", "LANGUAGE": "zh"}, "ascii"),
        ("a locale that is not there", {"LC_ALL": "xx_YY.UTF-8"}, "utf-8"),
        ("TMPDIR that is not there", {"TMPDIR": "/no/such/folder"}, "utf-8"),
        ("no PATH", {"PATH": None}, "utf-8"),
    ],
)
def test_a_command_runs_in_odd_surroundings(fault, changes, encoding, tmp_path, withstood):
    settings = {key: value for key, value in os.environ.items() if key not in changes}
    settings |= {key: value for key, value in changes.items() if value is not None}
    command = [sys.executable, "-m", "aigc_course", "progress"]
    if "nobody knows" in fault and os.getuid() == 0:
        command = ["/usr/bin/env", "setpriv", "--reuid=54321", "--clear-groups", *command]
        for folder in (tmp_path, *tmp_path.parents[:2]):
            folder.chmod(0o755)
    done = subprocess.run(command, cwd=ROOT, env=settings, capture_output=True, timeout=300, check=False)
    said = (done.stdout + done.stderr).decode(encoding, "replace")
    assert done.returncode == 0, said[-2000:]
    assert "Traceback" not in said
    assert "05_1" in said
    withstood(fault, "the table of progress is shown")


# clocks


class Back(datetime):
    """A clock that stands at its beginning."""

    @classmethod
    def now(cls, tz=None):
        return cls(1970, 1, 2, tzinfo=tz)


def test_a_clock_set_back_loses_nothing(tmp_path, monkeypatch, withstood, capsys):
    path = tmp_path / "progress.json"
    monkeypatch.setenv("AIGC_PROGRESS", str(path))
    progress.passed("05_1.loss")
    first = progress.done()
    monkeypatch.setattr(progress, "datetime", Back)
    monkeypatch.setattr(time, "time", lambda: 86_400.0)
    progress.passed("05_1.loss")
    progress.passed("00.brightness")
    assert progress.done()["05_1.loss"] == first["05_1.loss"]
    assert len(progress.done()) == 2
    withstood("the clock is set back: progress", "the first time stays, new ones are added")
    damaged = [b"first", b"second", b"third"]
    for content in damaged:  # set aside at one and the same moment, as that clock says
        path.write_bytes(content)
        progress.passed("05_1.loss")
    kept = [each.read_bytes() for each in sorted(tmp_path.glob("progress.damaged-*"))]
    assert sorted(kept) == sorted(damaged)
    withstood("the clock stands: three damaged records", "all are set aside", capsys.readouterr().out, "It is kept as")


def test_files_of_the_future_and_of_the_past_count_by_their_content(tmp_path, withstood):
    layer = nn.Linear(2, 2)
    for step in range(2):
        checkpoints.save(tmp_path / "c", {"m": layer}, state=step)
    os.utime(tmp_path / "c", (0, 0))
    os.utime(checkpoints.previous(tmp_path / "c"), (4e9, 4e9))
    assert checkpoints.load(tmp_path / "c", {"m": layer}) == 1
    withstood("the newest checkpoint is of 1970, the one before of 2096", "the newest is taken")


# no network


def test_no_names_are_known(tmp_path, monkeypatch, withstood, capsys):
    def unknown(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AIGC_CACHE", str(tmp_path))
    monkeypatch.setenv("AIGC_OFFLINE", "0")
    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    monkeypatch.setattr(mnist.shutil, "which", lambda name: None)
    for module in (downloads, mnist):
        monkeypatch.setattr(module, "unreachable", {})
    monkeypatch.setattr(mnist, "unreachable", downloads.unreachable)
    assert not mnist.load_mnist("test").is_full
    withstood("DNS knows no name", "the sample serves", capsys.readouterr().out, "python -m aigc_course data")


# many at once


@linux
@pytest.mark.slow
def test_thirty_learners_share_one_empty_folder(source, tmp_path, withstood):  # noqa: F811
    learners = [child(source, tmp_path / "cache") for _ in range(30)]
    said = [process.communicate(timeout=500) for process in learners]
    assert [process.returncode for process in learners] == [0] * 30, said
    found = [json.loads(out.strip().splitlines()[-1]) for out, _ in said]
    assert [each[1:] for each in found] == [right_answer()] * 30
    assert len([each for each in found if each[0] != "cache"]) == 1, "one of them fetched, the others waited"
    assert not list((tmp_path / "cache" / "MNIST" / "raw").glob(".*"))
    withstood("30 learners at once on one empty data folder", "one fetches, all have the right data")


RECORDS = """
import sys
from aigc_course.kit.practice import progress
progress.LOCK_SECONDS = 300  # 30 at once, on a busy machine: who waits longer says so and does not record
for n in range(4): progress.passed(f"05_1.of_{sys.argv[1]}_{n}")
"""


@linux
@pytest.mark.slow
def test_thirty_learners_share_one_record(tmp_path, monkeypatch, withstood):
    path = tmp_path / "progress.json"
    monkeypatch.setenv("AIGC_PROGRESS", str(path))
    learners = [subprocess.Popen([sys.executable, "-c", RECORDS, str(n)], cwd=ROOT) for n in range(30)]
    assert [process.wait(timeout=500) for process in learners] == [0] * 30
    assert len(progress.done()) == 120
    withstood("30 notebooks write one record of progress", "all 120 entries are there")


# kill -9

RECORDING = """
from itertools import count
from aigc_course.kit.practice import progress
for n in count():
    progress.passed(f"05_1.made_up_{n}")
    print(n, flush=True)
"""


@linux
@pytest.mark.slow
def test_a_notebook_killed_while_it_records(tmp_path, monkeypatch, withstood):
    monkeypatch.setenv("AIGC_PROGRESS", str(tmp_path / "progress.json"))
    for kill in range(3):
        with subprocess.Popen(
            [sys.executable, "-c", RECORDING], cwd=ROOT, stdout=subprocess.PIPE, text=True
        ) as process:
            for _ in range(random.Random(kill).randrange(3, 20)):
                last = int(process.stdout.readline())
            process.send_signal(signal.SIGKILL)
        assert {f"05_1.made_up_{n}" for n in range(last + 1)} <= set(progress.done())
    assert progress.passed("05_1.loss")[0] == 1, "its lock is free"
    withstood("kill -9 of a notebook that records progress", "every entry is there, the lock is free")


SAMPLING = """
import os, sys, time
import numpy as np
from pathlib import Path
from aigc_course.kit.commands import sampling
flush = os.fsync
os.fsync = lambda descriptor: (print("flushing", flush=True), time.sleep(60))
sampling.save_images(list(np.ones((50, 28, 28), np.uint8)), Path(sys.argv[1]))
"""


@linux
@pytest.mark.slow
def test_sample_killed_while_it_writes(tmp_path, withstood):
    path = tmp_path / "a.npy"
    sampling.save_images([np.zeros((28, 28), np.uint8)], path)
    before = path.read_bytes()
    command = [sys.executable, "-c", SAMPLING, str(path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "flushing\n"
        process.send_signal(signal.SIGKILL)
    assert path.read_bytes() == before
    sampling.save_images([np.ones((28, 28), np.uint8)], path)
    assert np.load(path).sum() == 784
    withstood("kill -9 of sample while it writes", "the earlier file stays, the next run replaces it")


EXECUTE = """
import sys
from pathlib import Path
from tools.authoring import execute
execute.main(["05_2", "--edition", "en"], Path(sys.argv[1]))
"""


@linux
@pytest.mark.slow
def test_execute_killed_in_the_middle(tmp_path, withstood):
    path = notebooks.path_of("05_2_text_generation", "en", tmp_path)
    cell = "import os, pathlib, time\n"
    cell += f"pathlib.Path({str(tmp_path / 'pid')!r}).write_text(str(os.getpid()))\ntime.sleep(600)"
    notebooks.write(path, new_notebook(cells=[new_code_cell("1 + 1"), new_code_cell(cell)]))
    before = path.read_bytes()
    with subprocess.Popen([sys.executable, "-c", EXECUTE, str(tmp_path)], cwd=ROOT) as process:
        wait_for(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
        process.send_signal(signal.SIGKILL)
    assert path.read_bytes() == before
    kernel = int((tmp_path / "pid").read_text())
    wait_for(lambda: not Path(f"/proc/{kernel}").exists() or zombie(kernel))
    withstood("kill -9 of execute in the middle of a cell", "the notebook is as it was, its kernel ends too")


def zombie(pid):
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


def wait_for(condition, seconds=240):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.2)


@linux
def test_a_program_that_runs_apart_is_killed(withstood):
    with pytest.raises(RuntimeError) as caught:
        frameworks.run_apart("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", {})
    withstood("kill -9 of a program that runs apart", "the notebook goes on", str(caught.value), "close other programs")


def test_weights_that_are_not_finite_do_not_judge(tmp_path, withstood):
    from safetensors.torch import load_file, save_file

    from aigc_course.images.features import load_digit_features

    stored = load_file(runtime.data_folder() / "models" / "digit_features" / "model.safetensors")
    name = next(name for name, value in stored.items() if value.is_floating_point())
    stored[name] = torch.full_like(stored[name], float("nan"))
    save_file(stored, tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match="NaN") as caught:
        load_digit_features(tmp_path)
    withstood("weights of NaN", "refused", str(caught.value), "copy or download it again")
