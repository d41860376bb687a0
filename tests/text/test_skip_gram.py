"""Skip-gram and CBOW: probabilities, weights, loss and gradients, held against closed forms, brute force and torch."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import chisquare

from aigc_course.text import skip_gram
from aigc_course.text.skip_gram import BATCHES, SkipGramConfig
from aigc_course.text.word_vectors import build_vocabulary, encode, evaluate_similarity

MODES = tuple(BATCHES)
SMALL = SkipGramConfig(
    embedding_dim=12, window=2, num_epochs=3, subsampling=1.0, min_count=1, block_length=8, num_blocks=4, num_noise=10
)


def text_of_two_kinds(rng, num_sentences=600):
    """Sentences "animal eats food" and "person reads paper", each with one of six words in each place."""
    kinds = [
        [[f"{name}{i}" for i in range(6)] for name in kind]
        for kind in (("animal", "eats", "food"), ("person", "reads", "paper"))
    ]
    return [[str(rng.choice(place)) for place in kinds[rng.integers(2)]] for _ in range(num_sentences)]


def random_batch(mode, rng, vocab_size=30, config=SMALL):
    """A batch whose blocks hold borders, from random ids."""
    blocks = rng.integers(-1, vocab_size, size=(3, config.block_length + 2 * config.window))
    noise = rng.integers(vocab_size, size=(3, config.num_noise))
    return BATCHES[mode](blocks, noise, config)


def random_tables(rng, vocab_size=30, dim=12):
    V, U = rng.normal(size=(2, vocab_size + 1, dim))
    V[-1] = U[-1] = 0
    return V, U


# Probabilities


def test_the_chance_to_be_kept_is_the_formula():
    counts = np.array([900_000, 99_000, 1_000])
    share = counts / counts.sum()
    expected = [min(1, np.sqrt(1e-3 / f) + 1e-3 / f) for f in share]
    assert_allclose(skip_gram.keep_probability(counts, 1e-3), expected)
    assert skip_gram.keep_probability(counts, 1e-3)[2] == 1  # a word of share t or less always stays


def test_noise_words_follow_their_distribution():
    counts = np.array([5000, 800, 400, 60, 9, 1])
    probability = skip_gram.noise_probability(counts)
    assert probability.sum() == pytest.approx(1)
    assert probability[1] / probability[2] == pytest.approx(2**0.75)
    drawn = skip_gram.draw_noise(counts, (500, 400), np.random.default_rng(0))
    seen = np.bincount(drawn.ravel(), minlength=6)
    assert chisquare(seen, probability * drawn.size).pvalue > 0.001


def test_window_weights_are_the_mean_over_window_sizes():
    block, window = 6, 4
    mean = np.zeros((block, block + 2 * window))
    for size in range(1, window + 1):
        for word in range(block):
            for place in range(block + 2 * window):
                mean[word, place] += 0 < abs(place - window - word) <= size
    assert_allclose(skip_gram.window_weights(block, window), mean / window)


# Batches


def test_every_word_is_once_a_center_with_its_neighbors_around_it():
    text = np.arange(43)
    blocks = skip_gram.shuffled_blocks(text, SMALL, np.random.default_rng(0))
    words = blocks[:, SMALL.window : -SMALL.window]
    assert_array_equal(np.sort(words[words >= 0]), text)
    for block in blocks:
        inside = block[block >= 0]
        assert_array_equal(np.diff(inside), 1)


@pytest.mark.parametrize("mode", MODES)
def test_all_blocks_together_hold_every_pair_of_the_text(mode):
    rng = np.random.default_rng(7)
    text = rng.integers(-1, 9, size=101)
    expected = np.zeros((9, 9))
    for place, word in enumerate(text):
        for distance in range(1, SMALL.window + 1):
            for other in (place - distance, place + distance):
                if 0 <= other < len(text) and min(word, text[other]) >= 0:
                    expected[word, text[other]] += (SMALL.window + 1 - distance) / SMALL.window
    blocks = skip_gram.shuffled_blocks(text, SMALL, rng)
    batch = BATCHES[mode](blocks, rng.integers(9, size=(len(blocks), SMALL.num_noise)), SMALL)
    found = np.zeros((9, 9))
    words = blocks[:, SMALL.window : -SMALL.window]
    true = skip_gram.true_pairs(blocks, SMALL.window)
    for block, word, context in zip(*np.nonzero(true), strict=True):
        found[words[block, word], blocks[block, context]] += true[block, word, context]
    assert_allclose(found, expected, atol=1e-4)
    pairs, noise = batch.weight * batch.label, batch.weight * (1 - batch.label)
    has_context = (text >= 0) & [
        np.any(text[max(0, i - 2) : i] >= 0) or np.any(text[i + 1 : i + 3] >= 0) for i in range(101)
    ]
    assert pairs.sum() == pytest.approx(expected.sum() if mode == "skip-gram" else has_context.sum())
    assert_allclose(noise.sum(axis=2), SMALL.num_negatives * pairs.sum(axis=2), rtol=1e-5)


def test_cbow_mixes_the_contexts_to_their_mean():
    batch = random_batch("cbow", np.random.default_rng(1))
    total = batch.mix.sum(axis=2)
    assert np.all(np.isclose(total, 1, atol=1e-6) | (total == 0))


# Loss and gradients


@pytest.mark.parametrize("mode", MODES)
def test_one_step_follows_the_gradient_that_torch_computes(mode):
    rng = np.random.default_rng(3)
    V, U = random_tables(rng)
    batch = random_batch(mode, rng)
    v, u = (torch.tensor(table, requires_grad=True) for table in (V, U))
    queries = v[batch.inputs]
    if batch.mix is not None:
        queries = torch.tensor(batch.mix, dtype=torch.float64) @ queries
    scores = queries @ u[batch.outputs].transpose(1, 2)
    label = torch.tensor(batch.label, dtype=torch.float64).expand_as(scores)
    each = torch.nn.functional.binary_cross_entropy_with_logits(scores, label, reduction="none")
    loss = (each * torch.tensor(batch.weight, dtype=torch.float64)).sum()
    loss.backward()
    assert skip_gram.negative_sampling_loss(V, U, batch) == pytest.approx(loss.item(), rel=1e-9)
    v_before, u_before = V.copy(), U.copy()
    skip_gram.descend(V, U, batch, learning_rate=0.5)
    assert_allclose((v_before - V)[:-1] / 0.5, v.grad.numpy()[:-1], rtol=1e-6, atol=1e-9)
    assert_allclose((u_before - U)[:-1] / 0.5, u.grad.numpy()[:-1], rtol=1e-6, atol=1e-9)
    assert not V[-1].any() and not U[-1].any()


@pytest.mark.parametrize("mode", MODES)
def test_one_step_follows_the_gradient_by_central_differences(mode):
    rng = np.random.default_rng(4)
    V, U = random_tables(rng, vocab_size=8, dim=3)
    batch = random_batch(mode, rng, vocab_size=8)
    moved = [V.copy(), U.copy()]
    skip_gram.descend(*moved, batch, learning_rate=1.0)
    for table, new in zip((V, U), moved, strict=True):
        for index in np.ndindex(8, 3):
            kept, ends = table[index], []
            for step in (1e-5, -1e-5):
                table[index] = kept + step
                ends.append(skip_gram.negative_sampling_loss(V, U, batch))
            table[index] = kept
            assert kept - new[index] == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("mode", MODES)
def test_untrained_vectors_lose_6_log_2_a_pair(mode):
    V, U = skip_gram.new_vectors(30, 12, seed=0)
    batch = random_batch(mode, np.random.default_rng(0))
    assert skip_gram.loss_per_pair(V, U, batch) == pytest.approx(6 * np.log(2), rel=1e-5)


def test_add_rows_agrees_with_numpy():
    rng = np.random.default_rng(5)
    ids, rows = rng.integers(-1, 9, size=(4, 25)), rng.normal(size=(4, 25, 3))
    expected = rng.normal(size=(10, 3))
    table = expected.copy()
    np.add.at(expected, ids, rows)
    skip_gram.add_rows(table, ids, rows)
    assert_allclose(table, expected, atol=1e-12)


def test_sigmoid_does_not_overflow():
    assert_allclose(skip_gram.sigmoid(np.array([-1000.0, 0.0, 1000.0])), [0, 0.5, 1])


# Training


@pytest.mark.parametrize("mode", MODES)
def test_words_in_the_same_place_come_close(mode):
    config = replace(SMALL, mode=mode, num_epochs=30, learning_rate=0.05)
    vectors = skip_gram.train_vectors(text_of_two_kinds(np.random.default_rng(0)), config, seed=0)
    near = [vectors.similarity("animal0", f"animal{i}") for i in range(1, 6)]
    far = [vectors.similarity("animal0", f"person{i}") for i in range(6)]
    assert min(near) > max(far) + 0.3


@pytest.mark.parametrize("mode", MODES)
def test_training_lowers_the_loss_tells_where_it_is_and_repeats(mode):
    sentences = text_of_two_kinds(np.random.default_rng(1))
    vocabulary = build_vocabulary(sentences, min_count=1)
    ids = encode(sentences, vocabulary, SMALL.window)
    results = []
    for _ in range(2):
        V, U = skip_gram.new_vectors(len(vocabulary), SMALL.embedding_dim, seed=1)
        config = replace(SMALL, mode=mode, num_epochs=10, learning_rate=0.1)
        told = list(skip_gram.training_steps(V, U, ids, vocabulary.counts, config, seed=1))
        results.append(V)
    assert [entry["epoch"] for entry in told] == sorted(entry["epoch"] for entry in told)
    assert told[0]["epoch"] == 0 and told[-1]["epoch"] == 10
    assert told[-1]["loss"] < 0.8 * told[0]["loss"]
    assert_array_equal(*results)
    assert V.dtype == U.dtype == np.float32
    assert not V[-1].any() and not U[-1].any()


def test_a_text_thinned_to_nothing_still_trains():
    vectors = skip_gram.train_vectors([["a", "b"]] * 3, replace(SMALL, subsampling=1e-9), seed=0)
    assert np.isfinite(vectors.vectors).all()


def test_a_pair_that_people_call_alike_is_alike():
    vectors = skip_gram.train_vectors(
        text_of_two_kinds(np.random.default_rng(2)), replace(SMALL, num_epochs=30), seed=0
    )
    pairs = [("food1", "food2", 9.0), ("paper0", "paper3", 8.5), ("food1", "paper3", 1.0), ("eats2", "reads4", 1.5)]
    assert evaluate_similarity(vectors, pairs).spearman > 0.5


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"window": 0}, "window 0 is not a whole number of at least 1; 5 is usual"),
        ({"window": 2.5}, "window 2.5"),
        ({"num_epochs": True}, "num_epochs True"),
        ({"embedding_dim": -3}, "embedding_dim -3"),
        ({"learning_rate": 0.0}, "learning_rate 0.0 is not a finite number above 0; 0.025 is usual"),
        ({"learning_rate": "fast"}, "learning_rate 'fast'"),
        ({"subsampling": float("nan")}, "subsampling nan"),
        ({"mode": "glove"}, "mode \"glove\" is not known; allowed: 'skip-gram', 'cbow'"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, said):
    with pytest.raises(ValueError, match=said):
        SkipGramConfig(**settings)


def test_an_empty_corpus_is_refused():
    with pytest.raises(ValueError, match="a vocabulary of 0 words"):
        skip_gram.train_vectors([], SMALL, seed=0)
