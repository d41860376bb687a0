"""The two tables of data: each names the same files, with the same checksums, and every file is on them."""

import re

import pytest

from aigc_course.kit.commands.doctor.course import LISTED
from tools.authoring.notebooks import ROOT

PAGES = ("README.md", "README.zh.md")
QUOTED = re.compile(r"`([^`]+)`")


def first_cells(text: str) -> list[list[str]]:
    """The names in the first cell of each row, in order."""
    return [QUOTED.findall(line.split("|")[1]) for line in text.splitlines() if line.startswith("| `")]


@pytest.fixture(scope="module")
def texts() -> list[str]:
    return [(ROOT / "data" / page).read_text(encoding="utf-8") for page in PAGES]


def test_both_languages_have_the_same_files_with_the_same_checksums(texts):
    english, chinese = texts
    assert first_cells(english) == first_cells(chinese)
    assert len(first_cells(english)) > 40
    assert LISTED.findall(english) == LISTED.findall(chinese) != []
    assert english.count("\n## ") == chinese.count("\n## ") == 2


@pytest.mark.parametrize("page", [0, 1])
def test_every_file_is_on_the_table(texts, page):
    named = {name.rstrip("/") for names in first_cells(texts[page]) for name in names}
    there = {path.name for path in (ROOT / "data").iterdir()} - {"jobs", "models", "cache", *PAGES}
    there |= {
        f"{folder}/{path.name}" for folder in ("jobs", "models") for path in (ROOT / "data" / folder).glob("[!.]*")
    }
    assert there - named == set()
    assert named - there - {"cache"} == set()
