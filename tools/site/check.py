"""Measure a built book in Chromium: python -m tools.site.check [PAGE ...] (all of build/site by default).

Every page, both editions: links that lead nowhere, requests to other hosts from a server and from the disk, errors of
scripts, what a phone 390 px wide cuts off, weight without sound and film, time to the first paint. The bars: nothing
of the former, at most 2 MB and 1.5 s. The exit status is 1 if one is missed.
"""

import argparse
import re
import sys
from pathlib import Path
from statistics import median

from tools.authoring.notebooks import ROOT, stop
from tools.site.browser import chromium, opened, pages_of, served, watched

PHONE = {"width": 390, "height": 800}
DESK = {"width": 1280, "height": 900}
MAX_WEIGHT = 2_000_000  # bytes
MAX_PAINT = 1500  # ms
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
PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? -1"
SCROLL = "window.scrollTo(0, document.body.scrollHeight)"
MEDIA = re.compile(r'data:(?:audio|video)/[^"]*')


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


def doubled_ids(page: Path) -> list[str]:
    """Ids that a page has twice: a link to one leads to the first."""
    text = re.sub(r"data:[^\"]*", "", page.read_text(encoding="utf-8"))
    ids = re.findall(r'<[^<>]*\sid="([^"]+)"', text)
    return sorted({name for name in ids if ids.count(name) > 1})


def weight(browser, address: str) -> int:
    """The bytes that a reader's browser loads for a page that it sees first, without sound and film."""
    page = opened(browser, viewport=DESK)
    loaded = []

    def keep(response):  # a built-in method such as loaded.append is no handler for Playwright
        loaded.append(response)

    page.on("response", keep)
    page.goto(address)
    page.evaluate(SCROLL)
    total = sum(
        len(MEDIA.sub("", response.text()).encode()) if is_page(response) else len(response.body())
        for response in loaded
        if response.ok
    )
    page.close()
    return total


def is_page(response) -> bool:
    """Whether a response is a page, with its pictures and sounds inside."""
    return "text/html" in response.headers.get("content-type", "")


def paint(browser, address: str, runs: int = 3) -> float:
    """Milliseconds until a browser without a cache shows something, the median of the runs."""
    times = []
    for _ in range(runs):
        page = opened(browser, viewport=DESK)
        page.goto(address)
        page.wait_for_function(f"({PAINT}) >= 0")
        times.append(page.evaluate(PAINT))
        page.close()
    return median(times)


def measured(browser, folder: Path, file: Path, address: str) -> tuple[str, list[str]]:
    """A line with what was measured on one page, and what misses a bar."""
    wrong, name = [], file.relative_to(folder).as_posix()
    for base in (address, folder.as_uri()):
        page = opened(browser, viewport=DESK)
        seen = watched(page)
        page.goto(f"{base}/{name}")
        page.evaluate(SCROLL)
        wrong += [f"{base.partition(':')[0]}, {kind}: {what}" for kind, all_of in seen.items() for what in all_of]
        page.close()
    page = opened(browser, viewport=PHONE)
    page.goto(f"{address}/{name}")
    wrong += [f"too wide for a phone: {what}" for what in page.evaluate(TOO_WIDE)]
    if (width := page.evaluate("document.documentElement.scrollWidth")) > PHONE["width"]:
        wrong.append(f"the page is {width} px wide on a phone of {PHONE['width']}")
    page.close()
    wrong += [f"two elements have the id {twice}" for twice in doubled_ids(file)]
    heavy, slow = weight(browser, f"{address}/{name}"), paint(browser, f"{address}/{name}")
    wrong += [f"weighs {heavy:,} bytes, at most {MAX_WEIGHT:,}"] if heavy > MAX_WEIGHT else []
    wrong += [f"first paint after {slow:.0f} ms, at most {MAX_PAINT}"] if slow > MAX_PAINT else []
    return f"{name}: {heavy / 1000:.0f} kB, first paint {slow:.0f} ms", wrong


def main(arguments: list[str] | None = None) -> int:
    """The command line; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.site.check", description="Measure a built book.")
    parser.add_argument("pages", nargs="*", metavar="PAGE", help="only those that begin so, for example 05_1")
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "site", help="the book; build/site by default")
    options = parser.parse_args(arguments)
    folder = options.folder.resolve()
    try:
        files = pages_of(folder, options.pages)
        missed = [f"leads nowhere: {link}" for link in dead_links(folder)]
        with chromium() as browser, served(folder) as address:
            for file in files:
                line, wrong = measured(browser, folder, file, address)
                missed += [f"{file.relative_to(folder).as_posix()}: {each}" for each in wrong]
                print(line, *wrong, sep="\n    ", flush=True)
    except ValueError as error:
        return stop(error)
    print(f"{len(files)} pages, {len(missed)} findings", *missed, sep="\n    ")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
