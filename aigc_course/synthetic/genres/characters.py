"""Whether a line is written as a language is: no emoji, no letters of another script, no traditional characters."""

import tomllib
import unicodedata
from functools import cache
from pathlib import Path

SCRIPTS = {"en": "LATIN", "zh": "CJK"}  # how Unicode calls the letters of a language
NAMES = {"LATIN": "Latin", "CJK": "Chinese"}
JOINERS = "\u200d\ufe0e\ufe0f\u20e3"  # what emoji are put together with


@cache
def simplified() -> dict[str, str]:
    """The simplified character for each traditional one, of all characters that the Chinese texts are written in."""
    text = Path(__file__).with_name("traditional.toml").read_text(encoding="utf-8")
    return {pair[0]: pair[1] for pair in tomllib.loads(text)["pairs"].split()}


def script_of(letter: str) -> str:
    """The script of a letter as Unicode names it: "LATIN", "CJK", "CYRILLIC", ..."""
    return unicodedata.name(letter, "UNKNOWN").split()[0].partition("-")[0]


def is_emoji(character: str) -> bool:
    """Whether a character is an emoji or another pictograph, or a part of one."""
    return unicodedata.category(character) in {"So", "Sk"} or character in JOINERS


def foreign(text: str, language: str) -> str:
    """The characters that the language's texts are not written with, each once: those that `check_characters` refuses.

    language: "en" or "zh"
    """
    others = simplified() if language == "zh" else {}
    return "".join(
        character
        for character in dict.fromkeys(text)
        if is_emoji(character)
        or character in others
        or (character.isalpha() and script_of(character) != SCRIPTS[language])
    )


def check_characters(line: str, language: str, where: str) -> None:
    """ValueError for the first character of the line that the language is not written with.

    where: how the message begins, such as "line 2"
    """
    expected = SCRIPTS[language]
    for character in line:
        if is_emoji(character):
            raise ValueError(f"{where}: {character!r} is an emoji or a symbol; say it in words, or take it out")
        if not character.isalpha():
            continue
        script = script_of(character)
        if script != expected:
            other = next((name for name, each in SCRIPTS.items() if each == script), None)
            way_out = f" or, if the sheet is {NAMES[script]}, give language={other!r}" if other else ""
            found = NAMES.get(script, script.title())
            raise ValueError(
                f"{where}: {character!r} in {line!r} is {found}, but a sheet in {language!r} is written in "
                f"{NAMES[expected]} letters alone; replace it{way_out}"
            )
        if language == "zh" and character in simplified():
            raise ValueError(
                f"{where}: {character!r} in {line!r} is a traditional character, but the texts are written in "
                f"simplified ones; write {simplified()[character]!r}"
            )
