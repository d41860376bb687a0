"""`make learn`: starts quickly, asks nothing, lets nobody else in, and a chapter works in a real browser."""

import json
import shutil
import socket
import sys
import time
import urllib.error
import urllib.request
from contextlib import nullcontext
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
from running_lab import START_SECONDS, make_learn

from aigc_course import lab

CHAPTER = "05_1_mnist_classifier"
RUN_SECONDS = 240
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


@pytest.mark.timeout(120)
def test_a_second_start_is_quick_asks_nothing_and_lets_nobody_else_in(tmp_path):
    with usual_port_taken(), make_learn(tmp_path, "LANGUAGE=zh") as running:
        assert running.seconds < START_SECONDS
        assert "JupyterLab 已启动" in running.output
        assert "pip" not in running.output
        assert "Collecting" not in running.output
        page = urlsplit(running.address)
        assert page.port != 8888
        assert page.path == "/lab/tree/zh/00_start_here.ipynb"
        assert status(running.address) == 200
        assert status(f"{running.server}/api/contents") == 403
        assert status(f"{running.server}/api/contents?token=guess") == 403
        assert status(f"{running.server}/api/contents?{page.query}") == 200
        family = [running.process, *running.process.children(recursive=True)]
        listening = [c.laddr for p in family for c in p.net_connections() if c.status == psutil.CONN_LISTEN]
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
@pytest.mark.timeout(2 * RUN_SECONDS)
def test_the_chapter_works_in_a_browser(chromium, tmp_path):
    from playwright.sync_api import sync_playwright

    with make_learn(tmp_path, "LANGUAGE=en") as running, sync_playwright() as playwright:
        file = running.notebooks / "en" / f"{CHAPTER}.ipynb"
        forget_outputs(file)
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_OPTIONS)
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        asked = set()
        page.on("request", lambda request: asked.add(urlsplit(request.url)[:2]))
        page.on("websocket", lambda socket: asked.add(urlsplit(socket.url)[:2]))
        page.goto(running.address.replace("00_start_here", CHAPTER))
        run_all_cells(page, file)
        figures_appear(page, file)
        quiz_answers_a_click(page, file)
        widget_moves(page)
        browser.close()
    hosts = {host for scheme, host in asked if scheme not in ("data", "blob")}
    assert hosts == {urlsplit(running.address).netloc}, "the page asked another host"


def forget_outputs(file: Path) -> None:
    """Empty the copy's outputs, so that everything seen below was computed just now."""
    notebook = json.loads(file.read_text("utf-8"))
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell |= {"outputs": [], "execution_count": None}
    file.write_text(json.dumps(notebook), encoding="utf-8")


def code_cells(file: Path) -> list[dict]:
    return [cell for cell in json.loads(file.read_text("utf-8"))["cells"] if cell["cell_type"] == "code"]


def run_all_cells(page, file: Path) -> None:
    """Choose Run > Run All Cells, and wait until the saved copy holds every cell's outputs, none of them an error."""
    page.wait_for_selector(".jp-Notebook .jp-Cell")
    page.wait_for_selector(".jp-Notebook-ExecutionIndicator[data-status=idle]")
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    deadline = time.monotonic() + RUN_SECONDS
    while True:
        page.wait_for_timeout(1000)
        assert time.monotonic() < deadline, f"not every cell had run after {RUN_SECONDS} s"
        page.keyboard.press("Control+s")
        try:
            cells = code_cells(file)
        except json.JSONDecodeError:  # read while it was being written
            continue
        errors = [output for cell in cells for output in cell["outputs"] if output["output_type"] == "error"]
        assert not errors, "\n".join(errors[0]["traceback"])
        if all(cell["execution_count"] for cell in cells):
            return


def figures_appear(page, file: Path) -> None:
    """Every figure that the cells drew is on the page, and is a picture that the browser can show."""
    drawn = sum("image/png" in output.get("data", {}) for cell in code_cells(file) for output in cell["outputs"])
    assert drawn > 0
    widths = page.locator(".jp-RenderedImage img").evaluate_all("all => all.map(one => one.naturalWidth)")
    assert len(widths) >= drawn
    assert min(widths) > 0


def quiz_answers_a_click(page, file: Path) -> None:
    """A click on an option of the quiz brings what is right or wrong about it."""
    cells = json.loads(file.read_text("utf-8"))["cells"]
    (position,) = [i for i, cell in enumerate(cells) if "quiz" in cell["metadata"].get("tags", [])]
    option = page.locator(".jp-Notebook .jp-Cell").nth(position).locator(".jp-OutputArea details").first
    remark = option.locator("p")
    assert not remark.is_visible()
    option.locator("summary").click()
    remark.wait_for(state="visible")
    assert len(remark.inner_text()) > len("Not so.")


def widget_moves(page) -> None:
    """A digit drawn with the mouse reaches the kernel: the next cell, run again, shows something else."""
    canvas = page.locator(".jp-OutputArea canvas").first
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    page.mouse.move(box["x"] + 140, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + 140, box["y"] + 240, steps=10)
    page.mouse.up()
    position = canvas.evaluate(
        """canvas => [...document.querySelectorAll('.jp-Notebook .jp-Cell')].indexOf(canvas.closest('.jp-Cell'))"""
    )
    code = page.locator(f".jp-Notebook .jp-Cell:nth-child(n + {position + 2}).jp-CodeCell").first
    look = "cell => [...cell.querySelectorAll('.jp-OutputArea pre, img')].map(one => one.src || one.textContent).join()"
    before = code.evaluate(look)
    code.locator(".jp-InputPrompt").click()
    page.keyboard.press("Shift+Enter")
    deadline = time.monotonic() + 30
    while code.evaluate(look) in (before, ""):
        assert time.monotonic() < deadline, "a digit was drawn, and the next cell shows the same as before"
        page.wait_for_timeout(200)


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
        lab.run("en")


def test_over_ssh_the_way_through_is_printed(capsys, monkeypatch):
    monkeypatch.setenv("SSH_CONNECTION", "10.0.0.1 5 10.0.0.2 22")
    lab.announce("en", "http://127.0.0.1:8889/lab?token=0", False, 8889)
    assert "ssh -L 8889:127.0.0.1:8889" in capsys.readouterr().out
