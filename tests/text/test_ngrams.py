"""n-gram models: plain counts, Kneser-Ney against a direct and slow version of its formulas; bad input."""

import itertools
import math
import time
from collections import Counter, defaultdict

import numpy as np
import pytest

from aigc_course.text import ngrams
from aigc_course.text.ngram_counts import FALLBACK, Counts, discounts
from aigc_course.text.ngrams import END, START, NGramModel

TOY = ["abracadabra", "banana", "cabana", "abba", "a", "barbara"]
LEE = (
    "the rain in spain stays mainly in the plain. " * 3
    + "in hartford, hereford and hampshire hurricanes hardly happen. "
)


def slow_kneser_ney(sequences, order, vocabulary):
    """p(symbol | context) by the formulas of Chen and Goodman, with dictionaries; `vocabulary` holds END."""
    raw = defaultdict(Counter)
    for sequence in sequences:
        marked = [START, *sequence, END]
        for k in range(1, order + 1):
            for i in range(len(marked) - k + 1):
                raw[k][tuple(marked[i : i + k])] += 1
    del raw[1][(START,)]
    counts = {order: raw[order]}
    for k in range(1, order):
        before = Counter(gram[1:] for gram in raw[k + 1])
        counts[k] = {gram: raw[k][gram] if gram[0] == START else before[gram] for gram in raw[k]}
    taken = {k: discounts(np.array(list(counts[k].values()))) for k in counts}

    def p(symbol, context):
        k = len(context) + 1
        after = {gram[-1]: c for gram, c in counts[k].items() if gram[:-1] == context}
        shorter = p(symbol, context[1:]) if context else 1 / len(vocabulary)
        if not after:
            return shorter
        cut = {s: taken[k][min(c, 3)] for s, c in after.items()}
        total = sum(after.values())
        return (after.get(symbol, 0) - cut.get(symbol, 0) + sum(cut.values()) * shorter) / total

    return p


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_kneser_ney_agrees_with_its_formulas(order):
    model = NGramModel(order).fit(TOY)
    p = slow_kneser_ney(TOY, order, model.vocabulary)
    for text in [*TOY, "cab", "dcba", ""]:
        marked = [START, *text, END]
        expected = [p(marked[i], tuple(marked[max(0, i - order + 1) : i])) for i in range(1, len(marked))]
        np.testing.assert_allclose(np.exp(model.log_probs(text)), expected, rtol=1e-12)
    for context in itertools.product("abd", repeat=order - 1):
        expected = [p(symbol, context) for symbol in model.vocabulary]
        np.testing.assert_allclose(model.distribution(context), expected, rtol=1e-12)


def test_a_bigram_by_hand():
    """Discounts 0.5, 1, 1.5, since no bigram has the count 4: <s>a 3, ab 2, ac 1, b</s> 2, c</s> 1."""
    model = NGramModel(2).fit(["ab", "ab", "ac"])
    assert model.vocabulary == ["a", "b", "c", END]
    # continuations: a 1, b 1, c 1, </s> 2, total 5; taken 0.5 * 3 + 1, spread over 4 symbols
    lowest = [(1 - 0.5 + 2.5 / 4) / 5] * 3 + [(2 - 1 + 2.5 / 4) / 5]
    np.testing.assert_allclose(NGramModel(2).fit(["ab", "ab", "ac"]).distribution("?"), lowest)
    after_a = [1.5 * lowest[0] / 3, (2 - 1 + 1.5 * lowest[1]) / 3, (1 - 0.5 + 1.5 * lowest[2]) / 3, 1.5 * lowest[3] / 3]
    np.testing.assert_allclose(model.distribution("a"), after_a)
    assert model.probability("a", "b") == pytest.approx(after_a[1])
    begin = model.distribution()
    assert begin[0] == pytest.approx((3 - 1.5 + 1.5 * lowest[0]) / 3)


def test_the_discounts_are_chen_and_goodmans():
    count = np.repeat([1, 2, 3, 4, 9], [40, 20, 12, 7, 5])
    y = 40 / 80
    expected = [0, 1 - 2 * y * 20 / 40, 2 - 3 * y * 12 / 20, 3 - 4 * y * 7 / 12]
    np.testing.assert_allclose(discounts(count), expected)
    assert (discounts(np.array([5, 6, 7])) == FALLBACK).all()


