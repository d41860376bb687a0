"""Sentence forms of the grammar, both ways: filled with facts to tell a story, as patterns to read one back."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import chain
from typing import NamedTuple

from aigc_course.synthetic.stories.grammar import CHILD, MOVES, SEXES, words

PRONOUNS = {
    "she": {"he": "she", "him": "her", "his": "her", "He": "She", "His": "Her"},
    "he": {"he": "he", "him": "him", "his": "his", "He": "He", "His": "His"},
}
PHRASES = ("wish", "obstacle", "attempt", "fix")  # these have a plain and a past form, and may name the thing
WITH_ARTICLE = ("air", "colour", "friend_trait", "home", "trait")
ROLES = {"hero": "names", "friend": "names", "kind": "kinds", "friend_kind": "kinds", "friend_trait": "trait"}
SLOT = re.compile(r"\{(\w+)\}")
FACT_AND_ENDING = {  # the fact that a slot shows, and how; every other slot shows the fact of its name as it is
    **{pronoun: ("sex", pronoun) for pronoun in PRONOUNS["he"]},
    **{f"f{pronoun}": ("friend_sex", pronoun) for pronoun in PRONOUNS["he"]},
    **{f"{fact}_a": (fact, "a") for fact in WITH_ARTICLE},
    **{f"{fact}_past": (fact, "past") for fact in PHRASES},
}


def filled(facts: Mapping[str, str]) -> dict[str, str]:
    """Every slot of a sentence form, made from the facts: "colour_a", "wish_past", "He", "fhim", ..."""
    slots = dict(facts)
    for phrase in PHRASES:
        slots[phrase] = form(facts[phrase]).format_map(facts)
    for slot, (fact, ending) in FACT_AND_ENDING.items():
        if ending == "past":
            slots[slot] = form(facts[fact], past=True).format_map(facts)
        elif ending == "a":
            slots[slot] = with_article(facts[fact])
        else:
            slots[slot] = PRONOUNS[facts[fact]][ending]
    return slots


def split(slot: str) -> tuple[str, str]:
    """The fact that a slot shows, and how: ("colour", "a"), ("wish", "past"), ("friend_sex", "him"), ("time", "")."""
    return FACT_AND_ENDING.get(slot, (slot, ""))


def form(phrase: str, past: bool = False) -> str:
    """A phrase in its plain or its past form: "is/was" holds both."""
    if "/" not in phrase:
        return phrase
    return " ".join(word.split("/")[past] if "/" in word else word for word in phrase.split(" "))


def with_article(noun: str) -> str:
    """ "kite" becomes "a kite", "old mill" "an old mill"."""
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"


def sentences(drawn: Mapping[str, str]) -> Iterator[str]:
    """The sentences of a story, move by move, from all that was drawn."""
    slots = filled(drawn)
    for move in MOVES:
        if f"move_{move}" in drawn:
            yield drawn[f"move_{move}"].format_map(slots)


@cache
def values(fact: str) -> tuple[str, ...]:
    """All values that a fact's slot can be read with, also those of another role: any name may stand for a friend."""
    facts, wishes = words()["facts"], words()["wishes"]
    obstacles = list(chain.from_iterable(group["obstacles"] for group in wishes))
    known = {
        "names": chain.from_iterable(words()["names"].values()),
        "kinds": (*CHILD.values(), *facts["animal"], *facts["friend_kind"]),
        "trait": (*facts["trait"], *facts["friend_trait"]),
        "thing": chain.from_iterable(group["thing"] for group in wishes),
        "wish": chain.from_iterable(group["wish"] for group in wishes),
        "obstacle": (each["obstacle"] for each in obstacles),
        "attempt": chain.from_iterable(each["attempt"] for each in obstacles),
        "fix": chain.from_iterable(each["fix"] for each in obstacles),
        "sex": SEXES,
        "friend_sex": SEXES,
    }
    name = ROLES.get(fact, fact)
    return tuple(dict.fromkeys(known.get(name) or facts[name]))


@cache
def shown(slot: str) -> dict[str, tuple[str, str | None]]:
    """Each text that a slot may show, with the fact's value and, in a phrase that names the thing, the thing."""
    fact, ending = split(slot)
    if ending in PRONOUNS["he"]:
        return {PRONOUNS[sex][ending]: (sex, None) for sex in SEXES}
    if fact not in PHRASES:
        return {with_article(value) if ending == "a" else value: (value, None) for value in values(fact)}
    return {
        form(phrase, ending == "past").replace("{thing}", thing): (phrase, thing if "{thing}" in phrase else None)
        for phrase in values(fact)
        for thing in values("thing")
    }


@cache
def slot_pattern(slot: str) -> str:
    """A regular expression for all that a slot may show, the longest first."""
    fact, ending = split(slot)
    if fact not in PHRASES:
        return "|".join(sorted(map(re.escape, shown(slot)), key=len, reverse=True))
    phrases = sorted((form(phrase, ending == "past") for phrase in values(fact)), key=len, reverse=True)
    things = f"(?:{slot_pattern('thing')})"
    return "|".join(things.join(map(re.escape, phrase.split("{thing}"))) for phrase in phrases)


class Sentence(NamedTuple):
    """A sentence form that can be recognised, whatever facts it is filled with."""

    form: str
    pieces: tuple[str, ...]  # literal text, slot, literal text, slot, ..., literal text
    pattern: re.Pattern

    @property
    def slots(self) -> tuple[str, ...]:
        return self.pieces[1::2]

    def could_begin(self, text: str) -> bool:
        """Whether `text` is the beginning of this sentence, cut off anywhere."""
        for number, piece in enumerate(self.pieces):
            before = re.match(pattern_of(self.pieces[:number]), text)
            if before is None:
                return False
            rest = text[before.end() :]
            if any(each.startswith(rest) for each in (shown(piece) if number % 2 else [piece])):
                return True
        return False


@cache
def sentence_patterns(move: str) -> tuple[Sentence, ...]:
    """The sentence forms of a move ("meet_known" and "meet_new" apart), compiled."""
    sentences_of_move = []
    for sentence_form in words()["moves"][move]:
        pieces = tuple(SLOT.split(sentence_form))
        sentences_of_move.append(Sentence(sentence_form, pieces, re.compile(pattern_of(pieces))))
    return tuple(sentences_of_move)


def pattern_of(pieces: tuple[str, ...]) -> str:
    """The regular expression of literal text and slots in turn."""
    return "".join(f"({slot_pattern(each)})" if i % 2 else re.escape(each) for i, each in enumerate(pieces))
