"""What the pages for readers promise about settings: whatever variable they name, some program reads."""

import re

import pytest

from tools.authoring.notebooks import ROOT

PAGES = ("README.md", "README.zh.md", "TEACHING.md", "TEACHING.zh.md", "CONTRIBUTING.md")
SETTING = re.compile(r"\b(?:AIGC|HF|PIP|UV|CONDA|TF|TORCH)_[A-Z_]+\b")
OTHERS = {"PIP_INDEX_URL"}  # pip's own; nothing in the course changes what it finds


def unread(text: str, programs: str) -> set[str]:
    """The settings that a page names and no program mentions as a string."""
    return {name for name in SETTING.findall(text) if f'"{name}"' not in programs} - OTHERS


@pytest.fixture(scope="module")
def programs() -> str:
    """All that the package's modules say."""
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "aigc_course").rglob("*.py")))


@pytest.mark.parametrize("page", PAGES)
def test_every_setting_that_a_page_names_is_read(page, programs):
    assert unread((ROOT / page).read_text(encoding="utf-8"), programs) == set()


def test_a_setting_that_nobody_reads_is_found(programs):
    assert unread("`HF_ENDPOINT`, `HF_MIRROR_URL` and `PIP_INDEX_URL`", programs) == {"HF_MIRROR_URL"}


def test_a_mirror_is_promised_nowhere_without_saying_what_was_tried():
    text = (ROOT / "README.zh.md").read_text(encoding="utf-8")
    section = text.split("### 国内的网络：换成镜像")[1].split("\n### ")[0]
    assert "没有从国内的网络试过" in section
