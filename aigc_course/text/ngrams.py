"""n-gram models over any hashable symbols: plain counts or modified Kneser-Ney, by ngram_counts.py."""

from collections.abc import Hashable, Iterable, Sequence
from typing import Any

import numpy as np

from aigc_course.text.arguments import check_whole, is_whole
from aigc_course.text.ngram_counts import CountModel, Counts, KneserNey

START, END = "<s>", "</s>"  # the marks around a sequence; no symbol of a text may be called so
SMOOTHINGS = {"kneser-ney": KneserNey, "none": CountModel}


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
        check_whole("order", order, "3 looks at the two symbols before")
        if smoothing not in SMOOTHINGS:
            raise ValueError(f'smoothing "{smoothing}" is not known; allowed: {", ".join(map(repr, SMOOTHINGS))}')
        self.order, self.smoothing, self.ends = int(order), smoothing, ends
        self.vocabulary: list[Hashable] = []

    def fit(self, sequences: Iterable[Sequence], vocabulary: Iterable[Hashable] | None = None) -> "NGramModel":
        """Count the sequences (texts, lists, integer arrays) and return the model.

        vocabulary:  all symbols that may ever come, those that do not occur included; default: those that occur.
        ValueError for no symbol at all, one outside the vocabulary, one called like a mark; TypeError for one text
        where several are expected.
        """
        sequences = as_list(sequences)
        symbols = list(dict.fromkeys(plain(vocabulary))) if vocabulary is not None else symbols_in(sequences)
        check_symbols(sequences, symbols)
        self.vocabulary = [*symbols, END] if self.ends else symbols
        self._ids = {symbol: i for i, symbol in enumerate(self.vocabulary)}
        self._start = len(self.vocabulary)  # the id of START, which is only ever part of a context
        stream, position = self._stream([self._encode(sequence) for sequence in sequences])
        counts = Counts(stream, position, self.order, self._start + 1)
        self._estimate = SMOOTHINGS[self.smoothing](counts)
        return self

    def _encode(self, sequence: Sequence) -> np.ndarray:
        """The symbols' ids, (n,); ValueError for one that is not in the vocabulary."""
        if isinstance(sequence, np.ndarray):
            values, inverse = np.unique(sequence, return_inverse=True)
            return self._encode(values.tolist())[inverse]
        ids = [self._ids.get(symbol) for symbol in sequence]
        if None in ids:
            raise ValueError(
                f"{sequence[ids.index(None)]!r} is not among the {len(self._ids):,} symbols of the vocabulary; hand "
                "all symbols that may come to fit(sequences, vocabulary=...)"
            )
        return np.array(ids, dtype=np.int64)

    def _stream(self, encoded: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """The sequences one after the other, with their marks, and each position within its own sequence."""
        if self.ends:
            encoded = [np.concatenate([[self._start], ids, [self._ids[END]]]) for ids in encoded]
        position = [np.arange(len(ids)) for ids in encoded]
        return np.concatenate(encoded).astype(np.int64), np.concatenate(position)

    def log_probs(self, sequence: Sequence) -> np.ndarray:
        """The natural logarithm of p of each symbol after those before it, (n,), and with `ends` of END, (n + 1,).

        -inf where the model gives no mass; ValueError for a symbol outside the vocabulary.
        """
        self._check_fitted()
        probs = self._estimate.probs(*self._stream([self._encode(sequence)]))
        with np.errstate(divide="ignore"):
            return np.log(probs[1:] if self.ends else probs)  # START is given, not predicted

    def perplexity(self, sequences: Iterable[Sequence]) -> float:
        """exp of the mean negative log-probability of a symbol, END included: so many equally likely choices."""
        log_probs = [self.log_probs(sequence) for sequence in as_list(sequences)]
        if not sum(map(len, log_probs)):
            raise ValueError("the perplexity is not defined: the sequences are empty")
        return float(np.exp(-np.concatenate(log_probs).mean()))

    def distribution(self, context: Sequence = ()) -> np.ndarray:
        """p of every symbol of the vocabulary after `context`, (vocabulary,); only its last order - 1 symbols matter.

        With `ends`, a context shorter than order - 1 stands at the beginning of a sequence. With smoothing, a symbol
        outside the vocabulary cuts the context off; without, all are 0 after a context that never occurred.
        """
        self._check_fitted()
        return self._estimate.distribution(self._context(context))

    def _check_fitted(self) -> None:
        if not self.vocabulary:
            raise ValueError("this model has not counted anything yet; call fit(sequences) first")

    def _context(self, context: Sequence) -> list[int]:
        """The ids that the model looks at after `context`; -1 for a symbol outside the vocabulary."""
        symbols = list(context)
        last_symbols = symbols[max(0, len(symbols) - (self.order - 1)) :]
        ids = [self._start if symbol == START and self.ends else self._ids.get(symbol, -1) for symbol in last_symbols]
        at_beginning = self.ends and len(symbols) < self.order - 1
        return [self._start, *ids] if at_beginning and ids[:1] != [self._start] else ids

    def probability(self, context: Sequence, symbol: Hashable) -> float:
        """p(symbol | context); END may be asked for. ValueError for a symbol outside the vocabulary."""
        return float(self.distribution(context)[self._encode([symbol])[0]])

    def sample(self, length: int, seed: int | np.random.Generator, start: Sequence = ()) -> list:
        """Continue `start` by at most `length` symbols, fewer where END is drawn; only the new ones are returned.

        Where nothing ever followed (no smoothing, no `ends`), the context is shortened until something did.
        """
        self._check_fitted()
        if not is_whole(length) or length < 0:
            raise ValueError(f"length {length!r} is not a whole number of at least 0; it counts the symbols to draw")
        rng = np.random.default_rng(seed)
        context, new = self._context(start), []
        for uniform in rng.random(length):
            cumulative = np.cumsum(self._estimate.distribution(context))
            while not cumulative[-1] > 0:
                context = context[1:]
                cumulative = np.cumsum(self._estimate.distribution(context))
            drawn = int(np.searchsorted(cumulative, uniform * cumulative[-1], side="right"))
            drawn = min(drawn, len(cumulative) - 1)
            if self.ends and drawn == self._ids[END]:
                break
            new.append(self.vocabulary[drawn])
            context = [*context, drawn][-(self.order - 1) :] if self.order > 1 else []
        return new


def as_list(sequences: Iterable[Sequence]) -> list[Sequence]:
    """The sequences as a list; TypeError for a single text, whose characters would be taken for sequences."""
    if isinstance(sequences, str | bytes) or (isinstance(sequences, np.ndarray) and sequences.ndim == 1):
        raise TypeError("one sequence was given where a list of them is expected; put it in brackets: [text]")
    return [sequence if hasattr(sequence, "__len__") else list(sequence) for sequence in sequences]


def check_symbols(sequences: list[Sequence], symbols: list[Hashable]) -> None:
    """ValueError for sequences without a symbol, and for a symbol called like a mark."""
    if not any(len(sequence) for sequence in sequences):
        raise ValueError("there is nothing to count: the sequences hold no symbol")
    if {START, END} & set(symbols):
        raise ValueError(f"{START!r} and {END!r} mark where a sequence begins and ends; rename the symbol")


def plain(symbols: Iterable[Hashable]) -> list[Hashable]:
    """The symbols as Python's own objects, which are equal to themselves in a dictionary."""
    return symbols.tolist() if isinstance(symbols, np.ndarray) else list(symbols)


def symbols_in(sequences: list[Sequence]) -> list[Hashable]:
    """Every symbol that occurs, sorted where that is possible."""
    different: set[Any] = set()  # sortable or not
    for sequence in sequences:
        different.update(plain(np.unique(sequence)) if isinstance(sequence, np.ndarray) else sequence)
    try:
        return sorted(different)
    except TypeError:
        return list(dict.fromkeys(symbol for sequence in sequences for symbol in plain(sequence)))
