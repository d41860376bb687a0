"""Downloads against a local server that misbehaves in every way a network can."""

import gzip
import hashlib
import http.server
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from aigc_course.kit import cache, downloads, programs

CONTENT = bytes(range(256)) * 4096  # 1 MiB
SHA256 = hashlib.sha256(CONTENT).hexdigest()
KNOWN = SHA256, len(CONTENT)


class Mirror(http.server.BaseHTTPRequestHandler):
    """/good: the file; /html: a login page; /cut: less than promised; /gone: 404; and what `strange` does."""

    def do_HEAD(self):
        if self.path == "/headdrip":
            self.drip(b"HTTP/1.1 200 OK\r\n" + b"X-Slow: yes\r\n" * 100)
            return
        self.send_response(200)
        self.end_headers()

    def drip(self, content):
        """One byte after the other, until the other side has had enough."""
        for byte in content:
            try:
                self.wfile.write(bytes([byte]))
            except OSError:
                return
            time.sleep(0.05)

    def strange(self):
        """Answers that no file has; True when this was one."""
        lengths = {"/words": "abc", "/float": "1e3", "/digits": "9" * 400, "/minus": "-5"}
        places = {"/bracket": "http://[", "/dots": "http://a..b/", "/long": f"http://{'a' * 64}/", "/loop": "/loop"}
        if self.path in lengths:
            self.send_response(200)
            self.send_header("Content-Length", lengths[self.path])
            self.end_headers()
            self.wfile.write(b"something")
        elif self.path in places:
            self.send_response(302)
            self.send_header("Location", places[self.path])
            self.end_headers()
        elif self.path == "/drip":
            self.send_response(200)
            self.end_headers()
            self.drip(CONTENT)
        elif self.path in ("/endless", "/bomb"):
            self.send_response(200)
            if self.path == "/bomb":
                self.send_header("Content-Encoding", "gzip")
            self.end_headers()
            with suppress(OSError):
                for _ in range(1 if self.path == "/bomb" else 400):
                    self.wfile.write(gzip.compress(bytes(2**26)) if self.path == "/bomb" else CONTENT)
        else:
            return False
        return True

    def do_GET(self):
        self.server.asked.append(self.path)
        if self.strange():
            return
        if self.path == "/gone":
            self.send_error(404)
            return
        body = b"<html>please log in</html>" if self.path == "/html" else CONTENT
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.path == "/slow":
            for start in range(0, len(body), 2**14):
                self.wfile.write(body[start : start + 2**14])
                time.sleep(0.1)
        else:
            self.wfile.write(body[: len(body) // 2] if self.path == "/cut" else body)

    def log_message(self, *args):
        """Keep the tests' output clean."""


@pytest.fixture
def mirror():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Mirror)
    server.asked = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def fresh_session(monkeypatch):
    monkeypatch.setattr(downloads, "unreachable", {})
    cache._writable.cache_clear()
    yield
    cache._writable.cache_clear()


def address(server, path):
    return f"http://127.0.0.1:{server.server_port}/{path}"


def test_a_file_arrives_once_and_is_kept(mirror, tmp_path):
    path = tmp_path / "file"
    assert downloads.fetch([address(mirror, "good")], path, *KNOWN) == "127.0.0.1"
    assert path.read_bytes() == CONTENT
    assert downloads.fetch([address(mirror, "good")], path, *KNOWN) == "cache"
    assert mirror.asked == ["/good"]


@pytest.mark.parametrize("bad", ["html", "cut", "gone"])
def test_the_next_mirror_serves_when_one_delivers_rubbish(mirror, tmp_path, bad):
    path = tmp_path / "file"
    downloads.fetch([address(mirror, bad), address(mirror, "good")], path, *KNOWN)
    assert path.read_bytes() == CONTENT
    assert mirror.asked == [f"/{bad}", "/good"]
    assert os.listdir(tmp_path) == ["file"]


STRANGE = ["words", "float", "digits", "minus", "bracket", "dots", "long", "loop", "endless", "bomb"]


@pytest.mark.parametrize("strange", STRANGE)
def test_whatever_a_mirror_answers_the_next_one_serves_and_no_file_outgrows_its_size(
    mirror, tmp_path, strange, monkeypatch
):
    largest = 0
    replacing = downloads.replacing

    @contextmanager
    def watched(path):
        nonlocal largest
        with replacing(path) as file:
            try:
                yield file
            finally:
                largest = max(largest, file.seek(0, 2))

    monkeypatch.setattr(downloads, "replacing", watched)
    path = tmp_path / "file"
    assert downloads.fetch([address(mirror, strange), address(mirror, "good")], path, *KNOWN) == "127.0.0.1"
    assert path.read_bytes() == CONTENT
    assert largest <= len(CONTENT)
    assert os.listdir(tmp_path) == ["file"]


def test_bytes_that_trickle_in_have_a_deadline_and_the_mirror_is_asked_once(mirror, tmp_path, monkeypatch):
    monkeypatch.setattr(downloads, "STALL_SECONDS", 1)
    for name in ("one", "two"):
        with pytest.raises(downloads.DownloadError, match=r"127\.0\.0\.1"):
            downloads.fetch([address(mirror, "drip")], tmp_path / name, *KNOWN)
    assert mirror.asked == ["/drip"]
    assert "stalls" in downloads.unreachable["127.0.0.1"]
    assert not os.listdir(tmp_path)


def test_a_header_that_trickles_in_counts_as_silence(mirror, tmp_path, monkeypatch):
    monkeypatch.setattr(downloads, "CONNECT_SECONDS", 0.5)
    assert downloads.answering([address(mirror, "headdrip")]) == []
    assert downloads.unreachable == {"127.0.0.1": "127.0.0.1 does not answer (it is silent)"}


def test_a_name_that_is_looked_up_for_ever_is_not_waited_for(mirror, tmp_path, monkeypatch):
    look_up, over = socket.getaddrinfo, threading.Event()

    def slow(host, *others, **more):
        if host == "slow.example":
            over.wait(20)
        return look_up(host, *others, **more)

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    monkeypatch.setattr(downloads, "CONNECT_SECONDS", 0.5)
    downloads.fetch(["http://slow.example/x", address(mirror, "good")], tmp_path / "file", *KNOWN)
    assert not over.is_set()
    assert "slow.example" in downloads.unreachable
    over.set()


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("HTTPS_PROXY", "http://127.0.0.1:9", "ProxyError: Connection refused"),
        ("HTTPS_PROXY", "http://proxy..example:8080", "proxy..example"),
        ("REQUESTS_CA_BUNDLE", "/missing.pem", "missing.pem"),
    ],
)
def test_settings_that_make_the_network_fail_are_named(tmp_path, monkeypatch, name, value, said):
    monkeypatch.setenv(name, value)
    with pytest.raises(downloads.DownloadError) as caught:
        downloads.fetch(["https://127.0.0.1:1/x"], tmp_path / "file", *KNOWN)
    assert "127.0.0.1 does not answer (" in str(caught.value)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("spoil", ["folder", "pipe", "link", "lock", "parent"])
