"""Files that appear whole or not at all, whatever interrupts the writer or stands in the way."""

import errno
import os
import signal
import subprocess
import sys

import pytest

from aigc_course.storage import files
from aigc_course.storage.files import remove_unfinished, replacing, write


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_what_is_written_is_there_and_nothing_else(tmp_path):
    write(tmp_path / "a", b"one")
    write(str(tmp_path / "a"), b"two")
    assert (tmp_path / "a").read_bytes() == b"two"
    assert names(tmp_path) == ["a"]


def test_a_file_can_be_written_in_pieces_and_read_back_meanwhile(tmp_path):
    with replacing(tmp_path / "a") as file:
        file.write(b"one ")
        file.write(b"two")
        file.seek(0)
        assert file.read() == b"one two"
        assert not (tmp_path / "a").exists()
    assert (tmp_path / "a").read_bytes() == b"one two"


def test_others_may_read_it_as_they_may_read_any_file(tmp_path):
    (tmp_path / "plain").touch()
    write(tmp_path / "a", b"")
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt(), SystemExit(1)])
def test_an_interrupted_writer_changes_nothing(error, tmp_path):
    write(tmp_path / "a", b"old")
    with pytest.raises(type(error)), replacing(tmp_path / "a") as file:
        file.write(b"new")
        raise error
    assert (tmp_path / "a").read_bytes() == b"old"
    assert names(tmp_path) == ["a"]


def test_a_full_disk_changes_nothing_and_names_the_file(tmp_path, monkeypatch):
    write(tmp_path / "a", b"old")

    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"old"
    assert names(tmp_path) == ["a"]


def test_a_folder_that_is_not_there_is_named_by_the_file_that_was_asked_for(tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        write(tmp_path / "nowhere" / "a", b"")
    assert caught.value.filename == str(tmp_path / "nowhere" / "a")


def test_the_disk_has_it_before_it_gets_its_name(tmp_path, monkeypatch):
    flush, seen = os.fsync, []
    monkeypatch.setattr(os, "fsync", lambda number: (seen.append((tmp_path / "a").exists()), flush(number)))
    write(tmp_path / "a", b"new")
    assert seen == [False]


def test_the_earlier_file_is_kept_only_when_the_new_one_is_whole(tmp_path, monkeypatch):
    for content in (b"1", b"2", b"3"):
        write(tmp_path / "a", content, keep_as=tmp_path / "a.previous")
    assert [(tmp_path / name).read_bytes() for name in ("a", "a.previous")] == [b"3", b"2"]
    monkeypatch.setattr(os, "fsync", lambda number: (_ for _ in ()).throw(OSError(errno.ENOSPC, "full")))
    with pytest.raises(OSError, match="full"):
        write(tmp_path / "a", b"4", keep_as=tmp_path / "a.previous")
    assert [(tmp_path / name).read_bytes() for name in ("a", "a.previous")] == [b"3", b"2"]
    assert names(tmp_path) == ["a", "a.previous"]


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_a_link_under_the_unfinished_name_is_not_followed(tmp_path, monkeypatch):
    (tmp_path / "precious").write_bytes(b"precious")
    monkeypatch.setattr(files.secrets, "token_hex", lambda _: "00")
    (tmp_path / ".a.00.part").symlink_to(tmp_path / "precious")
    with pytest.raises(FileExistsError):
        write(tmp_path / "a", b"new")
    assert (tmp_path / "precious").read_bytes() == b"precious"


@pytest.mark.skipif(sys.platform == "win32", reason="no such files there")
def test_what_is_no_regular_file_is_left_alone(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "null").symlink_to("/dev/null")
    for name, said in (("pipe", "not a regular file"), ("folder", "Is a directory"), ("null", "not a regular file")):
        with pytest.raises(OSError, match=said):
            write(tmp_path / name, b"new")
    with pytest.raises(OSError, match="not a regular file"):
        write("/dev/null", b"new")
    assert names(tmp_path) == ["folder", "null", "pipe"]


@pytest.mark.skipif(sys.platform == "win32", reason="a process is ended otherwise there")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_process_that_is_ended_leaves_nothing(number, tmp_path):
    program = (
        "import signal, sys, time; from aigc_course.storage.files import replacing\n"
        "signal.signal(signal.SIGHUP, signal.SIG_DFL)  # ignored where the tests run under nohup\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where they run in a shell's background\n"
        "with replacing(sys.argv[1] + '/a') as one, replacing(sys.argv[1] + '/b') as two:\n"
        "    print('writing', flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout.readline() == "writing\n"
        assert len(names(tmp_path)) == 2
        process.send_signal(number)
        assert process.wait(timeout=20) in (-number, 130)
    assert names(tmp_path) == []


def test_a_programs_own_handler_stays(tmp_path):
    calls = []
    before = signal.signal(signal.SIGTERM, lambda *_: calls.append("mine"))
    try:
        with replacing(tmp_path / "a"):
            signal.raise_signal(signal.SIGTERM)
        assert calls == ["mine"]
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        with replacing(tmp_path / "a"):
            assert signal.getsignal(signal.SIGTERM) != signal.SIG_DFL
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    finally:
        signal.signal(signal.SIGTERM, before)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no such signal there")
def test_what_a_killed_writer_left_can_be_removed(tmp_path):
    program = (
        "import sys, time; from aigc_course.storage.files import replacing\n"
        "with replacing(sys.argv[1] + '/a'): print('writing', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        process.send_signal(signal.SIGKILL)
    (tmp_path / ".ab.0123456789abcdef.part").touch()  # another file's
    assert len(names(tmp_path)) == 2
    remove_unfinished(tmp_path / "a")
    assert names(tmp_path) == [".ab.0123456789abcdef.part"]


def test_two_writers_at_once_do_not_meet(tmp_path):
    with replacing(tmp_path / "a") as one, replacing(tmp_path / "a") as two:
        one.write(b"one")
        two.write(b"two")
    assert (tmp_path / "a").read_bytes() == b"one"
    assert names(tmp_path) == ["a"]


def test_it_loads_no_framework():
    program = "import sys; import aigc_course.storage.weights; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
