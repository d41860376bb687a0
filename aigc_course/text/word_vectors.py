"""Words as vectors, from counts: vocabulary, context means, PPMI with an SVD; and what vectors are good for.

Skip-gram and CBOW, which learn their vectors, stand in skip_gram.py.
"""

import difflib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import NamedTuple

import numpy as np
from scipy.sparse import coo_array, csr_array
from scipy.sparse.linalg import svds
from scipy.stats import spearmanr

from aigc_course.text.arguments import check_texts, check_whole, is_whole


@dataclass(frozen=True)
class Vocabulary:
    """The words that get a vector, the most frequent first; a word's place is its id."""

    words: list[str]
    counts: np.ndarray  # (vocab,) how often each word occurs

    def __len__(self) -> int:
        return len(self.words)

    @cached_property
    def ids(self) -> dict[str, int]:
        """The id of each word."""
        return {word: i for i, word in enumerate(self.words)}


def build_vocabulary(sentences: Iterable[Sequence[str]], min_count: int = 5) -> Vocabulary:
    """The words that occur at least `min_count` times, the most frequent first (equally frequent ones by alphabet).

    sentences:  lists of words; TypeError for texts, whose letters would be taken for words
    ValueError when fewer than two words are left, for one word has no neighbors.
    """
    counted: Counter[str] = Counter()
    for sentence in checked_sentences(sentences):
        counted.update(sentence)
    frequent = sorted(((w, n) for w, n in counted.items() if n >= min_count), key=lambda pair: (-pair[1], pair[0]))
    if len(frequent) < 2:
        raise ValueError(
            f"a vocabulary of {len(frequent)} words teaches nothing; the corpus has {len(counted)} different words, "
            f"of which that many occur min_count={min_count} times: give more text or a smaller min_count"
        )
    words, counts = zip(*frequent, strict=True)
    return Vocabulary(list(words), np.array(counts))


def checked_sentences(sentences: Iterable[Sequence[str]]) -> Iterator[Sequence[str]]:
    """The sentences one by one; TypeError for a text where a list of words is meant."""
    for sentence in [sentences] if isinstance(sentences, str) else sentences:
        if isinstance(sentence, str):
            raise TypeError(
                f"{sentence[:40]!r} is a text where a list of words is expected; split it first: "
                "[line.split() for line in lines]"
            )
        yield sentence


def encode(sentences: Iterable[Sequence[str]], vocabulary: Vocabulary, window: int) -> np.ndarray:
    """All sentences as one array of ids, with `window` times -1 between them, so that no window reaches across.

    Words outside the vocabulary are left out, as if they had not been written.
    """
    check_whole("window", window, "it counts the context words to each side")
    ids = vocabulary.ids
    pieces = [
        [ids[word] for word in sentence if word in ids] + [-1] * window for sentence in checked_sentences(sentences)
    ]
    return np.array([i for piece in pieces for i in piece], dtype=np.int32)


def co_occurrences(ids: np.ndarray, window: int, vocab_size: int) -> csr_array:
    """How often each word c occurs at most `window` words from each word w.

    ids:      (n,)             what `encode` returns
    returns   (vocab, vocab)   sparse, row w, column c; symmetric
    """
    counts = csr_array((vocab_size, vocab_size))
    for distance in range(1, window + 1):
        left, right = ids[:-distance], ids[distance:]
        both = (left >= 0) & (right >= 0)
        pairs = coo_array((np.ones(both.sum()), (left[both], right[both])), shape=counts.shape).tocsr()
        counts = counts + pairs + pairs.T
    return counts


def context_mean(counts: csr_array, vectors: np.ndarray) -> np.ndarray:
    """Word2Vec(w) = 1/|C(w)| · sum of context(c) over all c in C(w), for every word at once.

    counts:   (vocab, vocab)  how often c is in C(w), a multiset: what `co_occurrences` returns
    vectors:  (vocab, dim)    context(c)
    returns   (vocab, dim)    zero for a word without context
    """
    sizes = counts.sum(axis=1)  # (vocab,)  |C(w)|
    return (counts @ vectors) / np.maximum(sizes, 1)[:, None]


def ppmi(counts: csr_array, smoothing: float = 0.75) -> csr_array:
    """max(0, log p(w, c) / (p(w) p(c))): how much more often c occurs near w than it would by chance.

    smoothing:  p(c) is made from counts to this power, so that rare contexts count less (1: plain PMI)
    Source: Levy, Goldberg, Dagan, Improving distributional similarity (2015).
    """
    words = counts.sum(axis=1)  # (vocab,)
    contexts = counts.sum(axis=0) ** smoothing
    pairs = counts.tocoo()
    row, column = pairs.coords
    ratio = pairs.data / words[row] * contexts.sum() / contexts[column]
    positive = ratio > 1  # log > 0
    return csr_array((np.log(ratio[positive]), (row[positive], column[positive])), shape=counts.shape)


def svd_vectors(matrix: csr_array, embedding_dim: int) -> np.ndarray:
    """The rows of U·sqrt(S), where U·S·Vᵀ is the best approximation of rank `embedding_dim`; (vocab, embedding_dim)."""
    if not is_whole(embedding_dim) or not 1 <= embedding_dim < min(matrix.shape):
        raise ValueError(f"embedding_dim={embedding_dim} must be between 1 and {min(matrix.shape) - 1} here")
    U, S, _ = svds(matrix, k=embedding_dim, v0=np.ones(matrix.shape[0]))
    return (U * np.sqrt(S))[:, ::-1].astype(np.float32)  # largest singular value first


