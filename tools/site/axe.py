"""Look with axe-core for what keeps people from reading a built book: python -m tools.site.axe [PAGE ...]

Every page of both editions, light and dark, with everything unfolded. Of the code on a page one block for each set of
colors is looked at, and dark only what depends on colors: the elements are the same in both themes. The exit status is
1 for findings that axe calls serious or critical. axe-core comes from npm, once: build/ keeps it.
"""

import argparse
import sys
import time
from pathlib import Path

from tools.authoring.notebooks import ROOT, stop
from tools.site import npm
from tools.site.browser import chromium, opened, pages_of, served
from tools.site.check import DESK

THEMES = ("light", "dark")
GRAVE = ("serious", "critical")
PACKAGE = npm.Package(
    "axe-core",
    "4.12.1",
    "4341a01268b5ecbea826f3c7a7d1d69280a2cab3484c93e1bf4c9554460c6ca0",
    lambda name: {"package/axe.min.js": "axe.min.js"}.get(name, ""),
)
UNFOLD = "for (const each of document.querySelectorAll('details')) each.open = true"
COLORS = ["color-contrast", "link-in-text-block"]  # the rules whose findings differ between the themes
RUN = """async (rules) => {
  const seen = new Set();
  for (const block of document.querySelectorAll("pre")) {
    const around = block.closest(".cell_input") ? "input" : block.parentElement.className;
    const colors = [...block.querySelectorAll("*")].map((each) =>
      [around, each.tagName, each.className, each.getAttribute("style"), each.parentElement.className].join());
    if (colors.length && colors.every((color) => seen.has(color))) block.dataset.known = "";
    for (const color of colors) seen.add(color);
  }
  const options = { resultTypes: ["violations"], iframes: false, ...(rules && { runOnly: rules }) };
  const { violations } = await axe.run({ exclude: [["pre[data-known]"]] }, options);
  return violations.map(({ id, impact, nodes }) => ({
    id, impact, count: nodes.length, why: nodes[0].failureSummary,
    example: nodes[0].html.replace(/\\s+/g, " ").slice(0, 160),
  }));
}"""


def findings(browser, axe: Path, address: str, theme: str) -> list[dict]:
    """What axe finds on one page in one theme: dictionaries with id, impact, count, example, why."""
    page = opened(browser, viewport=DESK, color_scheme=theme)
    try:
        page.goto(address)
        if page.evaluate("document.documentElement.dataset.theme") not in (theme, None):
            raise ValueError(f"{address} does not follow the reader's theme {theme}")
        page.evaluate(UNFOLD)
        page.add_script_tag(path=axe)
        return page.evaluate(RUN, COLORS if theme == "dark" else None)
    finally:
        page.close()


def main(arguments: list[str] | None = None) -> int:
    """The command line; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.site.axe", description="axe-core on every page.")
    parser.add_argument("pages", nargs="*", metavar="PAGE", help="only those that begin so, for example 05_1")
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "site", help="the book; build/site by default")
    options = parser.parse_args(arguments)
    folder, grave, runs = options.folder.resolve(), 0, 0
    try:
        files = pages_of(folder, options.pages)
        axe = npm.fetch(PACKAGE, ROOT / "build") / "axe.min.js"
        with chromium() as browser, served(folder) as address:
            for file in files:
                for theme in THEMES:
                    name, start = file.relative_to(folder).as_posix(), time.perf_counter()
                    found = findings(browser, axe, f"{address}/{name}", theme)
                    runs += 1
                    grave += sum(each["count"] for each in found if each["impact"] in GRAVE)
                    print(f"{name}, {theme}: {len(found)} kinds, {time.perf_counter() - start:.1f} s", flush=True)
                    for each in found:
                        print(f"    {each['impact']} {each['id']}, {each['count']} times: {each['example']}")
                        if each["impact"] in GRAVE:
                            print("        " + each["why"].replace("\n", " "), flush=True)
    except ValueError as error:
        return stop(error)
    print(f"{runs} pages and themes, {grave} serious or critical findings")
    return 1 if grave else 0


if __name__ == "__main__":
    sys.exit(main())
