"""The learner's record: nothing in it is ever lost, and nothing about it stops a notebook."""

import errno
import json
import os
import socket
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from aigc_course.kit import runtime
from aigc_course.kit.practice import progress, questions

NAMES = [f"05_1.{slug}" for slug in questions.chapter("05_1")["exercises"]]


@pytest.fixture(autouse=True)
def file(monkeypatch, tmp_path):
    monkeypatch.setenv("AIGC_PROGRESS", str(tmp_path / "mine" / "progress.json"))
    monkeypatch.setitem(runtime._facts, "language", "en")
    progress._print_once.cache_clear()
    return tmp_path / "mine" / "progress.json"


def stored(file) -> dict:
    return json.loads(file.read_text(encoding="utf-8"))


def test_what_passed_first_is_kept_with_its_time(file, capsys):
    assert progress.passed(NAMES[0]) == (1, len(NAMES))
    first = stored(file)
    assert progress.passed(NAMES[0]) == (1, len(NAMES))
    assert progress.passed(NAMES[1]) == (2, len(NAMES))
    assert stored(file)["exercises"][NAMES[0]] == first["exercises"][NAMES[0]]
    assert progress.done() == stored(file)["exercises"]
    assert os.listdir(file.parent).count("progress.json") == 1
    assert not [name for name in os.listdir(file.parent) if name.endswith(".part")]
    assert capsys.readouterr().out == ""


def test_the_default_place_is_in_the_home_folder(monkeypatch, tmp_path):
    monkeypatch.delenv("AIGC_PROGRESS")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert progress.path() == tmp_path / ".aigc_course" / "progress.json"


def test_what_others_wrote_into_the_file_stays(file):
    file.parent.mkdir()
    file.write_text('{"version": 1, "note": "mine", "exercises": {"99.gone": "2020-01-01"}}', encoding="utf-8")
    progress.passed(NAMES[0])
    assert stored(file)["note"] == "mine"
    assert set(stored(file)["exercises"]) == {"99.gone", NAMES[0]}


def test_a_link_stays_a_link(file, tmp_path):
    file.parent.mkdir()
    real = tmp_path / "backed_up.json"
    file.symlink_to(real)
    progress.passed(NAMES[0])
    assert file.is_symlink()
    assert NAMES[0] in stored(real)["exercises"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe\x00",
        b"[1, 2]",
        b'{"exercises": [1]}',
        b'{"exercises": {"a": 1}}',
        b"<html></html>",
        b"null",
    ],
)
def test_a_damaged_file_is_set_aside_whole_and_said(content, file, capsys):
    file.parent.mkdir()
    file.write_bytes(content)
    assert progress.summary()[0][2] == 0
    assert "cannot be read" in capsys.readouterr().out
    assert file.read_bytes() == content, "looking changes nothing"
    assert progress.passed(NAMES[0])[0] == 1
    said = capsys.readouterr().out
    (aside,) = file.parent.glob("progress.damaged-*.json")
    assert aside.read_bytes() == content
    assert "is damaged" in said
    assert aside.name in said
    assert list(stored(file)["exercises"]) == [NAMES[0]]


def test_eight_processes_at_once_lose_nothing(file):
    code = (
        "import sys; from aigc_course.kit.practice import progress; "
        "[progress.passed(f'05_1.{n}') for n in sys.argv[1:]]"
    )

    def write(process: int) -> None:
        names = [f"made_up_{process}_{n}" for n in range(20)]
        subprocess.run([sys.executable, "-c", code, *names], check=True, timeout=120)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    assert len(stored(file)["exercises"]) == 160
    assert not list(file.parent.glob("*damaged*"))


def test_a_folder_that_cannot_be_written_is_a_message(monkeypatch, tmp_path, capsys):
    (tmp_path / "a_file").write_text("")
    monkeypatch.setenv("AIGC_PROGRESS", str(tmp_path / "a_file" / "progress.json"))
    assert progress.passed(NAMES[0]) == (1, len(NAMES))
    said = capsys.readouterr().out
    assert "Progress cannot be written" in said
    assert "AIGC_PROGRESS" in said


