"""Vocabulary, counts, PPMI and vectors, held against brute force, NumPy, SciPy and gensim."""

import numpy as np
import pytest
from gensim.models import KeyedVectors
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from scipy.stats import spearmanr

from aigc_course.kit import load_wikipedia_sentences
from aigc_course.text.word_vectors import (
    Vocabulary,
    WordVectors,
    build_vocabulary,
    co_occurrences,
    context_mean,
    encode,
    evaluate_analogies,
    evaluate_similarity,
    neighbor_stability,
    ppmi,
    svd_vectors,
)
from tools.bench import word_vectors as bench_word_vectors

SENTENCES = [["the", "cat", "drinks", "milk"], ["the", "dog", "drinks", "water"], ["the", "cat", "sleeps"]]
WORDS = ["athens", "greece", "paris", "france", "berlin", "germany", "rome", "italy", "cat", "dog"]


@pytest.fixture
def vectors() -> WordVectors:
    return WordVectors(WORDS, np.random.default_rng(5).normal(size=(len(WORDS), 6)).astype(np.float32))


@pytest.fixture
def keyed(vectors) -> KeyedVectors:
    """The same vectors in gensim."""
    keyed = KeyedVectors(vectors.vectors.shape[1])
    keyed.add_vectors(vectors.words, vectors.vectors)
    return keyed


def random_text(rng, vocab_size=12, length=200):
    """Ids with borders among them."""
    return rng.integers(-1, vocab_size, size=length).astype(np.int32)


# Vocabulary


def test_the_vocabulary_is_ordered_by_count_then_alphabet():
    vocabulary = build_vocabulary(SENTENCES, min_count=2)
    assert vocabulary.words == ["the", "cat", "drinks"]
    assert_array_equal(vocabulary.counts, [3, 2, 2])
    assert vocabulary.ids["drinks"] == 2
    assert len(vocabulary) == 3


def test_encode_keeps_sentences_apart_and_leaves_unknown_words_out():
    ids = encode(SENTENCES, build_vocabulary(SENTENCES, min_count=2), window=2)
    assert_array_equal(ids, [0, 1, 2, -1, -1, 0, 2, -1, -1, 0, 1, -1, -1])


@pytest.mark.parametrize(
    ("sentences", "said"),
    [
        ([], "a vocabulary of 0 words teaches nothing; the corpus has 0 different words"),
        ([["a"] * 9], "a vocabulary of 1 words"),
        (SENTENCES, "min_count=5 times: give more text or a smaller min_count"),
    ],
)
def test_a_corpus_that_teaches_nothing_is_refused(sentences, said):
    with pytest.raises(ValueError, match=said):
        build_vocabulary(sentences)


@pytest.mark.parametrize("texts", ["the cat", ["the cat sat"], (line for line in ["the cat", "sat"])])
def test_a_text_where_words_are_meant_is_refused(texts):
    with pytest.raises(TypeError, match=r"'the cat.*' is a text where a list of words is expected; split it first"):
        build_vocabulary(texts)
    with pytest.raises(TypeError, match="split it first"):
        encode(["the cat sat"], build_vocabulary(SENTENCES, min_count=1), window=2)


@pytest.mark.parametrize("window", [0, -1, 2.0, True])
def test_a_window_that_is_none_is_refused(window):
    with pytest.raises(ValueError, match=f"window {window} is not a whole number of at least 1"):
        encode(SENTENCES, build_vocabulary(SENTENCES, min_count=1), window)


# Counts


@pytest.mark.parametrize("window", [1, 2, 5])
def test_co_occurrences_agree_with_counting_one_by_one(window):
    ids = random_text(np.random.default_rng(window))
    expected = np.zeros((12, 12))
    for place, word in enumerate(ids):
        for other in range(max(0, place - window), min(len(ids), place + window + 1)):
            if other != place and word >= 0 and ids[other] >= 0:
                expected[word, ids[other]] += 1
    assert_array_equal(co_occurrences(ids, window, 12).toarray(), expected)


def test_the_context_mean_is_the_mean_over_the_context_words():
    rng = np.random.default_rng(1)
    ids, context, window = random_text(rng), rng.normal(size=(13, 4)), 3
    found = context_mean(co_occurrences(ids, window, 13), context)
    for word in range(12):
        around = [
            ids[other]
            for place in np.flatnonzero(ids == word)
            for other in range(max(0, place - window), min(len(ids), place + window + 1))
            if other != place and ids[other] >= 0
        ]
        assert_allclose(found[word], context[around].mean(axis=0), atol=1e-12)
    assert_array_equal(found[12], np.zeros(4))  # never occurs


