"""Skip-gram and CBOW with negative sampling, over NumPy; built on the vocabulary and vectors of word_vectors.py.

Text is cut into blocks of neighboring words. The words of a block share their contexts and their noise words, so that
all scores of a block are one small matrix product and the gradients are two more: fast without a line of C.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.sparse import csr_array

from aigc_course.text.arguments import check_whole, is_number
from aigc_course.text.word_vectors import WordVectors, build_vocabulary, encode


@dataclass(frozen=True)
class SkipGramConfig:
    """Settings of skip-gram and CBOW; ValueError for those that make no sense."""

    embedding_dim: int = 100  # numbers in a word's vector
    window: int = 5  # context words to each side, at most
    num_negatives: int = 5  # noise words per true pair
    num_epochs: int = 20  # passes over the corpus
    learning_rate: float = 0.025  # step size at the start; it falls in a straight line to ...
    last_learning_rate: float = 0.0001  # ... this one
    subsampling: float = 1e-3  # words more frequent than this share of the text are thinned out
    min_count: int = 5  # rarer words get no vector
    block_length: int = 32  # neighboring words that share their noise words
    num_blocks: int = 16  # blocks a step, drawn from all over the text
    num_noise: int = 96  # noise words a block draws
    mode: str = "skip-gram"  # or "cbow"

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.type is int:
                check_whole(field.name, value, f"{field.default} is usual")
            if field.type is float and not (is_number(value) and 0 < value < np.inf):
                raise ValueError(f"{field.name} {value!r} is not a finite number above 0; {field.default} is usual")
        if self.mode not in BATCHES:
            raise ValueError(f'mode "{self.mode}" is not known; allowed: {", ".join(map(repr, BATCHES))}')


def sigmoid(x: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x)), without overflow."""
    return 0.5 * np.tanh(0.5 * x) + 0.5


def keep_probability(counts: np.ndarray, threshold: float) -> np.ndarray:
    """P(an occurrence of w is kept) = min(1, sqrt(t/f) + t/f), f the word's share of the text, t the threshold."""
    ratio = threshold * counts.sum() / counts  # (vocab,)  t/f
    return np.minimum(1.0, np.sqrt(ratio) + ratio)


def noise_probability(counts: np.ndarray, power: float = 0.75) -> np.ndarray:
    """P(w is drawn as a noise word), proportional to its count to the power of 3/4."""
    weights = counts.astype(np.float64) ** power
    return weights / weights.sum()


