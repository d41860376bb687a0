"""Finding the texts that a query is about: BM25 by hand, and how often the right text is among the best k."""

import math
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from aigc_course.text.arguments import check_texts, check_whole, is_number
from aigc_course.text.judging import Cut, units


def units_and_pairs(text: str) -> list[str]:
    """Words and Chinese characters, and every two that stand side by side: a pair says more than a character."""
    alone = units(text)
    return alone + [f"{first} {second}" for first, second in pairwise(alone)]


class BM25:
    """How well each text answers a query:

        score(query, text) = sum over the query's units of idf * tf * (k1 + 1) / (tf + k1 * (1 - b + b * |text| / mean))
        idf                = max(0, ln((N - n + 0.5) / (n + 0.5)))

    tf:  how often the unit stands in the text;  |text|, mean: units of this text, and on average
    N:   number of texts;  n: number of those that hold the unit. The logarithm is the weight of Robertson and Sparck
         Jones where nothing is known about relevance; it is negative for a unit in more than half of the texts: such
         a unit counts nothing here
    k1:  how much a unit counts that comes again: 0, nothing, large, as often as it comes
    b:   how far long texts are held down: 0, not at all, 1, in full
    cut: what texts and queries are counted in; `units_and_pairs` or a tokenizer is worth a try in Chinese

    Sources: Robertson, Sparck Jones, Relevance weighting of search terms (1976); Robertson, Zaragoza, The probabilistic
    relevance framework: BM25 and beyond (2009).
    """

    def __init__(self, texts: Iterable[str], k1: float = 1.5, b: float = 0.75, cut: Cut = units) -> None:
        check_texts("texts", texts)
        if not is_number(k1) or not k1 >= 0 or math.isinf(k1):
            raise ValueError(f"k1 {k1!r} is not a number of at least 0; 1.5 is usual")
        if not is_number(b) or not 0 <= b <= 1:
            raise ValueError(f"b {b!r} is not in [0, 1]; 0.75 is usual")
        counts = [Counter(cut(text)) for text in texts]
        if not any(counts):
            raise ValueError("there is nothing to search: no text holds a unit; give texts with words")
        lengths = np.array([count.total() for count in counts])
        held_down = k1 * (1 - b + b * lengths / lengths.mean())  # (texts,)
        self.cut, self.num_texts = cut, len(counts)
        places: dict[str, list[int]] = {}  # unit -> the texts that hold it
        for place, count in enumerate(counts):
            for unit in count:
                places.setdefault(unit, []).append(place)
        self.weights = {}  # unit -> texts that hold it, what it adds to the score of each
        for unit, held in places.items():
            tf = np.array([counts[place][unit] for place in held])
            idf = max(0.0, math.log((self.num_texts - len(held) + 0.5) / (len(held) + 0.5)))
            self.weights[unit] = np.array(held), idf * tf * (k1 + 1) / (tf + held_down[held])

    def scores(self, query: str) -> np.ndarray:
        """The score of every text, (texts,); 0 where no unit of the query counts."""
        if not isinstance(query, str):
            raise TypeError(f"query is a {type(query).__name__}; give one query as a str")
        scores = np.zeros(self.num_texts)
        for unit in self.cut(query):
            if unit in self.weights:
                held, weight = self.weights[unit]
                scores[held] += weight
        return scores

    def best(self, query: str, k: int = 1) -> list[int]:
        """The numbers of the k texts with the highest scores, the best first; of equal ones, the earlier."""
        check_whole("k", k, "it counts the texts to find")
        return np.argsort(-self.scores(query), kind="stable")[:k].tolist()


def hit_at(k: int, scores: ArrayLike, wanted: ArrayLike) -> float:
    """The share of queries whose right text is among the k best: hit@k, in [0, 1].

    scores:  (queries, texts), by BM25, by vectors, by anything: the larger, the better
    wanted:  (queries,) the number of the right text of each query
    A text is found if fewer than k others score as well or better: who scores all texts alike finds none.
    ValueError for shapes that do not fit, a number that is no text's, scores that are no numbers.
    """
    check_whole("k", k, "1 asks whether the best text is the right one")
    scores, wanted = np.asarray(scores, dtype=float), np.asarray(wanted)
    if scores.ndim != 2 or wanted.shape != scores.shape[:1] or not len(wanted):
        raise ValueError(
            f"scores of shape {scores.shape} and wanted of {wanted.shape}: expected (queries, texts), (queries,)"
        )
    if np.isnan(scores).any():
        raise ValueError(f"{np.isnan(scores).sum()} scores are NaN; every text needs a score")
    if not np.issubdtype(wanted.dtype, np.integer) or wanted.min() < 0 or wanted.max() >= scores.shape[1]:
        raise ValueError(f"wanted holds the numbers of texts, 0 to {scores.shape[1] - 1}, not {wanted.tolist()[:5]}")
    own = scores[np.arange(len(wanted)), wanted]  # (queries,)
    as_good = (scores >= own[:, None]).sum(axis=1)  # itself included
    return float((as_good <= k).mean())
