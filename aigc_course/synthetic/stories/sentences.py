"""Sentence forms of the grammar, both ways: filled with facts to tell a story, as patterns to read one back."""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import chain, repeat
from typing import NamedTuple

from aigc_course.synthetic.stories.grammar import MOVES, SEXES, words

PRONOUNS = {
    "en": {
        "she": {"he": "she", "him": "her", "his": "her", "He": "She", "His": "Her"},
        "he": {"he": "he", "him": "him", "his": "his", "He": "He", "His": "His"},
    },
    "zh": {"she": {"he": "她"}, "he": {"he": "他"}, "it": {"he": "它"}},  # animals are "it", whatever their sex
}
GAP = {"en": " ", "zh": ""}  # between sentences
COUNTED = {"measure": "thing", "kind_measure": "kind", "friend_measure": "friend_kind"}  # what a measure word counts
MEASURE = "只"  # of what has no other in the list
PHRASES = ("wish", "obstacle", "attempt", "fix")  # these have a plain and a past form, and may name the thing
WITH_ARTICLE = ("air", "colour", "friend_kind", "friend_trait", "home", "kind", "trait")
ROLES = {"hero": "names", "friend": "names", "kind": "kinds", "friend_kind": "kinds", "friend_trait": "trait"}
SLOT = re.compile(r"\{(\w+)\}")
FACT_AND_ENDING = {  # the fact that a slot shows, and how; every other slot shows the fact of its name as it is
    **{pronoun: ("sex", pronoun) for pronoun in PRONOUNS["en"]["he"]},
    **{f"f{pronoun}": ("friend_sex", pronoun) for pronoun in PRONOUNS["en"]["he"]},
    **{f"{fact}_a": (fact, "a") for fact in WITH_ARTICLE},
    **{f"{fact}_past": (fact, "past") for fact in PHRASES},
}


def filled(facts: Mapping[str, str], language: str = "en") -> dict[str, str]:
    """Every slot that can be made from these facts: "colour_a", "wish_past", "He", "fhim", "measure", ..."""
    slots = dict(facts)
    if language == "zh":
        slots |= {slot: measure_of(facts[counted]) for slot, counted in COUNTED.items() if counted in facts}
    for phrase in facts.keys() & set(PHRASES):
        slots[phrase] = form(facts[phrase]).format_map(facts)
    for slot, (fact, ending) in FACT_AND_ENDING.items():
        if fact not in facts:
            continue
        if ending == "past":
            slots[slot] = form(facts[fact], past=True).format_map(facts)
        elif ending == "a":
            slots[slot] = with_article(facts[fact])
        elif language == "en":
            slots[slot] = PRONOUNS[language][facts[fact]][ending]
    if language == "zh" and {"sex", "kind"} <= facts.keys():
        slots["he"] = PRONOUNS[language][pronoun_of(facts["sex"], facts["kind"], language)]["he"]
    return slots


@cache
def measure_of(noun: str) -> str:
    """The Chinese measure word that a noun is counted with."""
    return words("zh")["measures"].get(noun, MEASURE)


def pronoun_of(sex: str, kind: str, language: str) -> str:
    """Which pronoun a hero has, a key of PRONOUNS: in Chinese an animal has that of neither sex."""
    return "it" if language == "zh" and kind not in words(language)["children"].values() else sex


def split(slot: str) -> tuple[str, str]:
    """The fact that a slot shows, and how: ("colour", "a"), ("wish", "past"), ("friend_sex", "him"), ("time", "")."""
    return FACT_AND_ENDING.get(slot, (slot, ""))


@cache
def form(phrase: str, past: bool = False) -> str:
    """A phrase in its plain or its past form: "is/was" holds both, "(了)" is said in the past only."""
    phrase = phrase.replace("(了)", "了" if past else "")
    if "/" not in phrase:
        return phrase
    return " ".join(word.split("/")[past] if "/" in word else word for word in phrase.split(" "))


def with_article(noun: str) -> str:
    """ "kite" becomes "a kite", "old mill" "an old mill"."""
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"


def sentences(drawn: Mapping[str, str], language: str = "en") -> Iterator[str]:
    """The sentences of a story, move by move, from all that was drawn."""
    slots = filled(drawn, language)
    for move in MOVES:
        if f"move_{move}" in drawn:
            yield drawn[f"move_{move}"].format_map(slots)


