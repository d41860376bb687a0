"""A grammar as a tree of choices: how stories are drawn, what each one's probability is, and the exact entropy."""

import math
import numbers
import random
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

FILES = {"en": "words.toml", "zh": "words_zh.toml"}  # a language's words; both tell of the same worlds
INDEPENDENT = ("trait", "home", "place", "colour", "air", "time", "month", "treat", "feeling")
SEXES = ("she", "he")
MOVES = (
    *("opening", "thing", "wish", "friend", "day", "obstacle", "attempt"),
    *("meet", "tell", "help", "outcome", "thanks", "closing"),
)


class Choice(NamedTuple):
    """One draw: a name, and options of which each is equally likely."""

    name: str
    options: tuple["Option", ...]


class Option(NamedTuple):
    """One way to choose, and the choices that have to be made after it."""

    value: str
    then: tuple[Choice, ...] = ()


def choice(name: str, values: Iterable[str]) -> Choice:
    """A choice after which nothing depends on what was chosen."""
    return Choice(name, tuple(Option(value) for value in values))


def draw(choices: Iterable[Choice], rng: random.Random, drawn: dict[str, str]) -> float:
    """Make every choice and write it into `drawn`; return the log-probability (natural) of what was drawn."""
    log_prob = 0.0
    for name, options in choices:
        option = options[int(rng.random() * len(options))]
        drawn[name] = option.value
        log_prob -= math.log(len(options))
        if option.then:
            log_prob += draw(option.then, rng, drawn)
    return log_prob


def log_prob_of(choices: Iterable[Choice], drawn: Mapping[str, str]) -> float:
    """Log-probability (natural) of these values; -inf where a value is none of its choice's options."""
    log_prob = 0.0
    for name, options in choices:
        option = next((option for option in options if option.value == drawn.get(name)), None)
        if option is None:
            return -math.inf
        log_prob += log_prob_of(option.then, drawn) - math.log(len(options))
    return log_prob


def entropy_of(choices: Iterable[Choice]) -> float:
    """Entropy in nats of all that is drawn, exactly.

    Choices that stand side by side are independent, so their entropies add; for one choice, by the chain rule,
    H = sum over its n options of 1/n * (log n + H of the choices after that option).
    """
    return sum(
        sum(math.log(len(options)) + entropy_of(option.then) for option in options) / len(options)
        for _, options in choices
    )


@cache
def words(language: str = "en") -> dict:
    """The word lists and sentence forms of a language; ValueError for one that has none."""
    if language not in FILES:
        raise ValueError(f"language {language!r}: stories are told in {' and '.join(map(repr, FILES))}")
    return tomllib.loads(Path(__file__).with_name(FILES[language]).read_text(encoding="utf-8"))


def person(role: str, sex: str, language: str) -> Choice:
    """Who plays a role: one of the names for this sex."""
    return choice(role, words(language)["names"][f"{role}_{sex}"])


def nature(sex: str, language: str) -> Choice:
    """A hero is a child in half of the stories, an animal in the others."""
    child = Option("child", (choice("kind", [words(language)["children"][sex]]),))
    return Choice("nature", (child, Option("animal", (choice("kind", words(language)["facts"]["animal"]),))))


def wish_options(language: str) -> Iterator[Option]:
    """Each group of wishes with its things and obstacles; each obstacle with what is tried and what helps."""
    for group in words(language)["wishes"]:
        obstacles = tuple(
            Option(each["obstacle"], (choice("attempt", each["attempt"]), choice("fix", each["fix"])))
            for each in group["obstacles"]
        )
        things = choice("thing", group["thing"])
        yield Option(group["thing"][0], (things, choice("wish", group["wish"]), Choice("obstacle", obstacles)))


def move(name: str, language: str, form: str = "") -> Choice:
    """The choice among a move's sentence forms; a form that says a lesson has the lesson chosen after it."""
    lesson = (choice("lesson", words(language)["facts"]["lesson"]),)
    forms = words(language)["moves"][form or name]
    return Choice(f"move_{name}", tuple(Option(each, lesson if "{lesson}" in each else ()) for each in forms))


@cache
def world_choices(language: str = "en") -> tuple[Choice, ...]:
    """The choices that make a world, before a word is said; as many, and in the same order, in every language."""
    facts = words(language)["facts"]
    return (
        Choice("sex", tuple(Option(sex, (person("hero", sex, language), nature(sex, language))) for sex in SEXES)),
        Choice("friend_sex", tuple(Option(sex, (person("friend", sex, language),)) for sex in SEXES)),
        choice("friend_kind", facts["friend_kind"]),
        choice("friend_trait", facts["friend_trait"]),
        Choice("group", tuple(wish_options(language))),
        *(choice(name, facts[name]) for name in INDEPENDENT),
    )


@cache
def telling_choices(language: str = "en") -> tuple[Choice, ...]:
    """The choices of how that world is told: which sentence form each move takes."""
    known = Option("known", (move("friend", language), move("meet", language, "meet_known")))
    new = Option("new", (move("meet", language, "meet_new"),))
    telling = (Option("yes", (move("tell", language),)), Option("no"))
    rest = [move(name, language) for name in MOVES if name not in {"friend", "meet", "tell"}]
    return (Choice("acquaintance", (known, new)), Choice("tells", telling), *rest)


def checked_number(number: int, name: str = "seed") -> int:
    """The number as an int of Python; TypeError and ValueError for another kind of value or a negative number."""
    if isinstance(number, bool) or not isinstance(number, numbers.Integral):
        raise TypeError(f"{name} {number!r} is a {type(number).__name__}; give a whole number, 0 or more")
    if number < 0:
        raise ValueError(f"{name} {number} is negative; give a whole number, 0 or more")
    return int(number)
