"""Where in a story's sentences its facts stand: a text of which the edges of many words are known."""

import random
from typing import NamedTuple

from aigc_course.synthetic.stories.grammar import MOVES, draw, telling_choices, world_choices
from aigc_course.synthetic.stories.sentences import SLOT, filled


class Place(NamedTuple):
    """Where a slot of a sentence form is filled: sentence[start:end] shows it."""

    start: int
    end: int
    slot: str  # "hero", "thing", "month", ...: what stands in braces in the forms


def marked(seed: int, language: str = "en") -> list[tuple[str, list[Place]]]:
    """The sentences of story number `seed`, the very text of `tell(seed, language)`, each with its filled slots."""
    rng = random.Random(seed)
    drawn: dict[str, str] = {}
    draw(world_choices(language), rng, drawn)
    draw(telling_choices(language), rng, drawn)
    slots = filled(drawn, language)
    return [fill(drawn[f"move_{move}"], slots) for move in MOVES if f"move_{move}" in drawn]


def fill(form: str, slots: dict[str, str]) -> tuple[str, list[Place]]:
    """A sentence form with its slots filled, and where each one stands."""
    sentence, places = "", []
    for number, piece in enumerate(SLOT.split(form)):  # literal text, slot, literal text, slot, ...
        shown = slots[piece] if number % 2 else piece
        if number % 2:
            places.append(Place(len(sentence), len(sentence) + len(shown), piece))
        sentence += shown
    return sentence, places