def test_what_stands_in_the_way_in_the_cache_is_a_reason(mirror, tmp_path, spoil):
    path = tmp_path / "sub" / "file"
    if spoil == "parent":
        path.parent.write_text("")
    else:
        path.parent.mkdir()
    if spoil == "folder":
        path.mkdir()
    elif spoil == "pipe":
        os.mkfifo(path)
    elif spoil == "link":
        path.symlink_to(path)
    elif spoil == "lock":
        (tmp_path / "sub" / "file.lock").mkdir()
    with pytest.raises(downloads.DownloadError, match="AIGC_CACHE"), downloads.storing(path), downloads.locked(path):
        downloads.fetch([address(mirror, "good")], path, *KNOWN)


def test_every_mirrors_reason_is_told_when_none_delivers(mirror, tmp_path):
    with pytest.raises(downloads.DownloadError, match=r"SHA-256.*404"):
        downloads.fetch([address(mirror, "html"), address(mirror, "gone")], tmp_path / "file", *KNOWN)
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda data: data[:9] + b"\xff" + data[10:], lambda _: b""])
def test_a_damaged_file_is_noticed_and_replaced(mirror, tmp_path, damage):
    path = tmp_path / "file"
    path.write_bytes(damage(CONTENT))
    assert not downloads.is_intact(path, SHA256)
    downloads.fetch([address(mirror, "good")], path, *KNOWN)
    assert path.read_bytes() == CONTENT


def test_silent_hosts_cost_one_waiting_time_together_and_only_once(tmp_path, monkeypatch):
    asked, all_at_once, answers = [], threading.Barrier(3, timeout=60), downloads._silence

    def noted(url):
        all_at_once.wait()  # breaks unless the other two are asked meanwhile
        asked.append(url)
        return answers(url)

    monkeypatch.setattr(downloads, "_silence", noted)
    monkeypatch.setattr(downloads, "CONNECT_SECONDS", 0.2)
    # sockets that accept connections and never say a word, like a filtering firewall; on three names of this machine
    listeners = [socket.create_server((f"127.0.0.{n}", 0)) for n in (1, 2, 3)]
    urls = [f"http://127.0.0.{n}:{s.getsockname()[1]}/x" for n, s in zip((1, 2, 3), listeners, strict=True)]
    for _ in range(2):
        with pytest.raises(downloads.DownloadError, match=r"0\.0\.1 does not answer.*0\.0\.3 does not answer"):
            downloads.fetch(urls, tmp_path / "file", *KNOWN)
    assert sorted(asked) == sorted(urls)
    for listener in listeners:
        listener.close()


