"""Classical Chinese quatrains (绝句): form, rhyme and tones, read as a reader of today reads them aloud.

Sounds are those of modern Mandarin, each character in its commonest reading, from pypinyin. The poets rhymed by older
sounds, which the rhyme books (平水韵) keep: some of their rhymes are none any more (回 and 来), and the entering tone,
which counts as oblique, has gone to the other tones (白 and 国 are level today). So real poems fail these tests now and
then; a measured share means something beside the share of real poems.
"""

import re
from functools import lru_cache
from itertools import pairwise

HAN = "\u3400-\u4dbf\u4e00-\u9fff"
MARKS = "，。，。"  # what closes the four lines
FORMS = (5, 7)  # characters a line may have
LEVEL, OBLIQUE = "平", "仄"
# Thirteen rhymes (十三辙), as opera and songs use them: names, and finals in pypinyin's spelling (v is ü).
RHYMES = {
    "发花": "a ia ua",
    "梭坡": "o e uo",
    "乜斜": "ie ve ê",
    "一七": "i v er",
    "姑苏": "u",
    "怀来": "ai uai",
    "灰堆": "ei uei",
    "遥条": "ao iao",
    "油求": "ou iou",
    "言前": "an ian uan van",
    "人辰": "en in uen vn",
    "江阳": "ang iang uang",
    "中东": "eng ing ueng ong iong",
}
RHYME_OF_FINAL = {final: name for name, finals in RHYMES.items() for final in finals.split()}


def lines_of(text: str) -> list[str]:
    """The lines of a poem, without the marks that close them; spaces are left out."""
    lines = re.split(r"[，。！？；、：\n]", re.sub(r"[^\S\n]", "", text.strip()))
    return lines[:-1] if lines[-1] == "" else lines


def form_of(text: str) -> int | None:
    """5 or 7 if the text has four lines of that many Han characters each, and nothing else; None otherwise."""
    lines = lines_of(text)
    lengths = {len(line) for line in lines}
    if len(lines) != 4 or len(lengths) != 1 or not all(re.fullmatch(f"[{HAN}]+", line) for line in lines):
        return None
    (length,) = lengths
    return length if length in FORMS else None


def marks_fit(text: str, form: int) -> bool:
    """Whether the marks in the beginning of a poem close lines of `form` characters; one without marks always fits."""
    *full, last = [*lines_of(text)] or [""]
    closed = text.strip()[-1:] in tuple("，。！？；、：")
    if not full and not closed:
        return True
    return all(len(line) == form for line in full) and (len(last) == form if closed else len(last) <= form)


def misfit(beginning: str, form: int) -> str | None:
    """Why no quatrain with lines of `form` characters can begin so: "length", there is no room left, or "marks"."""
    if len("".join(lines_of(beginning))) >= 4 * form:
        return "length"
    return None if marks_fit(beginning, form) else "marks"


def punctuated(characters: str, form: int) -> str:
    """Characters as lines of `form` characters, each full line closed by its mark: 床前明月光，疑是"""
    lines = [characters[first : first + form] for first in range(0, len(characters), form)]
    return "".join(line + mark * (len(line) == form) for line, mark in zip(lines, MARKS, strict=False))


@lru_cache(maxsize=20_000)
def syllable(character: str) -> tuple[str, int] | None:
    """(final, tone) of a character's commonest reading, tone 0 for a neutral one; None for what is no Han character."""
    from pypinyin import Style, pinyin

    if not re.fullmatch(f"[{HAN}]", character):
        return None
    readings = pinyin(character, style=Style.FINALS_TONE3, strict=True, errors="ignore")
    found = re.fullmatch(r"([a-zê]+)([1-4]?)", readings[0][0]) if readings else None
    return (found[1], int(found[2] or 0)) if found else None


def rhyme_of(character: str) -> str | None:
    """The one of the thirteen rhymes that a character belongs to; None if it has no known reading."""
    read = syllable(character)
    return RHYME_OF_FINAL.get(read[0]) if read else None


def rhymes(lines: list[str]) -> bool:
    """Whether lines 2 and 4 end in one rhyme; a character does not rhyme with itself."""
    first, second = lines[1][-1], lines[3][-1]
    return first != second and rhyme_of(first) is not None and rhyme_of(first) == rhyme_of(second)


def tones_of(line: str) -> str:
    """平 (level: tones 1 and 2) or 仄 (oblique: 3 and 4) for each character; ？ without a tone."""
    tones = [(syllable(character) or ("", 0))[1] for character in line]
    return "".join("？" if tone == 0 else LEVEL if tone <= 2 else OBLIQUE for tone in tones)


def alternates(line: str) -> bool:
    """Whether level and oblique change from the 2nd character to the 4th, and to the 6th (二四六分明)."""
    tones = tones_of(line)[1:6:2]  # of the 2nd and 4th character, and in a line of seven of the 6th
    return "？" not in tones and all(a != b for a, b in pairwise(tones))


def is_regulated(lines: list[str]) -> bool:
    """Whether all four lines alternate, lines 1 and 2, 3 and 4 are opposed (对), and line 3 goes on as line 2 (粘)."""
    second = [tones_of(line)[1] for line in lines]
    opposed = second[0] != second[1] and second[2] != second[3]
    return opposed and second[1] == second[2] and all(map(alternates, lines))
