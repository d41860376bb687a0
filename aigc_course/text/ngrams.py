"""n-gram models over any hashable symbols: plain counts or modified Kneser-Ney.

An n-gram of k symbols is stored as one integer, (number of its first k - 1 symbols) * width + (its last symbol), in a
sorted array per k: fitting is np.unique, looking up is np.searchsorted, and no order is too long for it.
Sources: Shannon 1948 (counts); Kneser, Ney 1995; Chen, Goodman 1998 (interpolated, three discounts).
"""

from collections.abc import Hashable, Iterable, Sequence
from typing import NamedTuple

import numpy as np

START, END = "<s>", "</s>"  # the marks around a sequence; no symbol of a text may be called so
SMOOTHINGS = ("kneser-ney", "none")
FALLBACK = np.array([0.0, 0.5, 1.0, 1.5])  # discounts where no n-gram has the count 1, 2, 3 or 4


class Level(NamedTuple):
    """The n-grams of one length k >= 2; a context is an (k - 1)-gram, and -1 one that never occurred."""

    keys: np.ndarray  # (grams,) int64, sorted: context * width + symbol
    share: np.ndarray  # (grams,) discounted count, over the context's total
    rest: np.ndarray  # (contexts + 1,) what the context leaves to the shorter one: 1 where nothing followed it