def test_ppmi_of_an_example_by_hand():
    # 8 pairs in all; p(a) = p(b) = 1/2 on both sides; p(a, a) = 3/8, p(a, b) = 1/8
    counts = csr_array(np.array([[3.0, 1.0], [1.0, 3.0]]))
    expected = np.log((3 / 8) / (1 / 4))
    assert_allclose(ppmi(counts, smoothing=1.0).toarray(), [[expected, 0], [0, expected]])


def test_independent_words_have_no_ppmi():
    counts = np.outer([1.0, 2.0, 3.0], [2.0, 1.0, 5.0])
    assert_allclose(ppmi(csr_array(counts), smoothing=1.0).toarray(), 0, atol=1e-12)


def test_smoothing_makes_rare_contexts_count_less():
    counts = csr_array(np.array([[0.0, 9.0, 1.0], [9.0, 0.0, 9.0], [1.0, 9.0, 0.0]]))
    plain, smooth = ppmi(counts, 1.0).toarray(), ppmi(counts, 0.75).toarray()
    assert 0 < smooth[1, 0] < plain[1, 0]


def test_svd_vectors_are_the_best_approximation():
    matrix = np.random.default_rng(2).random((20, 20))
    matrix += matrix.T
    U, S, _ = np.linalg.svd(matrix)
    expected = U[:, :5] * np.sqrt(S[:5])
    found = svd_vectors(csr_array(matrix), 5)
    assert_allclose(np.abs(found), np.abs(expected), atol=1e-5)
    assert found.dtype == np.float32


@pytest.mark.parametrize("embedding_dim", [0, 20, 21])
def test_an_impossible_number_of_dimensions_is_refused(embedding_dim):
    with pytest.raises(ValueError, match="must be between 1 and 19"):
        svd_vectors(csr_array(np.eye(20)), embedding_dim)


# What vectors are good for


def test_neighbors_and_analogies_agree_with_gensim(vectors, keyed):
    for word in WORDS:
        ours, theirs = vectors.most_similar(word, k=4), keyed.most_similar(word, topn=4)
        assert [found for found, _ in ours] == [found for found, _ in theirs]
        assert_allclose([cosine for _, cosine in ours], [cosine for _, cosine in theirs], atol=1e-5)
    ours = vectors.analogy("athens", "greece", "paris", k=3)
    theirs = keyed.most_similar(positive=["greece", "paris"], negative=["athens"], topn=3)
    assert [found for found, _ in ours] == [found for found, _ in theirs]


def test_similarity_agrees_with_gensim(vectors, keyed):
    assert vectors.similarity("cat", "dog") == pytest.approx(keyed.similarity("cat", "dog"), abs=1e-6)
    assert vectors.similarity("cat", "cat") == pytest.approx(1)


def test_a_vector_of_zeros_is_near_nothing():
    vectors = WordVectors(["a", "b"], np.array([[0.0, 0.0], [1.0, 0.0]]))
    assert vectors.similarity("a", "b") == 0


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int8])
def test_long_vectors_have_the_similarity_of_short_ones(dtype):
    directions = np.array([[100, 100, 100], [100, 100, -100], [-100, 50, 100]])
    short = WordVectors(["a", "b", "c"], directions / 100.0)
    long = WordVectors(["a", "b", "c"], directions.astype(dtype))  # the sum of squares is 30,000 ...
    longer = WordVectors(["a", "b", "c"], (2 * directions.astype(float)).astype(np.float16))  # ... or 120,000
    for pair in ("ab", "bc", "ac"):
        assert long.similarity(*pair) == pytest.approx(short.similarity(*pair), abs=1e-6)
        assert longer.similarity(*pair) == pytest.approx(short.similarity(*pair), abs=1e-6)
    for vectors in (long, longer):
        nearest = vectors.most_similar(vectors.vectors[0], k=3)
        assert [word for word, _ in nearest] == ["a", "b", "c"]
        assert [cosine for _, cosine in nearest] == pytest.approx([1, 1 / 3, short.similarity("a", "c")], abs=1e-6)


