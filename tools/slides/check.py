"""Every slide in Chromium at 1280 by 720: does anything reach over its edge, scroll, get lost or ask another host?

A slide is looked at with all its steps shown and everything that opens opened.
"""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.test import CHROMIUMS

# What of the slide that is shown lies outside the screen, or would have to be scrolled; the smallest letters on it.
LOOK = """() => {
  const slide = Reveal.getCurrentSlide(), body = slide.querySelector(".body");
  for (const each of slide.querySelectorAll(".fragment")) each.classList.add("visible");
  for (const each of slide.querySelectorAll("details")) each.open = true;
  const over = [], sizes = [];
  for (const node of body.querySelectorAll("*")) {
    const style = getComputedStyle(node), box = node.getBoundingClientRect();
    if (!box.width || !box.height || node.closest(".katex-mathml, svg")) continue;
    const name = `${node.tagName.toLowerCase()}: ${node.textContent.trim().slice(0, 50)}`;
    if (box.right > 1281 || box.bottom > 721 || box.left < -1 || box.top < -1) over.push(name);
    else if (style.overflowX !== "visible" && node.scrollWidth > node.clientWidth + 1) over.push(`scrolls, ${name}`);
    else if (node.matches("pre") && node.scrollWidth > node.clientWidth + 1) over.push(`cut, ${name}`);
    const own = [...node.childNodes].some((each) => each.nodeType === 3 && each.textContent.trim());
    if (own && !node.closest(".katex")) sizes.push(parseFloat(style.fontSize));
  }
  const pictures = [...body.querySelectorAll("img")].map((each) => each.getBoundingClientRect().height);
  const notes = slide.querySelector("aside.notes")?.textContent ?? "";
  return { over, smallest: Math.min(...sizes, 99), lowest: Math.min(...pictures, 9999), notes,
           empty: !body.textContent.trim() && !pictures.length };
}"""
START = "() => window.Reveal && Reveal.isReady && Reveal.isReady()"
COUNT = "() => Reveal.getSlides().length"
GO = "(n) => { const at = Reveal.getIndices(Reveal.getSlides()[n]); Reveal.slide(at.h, at.v); }"


@dataclass
class Found:
    """What was seen of a chapter."""

    slides: int
    over: list[tuple[int, list[str]]]  # slide, what lies outside
    lost: int  # characters of the chapter that are on no slide
    smallest: float  # letters, px
    elsewhere: list[str]  # requests to other hosts
    errors: list[str]
    without_minutes: int
    empty: int


@contextmanager
def browser() -> Iterator[Any]:
    """A Chromium; ValueError where none is installed."""
    from playwright.sync_api import sync_playwright

    chromium = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    if not chromium:
        raise ValueError("no Chromium found. Debian: sudo apt install chromium")
    with sync_playwright() as running:
        opened = running.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield opened
        opened.close()


def look(opened: Any, page_file: Path, *, unfitted: bool = False) -> Found:
    """Turn over all slides of a page."""
    page = opened.new_page(viewport={"width": 1280, "height": 720})
    elsewhere, errors = [], []
    page.on("request", lambda asked: elsewhere.append(asked.url) if not re.match("file:|data:", asked.url) else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(page_file.as_uri() + ("?unfitted" if unfitted else ""))
    page.wait_for_function(START, timeout=120_000)
    count = page.evaluate(COUNT)
    over, smallest, without_minutes, empty = [], 99.0, 0, 0
    for number in range(count):
        page.evaluate(GO, number)
        seen = page.evaluate(LOOK)
        smallest = min(smallest, seen["smallest"])
        without_minutes += not re.search(r"\d minutes|\d分钟", seen["notes"])
        empty += seen["empty"]
        if seen["over"]:
            over.append((number + 1, seen["over"]))
    fitted = page.evaluate("() => window.fitted ?? { before: 0, after: 0 }")
    page.close()
    lost = fitted["before"] - fitted["after"]
    return Found(count, over, lost, smallest, elsewhere, errors, without_minutes, empty)


def report(pages: list[Path], *, unfitted: bool = False) -> int:
    """Print a line a chapter; the exit status: 1 where anything is wrong."""
    print(f"{'slides of':36} number  overflow  smallest letters (px)  what is wrong")
    total = wrong = slides = 0
    with browser() as opened:
        for file in pages:
            found = look(opened, file, unfitted=unfitted)
            said = [f"{len(found.elsewhere)} requests to other hosts: {found.elsewhere[0]}"] if found.elsewhere else []
            said += found.errors[:1]
            if not unfitted:
                said += [f"{found.lost} characters lost"] if found.lost > 0 else []
                said += [f"{found.without_minutes} without minutes"] if found.without_minutes else []
                said += [f"{found.empty} empty"] if found.empty else []
            said += [f"{number}: {names[0]}" for number, names in found.over[: 0 if unfitted else 3]]
            name = f"{file.parent.name}/{file.stem}"
            print(
                f"{name:36} {found.slides:6} {len(found.over):9} {found.smallest:10.1f}  {'; '.join(said)}", flush=True
            )
            total, slides, wrong = total + len(found.over), slides + found.slides, wrong + bool(said)
    print(f"{'all':36} {slides:6} {total:9}")
    return int(bool(total or wrong))
