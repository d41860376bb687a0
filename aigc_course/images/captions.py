"""A small language for digits, Chinese and English: "a thick 7 slanting right", "一个粗的、向右倾斜的7".

A caption names a digit and what was measured of its image; a prompt is a caption that asks.
"""

import re
import unicodedata
from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

import numpy as np

from aigc_course.images.attributes import Measured

THIN, THICK = 2.1, 2.6  # pixels of stroke: about a third of MNIST's digits lie below, a third above
LEFT, RIGHT = -5.0, 12.0  # degrees of slant; MNIST's digits lean by 7 on average
SMALL, LARGE = 14, 18  # pixels; all of MNIST's digits have 20
MOST_LETTERS = 200  # of a prompt

VALUES = {"size": ("small", "large"), "stroke": ("thin", "thick"), "slant": ("left", "upright", "right")}
WORDS = {  # what is written comes first, what is understood too after it
    ("size", "small"): (("small", "little"), ("小的", "小")),
    ("size", "large"): (("large", "big"), ("大的", "大")),
    ("stroke", "thin"): (("thin",), ("细的", "细")),
    ("stroke", "thick"): (("thick", "bold"), ("粗的", "粗")),
    ("slant", "left"): (
        ("slanting left", "slanting to the left", "leaning left", "leaning to the left"),
        ("向左倾斜的", "向左倾斜", "左斜的", "左斜"),
    ),
    ("slant", "upright"): (("upright",), ("直立的", "直立")),
    ("slant", "right"): (
        ("slanting right", "slanting to the right", "leaning right", "leaning to the right"),
        ("向右倾斜的", "向右倾斜", "右斜的", "右斜"),
    ),
}
DIGITS = (
    ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    ("零", "一", "二", "三", "四", "五", "六", "七", "八", "九"),
)
SILENT = (  # may stand in a prompt and says nothing
    *("a", "an", "the", "and", "digit", "number", ",", "."),
    *("一个", "个", "数字", "而且", "且", "又", "的", "、", "。"),
)


class Caption(NamedTuple):
    """A digit and what is said of it; None where nothing is said."""

    digit: int
    size: str | None = None  # a value of VALUES
    stroke: str | None = None
    slant: str | None = None


def all_captions() -> list[Caption]:
    """Every caption that there is, 360 of them."""
    choices = [(None, *values) for values in VALUES.values()]
    return [Caption(digit, *said) for digit in range(10) for said in product(*choices)]


def captions_of(measured: Measured, digits: Sequence[int] | np.ndarray) -> list[Caption]:
    """What can be said of images: what they show, (n,) digits, and what was measured of them.

    Between thin and thick, and between small and large, nothing is said. ValueError for another number of digits.
    """
    if len(digits) != len(measured.stroke):
        raise ValueError(f"{len(digits)} digits for {len(measured.stroke)} images: expected one each")
    return [
        Caption(
            int(digit),
            "small" if size <= SMALL else "large" if size >= LARGE else None,
            "thin" if stroke <= THIN else "thick" if stroke >= THICK else None,
            "left" if slant <= LEFT else "right" if slant >= RIGHT else "upright",
        )
        for digit, stroke, slant, size in zip(digits, *measured, strict=True)
    ]


def obeyed(asked: Caption, seen: Caption) -> dict[str, bool]:
    """Of everything that was asked for, whether it is seen; what was not asked for is left out."""
    return {
        name: wanted == got
        for name, wanted, got in zip(Caption._fields, asked, seen, strict=True)
        if wanted is not None
    }


def write(caption: Caption, language: str) -> str:
    """The caption in words, in "zh" or "en"; ValueError for another language, digit or value."""
    check(caption)
    if language not in ("zh", "en"):
        raise ValueError(f'language "{language}" is not known; allowed: "zh", "en"')
    said = [(name, value) for name, value in zip(VALUES, caption[1:], strict=True) if value is not None]
    if language == "zh":
        return f"一个{'、'.join(WORDS[key][1][0] for key in said)}{caption.digit}"
    before = [WORDS[key][0][0] for key in said if key[1] not in ("left", "right")]
    after = [WORDS[key][0][0] for key in said if key[1] in ("left", "right")]
    words = " ".join([*(f"{word}," for word in before[:-1]), *before[-1:], str(caption.digit), *after])
    return f"{'an' if words[0] in 'aeiou8' else 'a'} {words}"