@pytest.mark.parametrize(
    ("broken", "error", "said"),
    [
        (lambda vectors: WordVectors(["a", "b"], vectors.vectors), ValueError, r"2 words and vectors \(10, 6\)"),
        (lambda vectors: WordVectors(["a"], np.ones(3)), ValueError, "expected one row per word"),
        (lambda vectors: vectors.most_similar("cat", k=0), ValueError, "k 0 is not a whole number"),
        (lambda vectors: vectors.most_similar("cat", leave_out="dog"), TypeError, r"brackets: \[text\]"),
        (lambda vectors: neighbor_stability([vectors], ["cat"]), ValueError, "at least two runs"),
        (lambda vectors: neighbor_stability([vectors, vectors], []), ValueError, "0 words"),
        (lambda vectors: neighbor_stability([vectors, vectors], "cat"), TypeError, r"brackets: \[text\]"),
    ],
)
def test_what_cannot_be_meant_is_told_the_way_out(vectors, broken, error, said):
    with pytest.raises(error, match=said):
        broken(vectors)


@pytest.mark.parametrize("direction", [np.zeros(6), np.full(6, np.nan), np.full(6, np.inf)])
def test_a_direction_that_points_nowhere_is_refused(vectors, direction):
    with pytest.raises(ValueError, match="points nowhere"):
        vectors.most_similar(direction)


def test_an_unknown_word_is_told_which_words_are_near(vectors):
    with pytest.raises(LookupError, match=r'"athen" has no vector among these 10 words; near it: athens'):
        vectors["athen"]
    with pytest.raises(LookupError, match="no word is spelled like it"):
        vectors.most_similar("qqqqqq")


def test_spearman_agrees_with_scipy_and_gensim(vectors, keyed, tmp_path):
    rng = np.random.default_rng(3)
    pairs = [(a, b, round(float(rng.uniform(0, 10)), 2)) for a in WORDS for b in WORDS if a < b]
    pairs += [("cat", "unicorn", 5.0), ("unicorn", "griffin", 9.0)]
    found = evaluate_similarity(vectors, pairs)
    assert (found.num_used, found.num_pairs) == (45, 47)
    cosines = [vectors.similarity(a, b) for a, b, _ in pairs[:45]]
    assert found.spearman == pytest.approx(spearmanr(cosines, [human for *_, human in pairs[:45]])[0])
    file = tmp_path / "pairs.tsv"
    file.write_text("".join(f"{a}\t{b}\t{human}\n" for a, b, human in pairs), encoding="utf-8")
    theirs = keyed.evaluate_word_pairs(str(file))
    assert found.spearman == pytest.approx(theirs[1][0], abs=1e-6)


def test_no_pair_with_vectors_is_no_correlation(vectors):
    with pytest.raises(ValueError, match="only 0 of 1 pairs"):
        evaluate_similarity(vectors, [("unicorn", "griffin", 9.0)])


def test_analogies_are_counted_where_all_four_words_have_vectors():
    square = np.array([[1.0, 0.2], [1.0, 1.2], [0.3, 1.1], [0.3, 2.1], [-1.0, 0.0]])
    vectors = WordVectors(["man", "king", "woman", "queen", "stone"], square)
    questions = [("man", "king", "woman", "queen"), ("man", "king", "queen", "stone"), ("man", "king", "boy", "prince")]
    assert evaluate_analogies(vectors, questions) == (1, 2)


def test_a_vocabulary_can_be_made_by_hand():
    assert Vocabulary(["a", "b"], np.array([2, 1])).ids == {"a": 0, "b": 1}


def test_stability_is_1_for_equal_runs_and_the_jaccard_index_else(vectors):
    assert neighbor_stability([vectors, vectors], ["cat", "dog"], k=3) == 1
    other = WordVectors(WORDS, np.random.default_rng(6).normal(size=(len(WORDS), 6)))
    near = [{word for word, _ in run.most_similar("cat", 3)} for run in (vectors, other)]
    assert neighbor_stability([vectors, other], ["cat"], k=3) == len(near[0] & near[1]) / len(near[0] | near[1])


def test_the_benchmark_asks_words_that_the_corpus_knows():
    vocabulary = build_vocabulary(load_wikipedia_sentences())
    assert set(bench_word_vectors.WORDS) <= set(vocabulary.words)
