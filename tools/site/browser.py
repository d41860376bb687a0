"""A built book in a browser that a program drives, from a server or from the disk, and what goes wrong meanwhile."""

import functools
import http.server
import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tools.test import CHROMIUMS

PATIENCE = 180_000  # ms


@contextmanager
def chromium() -> Iterator:
    """A running Chromium; ValueError where there is none."""
    from playwright.sync_api import sync_playwright

    program = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    if not program:
        raise ValueError("no Chromium found. Debian: sudo apt install chromium")
    with sync_playwright() as running:
        opened = running.chromium.launch(executable_path=program, args=["--no-sandbox"])
        try:
            yield opened
        finally:
            opened.close()


def opened(browser, **settings):
    """A new page with these settings, which waits longer than Playwright's 30 s: the machine may have other work."""
    page = browser.new_page(**settings)
    page.set_default_timeout(PATIENCE)
    return page


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address at which the folder is served while the block runs."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def watched(page) -> dict[str, list[str]]:
    """What goes wrong on the page from now on: requests to other hosts, missing files, errors."""
    seen = {"elsewhere": [], "missing": [], "errors": []}

    def asks(request):
        if not re.match(r"(?:file|data|blob|about):|http://127\.0\.0\.1:", request.url):
            seen["elsewhere"].append(request.url)

    def answers(response):
        if response.status >= 400 and not response.url.endswith("/favicon.ico"):  # what every browser asks for
            seen["missing"].append(response.url)

    page.on("request", asks)
    page.on("response", answers)
    page.on("requestfailed", lambda request: seen["missing"].append(request.url))
    page.on("pageerror", lambda error: seen["errors"].append(str(error)))
    return seen


def pages_of(folder: Path, chosen: list[str] | None = None) -> list[Path]:
    """The pages of a built book below `folder`, of both editions; only those whose names begin as chosen."""
    found = sorted(folder.glob("*/*.html"))
    if chosen:
        found = [page for page in found if page.name.startswith(tuple(chosen))]
    if not found:
        raise ValueError(
            f"{folder} holds no pages{f' that begin so: {chosen}' if chosen else ''}; make site builds them"
        )
    return found
