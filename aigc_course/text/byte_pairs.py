"""Byte-pair encoding by hand: from text to the token ids of GPT-2 and back, and how the merges are learned.

A text is cut into words; each word is a row of bytes; the most frequent neighbors are merged, in the order in which
that was learned. Source: Sennrich et al. 2016; bytes and the cutting of words: Radford et al. 2019.
"""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache
from itertools import pairwise
from operator import index
from pathlib import Path

import regex

from aigc_course.text.arguments import check_texts, is_whole

# 's 't ... of contractions; letters, digits or signs with the space before them; spaces, but for one before a word
WORDS = regex.compile(r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+")

Pair = tuple[str, str]


def byte_letters() -> dict[int, str]:
    """A visible letter for each of the 256 bytes: itself where it is visible, else one from 256 on; space is Ġ."""
    visible = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    hidden = [byte for byte in range(256) if byte not in visible]
    return {byte: chr(byte) for byte in visible} | {byte: chr(256 + i) for i, byte in enumerate(hidden)}


BYTE_LETTERS = byte_letters()
LETTER_BYTES = {letter: byte for byte, letter in BYTE_LETTERS.items()}


def spell(word: str) -> str:
    """The word's UTF-8 bytes as visible letters. ValueError for half of a surrogate pair, which no text contains."""
    try:
        return "".join(BYTE_LETTERS[byte] for byte in word.encode("utf-8"))
    except UnicodeEncodeError as error:
        wrong = word[error.start]
        raise ValueError(
            f"U+{ord(wrong):04X} is half of a surrogate pair, not a character, so it has no bytes; the text was "
            'decoded wrongly. Read it again as UTF-8, or drop it: text.encode("utf-8", "ignore").decode("utf-8")'
        ) from error


def merge(pieces: Sequence[str], pair: Pair) -> tuple[str, ...]:
    """Join `pair` wherever it occurs in `pieces`, from left to right."""
    joined, i = [], 0
    while i < len(pieces):
        is_pair = tuple(pieces[i : i + 2]) == pair
        joined.append(pieces[i] + pieces[i + 1] if is_pair else pieces[i])
        i += 2 if is_pair else 1
    return tuple(joined)


def learn_merges(texts: Iterable[str], num_merges: int, min_count: int = 2) -> list[Pair]:
    """The merges that `tokenizers` learns: always the most frequent pair; of equals, the one with the older tokens.

    texts:     the corpus, whole texts (TypeError for a single one); they are cut into words first
    returns    at most num_merges pairs, in their order; fewer when no pair occurs min_count times
    """
    check_texts("texts", texts)
    if not is_whole(num_merges) or num_merges < 0:
        raise ValueError(f"num_merges {num_merges!r} is not a whole number of at least 0; 0 leaves the 256 bytes alone")
    words = Counter(tuple(spell(word)) for text in texts for word in WORDS.findall(text))
    ages = {letter: age for age, letter in enumerate(sorted(LETTER_BYTES))}
    merges: list[Pair] = []
    while len(merges) < num_merges:
        counts = count_pairs(words)
        best = min(counts, key=lambda pair: (-counts[pair], ages[pair[0]], ages[pair[1]]), default=None)
        if best is None or counts[best] < min_count:
            break
        merges.append(best)
        ages.setdefault("".join(best), len(ages))
        words = {merge(pieces, best): count for pieces, count in words.items()}
    return merges


def count_pairs(words: dict[tuple[str, ...], int]) -> Counter[Pair]:
    """How often each pair of neighbors occurs, given how often each word occurs."""
    counts: Counter[Pair] = Counter()
    for pieces, count in words.items():
        for pair in pairwise(pieces):
            counts[pair] += count
    return counts


class BytePairs:
    """A vocabulary with its merges: `encode` and `decode`.

    ids:    token, in byte letters, to id
    merges: pairs in the order in which they were learned
    The ids are those of `tokenizers`, but that a letter so new that only one of the two Unicode tables knows it may be
    cut off differently; it decodes all the same. Special tokens in a text are read as plain text.
    """

    def __init__(self, ids: dict[str, int], merges: Iterable[Pair]) -> None:
        self.ids = ids
        self.tokens = {number: token for token, number in ids.items()}
        self.ranks = {pair: rank for rank, pair in enumerate(merges)}
        self.pieces = cache(self._pieces)  # a text repeats its words
        missing = [token for token in (*LETTER_BYTES, *map("".join, self.ranks)) if token not in ids]
        if missing:
            raise ValueError(
                f"the vocabulary lacks {len(missing)} tokens, {missing[0]!r} among them; do the two files match?"
            )

    @classmethod
    def from_files(cls, vocabulary: str | Path, merges: str | Path) -> "BytePairs":
        """GPT-2's two files: vocab.json (or encoder.json) and merges.txt (or vocab.bpe).

        FileNotFoundError where one is missing, ValueError where one is damaged.
        """
        try:
            texts = [Path(path).read_text(encoding="utf-8") for path in (vocabulary, merges)]
        except UnicodeDecodeError as error:
            raise ValueError(f"{vocabulary} or {merges} is damaged ({error}); copy or download both again") from error
        except OSError as error:
            raise FileNotFoundError(
                f"{error.filename} is missing or cannot be read ({error.strerror}); copy or download it again"
            ) from error
        lines = texts[1].split("\n")
        lines = [line for line in lines if line and not line.startswith("#version")]
        if wrong := [line for line in lines if line.count(" ") != 1]:
            raise ValueError(f"{merges}: {wrong[0]!r} is not a pair; the file is damaged: copy or download it again")
        pairs = [(left, right) for left, _, right in (line.partition(" ") for line in lines)]
        try:
            ids = json.loads(texts[0])
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{vocabulary} is damaged ({error}); copy or download it again") from error
        if not isinstance(ids, dict) or not all(map(is_whole, ids.values())):
            raise ValueError(f"{vocabulary} does not give each token its id; copy or download it again")
        if len(ids) > len(LETTER_BYTES) + 1 and not pairs:  # the letters, and an end token
            raise ValueError(
                f"{merges} holds no pairs, but {vocabulary} has longer tokens; copy or download both again"
            )
        return cls(ids, pairs)

    @classmethod
    def learn(cls, texts: Iterable[str], num_merges: int) -> "BytePairs":
        """256 byte letters and what `learn_merges` adds."""
        merges = learn_merges(texts, num_merges)
        tokens = dict.fromkeys([*sorted(LETTER_BYTES), *map("".join, merges)])
        return cls({token: number for number, token in enumerate(tokens)}, merges)

    def encode(self, text: str) -> list[int]:
        """Text to token ids. ValueError for half of a surrogate pair."""
        return [self.ids[piece] for word in WORDS.findall(text) for piece in self.pieces(word)]

    def _pieces(self, word: str) -> tuple[str, ...]:
        """The tokens of one word: the pair that was learned first is merged first, until none is left."""
        pieces = tuple(spell(word))
        while len(pieces) > 1:
            pair = min(pairwise(pieces), key=lambda pair: self.ranks.get(pair, len(self.ranks)))
            if pair not in self.ranks:
                break
            pieces = merge(pieces, pair)
        return pieces

    def decode(self, ids: Iterable[int]) -> str:
        """Token ids to text; bytes that are no UTF-8 (half a character) become U+FFFD.

        ValueError for an unknown id, TypeError for what is no whole number.
        """
        numbers = [index(number) for number in ids]
        if unknown := [number for number in numbers if number not in self.tokens]:
            raise ValueError(f"token {unknown[0]} is not in the vocabulary of {len(self.ids)} tokens")
        letters = "".join(self.tokens[number] for number in numbers)
        return bytes(LETTER_BYTES[letter] for letter in letters).decode("utf-8", errors="replace")