@cache
def values(fact: str, language: str = "en") -> tuple[str, ...]:
    """All values that a fact's slot can be read with, also those of another role: any name may stand for a friend."""
    facts, wishes = words(language)["facts"], words(language)["wishes"]
    obstacles = list(chain.from_iterable(group["obstacles"] for group in wishes))
    known = {
        "names": chain.from_iterable(words(language)["names"].values()),
        "kinds": (*words(language)["children"].values(), *facts["animal"], *facts["friend_kind"]),
        "trait": (*facts["trait"], *facts["friend_trait"]),
        "thing": chain.from_iterable(group["thing"] for group in wishes),
        "wish": chain.from_iterable(group["wish"] for group in wishes),
        "obstacle": (each["obstacle"] for each in obstacles),
        "attempt": chain.from_iterable(each["attempt"] for each in obstacles),
        "fix": chain.from_iterable(each["fix"] for each in obstacles),
        "sex": SEXES,
        "friend_sex": SEXES,
    }
    if fact in COUNTED:
        return tuple(dict.fromkeys([MEASURE, *words(language)["measures"].values()]))
    name = ROLES.get(fact, fact)
    return tuple(dict.fromkeys(known.get(name) or facts[name]))


@cache
def shown(slot: str, language: str = "en") -> dict[str, tuple[str, str | None]]:
    """Each text that a slot may show, with the fact's value and, in a phrase that names the thing, the thing."""
    fact, ending = split(slot)
    if ending in PRONOUNS[language]["he"]:
        return {forms[ending]: (sex, None) for sex, forms in PRONOUNS[language].items()}
    if fact not in PHRASES:
        return {with_article(value) if ending == "a" else value: (value, None) for value in values(fact, language)}
    return {
        form(phrase, ending == "past").replace("{thing}", thing): (phrase, thing if "{thing}" in phrase else None)
        for phrase in values(fact, language)
        for thing in values("thing", language)
    }


@cache
def slot_pattern(slot: str, language: str = "en") -> str:
    """A regular expression for all that a slot may show, the longest first."""
    fact, ending = split(slot)
    if fact not in PHRASES:
        return "|".join(sorted(map(re.escape, shown(slot, language)), key=len, reverse=True))
    phrases = sorted((form(phrase, ending == "past") for phrase in values(fact, language)), key=len, reverse=True)
    things = f"(?:{slot_pattern('thing', language)})"
    return "|".join(things.join(map(re.escape, phrase.split("{thing}"))) for phrase in phrases)


class Sentence(NamedTuple):
    """A sentence form that can be recognised, whatever facts it is filled with."""

    form: str
    pieces: tuple[str, ...]  # literal text, slot, literal text, slot, ..., literal text
    pattern: re.Pattern
    language: str

    @property
    def slots(self) -> tuple[str, ...]:
        return self.pieces[1::2]

    def could_begin(self, text: str) -> bool:
        """Whether `text` is the beginning of this sentence, cut off anywhere."""
        for number, piece in enumerate(self.pieces):
            before = re.match(pattern_of(self.pieces[:number], self.language), text)
            if before is None:
                return False
            rest = text[before.end() :]
            if any(each.startswith(rest) for each in (shown(piece, self.language) if number % 2 else [piece])):
                return True
        return False


@cache
def sentence_patterns(move: str, language: str = "en") -> tuple[Sentence, ...]:
    """The sentence forms of a move ("meet_known" and "meet_new" apart), compiled."""
    return compiled(words(language)["moves"][move], language)


def compiled(forms: Sequence[str], language: str) -> tuple[Sentence, ...]:
    """Sentence forms with the patterns that recognize them."""
    pieces_of_forms = [tuple(SLOT.split(each)) for each in forms]
    patterns = (re.compile(pattern_of(pieces, language)) for pieces in pieces_of_forms)
    return tuple(map(Sentence, forms, pieces_of_forms, patterns, repeat(language)))


def pattern_of(pieces: tuple[str, ...], language: str) -> str:
    """The regular expression of literal text and slots in turn."""
    return "".join(f"({slot_pattern(each, language)})" if i % 2 else re.escape(each) for i, each in enumerate(pieces))