@dataclass(frozen=True)
class WordVectors:
    """Words with their vectors: similarities, neighbors, analogies. LookupError for a word without a vector."""

    words: list[str]
    vectors: np.ndarray  # (vocab, dim)

    def __post_init__(self) -> None:
        if np.ndim(self.vectors) != 2 or len(self.vectors) != len(self.words):
            raise ValueError(f"{len(self.words)} words and vectors {np.shape(self.vectors)}: expected one row per word")

    @cached_property
    def ids(self) -> dict[str, int]:
        """The row of each word."""
        return {word: i for i, word in enumerate(self.words)}

    @cached_property
    def unit(self) -> np.ndarray:
        """The vectors at length 1 (a vector of zeros stays as it is), (vocab, dim), in float32 at least."""
        vectors = self.vectors.astype(np.result_type(self.vectors, np.float32))  # squares overflow in float16
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return vectors / np.where(lengths == 0, 1, lengths)

    def __contains__(self, word: str) -> bool:
        return word in self.ids

    def __getitem__(self, word: str) -> np.ndarray:
        """The word's vector at length 1, (dim,)."""
        if word not in self.ids:
            near = difflib.get_close_matches(str(word).lower(), self.words, n=3)
            hint = f"near it: {', '.join(near)}" if near else "no word is spelled like it"
            raise LookupError(f'"{word}" has no vector among these {len(self.words):,} words; {hint}')
        return self.unit[self.ids[word]]

    def similarity(self, a: str, b: str) -> float:
        """The cosine of the angle between two words' vectors."""
        return float(self[a] @ self[b])

    def most_similar(self, query: str | np.ndarray, k: int = 10, leave_out: Sequence[str] = ()) -> list[tuple]:
        """The `k` words nearest to a word or vector, with their cosines, the nearest first; never the word itself."""
        check_whole("k", k, "it counts the neighbors")
        check_texts("leave_out", leave_out)
        direction = self[query] if isinstance(query, str) else direction_of(query)
        cosines = self.unit @ direction  # (vocab,)
        excluded = {*leave_out, query} if isinstance(query, str) else set(leave_out)
        order = np.argsort(-cosines, kind="stable")[: k + len(excluded)]
        nearest = [(self.words[i], float(cosines[i])) for i in order]
        return [(word, cosine) for word, cosine in nearest if word not in excluded][:k]

    def analogy(self, a: str, b: str, c: str, k: int = 1) -> list[tuple]:
        """a is to b as c is to ...: the words nearest to b - a + c, the three given ones left out."""
        return self.most_similar(self[b] - self[a] + self[c], k, leave_out=(a, b, c))


def direction_of(vector: np.ndarray) -> np.ndarray:
    """The vector at length 1; ValueError for one that points nowhere."""
    vector = np.asarray(vector, np.result_type(vector, np.float32))
    length = np.linalg.norm(vector)
    if not 0 < length < np.inf:
        raise ValueError("a vector of zeros (or with NaN or infinity) points nowhere and has no neighbors")
    return vector / length


class Correlation(NamedTuple):
    """How well similarities agree with people's judgments."""

    spearman: float
    num_used: int  # pairs of which both words have a vector
    num_pairs: int


def evaluate_similarity(word_vectors: WordVectors, pairs: Sequence[tuple[str, str, float]]) -> Correlation:
    """Spearman's rank correlation between cosines and people's judgments, over the pairs whose words have vectors."""
    used = [(a, b, human) for a, b, human in pairs if a in word_vectors and b in word_vectors]
    if len(used) < 2:
        raise ValueError(f"only {len(used)} of {len(pairs)} pairs have vectors for both words: no correlation")
    cosines = [word_vectors.similarity(a, b) for a, b, _ in used]
    judgments = [human for *_, human in used]
    return Correlation(float(spearmanr(cosines, judgments).statistic), len(used), len(pairs))


def evaluate_analogies(word_vectors: WordVectors, questions: Sequence[tuple[str, str, str, str]]) -> tuple[int, int]:
    """How many analogies a : b = c : d are answered with d, and how many have vectors for all four words."""
    used = [words for words in questions if all(word in word_vectors for word in words)]
    right = [word_vectors.analogy(a, b, c)[0][0] == d for a, b, c, d in used]
    return sum(right), len(used)


def neighbor_stability(runs: Sequence[WordVectors], words: Sequence[str], k: int = 10) -> float:
    """How alike the `k` neighbors of the words are in runs with different seeds: mean Jaccard index, 1 = the same.

    Jaccard index of two sets: size of what they share, divided by the size of what either has.
    """
    if len(runs) < 2 or not len(words):
        raise ValueError(
            f"{len(runs)} runs and {len(words)} words: expected at least two runs to compare, and one word"
        )
    check_texts("words", words)
    neighbors = [[{near for near, _ in run.most_similar(word, k)} for word in words] for run in runs]
    pairs = [pair for a, b in combinations(neighbors, 2) for pair in zip(a, b, strict=True)]
    return float(np.mean([len(a & b) / len(a | b) for a, b in pairs]))
