"""Downloads against a local server that misbehaves in every way a network can."""

import hashlib
import http.server
import os
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from aigc_course.kit import downloads

CONTENT = bytes(range(256)) * 4096  # 1 MiB
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Mirror(http.server.BaseHTTPRequestHandler):
    """/good: the file; /html: a login page; /cut: less than promised; /gone: 404."""

    def do_HEAD(self):
        self.send_response(200)
        self.end_headers()

    def do_GET(self):
        self.server.asked.append(self.path)
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
    downloads._writable.cache_clear()
    yield
    downloads._writable.cache_clear()


def address(server, path):
    return f"http://127.0.0.1:{server.server_port}/{path}"


def test_a_file_arrives_once_and_is_kept(mirror, tmp_path):
    path = tmp_path / "file"
    assert downloads.fetch([address(mirror, "good")], path, SHA256) == "127.0.0.1"
    assert path.read_bytes() == CONTENT
    assert downloads.fetch([address(mirror, "good")], path, SHA256) == "cache"
    assert mirror.asked == ["/good"]


@pytest.mark.parametrize("bad", ["html", "cut", "gone"])
def test_the_next_mirror_serves_when_one_delivers_rubbish(mirror, tmp_path, bad):
    path = tmp_path / "file"
    downloads.fetch([address(mirror, bad), address(mirror, "good")], path, SHA256)
    assert path.read_bytes() == CONTENT
    assert mirror.asked == [f"/{bad}", "/good"]
    assert os.listdir(tmp_path) == ["file"]


def test_every_mirrors_reason_is_told_when_none_delivers(mirror, tmp_path):
    with pytest.raises(downloads.DownloadError, match=r"SHA-256.*404"):
        downloads.fetch([address(mirror, "html"), address(mirror, "gone")], tmp_path / "file", SHA256)
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda data: data[:9] + b"\xff" + data[10:], lambda _: b""])
def test_a_damaged_file_is_noticed_and_replaced(mirror, tmp_path, damage):
    path = tmp_path / "file"
    path.write_bytes(damage(CONTENT))
    assert not downloads.is_intact(path, SHA256)
    downloads.fetch([address(mirror, "good")], path, SHA256)
    assert path.read_bytes() == CONTENT


def test_silent_hosts_cost_one_waiting_time_together_and_only_once(tmp_path, monkeypatch):
    asked, all_at_once, answers = [], threading.Barrier(3, timeout=60), downloads._answers

    def noted(url):
        all_at_once.wait()  # breaks unless the other two are asked meanwhile
        asked.append(url)
        return answers(url)

    monkeypatch.setattr(downloads, "_answers", noted)
    monkeypatch.setattr(downloads, "CONNECT_SECONDS", 0.2)
    # sockets that accept connections and never say a word, like a filtering firewall; on three names of this machine
    listeners = [socket.create_server((f"127.0.0.{n}", 0)) for n in (1, 2, 3)]
    urls = [f"http://127.0.0.{n}:{s.getsockname()[1]}/x" for n, s in zip((1, 2, 3), listeners, strict=True)]
    for _ in range(2):
        with pytest.raises(downloads.DownloadError, match=r"0\.0\.1 does not answer.*0\.0\.3 does not answer"):
            downloads.fetch(urls, tmp_path / "file", SHA256)
    assert sorted(asked) == sorted(urls)
    for listener in listeners:
        listener.close()


def test_a_killed_download_leaves_nothing_that_is_taken_for_the_file(mirror, tmp_path, monkeypatch):
    path = tmp_path / "file"
    code = "import sys; from pathlib import Path; from aigc_course.kit.downloads import fetch, locked\n" \
           "with locked(Path(sys.argv[2])): fetch([sys.argv[1]], Path(sys.argv[2]), sys.argv[3])"  # fmt: skip
    child = subprocess.Popen(
        [sys.executable, "-c", code, address(mirror, "slow"), str(path), SHA256], stderr=subprocess.DEVNULL
    )
    part = tmp_path / ".file.part"
    deadline = time.monotonic() + 20
    while not (part.exists() and part.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.02)
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert part.exists(), "the download was not under way when it was killed"
    assert not path.exists()
    monkeypatch.setattr(downloads, "LOCK_SECONDS", 0)
    with downloads.locked(path):  # the dead process no longer holds it
        downloads.fetch([address(mirror, "good")], path, SHA256)
    assert path.read_bytes() == CONTENT
    assert not part.exists()


def test_install_leaves_the_old_file_when_the_new_one_is_wrong(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(downloads.DownloadError, match="not the expected file"):
        downloads.install(path, SHA256, lambda part: part.write_bytes(b"new"))
    assert path.read_bytes() == b"old"


def test_the_cache_folder_can_be_moved(monkeypatch, tmp_path):
    monkeypatch.setenv("AIGC_CACHE", str(tmp_path / "elsewhere"))
    assert downloads.cache_folder() == tmp_path / "elsewhere"


def test_offline_is_a_switch(monkeypatch):
    monkeypatch.setenv("AIGC_OFFLINE", "1")
    assert downloads.offline()
    monkeypatch.setenv("AIGC_OFFLINE", "0")
    assert not downloads.offline()
