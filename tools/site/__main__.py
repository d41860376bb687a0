"""Build the web book: one folder of pages a language, which work from a server, a disk and a USB stick alike.

    make site                        or: python -m tools.site [--language zh|en] [CHAPTER ...]
        --install                    first install what is missing: the extra `site` of pyproject.toml
        --output FOLDER              where `site` and `book` go, instead of build

The pages show the notebooks as they are stored; nothing is run. Open build/site/index.html.
"""

import argparse
import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from tools.authoring.notebooks import EDITIONS, ROOT, find, is_placeholder, path_of, repository, shown, stop

BUILD = Path("build")
SITE = "site"  # the pages
WORK = "book"  # their sources as Sphinx reads them, what it remembers of them


def requirements(root: Path) -> list[str]:
    """What pyproject.toml asks for in the extra `site`."""
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"][
        "site"
    ]


def missing(root: Path) -> list[str]:
    """The packages of the extra that are not installed in the range asked for."""
    from packaging.requirements import Requirement

    def is_there(need: Requirement) -> bool:
        try:
            return need.specifier.contains(importlib.metadata.version(need.name), prereleases=True)
        except importlib.metadata.PackageNotFoundError:
            return False

    return [line for line in requirements(root) if not is_there(Requirement(line))]


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
        "katex": str(npm.fetch(katex.PACKAGE, root / BUILD)),
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
    parser = argparse.ArgumentParser(prog="python -m tools.site", description="Build the web book.")
    parser.add_argument("chapters", nargs="*", metavar="CHAPTER", help="only these, for example 05_1; all by default")
    parser.add_argument("--language", choices=EDITIONS, help="only this edition")
    parser.add_argument("--install", action="store_true", help="first install what is missing")
    parser.add_argument("--output", type=Path, metavar="FOLDER", help="where the book goes; build by default")
    options = parser.parse_args(arguments)
    folder = (options.output or root / BUILD).resolve()
    try:
        chosen = find(options.chapters, root)
        lacking = missing(root)
        if lacking and options.install:
            subprocess.run([sys.executable, "-m", "pip", "install", *lacking], check=True)
        elif lacking:
            raise ValueError(f"not installed: {', '.join(lacking)}; run make site, or python -m tools.site --install")
        for edition in [options.language] if options.language else EDITIONS:
            print(f"{shown(build(root, edition, chosen, folder), root)}: built", flush=True)
        shutil.copy(ROOT / "docs" / "landing.html", folder / SITE / "index.html")
    except (ValueError, subprocess.CalledProcessError) as error:
        return stop(error)
    return 0


if __name__ == "__main__":
    sys.exit(main())
