"""Stories read back: the moves and sentences of the grammar are found in a text, and its facts are held together."""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from aigc_course.synthetic.stories.explaining import explained
from aigc_course.synthetic.stories.facts import Fact, Mention, checks, derivation, plain, sex_of
from aigc_course.synthetic.stories.grammar import MOVES, log_prob_of, telling_choices, words, world_choices
from aigc_course.synthetic.stories.sentences import COUNTED, GAP, Sentence, sentence_patterns, sentences, shown, split

ROUTES = tuple(
    tuple(
        f"meet_{acquaintance}" if move == "meet" else move
        for move in MOVES
        if (move != "friend" or acquaintance == "known") and (move != "tell" or tells)
    )
    for acquaintance in ("known", "new")
    for tells in (True, False)
)


@dataclass(frozen=True)
class Reading:
    """What a text says, held against what a story must be."""

    text: str
    well_formed: bool  # a whole story: a known sentence form for each move, in order, whatever the facts
    kept: tuple[Fact, ...]
    broken: tuple[Fact, ...]
    facts: dict[str, str]  # fact: value, as first established
    moves: tuple[str, ...]  # the moves that could be read
    read_until: int  # characters from the beginning that could be read as moves
    log_prob: float  # natural logarithm of the probability that the grammar tells this text; -inf if it never does
    language: str = "en"

    @property
    def is_true(self) -> bool:
        """Well-formed, and no fact broken."""
        return self.well_formed and not self.broken

    @property
    def truncated(self) -> bool:
        """Whether the text is the beginning of a story, cut off at its end."""
        rest = self.text[self.read_until :].strip()
        forms = (sentence for move in next_moves(self.moves) for sentence in sentence_patterns(move, self.language))
        return bool(self.text.strip()) and any(sentence.could_begin(rest) for sentence in forms)

    def explain(self) -> list[str]:
        """Lines in the story's language: whether it is well-formed, each broken fact, and how often each is kept."""
        return explained(self, next_moves(self.moves))


def read_back(text: str, language: str = "en") -> Reading:
    """Read any text as a story: is it well-formed, and which facts does it keep or break?

    text: a whole story, as a model may have written it; white space around it does not matter
    language: "en" or "zh": whose sentences are looked for; a text in the other one is no story (ValueError: neither)
    A text that is no story gives a Reading that says so; TypeError for anything but a str.
    """
    if not isinstance(text, str):
        raise TypeError(f"text is a {type(text).__name__}; give the story as a str")
    words(language)  # or say that there is none
    path, end, complete = longest_reading(text, language)
    mentions = [mention for move, sentence, match in path for mention in mentions_of(move, sentence, match)]
    first: dict[str, Mention] = {}
    for mention in mentions:
        first.setdefault(mention.fact, mention)
    checked = list(checks(mentions, first, language))
    broken = tuple(fact for fact in checked if not fact.kept)
    facts = {name: plain(mention) for name, mention in first.items() if name not in COUNTED}
    for who, sex in (("hero", "sex"), ("friend", "friend_sex")):
        if who in facts:
            facts[sex] = sex_of(facts[who], language)
    drawn = derivation(path, first, language) if complete and not broken else {}
    exact = drawn and GAP[language].join(sentences(drawn, language)) == text.strip()
    log_prob = log_prob_of(world_choices(language) + telling_choices(language), drawn) if exact else -math.inf
    kept = tuple(fact for fact in checked if fact.kept)
    return Reading(text, complete, kept, broken, facts, tuple(move for move, _, _ in path), end, log_prob, language)


def log_prob(text: str, language: str = "en") -> float:
    """Natural logarithm of the probability that the grammar tells exactly this text; -inf if it never does."""
    return read_back(text, language).log_prob


class Manner(NamedTuple):
    """How a kind of text is put together."""

    routes: tuple[tuple[str, ...], ...]  # the orders that its moves may have
    sentences_of: Callable[[str, str], tuple[Sentence, ...]]  # (move, language) -> the sentence forms of the move
    gap: Mapping[str, str]  # language: what stands between sentences


STORIES = Manner(ROUTES, sentence_patterns, GAP)


def longest_reading(
    text: str, language: str, manner: Manner = STORIES
) -> tuple[list[tuple[str, Sentence, re.Match]], int, bool]:
    """The moves that read the text furthest, where they end, and whether they make a whole one."""
    start, stop = len(text) - len(text.lstrip()), len(text.rstrip())
    best: tuple[list, int, bool] = ([], start, False)
    for route in manner.routes:
        for path, end in readings(text, route, start, language, manner):
            complete = len(path) == len(route) and end == stop
            if (complete, end) > (best[2], best[1]):
                best = path, end, complete
            if complete:
                return best
    return best


def readings(
    text: str, route: tuple[str, ...], position: int, language: str = "en", manner: Manner = STORIES
) -> Iterator[tuple[list, int]]:
    """Every way to read the text by the moves of `route`, as (moves read, end), each as far as it goes."""
    if not route:
        yield [], position
        return
    move, *later_moves = route
    goes_on, gap = False, manner.gap[language]
    for sentence in manner.sentences_of(move, language):
        if match := sentence.pattern.match(text, position):
            goes_on = True
            end = match.end()
            goes_on_at = end + len(gap) if later_moves and text.startswith(gap, end) else None
            later = tuple(later_moves)
            rest = [([], end)] if goes_on_at is None else readings(text, later, goes_on_at, language, manner)
            for path, last in rest:
                yield [(move, sentence, match), *path], (last if path else end)
    if not goes_on:
        yield [], position


def next_moves(moves: tuple[str, ...]) -> list[str]:
    """The moves that may follow on these, in a story's order; none after a whole story."""
    routes = [route for route in ROUTES if route[: len(moves)] == moves and len(route) > len(moves)]
    return list(dict.fromkeys(route[len(moves)] for route in routes))


def mentions_of(move: str, sentence: Sentence, match: re.Match) -> Iterator[Mention]:
    """What a sentence says, slot by slot."""
    for number, slot in enumerate(sentence.slots, start=1):
        value, thing = shown(slot, sentence.language)[match[number]]
        yield Mention(move, split(slot)[0], value, thing, match.start(number))
