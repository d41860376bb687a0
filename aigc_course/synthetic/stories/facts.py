"""Which facts of a story are kept, which broken, by the choices of the grammar and the forms of its sentences."""

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from aigc_course.synthetic.stories.grammar import words
from aigc_course.synthetic.stories.sentences import COUNTED, PRONOUNS, form, measure_of, pronoun_of

ONCE = {"feeling", "lesson"}  # said once, so they cannot be broken
FITTING = {  # what is expected where something else would fit
    "en": {
        "hero": "a name for a hero",
        "friend": "a name for a friend",
        "kind": "a kind for a hero",
        "trait": "one for a hero",
        "friend_kind": "one for a friend",
        "friend_trait": "one for a friend",
        "wish": "a wish about the {}",
        "phrase": 'one that fits "{}"',
    },
    "zh": {
        "hero": "主人公的名字",
        "friend": "朋友的名字",
        "kind": "主人公的种类",
        "trait": "形容主人公的词",
        "friend_kind": "朋友的种类",
        "friend_trait": "形容朋友的词",
        "wish": "与{}有关的心愿",
        "phrase": "与“{}”相配的说法",
    },
}


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
def sex_of(name: str, language: str = "en") -> str:
    """The pronoun of a name, "she" or "he"."""
    return next(role.rpartition("_")[2] for role, names in words(language)["names"].items() if name in names)


def checks(mentions: list[Mention], first: dict[str, Mention], language: str = "en") -> Iterator[Fact]:
    """Hold every mention against what was established first, and what has to fit the wish against it."""
    for mention in mentions:
        fact, position = mention.fact, mention.position
        if mention.thing and "thing" in first:
            yield Fact("thing", first["thing"].value, mention.thing, position)
        if fact == "sex" and not {"hero", "kind"} <= first.keys():
            continue  # whose pronoun it is was not said
        if fact == "sex":
            pronoun = pronoun_of(sex_of(first["hero"].value, language), first["kind"].value, language)
            forms = PRONOUNS[language]
            yield Fact(fact, forms[pronoun]["he"], forms[mention.value]["he"], position)
        elif fact == "friend_sex":
            yield Fact(fact, sex_of(first["friend"].value, language), mention.value, position)
        elif fact in COUNTED:
            yield Fact(fact, measure_of(first[COUNTED[fact]].value), mention.value, position)
        elif mention is first[fact]:
            yield from fitting(mention, first, language)
        elif fact not in ONCE:
            established = first[fact]
            same = established.value == mention.value  # then the thing inside was held against the thing above
            name = "outcome" if (mention.move, fact) == ("outcome", "wish") else fact
            yield Fact(name, plain(established), plain(established) if same else plain(mention), position)


def fitting(mention: Mention, first: dict[str, Mention], language: str) -> Iterator[Fact]:
    """Whether a fact, where it is said first, may go together with those that it depends on."""
    fact, value, position = mention.fact, mention.value, mention.position
    facts, names, children = words(language)["facts"], words(language)["names"], words(language)["children"]
    said = FITTING[language]
    group = next((group for group in words(language)["wishes"] if value in group["wish"]), None)
    if fact in {"hero", "friend"} and value not in names[f"{fact}_she"] + names[f"{fact}_he"]:
        yield Fact(fact, said[fact], value, position)
    elif fact == "kind" and value in children.values() and "hero" in first:
        yield Fact(fact, children[sex_of(first["hero"].value, language)], value, position)
    elif fact in {"kind", "trait", "friend_kind", "friend_trait"}:
        if value not in facts["animal" if fact == "kind" else fact]:
            yield Fact(fact, said[fact], value, position)
    elif fact == "wish" and group and "thing" in first and first["thing"].value not in group["thing"]:
        yield Fact(fact, said[fact].format(first["thing"].value), plain(mention), position)
    elif fact in {"obstacle", "attempt", "fix"}:
        allowed = allowed_after(fact, first["wish"].value, first["obstacle"].value, language)
        expected = plain(mention) if value in allowed else said["phrase"].format(plain(first[parent(fact)]))
        yield Fact(fact, expected, plain(mention), position)


def parent(fact: str) -> str:
    """What an obstacle has to fit (the wish), and what an attempt or a fix has to (the obstacle)."""
    return "wish" if fact == "obstacle" else "obstacle"


@cache
def allowed_after(fact: str, wish: str, obstacle: str, language: str) -> frozenset[str]:
    """The obstacles that a wish may meet, or the attempts or fixes for an obstacle."""
    groups = words(language)["wishes"]
    if fact == "obstacle":
        return frozenset(each["obstacle"] for group in groups if wish in group["wish"] for each in group["obstacles"])
    every = (each for group in groups for each in group["obstacles"] if each["obstacle"] == obstacle)
    return frozenset(value for each in every for value in each[fact])


def derivation(path: list, first: dict[str, Mention], language: str = "en") -> dict[str, str]:
    """All choices behind a whole story that keeps its facts."""
    drawn = with_implied({name: mention.value for name, mention in first.items()}, language)
    for move, sentence, _ in path:
        drawn[f"move_{move.partition('_')[0]}"] = sentence.form
    return drawn | {
        "acquaintance": "known" if "move_friend" in drawn else "new",
        "tells": "yes" if "move_tell" in drawn else "no",
    }


def with_implied(drawn: dict[str, str], language: str) -> dict[str, str]:
    """What was drawn, with the choices that follow from it: whose name is a girl's, which group a thing is of."""
    groups, children = words(language)["wishes"], words(language)["children"].values()
    return drawn | {
        "sex": sex_of(drawn["hero"], language),
        "friend_sex": sex_of(drawn["friend"], language),
        "nature": "child" if drawn.get("kind") in children else "animal",
        "group": next(group["thing"][0] for group in groups if drawn["thing"] in group["thing"]),
    }
