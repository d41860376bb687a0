"""A translation task whose truth is known: texts of synthetic.spelled_out, in English and Chinese, to digits.

Pairs are drawn by seed, split so that no meaning of the test set occurs in training, and turned into padded batches.
"""

import numbers
import operator
import random
from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import NamedTuple

import torch
from torch import Tensor

from aigc_course.synthetic.spelled_out import LANGUAGES, YEARS, phrasings, words_of

PAD, START, END = 0, 1, 2
SPECIAL = ["<pad>", "<start>", "<end>"]
KINDS = {"number": 0.5, "date": 0.2, "period": 0.3}  # shares of the pairs
ZERO = 0.2  # the probability of each digit after the first to be 0: zeros are what a reader must fill in


class Pair(NamedTuple):
    """A source text, its translation into digits, and the source's language ("en" or "zh")."""

    source: str
    target: str
    language: str


class Batch(NamedTuple):
    """Padded pairs; True in the mask where there is a word, False on padding."""

    source: Tensor  # (batch, source length) ids
    mask: Tensor  # (batch, source length)
    target: Tensor  # (batch, target length + 2) ids, <start> ... <end>


def draw_meaning(rng: random.Random) -> str:
    """A number of 1 to 9 digits, a date or a period, in digits."""
    kind = rng.choices(list(KINDS), weights=list(KINDS.values()))[0]
    if kind == "number":
        more = "".join("0" if rng.random() < ZERO else rng.choice("123456789") for _ in range(rng.randrange(9)))
        return f"{int(rng.choice('123456789') + more if more else rng.choice('0123456789')):,}"
    first = date(YEARS.start, 1, 1)
    days = sorted(rng.sample(range((date(YEARS.stop, 1, 1) - first).days), 1 if kind == "date" else 2))
    return "/".join((first + timedelta(day)).isoformat() for day in days)


def make_pairs(num_pairs: int, seed: int) -> list[Pair]:
    """Different sources, English and Chinese in turn, each in one of its phrasings; the same seed, the same pairs."""
    if not isinstance(num_pairs, numbers.Integral) or isinstance(num_pairs, bool) or not 0 < num_pairs <= 10**6:
        raise ValueError(f"num_pairs={num_pairs} is not in 1 .. 1,000,000")
    rng = random.Random(operator.index(seed))
    pairs: dict[str, Pair] = {}
    while len(pairs) < num_pairs:
        language, meaning = LANGUAGES[len(pairs) % 2], draw_meaning(rng)
        source = rng.choice(phrasings(meaning, language))
        pairs.setdefault(source, Pair(source, meaning, language))
    return list(pairs.values())


def split_pairs(pairs: Sequence[Pair], test_share: float, seed: int) -> tuple[list[Pair], list[Pair]]:
    """Training and test pairs; all pairs of one meaning, whatever their wording and language, go to the same side."""
    if not 0 < test_share < 1:
        raise ValueError(f"test_share={test_share} is not between 0 and 1; 0.1 keeps every tenth meaning for the test")
    meanings = sorted({pair.target for pair in pairs})
    held_out = set(random.Random(operator.index(seed)).sample(meanings, round(test_share * len(meanings))))
    train = [pair for pair in pairs if pair.target not in held_out]
    return train, [pair for pair in pairs if pair.target in held_out]


class Vocabulary:
    """Tokens to ids and back; ids 0, 1, 2 are padding, start and end."""

    def __init__(self, tokens: Iterable[str]):
        self.tokens = SPECIAL + sorted(set(tokens))
        self.ids = {token: number for number, token in enumerate(self.tokens)}

    def __len__(self) -> int:
        return len(self.tokens)

    def encode(self, tokens: Sequence[str]) -> list[int]:
        """Ids of tokens; ValueError that names the tokens it does not know."""
        if unknown := sorted(set(tokens) - set(self.ids)):
            raise ValueError(f"not in the vocabulary: {', '.join(unknown)}")
        return [self.ids[token] for token in tokens]

    def decode(self, ids: Iterable[int] | Tensor) -> str:
        """The text of target ids up to the first <end>, without <start>; ValueError for an id it does not have."""
        text = ""
        for number in map(operator.index, ids):
            if number == END:
                break
            if not 0 <= number < len(self.tokens):
                raise ValueError(f"id {number} is not in 0 .. {len(self.tokens) - 1}, the ids of this vocabulary")
            text += self.tokens[number] if number > END else ""
        return text


def vocabularies(pairs: Sequence[Pair]) -> tuple[Vocabulary, Vocabulary]:
    """Of the sources (words and Chinese characters) and of the targets (single characters)."""
    sources = Vocabulary(word for pair in pairs for word in words_of(pair.source))
    return sources, Vocabulary(character for pair in pairs for character in pair.target)


def pad(sequences: Sequence[Sequence[int]]) -> Tensor:
    """(n, longest) ids; shorter sequences are filled up with PAD at the end."""
    if not sequences or not all(sequences):
        raise ValueError("pad needs at least one sequence and no empty one")
    longest = max(map(len, sequences))
    return torch.tensor([[*sequence, *[PAD] * (longest - len(sequence))] for sequence in sequences])


def encode_pairs(pairs: Sequence[Pair], sources: Vocabulary, targets: Vocabulary) -> list[tuple[list[int], list[int]]]:
    """Ids of each pair: (source words, <start> target characters <end>)."""
    return [(sources.encode(words_of(p.source)), [START, *targets.encode(p.target), END]) for p in pairs]


def make_batch(encoded: Sequence[tuple[list[int], list[int]]]) -> Batch:
    """Pad encoded pairs to the longest of each side."""
    source = pad([source for source, _ in encoded])
    return Batch(source, source != PAD, pad([target for _, target in encoded]))


def batches(encoded: Sequence[tuple[list[int], list[int]]], batch_size: int, rng: random.Random) -> list[Batch]:
    """One epoch: pairs of like length together, so that little is padded, in random order."""
    order = sorted(encoded, key=lambda pair: (len(pair[0]) + len(pair[1]) / 2 + rng.random(), rng.random()))
    made = [make_batch(order[i : i + batch_size]) for i in range(0, len(order), batch_size)]
    rng.shuffle(made)
    return made
