"""WEAT: do vectors put one group of words nearer to one group of attributes than another?

Source: Caliskan, Bryson, Narayanan 2017, "Semantics derived automatically from language corpora contain human-like
biases".
"""

from collections.abc import Sequence
from itertools import combinations
from math import comb
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import ArrayLike


class Vectors(Protocol):
    """Word -> vector: a dict, or gensim's KeyedVectors."""

    def __contains__(self, word: object, /) -> bool: ...
    def __getitem__(self, word: str, /) -> ArrayLike: ...


class Weat(NamedTuple):
    """The result of a test."""

    effect: float  # difference of the groups' mean associations in standard deviations, between -2 and 2
    p_value: float  # share of the ways to divide the targets that give at least this difference
    num_divisions: int  # ways that were tried; all there are, if they are few enough


def association(vectors: Vectors, words: Sequence[str], nearer: Sequence[str], farther: Sequence[str]) -> np.ndarray:
    """s(w) = mean cos(w, a) - mean cos(w, b) for each word w, a in `nearer`, b in `farther`; (words,)."""
    targets, a, b = (_units(vectors, group) for group in (words, nearer, farther))
    return (targets @ a.T).mean(axis=1) - (targets @ b.T).mean(axis=1)


def weat(
    vectors: Vectors,
    targets_x: Sequence[str],
    targets_y: Sequence[str],
    attributes_a: Sequence[str],
    attributes_b: Sequence[str],
    most_divisions: int = 20_000,
    seed: int = 0,
) -> Weat:
    """Whether X is nearer to A, and Y to B, than chance would have it.

    targets_x, targets_y: two groups of words, equally many;  attributes_a, attributes_b: what they may be near to
    most_divisions: ways to divide X and Y that are tried: all, or where there are more, so many random ones
    effect = (mean s(X) - mean s(Y)) / standard deviation of s over X and Y (n - 1 below). ValueError for unequal
    targets, fewer than 2 a group, a word twice, one in both groups, one without a vector or with one of length 0.
    """
    x, y = list(targets_x), list(targets_y)
    if len(x) != len(y) or len(x) < 2:
        raise ValueError(f"{len(x)} and {len(y)} target words: expected equally many in both groups, at least 2")
    if twice := sorted({word for word in x + y if (x + y).count(word) > 1}):
        raise ValueError(f"{', '.join(twice)}: twice among the target words")
    s = association(vectors, x + y, attributes_a, attributes_b)
    half, total = len(x), s.sum()
    observed = s[:half].sum()
    if np.ptp(s) == 0:
        raise ValueError("all target words are equally near to both groups of attributes: there is nothing to compare")
    if comb(2 * half, half) <= most_divisions:
        sums = np.array([s[list(chosen)].sum() for chosen in combinations(range(2 * half), half)])
        p_value = np.mean(sums >= observed - 1e-12)
    else:
        rng = np.random.default_rng(seed)
        sums = np.array([rng.permutation(s)[:half].sum() for _ in range(most_divisions)])
        p_value = (np.sum(sums >= observed - 1e-12) + 1) / (most_divisions + 1)  # the division itself is one of them
    effect = (2 * observed - total) / half / s.std(ddof=1)
    return Weat(float(effect), float(p_value), len(sums))


def _units(vectors: Vectors, words: Sequence[str]) -> np.ndarray:
    """The vectors at length 1, (words, dim)."""
    if isinstance(words, str) or not len(words):
        raise ValueError(f"{words!r}: expected a list of at least one word")
    if unknown := [word for word in words if word not in vectors]:
        raise ValueError(f"no vector for {', '.join(unknown)}; leave them out, and as many of the other group")
    found = np.array([np.asarray(vectors[word], dtype=np.float64) for word in words])
    lengths = np.linalg.norm(found, axis=1)
    if not np.isfinite(lengths).all() or not lengths.all():
        raise ValueError(f"the vector of {words[int(np.argmin(np.nan_to_num(lengths)))]} is 0 or not finite")
    return found / lengths[:, None]