@pytest.mark.parametrize("ends", [True, False])
@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_probabilities_sum_to_one_after_every_context(order, ends):
    model = NGramModel(order, ends=ends).fit(TOY, vocabulary="abcdnrxyz")
    for context in ["", "a", "abra", "xyz", "zab", "cadab", "ab?", "?ab", *TOY]:
        probs = model.distribution(context)
        assert probs.sum() == pytest.approx(1) and (probs > 0).all()
    assert model.probability("a", "x") > 0, "an unseen symbol of the vocabulary gets mass"


@pytest.mark.parametrize("smoothing", ngrams.SMOOTHINGS)
@pytest.mark.parametrize("ends", [True, False])
def test_log_probs_distribution_and_probability_agree(smoothing, ends):
    model = NGramModel(3, smoothing, ends=ends).fit(TOY)
    for text in TOY:
        symbols = [*text, END] if ends else list(text)
        one_by_one = [model.probability(text[:i], symbol) for i, symbol in enumerate(symbols)]
        np.testing.assert_allclose(np.exp(model.log_probs(text)), one_by_one)


def test_plain_counts_are_relative_frequencies():
    model = NGramModel(3, "none", ends=False).fit([LEE])
    follow = Counter(LEE[i + 2] for i in range(len(LEE) - 2) if LEE[i : i + 2] == "in")
    for symbol, count in follow.items():
        assert model.probability("in", symbol) == pytest.approx(count / follow.total())
    assert model.probability("in", "z" if "z" in LEE else "d") == follow["d"] / follow.total()
    assert model.distribution("pp").sum() == pytest.approx(1)
    assert not model.distribution("xq").any(), "nothing is known after a context that never occurred"
    assert np.isneginf(model.log_probs("hhh")).any() and model.perplexity(["hhh"]) == math.inf
    assert NGramModel(1, "none").fit(["aab"]).distribution() == pytest.approx([0.5, 0.25, 0.25])


def test_perplexity_of_known_cases():
    assert NGramModel(1, "none", ends=False).fit(["abcd" * 5]).perplexity(["dcba"]) == pytest.approx(4)
    cycle = NGramModel(2, "none", ends=False).fit(["abcd" * 5 + "a"])  # 21 symbols, 6 of them a; then all is certain
    assert cycle.perplexity(["abcdabcd"]) == pytest.approx(3.5 ** (1 / 8))
    model, texts = NGramModel(2).fit(TOY), ["abab", "bac"]
    expected = np.exp(-np.concatenate([model.log_probs(text) for text in texts]).mean())
    assert model.perplexity(texts) == pytest.approx(expected)


def test_smoothing_beats_longer_counts_on_new_text():
    rng = np.random.default_rng(1)
    chain = rng.dirichlet(np.full(12, 0.3), size=12)
    text = [0]
    for _ in range(6000):
        text.append(int(rng.choice(12, p=chain[text[-1]])))
    train, held_out = text[:4000], text[4000:]
    perplexity = {order: NGramModel(order, ends=False).fit([train]).perplexity([held_out]) for order in (1, 2, 3, 5)}
    truth = np.exp(-np.mean([np.log(chain[a, b]) for a, b in itertools.pairwise(held_out)]))
    assert truth < perplexity[2] < 1.03 * truth and perplexity[5] < 1.2 * truth < perplexity[1]


@pytest.mark.parametrize("smoothing", ngrams.SMOOTHINGS)
def test_integers_in_arrays_and_characters_give_the_same_model(smoothing):
    ids = [np.array([ord(c) for c in text]) for text in TOY]
    by_array, by_text = NGramModel(3, smoothing).fit(ids), NGramModel(3, smoothing).fit(TOY)
    assert by_array.vocabulary == [*map(ord, by_text.vocabulary[:-1]), END]
    for array, text in zip(ids, TOY, strict=True):
        np.testing.assert_array_equal(by_array.log_probs(array), by_text.log_probs(text))
        np.testing.assert_array_equal(by_array.log_probs(array.tolist()), by_text.log_probs(text))


def test_samples_follow_the_distribution():
    model = NGramModel(2).fit(["ab", "ab", "ac"])
    drawn = Counter(model.sample(1, np.random.default_rng(seed), start="a")[0:1] == ["b"] for seed in range(4000))
    assert drawn[True] / 4000 == pytest.approx(model.probability("a", "b"), abs=0.03)
    assert model.sample(50, 3) == model.sample(50, 3)
    whole = [model.sample(100, seed) for seed in range(50)]
    assert all(len(text) < 100 and END not in text for text in whole)


