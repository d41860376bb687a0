"""Sentence forms of story_grammar, both ways: filled with facts to tell a story, as patterns to read one back."""

import re
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import chain
from typing import NamedTuple

from aigc_course.synthetic.stories.grammar import CHILD, MOVES, SEXES, words

PRONOUNS = {"she": {"he": "she", "him": "her", "his": "her"}, "he": {"he": "he", "him": "him", "his": "his"}}
PHRASES = ("wish", "obstacle", "attempt", "fix")  # these have a plain and a past form, and may name the thing
ROLES = {"hero": "names", "friend": "names", "kind": "kinds", "friend_kind": "kinds", "friend_trait": "trait"}
SLOT = re.compile(r"\{(\w+)\}")


class Forms(dict):
    """Every slot of a sentence form, made from the facts when asked for: "colour_a", "wish_past", "He", "fhim"."""

    def __init__(self, facts: Mapping[str, str]):
        super().__init__(facts)
        self.facts = facts
        for phrase in PHRASES:
            self[phrase] = form(facts[phrase]).format_map(self)

    def __missing__(self, slot: str) -> str:
        fact, ending = split(slot)
        if ending in PRONOUNS["he"]:
            word = PRONOUNS[self[fact]][ending]
            self[slot] = word.capitalize() if slot[0] == "H" else word
        elif ending == "a":
            self[slot] = with_article(self[fact])
        else:
            self[slot] = form(self.facts[fact], past=True).format_map(self)
        return self[slot]


def split(slot: str) -> tuple[str, str]:
    """The fact that a slot shows, and how: ("colour", "a"), ("wish", "past"), ("friend_sex", "him"), ("time", "")."""
    if slot.lower() in PRONOUNS["he"]:
        return "sex", slot.lower()
    if slot[0] == "f" and slot[1:] in PRONOUNS["he"]:
        return "friend_sex", slot[1:]
    fact, _, ending = slot.rpartition("_")
    return (fact, ending) if ending in {"a", "past"} else (slot, "")


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
    forms = Forms(drawn)
    for move in MOVES:
        if f"move_{move}" in drawn:
            yield drawn[f"move_{move}"].format_map(forms)


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
        texts = {PRONOUNS[sex][ending]: (sex, None) for sex in SEXES}
        return {text.capitalize() if slot[0] == "H" else text: value for text, value in texts.items()}
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
    found = []
    for each in words()["moves"][move]:
        pieces = tuple(SLOT.split(each))
        found.append(Sentence(each, pieces, re.compile(pattern_of(pieces))))
    return tuple(found)


def pattern_of(pieces: tuple[str, ...]) -> str:
    """The regular expression of literal text and slots in turn."""
    return "".join(f"({slot_pattern(each)})" if i % 2 else re.escape(each) for i, each in enumerate(pieces))
