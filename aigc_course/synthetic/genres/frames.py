"""The sentence forms of four genres, and the choices behind a text: the facts that it says, and how each is worded."""

import tomllib
from collections.abc import Container, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

from aigc_course.synthetic.stories.grammar import Choice, Option, choice, world_choices
from aigc_course.synthetic.stories.reading import Manner
from aigc_course.synthetic.stories.sentences import Sentence, compiled

FILES = {"en": "frames.toml", "zh": "frames_zh.toml"}
GENRES = ("news", "story", "verse", "advert")
ACQUAINTANCE = choice("acquaintance", ("known", "new"))  # drawn first, as for a story, so that the world is the same


@cache
def frames(language: str = "en") -> dict:
    """Genres, their sheets and sentence forms in a language; ValueError for one that has none."""
    if language not in FILES:
        raise ValueError(f"language {language!r}: texts are written in {' and '.join(map(repr, FILES))}")
    return tomllib.loads(Path(__file__).with_name(FILES[language]).read_text(encoding="utf-8"))


def genre_frames(genre: str, language: str) -> dict:
    """A genre's name, sheet, moves and gap; ValueError for an unknown genre or language."""
    genres = frames(language)["genres"]
    if genre not in genres:
        raise ValueError(f"genre {genre!r}: there are {', '.join(map(repr, GENRES))}")
    return genres[genre]


@cache
def wording_choices(genre: str, language: str) -> tuple[Choice, ...]:
    """The choices of how a sheet is worded: one sentence form for each move."""
    moves = genre_frames(genre, language)["moves"]
    return tuple(choice(f"move_{move}", forms) for move, forms in moves.items())


@cache
def fact_choices(genre: str, language: str) -> tuple[Choice, ...]:
    """The choices behind the facts that a genre says: those of a world, less all that its texts do not show."""
    return tuple(said(world_choices(language), genre_frames(genre, language)["sheet"]))


def said(choices: Iterable[Choice], facts: Container[str]) -> Iterator[Choice]:
    """The choices of these facts, and those that lead to them, such as the sex behind a name."""
    for name, options in choices:
        kept = tuple(Option(value, tuple(said(then, facts))) for value, then in options)
        if name in facts or any(option.then for option in kept):
            yield Choice(name, kept)


def options_of(fact: str, language: str) -> tuple[str, ...]:
    """The values that a fact may have in a world, each once."""
    return tuple(dict.fromkeys(values_in(world_choices(language), fact)))


def values_in(choices: Iterable[Choice], fact: str) -> Iterator[str]:
    """The values of a fact's choice, wherever it stands in the tree."""
    for name, options in choices:
        for value, then in options:
            if name == fact:
                yield value
            yield from values_in(then, fact)


def worded(drawn: Mapping[str, str], slots: Mapping[str, str], genre: str, language: str) -> str:
    """The text of all that was drawn: the sentence form of each move, its slots filled."""
    form = genre_frames(genre, language)
    return form["gap"].join(drawn[f"move_{move}"].format_map(slots) for move in form["moves"])


@cache
def sentences_of(genre: str, move: str, language: str) -> tuple[Sentence, ...]:
    """The sentence forms of a genre's move, compiled."""
    return compiled(genre_frames(genre, language)["moves"][move], language)


@cache
def manner(genre: str, language: str) -> Manner:
    """How a genre's texts are put together, for the stories' reader."""
    form = genre_frames(genre, language)
    return Manner(
        (tuple(form["moves"]),), lambda move, language: sentences_of(genre, move, language), {language: form["gap"]}
    )
