"""`make learn`: starts quickly, asks nothing, lets nobody else in, and a chapter works in a real browser."""

import json
import re
import shutil
import socket
import sys
import urllib.error
import urllib.request
from contextlib import nullcontext, suppress
from pathlib import Path
from urllib.parse import urlsplit

import lab_page
import psutil
import pytest
from running_lab import make_learn

from aigc_course.kit.commands import lab

CHAPTER = "05_1_mnist_classifier"
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM_OPTIONS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
]


def status(address: str) -> int:
    """The HTTP status that an address answers with."""
    try:
        with urllib.request.urlopen(address, timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def usual_port_taken():
    """Keep port 8888 busy, unless somebody does so already."""
    with socket.socket() as knock:
        busy = knock.connect_ex(("127.0.0.1", 8888)) == 0
    return nullcontext() if busy else socket.create_server(("127.0.0.1", 8888))


def libraries_of(process):
    """Names of the compiled libraries that a process and its children have loaded."""
    found = set()
    for one in [process, *process.children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):  # it ended meanwhile
            found |= {Path(part.path).name for part in one.memory_maps()}
    return found


def connections_of(process):
    """The network connections of a process and of its children; one that ends meanwhile has none."""
    found = []
    for one in [process, *process.children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):
            found += one.net_connections()
    return found


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """A second start: the environment is there already, and the usual port is somebody else's."""
    with usual_port_taken(), make_learn(tmp_path_factory.mktemp("lab"), "LANGUAGE=zh") as lab:
        yield lab


@pytest.mark.timeout(240)
def test_a_second_start_is_quick_installs_nothing_and_answers_at_once(running):
    assert status(running.address) == 200  # at once: an address that is printed answers
    assert "Collecting" not in running.output
    loaded = " ".join(libraries_of(running.process))
    assert "_zmq" in loaded  # JupyterLab's own is seen
    assert not re.search(
        "torch|tensorflow|tokenizers|ft2font", loaded
    )  # of matplotlib the last; they take long to load


@pytest.mark.timeout(240)
def test_it_asks_nothing_and_lets_nobody_else_in(running):
    assert "JupyterLab已启动" in running.output
    page = urlsplit(running.address)
    assert page.port != 8888
    assert page.path == "/lab/tree/zh/00_start_here.ipynb"
    assert status(f"{running.server}/api/contents") == 403
    assert status(f"{running.server}/api/contents?token=guess") == 403
    assert status(f"{running.server}/api/contents?{page.query}") == 200
    listening = [c.laddr for c in connections_of(running.process) if c.status == psutil.CONN_LISTEN]
    assert page.port in [address.port for address in listening]
    assert {address.ip for address in listening} == {"127.0.0.1"}
    setting = f"{running.server}/lab/api/settings/@jupyterlab/translation-extension:plugin?{page.query}"
    with urllib.request.urlopen(setting) as answer:
        assert json.load(answer)["schema"]["properties"]["locale"]["default"] == "zh_CN"


@pytest.fixture(scope="module")
def chromium() -> str:
    found = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    if found is None:
        pytest.skip("browser test not run: no Chromium")
    return found


@pytest.mark.browser
@pytest.mark.timeout(900)
def test_the_chapter_works_in_a_browser(chromium, tmp_path, monkeypatch):
    from playwright.sync_api import sync_playwright

    monkeypatch.setenv("AIGC_OFFLINE", "1")
    monkeypatch.setenv("AIGC_CACHE", str(tmp_path / "cache"))  # empty: the bundled images, which are soon learned
    with make_learn(tmp_path, "LANGUAGE=en") as running, sync_playwright() as playwright:
        file = running.notebooks / "en" / f"{CHAPTER}.ipynb"
        lab_page.forget_outputs(file)
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_OPTIONS)
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.set_default_timeout(120_000)  # a machine that does other things as well
        asked = set()
        page.on("request", lambda request: asked.add(urlsplit(request.url)[:2]))
        page.on("websocket", lambda socket: asked.add(urlsplit(socket.url)[:2]))
        page.goto(running.address.replace("00_start_here", CHAPTER))
        lab_page.run_all_cells(page, file)
        lab_page.figures_appear(page, file)
        lab_page.quiz_answers_a_click(page, file)
        lab_page.drawing_reaches_the_kernel(page, file)
        lab_page.slider_moves(page, file)
        browser.close()
    hosts = {host for scheme, host in asked if scheme not in ("data", "blob")}
    assert hosts == {urlsplit(running.address).netloc}, "the page asked another host"


@pytest.mark.parametrize(
    ("environment", "platform", "expected"),
    [
        ({}, "linux", False),
        ({"DISPLAY": ":0"}, "linux", True),
        ({"WAYLAND_DISPLAY": "wayland-0"}, "linux", True),
        ({"DISPLAY": "localhost:10.0", "SSH_CONNECTION": "10.0.0.1 5 10.0.0.2 22"}, "linux", False),
        ({}, "darwin", True),
        ({"SSH_TTY": "/dev/pts/0"}, "darwin", False),
    ],
)
def test_a_browser_opens_only_where_somebody_sees_it(environment, platform, expected, monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SSH_CONNECTION", "SSH_TTY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", platform)
    assert lab.can_open_browser() is expected


def test_without_notebooks_or_jupyterlab_it_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("AIGC_NOTEBOOKS", str(tmp_path / "nowhere"))
    with pytest.raises(lab.CannotStart, match=r"nowhere.*clone it and run `make learn`"):
        lab.notebooks_folder()
    monkeypatch.setitem(sys.modules, "jupyterlab.labapp", None)
    with pytest.raises(lab.CannotStart, match=r'pip install "aigc_course\[lab\]"'):
        lab.run()


def test_a_taken_port_is_passed_over_and_none_lies_beyond_the_last(monkeypatch):
    def taken_too(address):
        raise OSError(98, "Address already in use")

    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert lab.free_port(taken.getsockname()[1]) != taken.getsockname()[1]
    monkeypatch.setattr(lab.socket, "create_server", taken_too)
    with pytest.raises(lab.CannotStart, match="none of the ports 65530 to 65535 is free"):
        lab.free_port(65530)


def test_a_home_that_is_read_only_is_named(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "file" / "runtime"))
    with pytest.raises(lab.CannotStart, match=r"cannot write to .*runtime .*set JUPYTER_RUNTIME_DIR"):
        lab.run()


def test_over_ssh_the_way_through_is_printed(capsys, monkeypatch):
    monkeypatch.setenv("SSH_CONNECTION", "10.0.0.1 5 10.0.0.2 22")
    lab.announce("http://127.0.0.1:8889/lab?token=0", False, 8889)
    assert "ssh -L 8889:127.0.0.1:8889" in capsys.readouterr().out
