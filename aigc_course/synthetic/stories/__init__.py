"""Stories with a known truth: drawn by grammar, worded by sentences, marked, read back by reading, held to their facts.

Story number n is the same text on every machine. Numbers below HELD_OUT are for training, those from HELD_OUT on are
for testing; `disjoint` checks that the numbers in use share no text.
"""

import math
import random
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import cache
from itertools import chain

from aigc_course.synthetic.stories.facts import Fact
from aigc_course.synthetic.stories.grammar import checked_number, draw, entropy_of, telling_choices, world_choices
from aigc_course.synthetic.stories.marking import Place, marked
from aigc_course.synthetic.stories.reading import Reading, log_prob, read_back
from aigc_course.synthetic.stories.sentences import GAP, filled, sentences

HELD_OUT = 1_000_000_000  # the first story number that is never trained on
ALPHABET_STORIES = 2000  # that many hold every character
__all__ = [
    "HELD_OUT",
    "Fact",
    "Place",
    "Reading",
    "Story",
    "World",
    "alphabet",
    "as_rows",
    "best_perplexity",
    "disjoint",
    "entropy",
    "log_prob",
    "marked",
    "read_back",
    "tell",
    "tell_many",
]


@dataclass(frozen=True)
class World:
    """What is true in one story, whichever way it is told."""

    hero: str  # the hero's name
    sex: str  # "she" or "he"
    kind: str  # girl, boy, or an animal
    trait: str  # brave, shy, ...
    home: str  # cottage, old mill, ...
    place: str  # where the home is: by the sea, ...
    colour: str  # of the thing
    thing: str  # what the wish is about
    wish: str  # "sail the boat across the pond"
    obstacle: str  # "the sail is ripped"
    attempt: str  # what the hero tries in vain: "hold the sail up by hand"
    fix: str  # what helps: "stitch the sail with thread"
    friend: str  # the friend's name
    friend_sex: str  # "she" or "he"
    friend_kind: str  # owl, tortoise, ...
    friend_trait: str  # old, jolly, ...
    acquaintance: str  # "known" from the start, or "new": met on the way
    air: str  # fine, quiet, ...: how the day was
    time: str  # morning, afternoon or evening
    month: str  # April to September
    treat: str  # what is eaten
    feeling: str  # of the hero, while nothing helps


@dataclass(frozen=True)
class Story:
    """A story, the world that it tells of, and how likely it was."""

    text: str
    world: World
    log_prob: float  # natural logarithm of the probability of exactly this text

    @property
    def bits(self) -> float:
        """The story's information, -log2 of its probability."""
        return -self.log_prob / math.log(2)


def tell(seed: int | random.Random, language: str = "en") -> Story:
    """Draw one story. A number tells of the same world in every language, in the words of that language.

    seed: a story number, 0 or more (the same number, the same story), or a random.Random to draw from
    language: "en" or "zh"
    TypeError for another seed, ValueError for a negative number or another language.
    """
    rng = seed if isinstance(seed, random.Random) else random.Random(checked_number(seed))
    drawn: dict[str, str] = {}
    log_prob = draw(world_choices(language), rng, drawn) + draw(telling_choices(language), rng, drawn)
    return Story(GAP[language].join(sentences(drawn, language)), world_of(filled(drawn, language)), log_prob)


def world_of(slots: Mapping[str, str]) -> World:
    """The world that fills the slots of sentence forms."""
    return World(**{field.name: slots[field.name] for field in fields(World)})


def tell_many(count: int, seed: int = 0, language: str = "en") -> list[Story]:
    """The stories of the numbers seed, seed + 1, ..., seed + count - 1. Errors as `tell`, also for a count."""
    first = checked_number(seed)
    return [tell(number, language) for number in range(first, first + checked_number(count, "count"))]


def disjoint(training: int, held_out: int, language: str = "en") -> bool:
    """Whether the first `training` stories and the first `held_out` ones from number HELD_OUT on share no text."""
    known = {hash(tell(number, language).text) for number in range(training)}
    return all(hash(tell(HELD_OUT + number, language).text) not in known for number in range(held_out))


def entropy(language: str = "en") -> float:
    """Entropy of a story's text in nats, exactly: the text shows all that was drawn, so H(text) = H(choices)."""
    return entropy_of(world_choices(language)) + entropy_of(telling_choices(language))


def best_perplexity(mean_tokens: float, language: str = "en") -> float:
    """The lowest perplexity a token that any model can reach, exp(H / mean_tokens), over many stories.

    mean_tokens: mean number of tokens a story, with its end token; ValueError unless positive
    Over given stories, exp(-sum of their log_prob / number of their tokens) is exact and varies less.
    """
    if not mean_tokens > 0:
        raise ValueError(f"mean_tokens {mean_tokens} is not positive; give the mean number of tokens a story")
    return math.exp(entropy(language) / mean_tokens)


@cache
def alphabet(language: str = "en") -> frozenset[str]:
    """The characters that stories are written in; a model of these stories has never seen any other."""
    return frozenset(chain.from_iterable(story.text for story in tell_many(ALPHABET_STORIES, language=language)))


def as_rows(world: World) -> list[tuple[str, str]]:
    """(fact, value) for each fact, to be shown as a table."""
    return [(name.replace("_", " "), value) for name, value in asdict(world).items()]