def draw_noise(counts: np.ndarray, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Noise words, drawn by noise_probability; ids of the given shape."""
    up_to = np.cumsum(noise_probability(counts))
    return np.searchsorted(up_to / up_to[-1], rng.random(shape), side="right").astype(np.int32)


def window_weights(block_length: int, window: int) -> np.ndarray:
    """How much each word near a block counts as a context of each word in it: a band; (block, block + 2·window).

    At distance d it is (window + 1 - d) / window: the mean over window sizes drawn uniformly from 1 ... window.
    """
    word = np.arange(block_length)[:, None] + window  # places, counted from the first context word
    distance = np.abs(np.arange(block_length + 2 * window) - word)
    return np.where((distance > 0) & (distance <= window), (window + 1 - distance) / window, 0).astype(np.float32)


def add_rows(table: np.ndarray, ids: np.ndarray, rows: np.ndarray) -> None:
    """table[ids] += rows, but an id that occurs several times gets all of its rows.

    ids: (...,) integers, -1 for the last row;  rows: (..., dim)
    """
    ids, rows = ids.ravel(), rows.reshape(ids.size, -1)
    order = np.argsort(ids, kind="stable")  # equal ids side by side: one run each
    starts = np.flatnonzero(np.diff(ids[order], prepend=-2))
    runs = (np.ones(len(ids), rows.dtype), order, np.append(starts, len(ids)))
    table[ids[order[starts]]] += csr_array(runs, shape=(len(starts), len(ids))) @ rows


def true_pairs(blocks: np.ndarray, window: int) -> np.ndarray:
    """The weight of each word near a block as a context of each word in it, borders left out.

    blocks:   (n, block + 2·window)         ids, -1 for a border
    returns   (n, block, block + 2·window)
    """
    band = window_weights(blocks.shape[1] - 2 * window, window)
    real = (blocks >= 0).astype(np.float32)
    return band * real[:, None, :] * real[:, window:-window, None]


class Batch(NamedTuple):
    """What one step looks at: n blocks of words, what each one asks, and the right answers."""

    inputs: np.ndarray  # (n, i) ids: rows of V
    mix: np.ndarray | None  # (n, block, i): how each word's query is mixed from its inputs; None: they are the queries
    outputs: np.ndarray  # (n, o) ids: rows of U
    label: np.ndarray  # (block, o): 1 for a true pair, 0 for noise
    weight: np.ndarray  # (n, block, o): how much the pair counts, 0 if it is not a pair


def skip_gram_batch(blocks: np.ndarray, noise: np.ndarray, config: SkipGramConfig) -> Batch:
    """Skip-gram: each word learns to tell its contexts from noise words.

    blocks:  (n, block + 2·window)  ids of text, `window` more on each side than the block; -1 is a border
    noise:   (n, num_noise)         ids of noise words, shared by a block
    """
    words = blocks[:, config.window : -config.window]  # (n, block)
    true = true_pairs(blocks, config.window)  # (n, block, block + 2·window)
    noise_weight = np.float32(config.num_negatives / config.num_noise) * true.sum(axis=2, keepdims=True)
    weight = np.concatenate([true, np.repeat(noise_weight, config.num_noise, axis=2)], axis=2)
    label = np.zeros(weight.shape[1:], np.float32)
    label[:, : blocks.shape[1]] = 1
    return Batch(words, None, np.concatenate([blocks, noise], axis=1), label, weight)


def cbow_batch(blocks: np.ndarray, noise: np.ndarray, config: SkipGramConfig) -> Batch:
    """CBOW: a word's contexts, averaged, learn to tell it from noise words; arguments as for skip_gram_batch."""
    words = blocks[:, config.window : -config.window]  # (n, block)
    true = true_pairs(blocks, config.window)  # (n, block, block + 2·window)
    total = true.sum(axis=2, keepdims=True)  # (n, block, 1)
    label = np.eye(words.shape[1], words.shape[1] + config.num_noise, dtype=np.float32)
    pair = label.copy()
    pair[:, words.shape[1] :] = config.num_negatives / config.num_noise
    mix = true / np.maximum(total, 1e-9)  # the article's mean: rows sum to 1
    return Batch(blocks, mix, np.concatenate([words, noise], axis=1), label, pair * (total > 0))


BATCHES = {"skip-gram": skip_gram_batch, "cbow": cbow_batch}


def negative_sampling_loss(V: np.ndarray, U: np.ndarray, batch: Batch) -> float:
    """- sum of log σ(u·v) over true pairs - sum of log σ(-u·v) over noise pairs, each with its weight."""
    v, u = V[batch.inputs], U[batch.outputs]
    queries = v if batch.mix is None else batch.mix @ v
    scores = queries @ u.swapaxes(1, 2)
    return float((batch.weight * np.logaddexp(0, (1 - 2 * batch.label) * scores)).sum())


def loss_per_pair(V: np.ndarray, U: np.ndarray, batch: Batch) -> float:
    """The loss of a true pair with its noise pairs, on average: 6·log 2 = 4.16 before training, with 5 noise words."""
    return negative_sampling_loss(V, U, batch) / max(float((batch.weight * batch.label).sum()), 1e-9)


def descend(V: np.ndarray, U: np.ndarray, batch: Batch, learning_rate: float) -> None:
    """One step of gradient descent on negative_sampling_loss; V and U change in place.

    Borders have weight 0, so the last row of both stays 0.
    """
    v, u = V[batch.inputs], U[batch.outputs]  # (n, i, dim), (n, o, dim)
    queries = v if batch.mix is None else batch.mix @ v  # (n, block, dim)
    scores = queries @ u.swapaxes(1, 2)  # (n, block, o)
    error = np.float32(learning_rate) * batch.weight * (batch.label - sigmoid(scores))
    move_v = error @ u  # (n, block, dim)
    if batch.mix is not None:
        move_v = batch.mix.swapaxes(1, 2) @ move_v  # (n, i, dim)
    add_rows(V, batch.inputs, move_v)
    add_rows(U, batch.outputs, error.swapaxes(1, 2) @ queries)


def new_vectors(vocab_size: int, embedding_dim: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """V, small and random, and U, zero; (vocab + 1, dim) float32 each, the last row zero in both."""
    V = (np.random.default_rng(seed).random((vocab_size + 1, embedding_dim), dtype=np.float32) - 0.5) / embedding_dim
    V[-1] = 0
    return V, np.zeros_like(V)


def shuffled_blocks(text: np.ndarray, config: SkipGramConfig, rng: np.random.Generator) -> np.ndarray:
    """The text cut into blocks, each with `window` more ids on both sides, in random order; (num, block + 2·window)."""
    length, window = config.block_length, config.window
    padded = np.pad(text, (window, window + length - 1), constant_values=-1)
    return rng.permutation(sliding_window_view(padded, length + 2 * window)[::length])


def training_steps(V, U, ids, counts, config: SkipGramConfig, seed: int) -> Iterator[dict[str, float]]:
    """Train V and U (`new_vectors`) in place; yield {"epoch", "loss"} every 100 steps and at the end.

    ids: (n,) the text, as `encode` gives it;  counts: (vocab,);  "loss": per true pair, over the current blocks
    """
    rng = np.random.default_rng([seed, 1])  # not the numbers that made V
    keep = np.append(keep_probability(counts, config.subsampling), 1.0)  # (vocab + 1,) borders stay
    for epoch in range(config.num_epochs):
        blocks = shuffled_blocks(ids[rng.random(len(ids)) < keep[ids]], config, rng)
        noise = draw_noise(counts, (len(blocks), config.num_noise), rng)
        for first in range(0, len(blocks), config.num_blocks):
            some = slice(first, first + config.num_blocks)
            batch = BATCHES[config.mode](blocks[some], noise[some], config)
            now = epoch + first / len(blocks)
            if first // config.num_blocks % 100 == 0:
                yield {"epoch": now, "loss": loss_per_pair(V, U, batch)}
            fall = (config.learning_rate - config.last_learning_rate) * now / config.num_epochs
            descend(V, U, batch, config.learning_rate - fall)
    yield {"epoch": float(config.num_epochs), "loss": loss_per_pair(V, U, batch)}


def train_vectors(sentences: Sequence[Sequence[str]], config: SkipGramConfig, seed: int) -> WordVectors:
    """Vocabulary, ids, training, in one call; ValueError for a corpus that is empty or has fewer than two words."""
    vocabulary = build_vocabulary(sentences, config.min_count)
    ids = encode(sentences, vocabulary, config.window)
    V, U = new_vectors(len(vocabulary), config.embedding_dim, seed)
    for _ in training_steps(V, U, ids, vocabulary.counts, config, seed):
        pass
    return WordVectors(vocabulary.words, V[:-1])
