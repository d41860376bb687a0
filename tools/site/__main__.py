"""Build the web book: one folder of pages a language, which work from a server, a disk and a USB stick alike.

    make site                        or: python -m tools.site [--language zh|en] [CHAPTER ...]
        --install                    first install what is missing: the extra `site` of pyproject.toml
        --output FOLDER              where `site` and `book` go, instead of build

The pages show the notebooks as they are stored; nothing is run. Open build/site/index.html.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tools.authoring.notebooks import EDITIONS, ROOT, find, is_placeholder, path_of, repository, shown, stop
from tools.site import options

SITE = "site"  # the pages
WORK = "book"  # their sources as Sphinx reads them, what it remembers of them


def build(root: Path, edition: str, chosen: list[str], folder: Path) -> Path:
    """Build one edition in `folder`; where its pages are. ValueError for what an author has to correct."""
    from tools.authoring import glossary
    from tools.site import icons, katex, npm, pages, search, terms

    book = pages.Book.of(root, edition, chosen)
    counterpart = pages.other_book(book, chosen)
    work, target = folder / WORK / edition, folder / SITE / edition
    for old in (work, target):
        shutil.rmtree(old, ignore_errors=True)
    texts = pages.write(book, counterpart, work / "source")
    words = glossary.terms(root / "notebooks" / "GLOSSARY.md")
    sought = search.names(words)
    search.write_dictionary(work / "dictionary.txt", sought)
    (work / "scorer.js").write_text(search.scorer(texts, sought), encoding="utf-8")
    settings = {
        "edition": edition,
        "work": str(work),
        "katex": str(npm.fetch(katex.PACKAGE, root / options.BUILD)),
        "chapters": book.chapters,
        "counterparts": sorted(counterpart.pages.values()) if counterpart else [],
        "address": "" if is_placeholder(repository(root)) else repository(root),
    }
    (work / "book.json").write_text(json.dumps(settings), encoding="utf-8")
    command = [sys.executable, "-m", "sphinx", "--quiet", "-W", "--keep-going", "-j", "auto", "-b", "html"]
    folders = ["-c", str(ROOT / "docs"), "-d", str(work / "doctrees"), str(work / "source"), str(target)]
    done = subprocess.run(
        [*command, *folders], cwd=root, env=os.environ | {"AIGC_BOOK": str(work / "book.json")}, check=False
    )
    if done.returncode:
        raise ValueError(f"Sphinx could not build the edition {edition}; what it said is above")
    terms.link_pages(target, book.chapters, words, edition)
    icons.shrink(target)
    for unused in target.rglob("*.map"):  # for the theme's authors
        unused.unlink()
    (target / "notebooks").mkdir(exist_ok=True)
    for stem in book.chapters:
        shutil.copy(path_of(stem, edition, root), target / "notebooks")
    return target


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    """The command line; the exit status."""
    asked = options.parser("site", "Build the web book.").parse_args(arguments)
    folder = (asked.output or root / options.BUILD).resolve()
    try:
        chosen = find(asked.chapters, root)
        options.provide("site", root, install=asked.install)
        for edition in [asked.language] if asked.language else EDITIONS:
            print(f"{shown(build(root, edition, chosen, folder), root)}: built", flush=True)
        shutil.copy(ROOT / "docs" / "landing.html", folder / SITE / "index.html")
    except (ValueError, subprocess.CalledProcessError) as error:
        return stop(error)
    return 0


if __name__ == "__main__":
    sys.exit(main())
