"""Fact sheets: what a genre's text has to say, a fact a line, as people write them and as a model reads them."""

import difflib
from dataclasses import dataclass
from functools import cache

from aigc_course.synthetic.genres.characters import check_characters
from aigc_course.synthetic.genres.frames import GENRES, frames, genre_frames, options_of
from aigc_course.synthetic.stories import World
from aigc_course.synthetic.stories.facts import Mention, checks, with_implied
from aigc_course.synthetic.stories.sentences import PHRASES, shown

OTHER_COLON = {":": "：", "：": ":"}  # taken for the language's own


@dataclass(frozen=True)
class Sheet:
    """The facts that a text of a genre says, in the genre's order. str(sheet) is a line a fact."""

    genre: str
    language: str
    facts: dict[str, str]  # fact: value, such as {"hero": "Noah", "friend_kind": "owl"}

    def __str__(self) -> str:
        keys, colon = frames(self.language)["keys"], frames(self.language)["colon"]
        return "\n".join(f"{keys[fact]}{colon}{value}" for fact, value in self.facts.items())

    def mentions(self) -> dict[str, Mention]:
        """The sheet as the stories' reader knows facts: fact -> a mention with its value."""
        return {fact: Mention("sheet", fact, *self.value_of(fact), 0) for fact in self.facts}

    def value_of(self, fact: str) -> tuple[str, str | None]:
        """A fact's value as the grammar draws it, and the thing that is named inside: ("fly the {thing}", "kite")."""
        value = self.facts[fact]
        return shown(fact, self.language)[value] if fact in PHRASES else (value, None)

    def drawn(self) -> dict[str, str]:
        """The choices of the grammar behind these facts."""
        return with_implied({fact: self.value_of(fact)[0] for fact in self.facts}, self.language)


def sheet_of(world: World, genre: str, language: str = "en") -> Sheet:
    """What a genre's text says of a world, which is one in this language. ValueError: unknown genre or language."""
    return Sheet(genre, language, {fact: getattr(world, fact) for fact in genre_frames(genre, language)["sheet"]})


def control_code(genre: str, language: str = "en") -> str:
    """How a model is told which genre to write: [news], 【新闻】. ValueError: unknown genre or language."""
    return frames(language)["code"].format(genre_frames(genre, language)["name"])


def prompt_of(sheet: Sheet | None, genre: str = "", language: str = "") -> str:
    """What a model reads before a text: control code, sheet, separator, each on its own line.

    sheet:  None leaves the sheet out: genre and language then have to be given
    genre:  another one than the sheet's: its control code, over the facts of this sheet
    ValueError for an unknown genre or language, or for a language that is not the sheet's.
    """
    if sheet and language not in {"", sheet.language}:
        raise ValueError(f"language {language!r}: the sheet is in {sheet.language!r}; leave language out")
    language = sheet.language if sheet else language
    code = control_code(genre or (sheet.genre if sheet else genre), language)
    return "\n".join([code, *([str(sheet)] if sheet else []), frames(language)["separator"], ""])


def parse_sheet(text: str, language: str = "en", genre: str = "") -> Sheet:
    """Read a sheet, a fact a line in any order, such as "hero: Noah"; a whole prompt is read as well.

    text:   may begin with a control code and end with the separator
    genre:  needed where the text has no control code
    TypeError for anything but a str. ValueError, which says in which line: an empty sheet, a missing, unknown or
    repeated field, a value that no world has or that does not fit another, an unknown genre or language, emoji,
    letters of another script, traditional characters.
    """
    if not isinstance(text, str):
        raise TypeError(f"text is a {type(text).__name__}; give the sheet as a str")
    grammar = frames(language)
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
    if lines and lines[-1][1] == grammar["separator"]:
        lines.pop()
    for number, line in lines:
        check_characters(line, language, f"line {number}")
    begin, end = grammar["code"].split("{}")
    if lines and lines[0][1].startswith(begin) and lines[0][1].endswith(end):
        genre = genre_named(lines.pop(0)[1], genre, language)
    if not lines:
        raise ValueError(f"the sheet is empty; write a fact a line, such as {example('hero', language)!r}")
    if not genre:
        raise ValueError(f"the sheet has no genre; begin it with a line like {control_code('news', language)!r}")
    wanted = genre_frames(genre, language)["sheet"]
    found: dict[str, str] = {}
    for number, line in lines:
        fact, value = read_line(line, number, genre, language)
        if fact in found:
            raise ValueError(f"line {number}: {line!r} comes after another {grammar['keys'][fact]!r}; keep one of them")
        found[fact] = value
    missing = [fact for fact in wanted if fact not in found]
    if missing:
        names = ", ".join(repr(grammar["keys"][fact]) for fact in missing)
        raise ValueError(
            f"the sheet lacks {names}, which {genre!r} says; add a line such as {example(missing[0], language)!r}"
        )
    sheet = Sheet(genre, language, {fact: found[fact] for fact in wanted})
    check_fitting(sheet)
    return sheet


def genre_named(code: str, genre: str, language: str) -> str:
    """The genre of a control code; ValueError for an unknown one, or another than the one that was given."""
    codes = {control_code(each, language): each for each in GENRES}
    if code not in codes:
        raise ValueError(f"{code!r} is no genre's control code; write one of {', '.join(codes)}")
    if genre not in {"", codes[code]}:
        raise ValueError(f"the sheet is for {codes[code]!r}, not for genre {genre!r}; take one of the two away")
    return codes[code]


def read_line(line: str, number: int, genre: str, language: str) -> tuple[str, str]:
    """The fact and the value of a line of a genre's sheet; ValueError where there are none."""
    keys, colon = frames(language)["keys"], frames(language)["colon"]
    facts = {keys[fact]: fact for fact in genre_frames(genre, language)["sheet"]}
    key, found, value = (part.strip() for part in line.replace(OTHER_COLON[colon[0]], colon[0]).partition(colon[0]))
    if not found:
        raise ValueError(
            f"line {number}: {line!r} has no {colon[0]!r}; write a field and its value: {example('hero', language)!r}"
        )
    if key not in facts:
        raise ValueError(f"line {number}: {genre!r} has no field {key!r}; its fields are {', '.join(facts)}")
    fact, known = facts[key], possible(facts[key], language)
    if value not in known:
        near = difflib.get_close_matches(value, known, n=3) or known[:3]
        said = f"{value!r} is in no world" if value else "there is no value"
        raise ValueError(f"line {number}: {said} as {key!r}; write one of the {len(known)}, such as {', '.join(near)}")
    return fact, value


@cache
def possible(fact: str, language: str) -> tuple[str, ...]:
    """The values that a fact may have in a sheet."""
    return tuple(shown(fact, language)) if fact in PHRASES else options_of(fact, language)


def example(fact: str, language: str) -> str:
    """A line of a sheet."""
    return f"{frames(language)['keys'][fact]}{frames(language)['colon']}{possible(fact, language)[0]}"


def check_fitting(sheet: Sheet) -> None:
    """ValueError where one fact of a sheet contradicts another, so that no text could keep both."""
    given = sheet.mentions()
    for fact in checks(list(given.values()), given, sheet.language):
        if not fact.kept:
            key = frames(sheet.language)["keys"][fact.name]
            raise ValueError(
                f"the facts do not fit together: {key!r} should be {fact.expected}, but a line says {fact.found}"
            )