class NGramModel:
    """p(symbol | the order - 1 symbols before it), counted on sequences.

    order:      1 looks at no symbol before, 2 at one, ...
    smoothing:  "kneser-ney" gives every symbol of the vocabulary some mass after every context; "none" is the plain
                relative frequency: 0 for what did not occur, and no mass at all after a context that did not
    ends:       True: the sequences are whole (sentences, stories); how they begin and end is learned, END is a symbol;
                False: they are pieces of a stream, and their first symbols are counted with shorter contexts
    `vocabulary` lists the symbols, END last, in the order of what `distribution` returns.
    """

    def __init__(self, order: int, smoothing: str = "kneser-ney", *, ends: bool = True) -> None:
        if not isinstance(order, int | np.integer) or order < 1:
            raise ValueError(f"order {order!r} is not a whole number of at least 1; 3 looks at the two symbols before")
        if smoothing not in SMOOTHINGS:
            raise ValueError(f'smoothing "{smoothing}" is not known; allowed: {", ".join(map(repr, SMOOTHINGS))}')
        self.order, self.smoothing, self.ends = int(order), smoothing, ends
        self.vocabulary: list[Hashable] = []

    def fit(self, sequences: Iterable[Sequence], vocabulary: Iterable[Hashable] | None = None) -> "NGramModel":
        """Count the sequences (texts, lists, integer arrays) and return the model.

        vocabulary:  all symbols that may ever come, those that do not occur included; default: those that occur.
        ValueError for no symbol at all, one outside the vocabulary, one called like a mark.
        """
        sequences = _whole(sequences)
        known = list(dict.fromkeys(_plain(vocabulary))) if vocabulary is not None else _symbols(sequences)
        if not any(len(sequence) for sequence in sequences):
            raise ValueError("there is nothing to count: the sequences hold no symbol")
        if {START, END} & set(known):
            raise ValueError(f"{START!r} and {END!r} mark where a sequence begins and ends; name the symbol otherwise")
        self.vocabulary = [*known, END] if self.ends else known
        self._ids = {symbol: number for number, symbol in enumerate(self.vocabulary)}
        self._start = len(self.vocabulary)  # the id of START, which is only ever part of a context
        self._width = self._start + 1
        self._count(*self._stream([self._encode(sequence) for sequence in sequences]))
        return self

    def _count(self, stream: np.ndarray, place: np.ndarray) -> None:
        """Count all n-grams.  stream: (n,) ids, sequence after sequence;  place: (n,) position within the sequence."""
        smooth = self.smoothing == "kneser-ney"
        ids = stream  # the number of the k-gram that ends at each position; meaningless where it would begin too early
        count = np.bincount(stream[stream != self._start], minlength=self._width)
        opens = np.arange(self._width) == self._start  # whether a gram begins with START: nothing stands before it
        keys, counts = [], []
        for k in range(2, self.order + 1):
            here = np.flatnonzero(place >= k - 1)
            found, at, inverse, raw = np.unique(
                ids[here - 1] * self._width + stream[here], return_index=True, return_inverse=True, return_counts=True
            )
            if smooth:  # a shorter gram counts once for each different symbol seen before it
                before = np.bincount(ids[here[at]], minlength=len(count))
                count = np.where(opens, count, before)
            counts.append(count)
            keys.append(found)
            ids, count, opens = np.zeros_like(stream), raw, opens[found // self._width]
            ids[here] = inverse
        counts.append(count)
        self._lowest = self._unigrams(counts[0][: self._start].astype(float))
        sizes = [self._width, *map(len, keys)]
        self.levels = [self._level(*each) for each in zip(keys, counts[1:], sizes, strict=False)]

    def _unigrams(self, count: np.ndarray) -> np.ndarray:
        """p(symbol) without any context, (vocabulary,); what the discount takes is spread evenly."""
        taken = self._taken(count)
        return (count - taken + taken.sum() / len(count)) / count.sum()

    def _level(self, keys: np.ndarray, count: np.ndarray, num_contexts: int) -> Level:
        context, taken = keys // self._width, self._taken(count)
        total = np.bincount(context, count, minlength=num_contexts + 1).astype(float)
        left = np.bincount(context, taken, minlength=num_contexts + 1).astype(float)
        rest = np.divide(left, total, out=np.ones_like(total), where=total > 0)
        share = np.divide(count - taken, total[context], out=np.zeros(len(keys)), where=total[context] > 0)
        return Level(keys, share, rest)

    def _taken(self, count: np.ndarray) -> np.ndarray:
        """What the discount takes away from each count."""
        if self.smoothing == "none":
            return np.zeros(len(count))
        return discounts(count)[np.minimum(count, 3).astype(int)]

    def _encode(self, sequence: Sequence, unknown: int | None = None) -> np.ndarray:
        """The symbols' ids, (n,); for one that is not in the vocabulary `unknown`, or ValueError where that is None."""
        if isinstance(sequence, np.ndarray):
            values, inverse = np.unique(sequence, return_inverse=True)
            return self._encode(values.tolist(), unknown)[inverse]
        found = [self._ids.get(symbol, unknown) for symbol in sequence]
        if None in found:
            raise ValueError(
                f"{sequence[found.index(None)]!r} is not among the {len(self._ids):,} symbols of the vocabulary; hand "
                "all symbols that may come to fit(sequences, vocabulary=...)"
            )
        return np.array(found, dtype=np.int64)

    def _stream(self, encoded: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """The sequences one after the other, with their marks, and each position within its own sequence."""
        if self.ends:
            encoded = [np.concatenate([[self._start], ids, [self._start - 1]]) for ids in encoded]
        place = [np.arange(len(ids)) for ids in encoded]
        return np.concatenate(encoded).astype(np.int64), np.concatenate(place)

    def _find(self, level: Level, context: np.ndarray, symbol: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The numbers of the grams (context, symbol), -1 for those that did not occur, and their shares."""
        key = np.where(context >= 0, context * self._width + symbol, -1)
        at = np.minimum(np.searchsorted(level.keys, key), max(len(level.keys) - 1, 0))
        hit = level.keys[at] == key if len(level.keys) else np.zeros(len(key), dtype=bool)
        return np.where(hit, at, -1), np.where(hit, level.share[at] if len(level.keys) else 0.0, 0.0)

    def log_probs(self, sequence: Sequence) -> np.ndarray:
        """The natural logarithm of p of each symbol after those before it, (n,), and with `ends` of END, (n + 1,).

        -inf where the model gives no mass; ValueError for a symbol outside the vocabulary.
        """
        self._check_fitted()
        stream, place = self._stream([self._encode(sequence)])
        probs = self._lowest[np.minimum(stream, self._start - 1)]
        ids = stream
        for k, level in enumerate(self.levels, start=2):
            context = np.concatenate([[-1], ids[:-1]])
            ids, share = self._find(level, context, stream)
            longer = share + level.rest[context] * probs if self.smoothing != "none" else share
            probs = np.where(place >= k - 1, longer, probs)
            ids[place < k - 1] = -1
        with np.errstate(divide="ignore"):
            return np.log(probs[1:] if self.ends else probs)

    def perplexity(self, sequences: Iterable[Sequence]) -> float:
        """exp of the mean negative log-probability of a symbol, END included: so many equally likely choices."""
        log_probs = [self.log_probs(sequence) for sequence in _whole(sequences)]
        if not sum(map(len, log_probs)):
            raise ValueError("the perplexity of no symbol is not defined: the sequences are empty")
        return float(np.exp(-np.concatenate(log_probs).mean()))

    def distribution(self, context: Sequence = ()) -> np.ndarray:
        """p of every symbol of the vocabulary after `context`, (vocabulary,); only its last order - 1 symbols matter.

        With `ends`, a context shorter than order - 1 stands at the beginning of a sequence. With smoothing, a symbol
        outside the vocabulary cuts the context off; without, all are 0 after a context that never occurred.
        """
        self._check_fitted()
        return self._after(self._context(context))

    def _check_fitted(self) -> None:
        if not self.vocabulary:
            raise ValueError("this model has not counted anything yet; call fit(sequences) first")

    def _context(self, context: Sequence) -> list[int]:
        """The ids that the model looks at after `context`."""
        last = list(context)[len(context) - self.order + 1 :] if len(context) >= self.order else list(context)
        ids = [self._start if symbol == START and self.ends else self._ids.get(symbol, -1) for symbol in last]
        if self.ends and len(context) < self.order - 1 and (not ids or ids[0] != self._start):
            ids = [self._start, *ids]
        return ids[len(ids) - ids[::-1].index(-1) :] if -1 in ids and self.smoothing != "none" else ids

    def _after(self, context: list[int]) -> np.ndarray:
        smooth = self.smoothing != "none"
        probs = self._lowest.copy()
        for k in range(1 if smooth else max(len(context), 1), len(context) + 1):
            level, number = self.levels[k - 1], self._number(context[len(context) - k :])
            if number < 0 and smooth:
                break
            probs *= level.rest[number] if smooth else 0.0
            if number >= 0:
                low, high = np.searchsorted(level.keys, [number * self._width, (number + 1) * self._width])
                probs[level.keys[low:high] - number * self._width] += level.share[low:high]
        return probs

    def _number(self, ids: list[int]) -> int:
        """The number of the gram with these ids, -1 when it did not occur."""
        number = ids[0]
        for level, symbol in zip(self.levels, ids[1:], strict=False):
            number = int(self._find(level, np.array([number]), np.array([symbol]))[0][0])
        return number

    def probability(self, context: Sequence, symbol: Hashable) -> float:
        """p(symbol | context); END may be asked for. ValueError for a symbol outside the vocabulary."""
        return float(self.distribution(context)[self._encode([symbol])[0]])

    def sample(self, length: int, seed: int | np.random.Generator, start: Sequence = ()) -> list:
        """Continue `start` by at most `length` symbols, fewer where END is drawn; only the new ones are returned.

        Where nothing ever followed (no smoothing, no `ends`), the context is shortened until something did.
        """
        self._check_fitted()
        rng = np.random.default_rng(seed)
        context, new = self._context(start), []
        for uniform in rng.random(length):
            totals = np.cumsum(self._after(context))
            while not totals[-1] > 0:
                context = context[1:]
                totals = np.cumsum(self._after(context))
            drawn = int(np.searchsorted(totals, uniform * totals[-1], side="right"))
            drawn = min(drawn, len(totals) - 1)
            if self.ends and drawn == self._start - 1:
                break
            new.append(self.vocabulary[drawn])
            context = [*context, drawn][-(self.order - 1) :] if self.order > 1 else []
        return new


def discounts(count: np.ndarray) -> np.ndarray:
    """What is taken from an n-gram counted 0, 1, 2, and 3 or more times, (4,): 0, D1, D2, D3+.

    From the numbers n1 to n4 of n-grams with these counts (Chen, Goodman 1998, equation 26); FALLBACK where they do not
    give sensible values, as for the few characters of an alphabet.
    """
    n1, n2, n3, n4 = (int(np.count_nonzero(count == c)) for c in (1, 2, 3, 4))
    if not (n1 and n2 and n3 and n4):
        return FALLBACK
    y = n1 / (n1 + 2 * n2)
    found = np.array([0, 1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3])
    return found if (found[1:] > 0).all() else FALLBACK


def _whole(sequences: Iterable[Sequence]) -> list[Sequence]:
    """The sequences as a list; ValueError for a single text, whose characters would be taken for sequences."""
    if isinstance(sequences, str | bytes) or (isinstance(sequences, np.ndarray) and sequences.ndim == 1):
        raise ValueError("one sequence was given where a list of them is expected; put it in brackets: [text]")
    return [sequence if hasattr(sequence, "__len__") else list(sequence) for sequence in sequences]


def _plain(symbols: Iterable[Hashable]) -> list[Hashable]:
    return symbols.tolist() if isinstance(symbols, np.ndarray) else list(symbols)


def _symbols(sequences: list[Sequence]) -> list[Hashable]:
    """Every symbol that occurs, sorted where that is possible."""
    found = {s for q in sequences for s in (np.unique(q).tolist() if isinstance(q, np.ndarray) else q)}
    try:
        return sorted(found)
    except TypeError:
        return list(dict.fromkeys(s for q in sequences for s in _plain(q)))