@pytest.fixture(params=["null", "full", "FIFO", "socket", "folder", "link to null"])
def something_else(request, tmp_path):
    """What is no regular file and must stay as it is. Devices are made anew: not even a fault may touch /dev/null."""
    place = tmp_path / "something_else"
    if request.param == "FIFO":
        os.mkfifo(place)
    elif request.param == "socket":
        with socket.socket(socket.AF_UNIX) as opened:
            opened.bind(str(place))
    elif request.param == "folder":
        place.mkdir()
    else:
        device = tmp_path / "device" if request.param == "link to null" else place
        minor = {"full": 7}.get(request.param, 3)
        try:
            os.mknod(device, stat.S_IFCHR | 0o666, os.makedev(1, minor))
        except OSError:  # only root may; nobody else can rename the real one
            device = Path("/dev/full" if minor == 7 else "/dev/null")
        if device != place:
            place.symlink_to(device)
    return place


@pytest.mark.skipif(sys.platform != "linux", reason="makes Linux's devices")
@pytest.mark.timeout(20)
def test_only_a_regular_file_is_ever_read_renamed_or_replaced(something_else, monkeypatch, capsys):
    monkeypatch.setenv("AIGC_PROGRESS", str(something_else))
    folder = something_else.parent
    before = something_else.stat(), sorted(path.name for path in folder.iterdir())
    assert progress.passed(NAMES[0]) == (1, len(NAMES))
    assert progress.passed(NAMES[1]) == (1, len(NAMES)), "nothing is recorded"
    said = capsys.readouterr().out
    assert said.count("Progress cannot be written") == said.count("\n") == 1, "said once"
    assert "something other than a regular file" in said
    assert progress.done() == {}
    assert (something_else.stat(), sorted(path.name for path in folder.iterdir())) == before


def test_the_home_of_nobody_is_a_message(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AIGC_PROGRESS", "~nobody-of-this-name/progress.json")
    assert progress.passed(NAMES[0]) == (1, len(NAMES))
    assert progress.done() == {}
    assert "Progress cannot be written to ~nobody-of-this-name" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_notepad_saved_and_half_of_a_surrogate_pair_are_kept(file):
    file.parent.mkdir()
    record = {"version": 1, "note": "笔记 \ud800", "exercises": {NAMES[1]: "2025-03-01T10:15:00+08:00"}}
    file.write_bytes(b"\xef\xbb\xbf" + json.dumps(record).encode())
    assert progress.passed(NAMES[0]) == (2, len(NAMES))
    assert stored(file)["note"] == record["note"]
    assert set(stored(file)["exercises"]) == {NAMES[0], NAMES[1]}
    assert not list(file.parent.glob("*damaged*"))


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's folder that nobody may write")
def test_a_read_only_home_is_a_message(monkeypatch, capsys):
    monkeypatch.setenv("AIGC_PROGRESS", "/proc/aigc_course/progress.json")
    assert progress.passed(NAMES[0]) == (1, len(NAMES))
    assert "Progress cannot be written" in capsys.readouterr().out


def test_a_full_disk_leaves_the_old_record(file, monkeypatch, capsys):
    progress.passed(NAMES[0])
    before = file.read_bytes()

    def full(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    assert progress.passed(NAMES[1]) == (2, len(NAMES))
    assert "No space left on device" in capsys.readouterr().out
    assert file.read_bytes() == before
    assert not list(file.parent.glob(".*.part"))


def test_a_lock_that_is_held_is_a_message(file, monkeypatch, capsys):
    from filelock import FileLock

    monkeypatch.setattr(progress, "LOCK_SECONDS", 0.1)
    monkeypatch.setitem(runtime._facts, "language", "zh")
    progress.passed(NAMES[0])
    before = file.read_bytes()
    code = "import filelock, sys\nwith filelock.FileLock(sys.argv[1]):\n    print('held', flush=True)\n    input()"
    command = [sys.executable, "-c", code, f"{file}.lock"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout.readline() == "held\n"
        assert progress.passed(NAMES[1]) == (2, len(NAMES)), "what is stored still counts"
        other.communicate("\n")
    assert "另一个程序锁住它" in capsys.readouterr().out
    with FileLock(f"{file}.lock", timeout=1):
        assert file.read_bytes() == before


@pytest.mark.parametrize(("language", "title"), [("zh", "从这里开始"), ("en", "Start here")])
def test_the_summary_covers_every_chapter_with_questions(language, title, monkeypatch):
    monkeypatch.setitem(runtime._facts, "language", language)
    progress.passed("00.brightness")
    rows = progress.summary()
    assert [row[0] for row in rows] == list(questions.files())
    assert rows[0] == ("00", title, 1, 1)
    assert all(done <= total for _, _, done, total in rows)
