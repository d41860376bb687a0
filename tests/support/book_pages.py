"""What a reader does with the pages of the web book, done by a browser that a program drives."""

import functools
import http.server
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PLACES = """() => [...document.querySelectorAll("article section[id], article div.cell[id]")].map(place => place.id)"""
TOO_WIDE = """() => {
  const width = document.documentElement.clientWidth;
  const scrolls = (element) => {
    for (let a = element.parentElement; a && a !== document.body; a = a.parentElement)
      if (getComputedStyle(a).overflowX !== "visible") return true;
    return false;
  };
  return [...document.querySelectorAll("article *, .bd-header-article *")].filter((element) => {
    const box = element.getBoundingClientRect();
    return box.width && box.right > width + 1 && !scrolls(element);
  }).map((element) => element.outerHTML.slice(0, 80));
}"""


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


def dead_links(folder: Path) -> list[str]:
    """Links and sources of the pages in `folder` that lead to no file or to no id."""
    found, ids = [], {}

    def ids_of(file: Path) -> set[str]:
        if file not in ids:
            ids[file] = set(re.findall(r'\bid="([^"]+)"', file.read_text(encoding="utf-8")))
        return ids[file]

    for page in sorted(folder.glob("*/*.html")):
        text = re.sub(r"data:[^\"]*", "", page.read_text(encoding="utf-8"))
        for target in set(re.findall(r'<[^<>]*\b(?:href|src)="([^"]+)"', text)):
            if re.match(r"[a-z]+:|//", target):
                continue
            name, _, anchor = target.partition("#")
            file = (page.parent / name.partition("?")[0]).resolve() if name else page
            is_page = anchor and file.suffix == ".html" and file.is_file()
            if not file.is_file() or (is_page and anchor not in ids_of(file)):
                found.append(f"{page.relative_to(folder)}: {target}")
    return found


def first_hit(page, address: str, query: str) -> str:
    """The page that the search names first, without its anchor."""
    page.goto(f"{address}/search.html?q={query}")
    page.wait_for_selector("#search-results ul.search li a")
    return page.locator("#search-results ul.search li a").first.get_attribute("href").partition("#")[0]
