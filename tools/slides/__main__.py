"""Make slides of reveal.js from the stored notebooks; nothing is run, and the pages ask no other host for anything.

    make slides [CHAPTER=05_1]       or: python -m tools.slides [--language zh|en] [CHAPTER ...]
        --install                    first install what is missing: the extra `site` of pyproject.toml
        --output FOLDER              where `slides` goes, instead of build
        --check                      then open them in Chromium: how many slides overflow, chapter by chapter
        --unfitted                   with --check: the slides as they are tagged, before anything is fitted

Open build/slides/index.html, from a server, a disk or a USB stick; lesson plans (lessons.py) are beside the slides.
Key S opens the speaker's view with notes and minutes, F fills the screen, O shows all slides; ?print-pdf after the
address, before the #, prints them.
"""

import html
import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from pygments.formatters import HtmlFormatter

from aigc_course.storage import files
from tools.authoring import minutes
from tools.authoring.notebooks import EDITIONS, ROOT, find, path_of, read, shown, stop
from tools.site import katex, npm, options
from tools.slides import lessons, reveal

SLIDES = "slides"
NAMES = {"zh": "中文", "en": "English"}
INDEX = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>AIGC: slides · 幻灯片</title>
<style>body{{font:18px/1.6 system-ui,sans-serif;max-width:46em;margin:2em auto;padding:0 1em}}
td{{padding:.1em 1em .1em 0}}</style></head>
<body><h1>Slides · 幻灯片</h1>
<p>S: notes and minutes · 备注与时间　F: full screen · 全屏　O: overview · 总览</p>
{tables}</body></html>
"""


def build(root: Path, editions: Sequence[str], chosen: list[str], folder: Path) -> Path:
    """Make the slides of the chapters `chosen` in `folder`/slides; where they are. ValueError for what is wrong."""
    from tools.slides.export import as_page, title_of

    target = folder / SLIDES
    painter = npm.fetch(katex.PACKAGE, root / options.BUILD)
    static = target / "static"
    for home in (npm.fetch(reveal.PACKAGE, root / options.BUILD), painter / "static", Path(__file__).parent / "static"):
        shutil.copytree(home, static, dirs_exist_ok=True)
    files.write(static / "code.css", HtmlFormatter(style="xcode").get_style_defs("pre.code").encode())
    for edition in editions:
        (target / edition).mkdir(parents=True, exist_ok=True)
        for stem in chosen:
            path = path_of(stem, edition, root)
            if path.is_file():
                page = as_page(path, edition, painter / "katex.min.js")
                files.write(target / edition / f"{stem}.html", page.encode())
    for edition in editions:
        titles = {page.stem: title_of(read(path_of(page.stem, edition, root))) for page in made(target, edition)}
        files.write(target / edition / "lessons.html", lessons.page(root, edition, titles).encode())
    files.write(target / "index.html", index(root, target).encode())
    return target


def made(target: Path, edition: str) -> list[Path]:
    """The slides that are in `target`, in the order of the course."""
    return sorted((target / edition).glob("[0-9]*.html"))


def index(root: Path, target: Path) -> str:
    """The page that lists all slides that are in `target`, with the minutes of a first reading."""
    from tools.slides.export import title_of

    tables = []
    for edition in EDITIONS:
        rows = []
        for page in made(target, edition):
            path = path_of(page.stem, edition, root)
            first, _ = minutes.minutes_of(json.loads(path.read_text(encoding="utf-8")), edition)
            link = f'<a href="{edition}/{page.name}">{html.escape(title_of(read(path)))}</a>'
            rows.append(f"<tr><td>{link}</td><td>{first:.0f} min</td></tr>")
        if rows:
            plans = f'<a href="{edition}/lessons.html">{lessons.WORDS[edition]["title"]}</a>'
            tables.append(f"<h2>{NAMES[edition]}</h2><p>{plans}</p><table>{''.join(rows)}</table>")
    return INDEX.format(tables="\n".join(tables))


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    """The command line; the exit status: 1 also where a slide overflows."""
    parser = options.parser("slides", "Make slides of the chapters.")
    parser.add_argument("--check", action="store_true", help="count the slides that overflow, in Chromium")
    parser.add_argument("--unfitted", action="store_true", help="with --check: the slides as they are tagged")
    asked = parser.parse_args(arguments)
    editions = [asked.language] if asked.language else list(EDITIONS)
    try:
        chosen = find(asked.chapters, root)
        options.provide("slides", root, install=asked.install, only="nodejs")
        target = build(root, editions, chosen, (asked.output or root / options.BUILD).resolve())
        print(f"{shown(target / 'index.html', root)}: {len(chosen)} chapters, {' and '.join(editions)}", flush=True)
        if asked.check:
            from tools.slides import check

            return check.report([target / e / f"{s}.html" for e in editions for s in chosen], unfitted=asked.unfitted)
    except (ValueError, subprocess.CalledProcessError) as error:
        return stop(error)
    return 0


if __name__ == "__main__":
    sys.exit(main())