def check(caption: Caption) -> None:
    """ValueError unless the digit is 0 to 9 and every value is one that there is."""
    if type(caption.digit) is not int or not 0 <= caption.digit <= 9:
        raise ValueError(f"digit {caption.digit}: expected 0 to 9")
    for name, allowed in VALUES.items():
        value = getattr(caption, name)
        if value is not None and value not in allowed:
            raise ValueError(f'{name} "{value}" is not known; allowed: {", ".join(allowed)}, None')


def lexicon() -> dict[str, tuple[str, object] | None]:
    """What every word means: an attribute and its value, or ("digit", 7); None for words that say nothing."""
    meanings: dict[str, tuple[str, object] | None] = dict.fromkeys(SILENT)
    for key, languages in WORDS.items():
        meanings |= {word: key for words in languages for word in words}
    for names in (*DIGITS, "0123456789"):
        meanings |= {name: ("digit", digit) for digit, name in enumerate(names)}
    return meanings


def pattern_of(word: str) -> str:
    """What matches the word, but no longer word that begins with it."""
    return re.escape(word) + ("(?![a-z0-9])" if word.isascii() and word[-1].isalnum() else "")


LEXICON = lexicon()
LONGEST_WORD = re.compile("|".join(map(pattern_of, sorted(LEXICON, key=len, reverse=True))))


def parse(prompt: str) -> Caption:
    """The caption that a prompt in Chinese or English asks for; words may come in any order.

    Raises TypeError for what is no text; ValueError for an empty or endless prompt, a word that is not known (it is
    named, with the words that there are), no digit or more than one, and attributes that contradict each other.
    """
    if not isinstance(prompt, str):
        raise TypeError(f"a prompt of {type(prompt).__name__}: expected a text, such as {example()}")
    if len(prompt) > MOST_LETTERS:
        raise ValueError(f"a prompt of {len(prompt):,} letters: expected at most {MOST_LETTERS}, such as {example()}")
    text = " ".join(unicodedata.normalize("NFKC", prompt).lower().split())
    said: dict[str, tuple[object, str]] = {}  # the value, and the word that said it
    place = 0
    while place < len(text):
        if text[place] == " ":
            place += 1
            continue
        found = LONGEST_WORD.match(text, place)
        if not found:
            raise ValueError(unknown(text[place:]))
        word, place = found[0], found.end()
        if (meaning := LEXICON[word]) is None:
            continue
        name, value = meaning
        earlier = said.get(name)
        if earlier and earlier[0] != value:
            raise ValueError(f'"{earlier[1]}" and "{word}" contradict each other: say one of them')
        said[name] = value, word
    if "digit" not in said:
        raise ValueError(f'"{prompt[:40]}" names no digit; name one of 0 to 9, such as {example()}')
    return Caption(**{name: value for name, (value, _) in said.items()})  # pyright: ignore[reportArgumentType]


def unknown(text: str) -> str:
    """What to say of a text that begins with an unknown word: letters and digits, or one character of another kind."""
    word = (re.match(r"[^\W_\u4e00-\u9fff]+", text) or [text[0]])[0]
    known = [[words[language][0] for words in WORDS.values()] for language in (0, 1)]
    return (
        f'"{word[:40]}" is not a word of this language. It knows 0 to 9 and: {", ".join(known[0])}; '
        f"{'、'.join(known[1])}"
    )


def example() -> str:
    """A prompt in each language."""
    caption = Caption(7, stroke="thick", slant="right")
    return f'"{write(caption, "en")}", "{write(caption, "zh")}"'
