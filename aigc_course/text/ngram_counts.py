"""How often n-grams of ids occur, and the two models that make probabilities of it: plain shares, and Kneser-Ney.

Counting is np.unique, looking up is np.searchsorted; no order is too long. Symbols go in and out in ngrams.py.
Sources: Shannon 1948 (counts); Kneser, Ney 1995; Chen, Goodman 1998 (interpolated, three discounts).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

FALLBACK = np.array([0.0, 0.5, 1.0, 1.5])  # discounts where no n-gram has the count 1, 2, 3 or 4


def extend(prefix: np.ndarray, last: np.ndarray | int, width: int) -> np.ndarray:
    """The keys of n-grams: each is a shorter n-gram, given by its number, and one symbol more: prefix * width + last.

    prefix, last: (n,) whole numbers;  width: how many ids there are, so that no two n-grams share a key

    An n-gram's number is its place among the sorted keys of those that occur. "the cat sat", "the cat ran" with the
    ids cat 0, ran 1, sat 2, the 3 and START 4, so width 5:

        n-gram         prefix       last     key             number
        the                                                  3        of one symbol: its id
        the cat        the      3   cat 0    3 * 5 + 0 = 15  2        sorted keys: 1 (cat ran), 2 (cat sat), 15
        the cat ran    the cat  2   ran 1    2 * 5 + 1 = 11  0        sorted keys: 11, 12
        the cat sat    the cat  2   sat 2    2 * 5 + 2 = 12  1
    """
    return prefix * width + last


class Grams(NamedTuple):
    """The different n-grams of one length that occur, sorted by key; an n-gram's place is its number."""

    keys: np.ndarray  # (grams,) int64, see `extend`
    prefix: np.ndarray  # (grams,) the number of the n-gram without its last symbol
    suffix: np.ndarray  # (grams,) the number of the n-gram without its first symbol
    counts: np.ndarray  # (grams,) how often it occurs
    opens: np.ndarray  # (grams,) whether it begins with START, before which nothing stands


class Counts:
    """How often every n-gram of at most `order` symbols occurs in a stream of sequences.

    stream:   (n,) ids, sequence after sequence
    position: (n,) of each id within its own sequence: n-grams do not reach from one into the next
    width:    ids are 0 ... width - 1; the last one is START, which is only ever the first of an n-gram
    `grams[k - 1]` are those of k symbols.
    """

    def __init__(self, stream: np.ndarray, position: np.ndarray, order: int, width: int) -> None:
        self.width = width
        symbols = np.arange(width)
        occurring = np.bincount(stream[stream < width - 1], minlength=width)  # START is not counted by itself
        self.grams = [Grams(symbols, symbols, symbols, occurring, symbols == width - 1)]
        number = stream  # of the n-gram that ends at each place of the stream; meaningless where none does
        for length in range(2, order + 1):
            ends = np.flatnonzero(position >= length - 1)  # where an n-gram of this length ends
            keys, first_position, number_at_end, counts = np.unique(
                extend(number[ends - 1], stream[ends], width),
                return_index=True,
                return_inverse=True,
                return_counts=True,
            )
            prefix = keys // width
            suffix = number[ends[first_position]]  # what is one shorter and ends at the same place
            self.grams.append(Grams(keys, prefix, suffix, counts, self.grams[-1].opens[prefix]))
            number = np.zeros_like(stream)
            number[ends] = number_at_end

    def find(self, length: int, prefix: np.ndarray, last: np.ndarray) -> np.ndarray:
        """The numbers of n-grams of this length, (n,); -1 for those that do not occur, as for a prefix of -1."""
        keys = self.grams[length - 1].keys
        wanted = np.where((prefix >= 0) & (last >= 0), extend(prefix, last, self.width), -1)
        if len(keys) == 0:
            return np.full(len(wanted), -1)
        place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
        return np.where(keys[place] == wanted, place, -1)

    def number(self, ids: Sequence[int]) -> int:
        """The number of the n-gram with these ids, -1 when it does not occur."""
        number = ids[0]
        for length, last in enumerate(ids[1:], start=2):
            number = int(self.find(length, np.array([number]), np.array([last]))[0])
        return number

    def followers(self, length: int, prefix: int) -> tuple[slice, np.ndarray]:
        """The n-grams of this length with this prefix, which stand side by side, and the ids of their last symbols."""
        keys = self.grams[length - 1].keys
        begin, end = np.searchsorted(keys, extend(np.array([prefix, prefix + 1]), 0, self.width))
        return slice(begin, end), keys[begin:end] - prefix * self.width


class CountModel:
    """p(w | context) = count(context, w) / count(context, anything): 0 for what does not occur.

    There is no mass at all after a context that does not occur.
    """

    def __init__(self, counts: Counts) -> None:
        self.counts = counts
        occurring = counts.grams[0].counts[:-1].astype(float)  # (vocabulary,) without START
        self.unigrams = occurring / occurring.sum()
        self.shares = [share_of_prefix(grams, grams.counts, grams.counts) for grams in counts.grams[1:]]

    def probs(self, stream: np.ndarray, position: np.ndarray) -> np.ndarray:
        """p of each id after those before it in its sequence, (n,)."""
        probs = self.unigrams[np.minimum(stream, len(self.unigrams) - 1)]  # START's is never asked for
        number = stream
        for length, shares in enumerate(self.shares, start=2):
            number = next_number(self.counts, length, number, stream, position)
            probs = np.where(position >= length - 1, shares[number], probs)
        return probs

    def distribution(self, context: Sequence[int]) -> np.ndarray:
        """p of every id after these, (vocabulary,); an id of -1 is a symbol that is not in the vocabulary."""
        if not context:
            return self.unigrams.copy()
        probs = np.zeros_like(self.unigrams)
        prefix = self.counts.number(context)
        if prefix >= 0:
            same_prefix, last = self.counts.followers(len(context) + 1, prefix)
            probs[last] = self.shares[len(context) - 1][same_prefix]
        return probs


