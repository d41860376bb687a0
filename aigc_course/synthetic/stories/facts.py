"""Which facts of a story are kept, which broken, by the choices of the grammar and the forms of its sentences."""

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from aigc_course.synthetic.stories.grammar import CHILD, words
from aigc_course.synthetic.stories.sentences import form

ONCE = {"feeling", "lesson"}  # said once, so they cannot be broken


class Fact(NamedTuple):
    """A fact that was mentioned again, or that has to fit another."""

    name: str  # "friend", "colour", "sex" (the hero's pronoun), "outcome" (it must answer the wish), ...
    expected: str  # as first established
    found: str  # as mentioned here
    position: int  # of this mention, in characters from the beginning of the text

    @property
    def kept(self) -> bool:
        return self.expected == self.found


class Mention(NamedTuple):
    """One slot of a sentence that was read."""

    move: str
    fact: str
    value: str
    thing: str | None  # named inside a phrase
    position: int


def plain(mention: Mention) -> str:
    """A mention's value as a reader would say it."""
    return form(mention.value).replace("{thing}", mention.thing or "")


@cache
def sex_of(name: str) -> str:
    """The pronoun of a name, "she" or "he"."""
    return next(role.rpartition("_")[2] for role, names in words()["names"].items() if name in names)


def checks(mentions: list[Mention], first: dict[str, Mention]) -> Iterator[Fact]:
    """Hold every mention against what was established first, and what has to fit the wish against it."""
    for mention in mentions:
        fact, position = mention.fact, mention.position
        if mention.thing and "thing" in first:
            yield Fact("thing", first["thing"].value, mention.thing, position)
        if fact in {"sex", "friend_sex"}:
            name = first["hero" if fact == "sex" else "friend"].value
            yield Fact(fact, sex_of(name), mention.value, position)
        elif mention is first[fact]:
            yield from fitting(mention, first)
        elif fact not in ONCE:
            established = first[fact]
            same = established.value == mention.value  # then the thing inside was held against the thing above
            name = "outcome" if (mention.move, fact) == ("outcome", "wish") else fact
            yield Fact(name, plain(established), plain(established) if same else plain(mention), position)


def fitting(mention: Mention, first: dict[str, Mention]) -> Iterator[Fact]:
    """Whether a fact, where it is said first, may go together with those that it depends on."""
    fact, value, position = mention.fact, mention.value, mention.position
    facts, names = words()["facts"], words()["names"]
    group = next((group for group in words()["wishes"] if value in group["wish"]), None)
    if fact in {"hero", "friend"} and value not in names[f"{fact}_she"] + names[f"{fact}_he"]:
        yield Fact(fact, f"a name for a {fact}", value, position)
    elif fact == "kind" and value in CHILD.values() and "hero" in first:
        yield Fact(fact, CHILD[sex_of(first["hero"].value)], value, position)
    elif fact == "kind" and value not in facts["animal"]:
        yield Fact(fact, "a kind for a hero", value, position)
    elif fact in {"trait", "friend_kind", "friend_trait"} and value not in facts[fact]:
        yield Fact(fact, "one for a friend" if fact != "trait" else "one for a hero", value, position)
    elif fact == "wish" and group and first["thing"].value not in group["thing"]:
        yield Fact(fact, f"a wish about the {first['thing'].value}", plain(mention), position)
    elif fact in {"obstacle", "attempt", "fix"}:
        allowed = allowed_after(fact, first["wish"].value, first["obstacle"].value)
        expected = plain(mention) if value in allowed else f'one that fits "{plain(first[parent(fact)])}"'
        yield Fact(fact, expected, plain(mention), position)


def parent(fact: str) -> str:
    """What an obstacle has to fit (the wish), and what an attempt or a fix has to (the obstacle)."""
    return "wish" if fact == "obstacle" else "obstacle"


@cache
def allowed_after(fact: str, wish: str, obstacle: str) -> frozenset[str]:
    """The obstacles that a wish may meet, or the attempts or fixes for an obstacle."""
    groups = words()["wishes"]
    if fact == "obstacle":
        return frozenset(each["obstacle"] for group in groups if wish in group["wish"] for each in group["obstacles"])
    every = (each for group in groups for each in group["obstacles"] if each["obstacle"] == obstacle)
    return frozenset(value for each in every for value in each[fact])


def derivation(path: list, first: dict[str, Mention]) -> dict[str, str]:
    """All choices behind a whole story that keeps its facts."""
    drawn = {name: mention.value for name, mention in first.items()}
    for move, sentence, _ in path:
        drawn[f"move_{move.partition('_')[0]}"] = sentence.form
    groups = words()["wishes"]
    return drawn | {
        "sex": sex_of(drawn["hero"]),
        "friend_sex": sex_of(drawn["friend"]),
        "nature": "child" if drawn["kind"] in CHILD.values() else "animal",
        "group": next(group["thing"][0] for group in groups if drawn["wish"] in group["wish"]),
        "acquaintance": "known" if "move_friend" in drawn else "new",
        "tells": "yes" if "move_tell" in drawn else "no",
    }
