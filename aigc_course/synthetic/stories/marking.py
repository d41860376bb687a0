"""Where in a story its facts stand: a text of which the edges of many words are known."""

import random
from typing import NamedTuple

from aigc_course.synthetic.stories.grammar import MOVES, checked_number, draw, telling_choices, world_choices
from aigc_course.synthetic.stories.sentences import GAP, SLOT, filled


class Place(NamedTuple):
    """Where a slot of a sentence form is filled: text[start:end] shows it."""

    start: int
    end: int
    slot: str  # "hero", "thing", "month", ...: what stands in braces in the forms


def marked(seed: int, language: str = "en") -> tuple[str, list[Place]]:
    """The text of story number `seed`, as `tell(seed, language)` gives it, and where in it each slot is filled.

    TypeError for a seed that is no whole number, ValueError for a negative one or another language.
    """
    rng = random.Random(checked_number(seed))
    drawn: dict[str, str] = {}
    draw(world_choices(language), rng, drawn)
    draw(telling_choices(language), rng, drawn)
    slots = filled(drawn, language)
    text, places = "", []
    for form in (drawn[f"move_{move}"] for move in MOVES if f"move_{move}" in drawn):
        text += GAP[language] if text else ""
        for number, piece in enumerate(SLOT.split(form)):  # literal text, slot, literal text, slot, ...
            shown = slots[piece] if number % 2 else piece
            if number % 2:
                places.append(Place(len(text), len(text) + len(shown), piece))
            text += shown
    return text, places