def test_a_killed_download_leaves_nothing_that_is_taken_for_the_file(mirror, tmp_path, monkeypatch):
    path = tmp_path / "file"
    code = "import sys; from pathlib import Path; from aigc_course.kit.downloads import fetch, locked\n" \
           "with locked(Path(sys.argv[2])): fetch([sys.argv[1]], Path(sys.argv[2]), sys.argv[3], 2**20)"  # fmt: skip
    child = subprocess.Popen(
        [sys.executable, "-c", code, address(mirror, "slow"), str(path), SHA256], stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 60
    while not any(part.stat().st_size for part in tmp_path.glob(".file.*.part")) and time.monotonic() < deadline:
        time.sleep(0.02)
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert list(tmp_path.glob(".file.*.part")), "the download was not under way when it was killed"
    assert not path.exists()
    monkeypatch.setattr(downloads, "LOCK_SECONDS", 0)
    with downloads.locked(path):  # the dead process no longer holds it
        downloads.fetch([address(mirror, "good")], path, *KNOWN)
    assert path.read_bytes() == CONTENT
    assert not list(tmp_path.glob(".file.*.part"))


def test_install_leaves_the_old_file_when_the_new_one_is_wrong(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(downloads.DownloadError, match="not the expected file"):
        downloads.install(path, SHA256, lambda file: file.write(b"new"))
    assert path.read_bytes() == b"old"


def test_the_cache_folder_can_be_moved(monkeypatch, tmp_path):
    monkeypatch.setenv("AIGC_CACHE", str(tmp_path / "elsewhere"))
    assert cache.cache_folder() == tmp_path / "elsewhere"


@pytest.mark.parametrize(
    ("value", "offline"),
    [("1", True), ("true", True), ("yes", True), ("on", True), ("0", False), ("", False), ("  ", False)]
    + [(value, False) for value in ("false", "False", "no", "OFF", " off ", "n", "f")],
)
def test_offline_is_a_switch(monkeypatch, value, offline):
    monkeypatch.setenv("AIGC_OFFLINE", value)
    assert downloads.offline() == offline


@pytest.mark.parametrize("wanted", ["~no_such_user/x", "/proc/aigc", "a_file"])
def test_a_substitute_for_the_cache_is_gone_when_the_session_ends(wanted, tmp_path):
    (tmp_path / "a_file").write_text("")
    code = "from aigc_course.kit.cache import cache_folder; f = cache_folder(); (f / 'x').touch(); print(f)"
    environment = os.environ | {"AIGC_CACHE": wanted, "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-c", code]
    said = subprocess.run(command, env=environment, cwd=tmp_path, check=True, capture_output=True, text=True).stdout
    assert f"The cache folder {wanted} cannot be written" in said
    assert said.splitlines()[-1].startswith(str(tmp_path / "aigc_course-"))
    assert os.listdir(tmp_path) == ["a_file"]


def is_running(pid):
    """Whether the process still does something; one that nobody has waited for yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("ended", ["by its time", "by a signal"])
def test_a_program_that_hangs_is_ended_with_its_children(tmp_path, ended):
    hanging = ["bash", "-c", f"sleep 60 & echo $! > {tmp_path}/pid; wait"]
    if ended == "by its time":
        with pytest.raises(downloads.DownloadError, match="bash has not finished in 1 seconds"):
            programs.run(hanging, tmp_path, 1)
    else:
        code = f"from aigc_course.kit.programs import *; run({hanging!r}, Path({str(tmp_path)!r}), 60)"
        with subprocess.Popen([sys.executable, "-c", code]) as process:
            deadline = time.monotonic() + 60
            while not (tmp_path / "pid").exists() and time.monotonic() < deadline:
                time.sleep(0.02)
            time.sleep(0.2)
            process.send_signal(signal.SIGTERM)
    pid = int((tmp_path / "pid").read_text())
    deadline = time.monotonic() + 10
    while is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not is_running(pid)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["bash", "-c", r"printf '\\xff\\xfe bad\nmore' >&2; exit 3"], "bash failed .* bad"),
        (["bash", "-c", "exit 3"], "bash failed$"),
        (["/nowhere/npm"], "cannot be run: No such file"),
        (["/dev/null"], "cannot be run: Permission denied"),
    ],
)
def test_a_program_that_fails_says_why(tmp_path, command, said):
    with pytest.raises(downloads.DownloadError, match=said):
        programs.run(command, tmp_path, 20)
