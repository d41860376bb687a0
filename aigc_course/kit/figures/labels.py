"""Words inside figures and printed tables in the reader's language, and the font that draws them.

The code says the English word, the same in both editions; `words/*.toml` holds its Chinese: one file for a chapter, and
kit.toml for what helpers draw and several chapters share. A font is looked for only where Chinese is drawn: the first
of FONTS that is installed and has every character. Without one, figures speak English, and one line says how to get it.
"""

import logging
import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from aigc_course.kit.runtime import language

WORDS = Path(__file__).with_name("words")
FONTS = (  # of families with the forms of mainland China first; matplotlib before 3.11 sees only the first of a .ttc
    "Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "Source Han Sans CN", "Microsoft YaHei", "PingFang SC",
    "Hiragino Sans GB", "WenQuanYi Zen Hei", "WenQuanYi Micro Hei", "SimHei", "Heiti SC", "STHeiti", "Heiti TC",
    "Arial Unicode MS", "Noto Sans CJK JP",
)  # fmt: skip
CHINESE = re.compile(r"[\u3000-\u303f\u3400-\u9fff\uff00-\uffef]")  # characters, and marks of their width
FILES = re.compile(
    r"noto.?sans.?(cjk|sc)|sourcehansans|wqy|msyh|pingfang|hiragino.*gb|simhei|heiti|arial.?unicode", re.IGNORECASE
)
ADVICE = (
    "没有找到中文字体，图中的文字用英文显示。要显示中文：安装Noto Sans CJK SC"
    "（Debian、Ubuntu、Colab：apt install fonts-noto-cjk），再重启内核。"
)


def phrase(english: str) -> str:
    """The reader's word for `english`, to print or to write into an alt text; English itself where none is known."""
    return words().get(english, english) if language() == "zh" else english


def label(english: str) -> str:
    """The reader's word for `english`, to draw: like `phrase`, but English as well where no font has the characters.

    Numbers go into the word afterward: label("{n} images").format(n=28).
    """
    translated = phrase(english)
    if translated == english or chinese_font():
        return translated
    _give_advice()
    return english


@cache
def words() -> dict[str, str]:
    """English -> Chinese, of all files; ValueError when two of them translate the same words."""
    found: dict[str, str] = {}
    for path in sorted(WORDS.glob("*.toml")):
        read = tomllib.loads(path.read_text(encoding="utf-8"))["labels"]
        if twice := sorted(set(read) & set(found)):
            raise ValueError(f"{path.name} translates what another file already translates: {', '.join(twice)}")
        found |= read
    return found


@cache
def chinese_font() -> str | None:
    """The first family of FONTS that is installed and has every character of `words`; None without one.

    Matplotlib remembers its list of fonts, so one that was installed later is not on it: then the folders of fonts are
    listed (no file of another name is opened) instead of building that list anew, which takes many seconds.
    """
    font = covering_font("".join(words().values()))
    if font:
        _take_any_weight()
    return font


def covering_font(text: str) -> str | None:
    """The first family of FONTS that is installed and has every character of `text`; None without one."""
    from matplotlib import font_manager

    needed = {ord(character) for character in text}
    for look_again in (False, True):
        if look_again:
            for path in filter(lambda path: FILES.search(Path(path).name), font_manager.findSystemFonts()):
                _add(path)
        known = {font.name for font in font_manager.fontManager.ttflist}
        if found := next((family for family in FONTS if family in known and _has(family, needed)), None):
            return found
    return None


def families() -> list[str]:
    """What matplotlib shall draw text with, as its setting "font.family"."""
    font = chinese_font() if language() == "zh" else None
    return [font, "DejaVu Sans"] if font else ["DejaVu Sans"]


@cache
def _take_any_weight() -> None:
    """Chinese families often come in one weight; matplotlib from 3.11 on warns of it at each figure, to no use."""
    logging.getLogger("matplotlib.font_manager").addFilter(lambda record: "find font weight" not in str(record.msg))


def _has(family: str, characters: set[int]) -> bool:
    """Whether the family's regular face can be opened and has these characters."""
    from matplotlib import font_manager

    try:
        return characters <= set(font_manager.get_font(font_file(family)).get_charmap())
    except (ValueError, OSError, RuntimeError):  # not there any more, or no font
        return False


def font_file(family: str) -> str:
    """The file of a family's face that is nearest to regular; ValueError where the family is not installed."""
    from matplotlib import font_manager

    faces = [face for face in font_manager.fontManager.ttflist if face.name == family and face.style == "normal"]
    if not faces:
        raise ValueError(f"no font of the family {family} is installed")
    heavy: dict[Any, int] = dict(font_manager.weight_dict.items())
    return min(faces, key=lambda face: abs(int(heavy.get(face.weight, face.weight)) - 400)).fname


def _add(path: str) -> None:
    from matplotlib import font_manager

    try:
        font_manager.fontManager.addfont(path)
    except (OSError, RuntimeError):  # a damaged file: another one may do
        return


@cache
def _give_advice() -> None:
    """Once in a process."""
    print(ADVICE)
