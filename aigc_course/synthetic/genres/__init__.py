"""Four genres with a known truth: news, story, verse and advert, on the worlds of the stories, from fact sheets.

Text number n tells of the world of story number n, in every genre and language, and is the same on every machine.
Numbers below HELD_OUT are for training, those from HELD_OUT on are for testing.
"""

import random
from dataclasses import dataclass

from aigc_course.synthetic.genres.frames import (
    ACQUAINTANCE,
    GENRES,
    fact_choices,
    worded,
    wording_choices,
)
from aigc_course.synthetic.genres.reading import Held, Reading, genre_of, held_against, read_back
from aigc_course.synthetic.genres.sheets import Sheet, control_code, parse_sheet, prompt_of, sheet_of
from aigc_course.synthetic.stories import HELD_OUT, Fact, World, checked_number, world_of
from aigc_course.synthetic.stories.grammar import draw, entropy_of, log_prob_of, world_choices
from aigc_course.synthetic.stories.sentences import filled

__all__ = [
    "GENRES",
    "HELD_OUT",
    "Fact",
    "Held",
    "Reading",
    "Sheet",
    "Told",
    "World",
    "control_code",
    "entropy",
    "genre_of",
    "held_against",
    "parse_sheet",
    "prompt_of",
    "read_back",
    "sheet_of",
    "tell",
    "tell_many",
    "write",
]


@dataclass(frozen=True)
class Told:
    """A text, the world and the sheet that it was written from, and how likely it was."""

    text: str
    world: World
    sheet: Sheet
    log_prob: float  # natural logarithm of the probability of exactly this text; no sheet is given

    @property
    def prompt(self) -> str:
        """The control code and the sheet, as a model reads them before the text."""
        return prompt_of(self.sheet)


def tell(number: int, genre: str, language: str = "en") -> Told:
    """Text number `number` of a genre, on the world of the story of that number.

    number: 0 or more;  genre: one of GENRES;  language: "en" or "zh"
    TypeError for another number, ValueError for a negative one, an unknown genre or language.
    """
    wording = wording_choices(genre, language)
    rng, drawn = random.Random(checked_number(number, "number")), {}
    draw((*world_choices(language), ACQUAINTANCE, *wording), rng, drawn)
    slots = filled(drawn, language)
    world = world_of(slots)
    log_prob = log_prob_of(fact_choices(genre, language) + wording, drawn)
    return Told(worded(drawn, slots, genre, language), world, sheet_of(world, genre, language), log_prob)


def tell_many(count: int, genre: str, language: str = "en", first: int = 0) -> list[Told]:
    """The texts of the numbers first, first + 1, ..., first + count - 1. Errors as `tell`, also for a count."""
    begin = checked_number(first, "first")
    return [tell(number, genre, language) for number in range(begin, begin + checked_number(count, "count"))]


def write(sheet: Sheet, number: int) -> str:
    """A text from any sheet; the number says which of its wordings, the same one on every machine."""
    drawn = sheet.drawn()
    draw(wording_choices(sheet.genre, sheet.language), random.Random(checked_number(number, "number")), drawn)
    return worded(drawn, filled(drawn, sheet.language), sheet.genre, sheet.language)


def entropy(genre: str, language: str = "en", given_sheet: bool = False) -> float:
    """Entropy of a genre's text in nats, exactly; given the sheet, that of its wording alone.

    A text shows its facts and its sentence forms, all that was drawn, so H(text) = H(sheet) + H(text | sheet).
    """
    wording = entropy_of(wording_choices(genre, language))
    return wording if given_sheet else entropy_of(fact_choices(genre, language)) + wording
