"""Stories read back: the moves and sentences of the grammar are found in a text, and its facts are held together."""

import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from aigc_course.synthetic.stories.facts import Fact, Mention, checks, derivation, plain, sex_of
from aigc_course.synthetic.stories.grammar import MOVES, log_prob_of, telling_choices, world_choices
from aigc_course.synthetic.stories.sentences import Sentence, sentence_patterns, sentences, shown, split

ROUTES = tuple(
    tuple(
        f"meet_{acquaintance}" if move == "meet" else move
        for move in MOVES
        if (move != "friend" or acquaintance == "known") and (move != "tell" or tells)
    )
    for acquaintance in ("known", "new")
    for tells in (True, False)
)
LABELS = {
    "hero": "the hero's name",
    "sex": "pronoun",
    "friend": "the friend's name",
    "friend_sex": "the friend's pronoun",
    "friend_kind": "what the friend is",
    "friend_trait": "how the friend is",
    "kind": "what the hero is",
    "trait": "how the hero is",
    "air": "how the day was",
    "time": "the time of day",
    "fix": "the help that fits the obstacle",
    "attempt": "the attempt that fits the obstacle",
    "outcome": "the outcome that answers the wish",
}


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

    @property
    def is_true(self) -> bool:
        """Well-formed, and no fact broken."""
        return self.well_formed and not self.broken

    @property
    def truncated(self) -> bool:
        """Whether the text is the beginning of a story, cut off at its end."""
        rest = self.text[self.read_until :].strip()
        forms = (sentence for move in next_moves(self.moves) for sentence in sentence_patterns(move))
        return bool(self.text.strip()) and any(sentence.could_begin(rest) for sentence in forms)

    def explain(self) -> list[str]:
        """Lines of English: whether the text is well-formed, each fact that is broken, and how often each is kept."""
        lines = [self._shape()]
        for fact in self.broken:
            expected = f"expected {fact.expected}, found {fact.found}"
            lines.append(f"broken  {self._label(fact)}: {expected} (character {fact.position})")
        kept = Counter((self._label(fact), fact.expected) for fact in self.kept)
        return lines + [f"kept    {label}: {value} ({count}x)" for (label, value), count in kept.items()]

    def _label(self, fact: Fact) -> str:
        if fact.name == "colour":
            return f"the colour of the {self.facts.get('thing', 'thing')}"
        return LABELS.get(fact.name, f"the {fact.name}")

    def _shape(self) -> str:
        if self.well_formed:
            return f"well-formed: a whole story of {len(self.moves)} moves"
        if not self.text.strip():
            return "ill-formed: the text is empty"
        rest, expected = self.text[self.read_until :].strip(), " or ".join(next_moves(self.moves))
        if not rest:
            return f"ill-formed: the story stops where {expected} should follow (character {self.read_until})"
        if not expected:
            return f'ill-formed: the story is over, the text is not (character {self.read_until}): "{rest[:60]}"'
        what = "is not finished" if self.truncated else "has no known form"
        return f'ill-formed: the sentence for {expected} {what} (character {self.read_until}): "{rest[:60]}"'


def read_back(text: str) -> Reading:
    """Read any text as a story: is it well-formed, and which facts does it keep or break?

    text: a whole story, as a model may have written it; white space around it does not matter
    A text that is no story gives a Reading that says so; TypeError for anything but a str.
    """
    if not isinstance(text, str):
        raise TypeError(f"text is a {type(text).__name__}; give the story as a str")
    path, end, complete = longest_reading(text)
    mentions = [mention for move, sentence, match in path for mention in mentions_of(move, sentence, match)]
    first: dict[str, Mention] = {}
    for mention in mentions:
        first.setdefault(mention.fact, mention)
    checked = list(checks(mentions, first))
    broken = tuple(fact for fact in checked if not fact.kept)
    facts = {name: plain(mention) for name, mention in first.items()}
    for who, sex in (("hero", "sex"), ("friend", "friend_sex")):
        if who in facts:
            facts[sex] = sex_of(facts[who])
    drawn = derivation(path, first) if complete and not broken else {}
    exact = drawn and " ".join(sentences(drawn)) == text.strip()
    log_prob = log_prob_of(world_choices() + telling_choices(), drawn) if exact else -math.inf
    kept = tuple(fact for fact in checked if fact.kept)
    return Reading(text, complete, kept, broken, facts, tuple(move for move, _, _ in path), end, log_prob)


def log_prob(text: str) -> float:
    """Natural logarithm of the probability that the grammar tells exactly this text; -inf if it never does."""
    return read_back(text).log_prob


def longest_reading(text: str) -> tuple[list[tuple[str, Sentence, re.Match]], int, bool]:
    """The moves that read the text furthest, where they end, and whether they make a whole story."""
    start, stop = len(text) - len(text.lstrip()), len(text.rstrip())
    best: tuple[list, int, bool] = ([], start, False)
    for route in ROUTES:
        for path, end in readings(text, route, start):
            complete = len(path) == len(route) and end == stop
            if (complete, end) > (best[2], best[1]):
                best = path, end, complete
            if complete:
                return best
    return best


def readings(text: str, route: tuple[str, ...], position: int) -> Iterator[tuple[list, int]]:
    """Every way to read the text by the moves of `route`, as (moves read, end), each as far as it goes."""
    if not route:
        yield [], position
        return
    move, *later_moves = route
    goes_on = False
    for sentence in sentence_patterns(move):
        if match := sentence.pattern.match(text, position):
            goes_on = True
            end = match.end()
            gap = end + 1 if later_moves and text[end : end + 1] == " " else end
            rest = readings(text, tuple(later_moves), gap) if gap > end else [([], end)]
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
        value, thing = shown(slot)[match[number]]
        yield Mention(move, split(slot)[0], value, thing, match.start(number))
