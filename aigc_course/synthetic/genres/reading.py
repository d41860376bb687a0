"""Texts of a genre read back: whether they are whole, what they say, and which facts of a sheet they keep or break."""

import math
from dataclasses import dataclass

from aigc_course.synthetic.genres import explaining
from aigc_course.synthetic.genres.frames import (
    GENRES,
    fact_choices,
    frames,
    genre_frames,
    manner,
    sentences_of,
    worded,
    wording_choices,
)
from aigc_course.synthetic.genres.sheets import Sheet
from aigc_course.synthetic.stories.facts import Fact, Mention, checks, plain, with_implied
from aigc_course.synthetic.stories.grammar import log_prob_of
from aigc_course.synthetic.stories.reading import longest_reading, mentions_of
from aigc_course.synthetic.stories.sentences import filled


@dataclass(frozen=True)
class Reading:
    """What a text says, read as one of a genre."""

    text: str
    genre: str
    language: str
    well_formed: bool  # a known sentence form for each move of the genre, in order, whatever the facts
    kept: tuple[Fact, ...]  # said again as it was said first, or fitting it
    broken: tuple[Fact, ...]  # what contradicts the text itself
    facts: dict[str, str]  # fact: value, as first said
    mentions: tuple[Mention, ...]  # every slot that was read
    moves: tuple[str, ...]  # the moves that could be read
    read_until: int  # characters from the beginning that could be read
    log_prob: float  # natural logarithm of the probability that the grammar writes this text; -inf if it never does

    @property
    def is_true(self) -> bool:
        """Well-formed, and no fact broken within the text."""
        return self.well_formed and not self.broken

    @property
    def truncated(self) -> bool:
        """Whether the text is the beginning of one of this genre, cut off at its end."""
        rest = self.text[self.read_until :].strip()
        forms = sentences_of(self.genre, self.next_move, self.language) if self.next_move else ()
        return bool(self.text.strip()) and any(sentence.could_begin(rest) for sentence in forms)

    @property
    def next_move(self) -> str:
        """The move that should follow on those that could be read; empty after the last."""
        moves = [*genre_frames(self.genre, self.language)["moves"], ""]
        return moves[len(self.moves)]

    def explain(self) -> list[str]:
        """Lines in the text's language: whether it is well-formed, and how it keeps to what it said itself."""
        return explaining.read(self, self.next_move)


@dataclass(frozen=True)
class Held:
    """A reading held against a sheet: each mention of a fact of the sheet, and the facts never mentioned."""

    kept: tuple[Fact, ...]
    broken: tuple[Fact, ...]
    unsaid: tuple[str, ...]  # facts of the sheet
    sheet: Sheet

    @property
    def is_true(self) -> bool:
        """Everything said, nothing broken."""
        return not self.broken and not self.unsaid

    @property
    def language(self) -> str:
        """That of the sheet and of the text."""
        return self.sheet.language

    def explain(self) -> list[str]:
        """Lines in the sheet's language: each fact not said, each one broken, and how often each is kept."""
        return explaining.against_sheet(self, self.sheet.facts)


def read_back(text: str, genre: str, language: str = "en") -> Reading:
    """Read any text as one of a genre, whatever world it tells of.

    text: as a model may have written it; white space around it does not matter
    A text of no such form gives a Reading that says so; TypeError for anything but a str, ValueError for an unknown
    genre or language.
    """
    if not isinstance(text, str):
        raise TypeError(f"text is a {type(text).__name__}; give the text as a str")
    path, end, complete = longest_reading(text, language, manner(genre, language))
    mentions = [mention for move, sentence, match in path for mention in mentions_of(move, sentence, match)]
    first: dict[str, Mention] = {}
    for mention in mentions:
        first.setdefault(mention.fact, mention)
    checked = list(checks(mentions, first, language))
    log_prob = -math.inf
    if complete:
        drawn = with_implied({fact: mention.value for fact, mention in first.items()}, language)
        drawn |= {f"move_{move}": sentence.form for move, sentence, _ in path}
        if worded(drawn, filled(drawn, language), genre, language) == text.strip():
            log_prob = log_prob_of(fact_choices(genre, language) + wording_choices(genre, language), drawn)
    return Reading(
        text,
        genre,
        language,
        complete,
        kept=tuple(fact for fact in checked if fact.kept),
        broken=tuple(fact for fact in checked if not fact.kept),
        facts={name: plain(mention) for name, mention in first.items() if name in frames(language)["keys"]},
        mentions=tuple(mentions),
        moves=tuple(move for move, _, _ in path),
        read_until=end,
        log_prob=log_prob,
    )


def held_against(reading: Reading, sheet: Sheet) -> Held:
    """Hold what a text says against a sheet, its own or another: which facts it keeps, breaks, and does not say.

    A fact that the sheet does not hold can be neither kept nor broken. What follows from a fact, as "she" from a name
    and a measure word from a thing, is held against the text itself: one wrong name counts once where it stands.
    ValueError for a sheet of another language.
    """
    if reading.language != sheet.language:
        raise ValueError(f"the text is in {reading.language!r}, the sheet in {sheet.language!r}; give both in one")
    given = sheet.mentions()
    said = checks([mention for mention in reading.mentions if mention.fact in given], given, reading.language)
    implied = [fact for fact in reading.kept + reading.broken if fact.name in explaining.IMPLIED[reading.language]]
    checked = sorted([*said, *implied], key=lambda fact: fact.position)
    return Held(
        kept=tuple(fact for fact in checked if fact.kept),
        broken=tuple(fact for fact in checked if not fact.kept),
        unsaid=tuple(fact for fact in given if fact not in reading.facts),
        sheet=sheet,
    )


def genre_of(text: str, language: str = "en") -> str | None:
    """The genre that a text is well-formed in, whatever it says; None if in none. Errors as `read_back`."""
    frames(language)  # or say that there is none
    return next((genre for genre in GENRES if read_back(text, genre, language).well_formed), None)
