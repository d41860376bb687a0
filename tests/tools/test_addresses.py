"""The list of outside addresses is complete; the visitor tells good, moved, refused, missing and silent ones apart."""

import http.server
import socket
import threading
import time

import pytest

from tools import addresses


def test_the_list_holds_every_outside_address():
    found, listed = list(addresses.used()), addresses.listed()
    assert found == listed, (
        f"run python -m tools.addresses; missing: {sorted({*found} - {*listed})[:5]}, "
        f"not used any more: {sorted({*listed} - {*found})[:5]}"
    )
    assert len(found) > 50


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("see [a](https://a.org/x).", ["https://a.org/x"]),
        ("(https://a.org/wiki/GAN_(network)), next", ["https://a.org/wiki/GAN_(network)"]),
        ("见https://a.org/x，以及https://b.org/。", ["https://a.org/x", "https://b.org/"]),
        ("**https://a.org/x**; <https://b.org>", ["https://a.org/x", "https://b.org"]),
        ("https://a.org/x?y=1&z=2#there", ["https://a.org/x?y=1&z=2#there"]),
        ("http://127.0.0.1:8000/ http://localhost/ https://example.org/a", []),
        ('f"https://github.com/{owner}/x" https://github.com/OWNER/aigc_course', ["https://github.com"]),
        ("http:// and https://", []),
    ],
)
def test_addresses_end_where_they_end(text, expected):
    assert [address.rstrip("/") for address in addresses.addresses_in(text)] == [a.rstrip("/") for a in expected]


def test_cells_tables_and_texts_are_read_and_downloads_are_not(tmp_path):
    (tmp_path / "data" / "cache").mkdir(parents=True)
    (tmp_path / "tools").mkdir()
    (tmp_path / "README.md").write_text("[a](https://a.org/1) https://b.org/2")
    (tmp_path / "data" / "facts.csv").write_text('x,url\n1,https://c.org/3\n2,"https://a.org/1, or https://d.org/4"\n')
    (tmp_path / "data" / "cache" / "notes.md").write_text("https://e.org/5")
    found = addresses.used(tmp_path)
    assert list(found) == ["https://a.org/1", "https://b.org/2", "https://c.org/3", "https://d.org/4"]
    assert found["https://a.org/1"] == ["README.md", "data/facts.csv"]
    assert addresses.main([], tmp_path) == 0
    assert addresses.listed(tmp_path) == list(found)


class Host(http.server.BaseHTTPRequestHandler):
    """Answers as its path says."""

    seen: list[str] = []  # noqa: RUF012

    def do_GET(self):
        self.seen.append(self.path)
        if self.path.startswith("/hang"):
            time.sleep(1.5)
            return
        if self.path.startswith("/flaky"):
            status = 200 if self.seen.count(self.path) > 1 else 500
        else:
            status = {"/good": 200, "/moved": 301, "/loop": 302, "/refused": 403, "/missing": 404}.get(self.path, 200)
        self.send_response(status)
        if status in (301, 302):
            self.send_header("Location", "/good" if status == 301 else "/loop")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_):
        """Says nothing."""


@pytest.fixture
def host(monkeypatch):
    monkeypatch.setattr(addresses, "NOT_OUTSIDE", addresses.re.compile("no such"))
    monkeypatch.setenv("no_proxy", "*")
    Host.seen.clear()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Host)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("path", "kind", "said"),
    [
        ("/good", "good", "200"),
        ("/good#part", "good", "200"),
        ("/页面", "good", "200"),
        ("/moved", "moved", "/good"),
        ("/refused", "refused", "403"),
        ("/missing", "gone", "404"),
        ("/loop", "gone", "302"),
        ("/hang", "gone", "no answer within 0.3 s"),
        ("/flaky", "good", "200"),
    ],
)
def test_what_comes_back_is_told_apart(host, path, kind, said):
    answer = addresses.visit(host + path, timeout_s=0.3, pause_s=0)
    assert (answer.address, answer.kind) == (host + path, kind)
    assert said in answer.said


def test_a_missing_page_is_asked_for_once_and_a_silent_one_twice(host):
    addresses.visit(f"{host}/missing", timeout_s=0.3, pause_s=0)
    addresses.visit(f"{host}/hang", timeout_s=0.2, pause_s=0)
    assert (Host.seen.count("/missing"), Host.seen.count("/hang")) == (1, 2)


def test_nobody_there():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    assert addresses.visit(f"http://127.0.0.1:{port}/", timeout_s=1, tries=1).kind == "gone"


def test_the_report_names_what_is_gone_and_where_it_stands(host, tmp_path, capsys):
    (tmp_path / "README.md").write_text(f"[a]({host}/good) [b]({host}/moved) [c]({host}/missing) [d]({host}/refused)")
    assert addresses.main(["--visit", "--timeout", "2"], tmp_path) == 1
    printed = capsys.readouterr().out
    assert "4 addresses, 1 of them" in printed
    assert f"{host}/missing: 404 Not Found (README.md)" in printed
    assert printed.index("## Gone: 1") < printed.index("## Refused") < printed.index("## Moved: 1")
    (tmp_path / "README.md").write_text(f"{host}/good {host}/moved")
    assert addresses.main(["--visit"], tmp_path) == 0


def test_no_time_at_all_is_refused(capsys):
    assert addresses.main(["--visit", "--timeout", "0"]) != 0
    assert "above 0" in capsys.readouterr().err