class KneserNey:
    """p(w | context) = share(context, w) + rest(context) * p(w | context without its first symbol).

    The share is the count, less a discount, over the context's total; the rest is what the discounts took away. Below
    the highest order an n-gram counts once for each different symbol seen before it (unless it begins with START).
    """

    def __init__(self, counts: Counts) -> None:
        self.counts = counts
        longer = [*counts.grams[1:], None]
        adjusted = [adjusted_counts(grams, above) for grams, above in zip(counts.grams, longer, strict=True)]
        occurring = adjusted[0][:-1].astype(float)  # (vocabulary,) without START
        taken = taken_away(occurring)
        self.unigrams = (occurring - taken + taken.sum() / len(occurring)) / occurring.sum()  # spread evenly
        self.shares, self.rests = [], []
        for shorter, grams, adjusted_count in zip(counts.grams, counts.grams[1:], adjusted[1:], strict=False):
            taken = taken_away(adjusted_count)
            self.shares.append(share_of_prefix(grams, adjusted_count - taken, adjusted_count))
            self.rests.append(rest_of_context(grams, taken, adjusted_count, len(shorter.keys)))

    def probs(self, stream: np.ndarray, position: np.ndarray) -> np.ndarray:
        """p of each id after those before it in its sequence, (n,)."""
        probs = self.unigrams[np.minimum(stream, len(self.unigrams) - 1)]  # START's is never asked for
        number = stream
        for length, shares, rests in zip(range(2, len(self.shares) + 2), self.shares, self.rests, strict=True):
            prefix = np.concatenate([[-1], number[:-1]])
            number = next_number(self.counts, length, number, stream, position)
            probs = np.where(position >= length - 1, shares[number] + rests[prefix] * probs, probs)
        return probs

    def distribution(self, context: Sequence[int]) -> np.ndarray:
        """p of every id after these, (vocabulary,); an id of -1, a symbol outside the vocabulary, cuts them off."""
        if -1 in context:
            last_unknown = len(context) - 1 - context[::-1].index(-1)
            context = context[last_unknown + 1 :]
        probs = self.unigrams.copy()
        for length in range(1, len(context) + 1):
            prefix = self.counts.number(context[len(context) - length :])
            if prefix < 0:
                break
            same_prefix, last = self.counts.followers(length + 1, prefix)
            probs *= self.rests[length - 1][prefix]
            probs[last] += self.shares[length - 1][same_prefix]
        return probs


def next_number(
    counts: Counts, length: int, number: np.ndarray, stream: np.ndarray, position: np.ndarray
) -> np.ndarray:
    """The number of the n-gram that ends at each place, (n,), -1 where none does, from those that are one shorter."""
    prefix = np.concatenate([[-1], number[:-1]])
    return np.where(position >= length - 1, counts.find(length, prefix, stream), -1)


def share_of_prefix(grams: Grams, part: np.ndarray, count: np.ndarray) -> np.ndarray:
    """part / the sum of `count` over n-grams with the same prefix, (grams + 1,); the last, at -1, is 0: none such."""
    total = np.bincount(grams.prefix, count)[grams.prefix].astype(float)
    return np.append(np.divide(part, total, out=np.zeros(len(part)), where=total > 0), 0.0)


def rest_of_context(grams: Grams, taken: np.ndarray, count: np.ndarray, num_contexts: int) -> np.ndarray:
    """The share of a context's total that was taken away, (contexts + 1,); 1 where nothing follows, and at -1."""
    total = np.bincount(grams.prefix, count, minlength=num_contexts + 1).astype(float)
    left = np.bincount(grams.prefix, taken, minlength=num_contexts + 1).astype(float)
    return np.divide(left, total, out=np.ones_like(total), where=total > 0)


def adjusted_counts(grams: Grams, longer: Grams | None) -> np.ndarray:
    """Kneser and Ney's counts: of how many different symbols are seen before an n-gram, (grams,).

    longer: the n-grams of one symbol more; None for the highest order, which keeps its counts, as does what opens,
    and as does an order above which nothing occurs, since all sequences are too short.
    """
    if longer is None or len(longer.keys) == 0:
        return grams.counts
    symbols_before = np.bincount(longer.suffix, minlength=len(grams.keys))
    return np.where(grams.opens, grams.counts, symbols_before)


def taken_away(count: np.ndarray) -> np.ndarray:
    """What the discount takes from each count."""
    return discounts(count)[np.minimum(count, 3).astype(int)]


def discounts(count: np.ndarray) -> np.ndarray:
    """What is taken from an n-gram counted 0, 1, 2, and 3 or more times, (4,): 0, D1, D2, D3+.

    From the numbers n1 to n4 of n-grams with these counts (Chen, Goodman 1998, equation 26); FALLBACK where they do not
    give sensible values, as for the few characters of an alphabet.
    """
    n1, n2, n3, n4 = (int(np.count_nonzero(count == c)) for c in (1, 2, 3, 4))
    if not (n1 and n2 and n3 and n4):
        return FALLBACK
    y = n1 / (n1 + 2 * n2)
    estimated = np.array([0, 1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3])
    return estimated if (estimated[1:] > 0).all() else FALLBACK