def test_plain_samples_hold_only_seen_n_grams():
    model = NGramModel(4, "none", ends=False).fit([LEE])
    text = "".join(model.sample(2000, 7, start="the"))
    assert len(text) == 2000
    pieces = {LEE[i : i + 4] for i in range(len(LEE) - 3)}
    new = [i for i in range(len(text) - 3) if text[i : i + 4] not in pieces]
    assert len(new) <= 4 * text.count("happen. "), "only where the text ended, whose last context was never continued"


def test_mixed_symbols():
    model = NGramModel(2).fit([[1, "one", (1, 2)], [1, "one"]])
    assert model.probability(["one"], (1, 2)) > model.probability(["one"], 1)


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (lambda: NGramModel(0), "order 0"),
        (lambda: NGramModel(2.5), "order 2.5"),
        (lambda: NGramModel(True), "order True"),
        (lambda: NGramModel(2).fit(["abc"]).sample(-1, 0), "length -1"),
        (lambda: NGramModel(2).fit(["abc"]).sample(2.5, 0), "length 2.5"),
        (lambda: NGramModel(2, "laplace"), "kneser-ney"),
        (lambda: NGramModel(2).fit([]), "nothing to count"),
        (lambda: NGramModel(2).fit(["", ""]), "nothing to count"),
        (lambda: NGramModel(2).fit([["a", END]]), "mark"),
        (lambda: NGramModel(2).fit(["abc"], vocabulary="ab"), "'c' is not among the 3 symbols"),
        (lambda: NGramModel(2).fit(["abc"]).log_probs("abz"), "vocabulary="),
        (lambda: NGramModel(2).log_probs("abz"), "fit"),
        (lambda: NGramModel(2).sample(3, 0), "fit"),
        (lambda: NGramModel(2).fit(["abc"]).perplexity([]), "the sequences are empty"),
    ],
)
def test_bad_input_is_told_the_way_out(broken, said):
    with pytest.raises(ValueError, match=said):
        broken()


@pytest.mark.parametrize("text", ["text", b"text", np.arange(5)])
def test_a_text_where_several_are_meant_is_refused(text):
    for broken in (lambda: NGramModel(2).fit(text), lambda: NGramModel(2).fit(["abc"]).perplexity(text)):
        with pytest.raises(TypeError, match=r"put it in brackets: \[text\]"):
            broken()


def test_n_grams_have_the_numbers_of_the_drawn_example():
    cat, ran, sat, the = range(4)  # START would be 4
    stream, position = np.array([the, cat, sat, the, cat, ran]), np.array([0, 1, 2, 0, 1, 2])
    counts = Counts(stream, position, order=3, width=5)
    pairs, triples = counts.grams[1:]
    assert pairs.keys.tolist() == [cat * 5 + ran, cat * 5 + sat, the * 5 + cat] == [1, 2, 15]
    assert triples.keys.tolist() == [2 * 5 + ran, 2 * 5 + sat]
    assert [counts.number(ids) for ids in ([the], [the, cat], [the, cat, ran], [the, cat, sat])] == [3, 2, 0, 1]
    assert counts.number([sat, the]) == counts.number([sat, the, cat]) == -1
    assert (pairs.counts.tolist(), triples.suffix.tolist()) == ([1, 1, 2], [0, 1])
    same_prefix, last = counts.followers(3, prefix=2)
    assert (triples.keys[same_prefix].tolist(), last.tolist()) == ([11, 12], [ran, sat])


def test_numpys_numbers_count():
    assert NGramModel(np.int64(2)).fit(["ab"]).sample(np.int64(3), 0) == NGramModel(2).fit(["ab"]).sample(3, 0)


def test_a_short_corpus_and_a_high_order():
    for ends, smoothing in itertools.product((True, False), ngrams.SMOOTHINGS):
        model = NGramModel(9, smoothing, ends=ends).fit(["ab"])
        assert np.isfinite(model.log_probs("ab")).all()
        assert model.distribution("ab" * 9 if smoothing != "none" else "a").sum() == pytest.approx(1)


def test_half_a_million_tokens_take_seconds():
    rng = np.random.default_rng(0)
    tokens = np.minimum(rng.zipf(1.3, size=500_000), 50_000)
    pieces = np.split(tokens, 2000)
    began = time.process_time()  # of this process alone, whatever else the machine does
    model = NGramModel(5).fit(pieces[:-200], vocabulary=range(1, 50_001))
    fitted = time.process_time()
    assert 1 < model.perplexity(pieces[-200:]) < 50_000
    assert fitted - began < 30 and time.process_time() - fitted < 10
