"""BM25 and hit@k: against values worked out by hand, a plain program, and what the formula implies; bad input."""

import math

import numpy as np
import pytest

from aigc_course.synthetic.genres import GENRES, tell_many
from aigc_course.text.judging import units
from aigc_course.text.retrieval import BM25, hit_at, units_and_pairs

TEXTS = ["the cat sat", "the dog sat down", "a dog and a dog", "one bird"]  # 3, 4, 5, 2 units; 3.5 on average


def plain_score(query, texts, text, k1=1.5, b=0.75):
    """The formula, unit by unit."""
    mean = sum(len(units(each)) for each in texts) / len(texts)
    score = 0.0
    for unit in units(query):
        n = sum(unit in units(each) for each in texts)
        tf = units(text).count(unit)
        idf = max(0.0, math.log((len(texts) - n + 0.5) / (n + 0.5)))
        if tf:
            score += idf * tf * (k1 + 1) / (tf + k1 * (1 - b + b * len(units(text)) / mean))
    return score


def test_scores_by_hand():
    """cat: in 1 of 4 texts, idf = ln(3.5 / 1.5) = 0.8473; bird likewise; dog: in 2 of 4, idf = ln(2.5 / 2.5) = 0."""
    search = BM25(TEXTS)
    cat = math.log(3.5 / 1.5) * 2.5 / (1 + 1.5 * (0.25 + 0.75 * 3 / 3.5))
    assert cat == pytest.approx(0.8473 * 2.5 / 2.3393, abs=1e-4)
    assert search.scores("Cat!").tolist() == pytest.approx([cat, 0, 0, 0])
    assert search.scores("cat cat dog").tolist() == pytest.approx([2 * cat, 0, 0, 0])
    bird = math.log(3.5 / 1.5) * 2.5 / (1 + 1.5 * (0.25 + 0.75 * 2 / 3.5))
    assert search.scores("a bird").tolist()[3] == pytest.approx(bird)
    twice = math.log(3.5 / 1.5) * 2 * 2.5 / (2 + 1.5 * (0.25 + 0.75 * 5 / 3.5))
    assert search.scores("a")[2] == pytest.approx(twice)


def test_scores_agree_with_the_formula_unit_by_unit():
    rng = np.random.default_rng(0)
    words = [f"w{i}" for i in range(30)]
    texts = [" ".join(rng.choice(words, size=rng.integers(1, 25))) for _ in range(40)]
    for k1, b in ((1.5, 0.75), (0, 0.5), (2.0, 0), (0.9, 1)):
        search = BM25(texts, k1, b)
        for query in (texts[3], "w1 w2 w2 w29 unknown"):
            assert search.scores(query) == pytest.approx([plain_score(query, texts, text, k1, b) for text in texts])


def test_a_unit_in_more_than_half_of_the_texts_counts_nothing():
    assert BM25(["x a", "x b", "x c"]).scores("x").tolist() == [0, 0, 0]
    assert (BM25(TEXTS).scores("nobody knows") == 0).all()
    assert (BM25(TEXTS).scores("") == 0).all()


def test_k1_and_b_do_what_is_said_of_them():
    texts = ["a a a x", "a x x x x x x x x x", "y", "y y", "z"]
    first, second, *_ = BM25(texts, k1=0).scores("a")
    assert first == pytest.approx(second)  # how often no longer matters, nor how long
    first, second, *_ = BM25(texts, b=0).scores("a")
    assert first > second == pytest.approx(math.log(3.5 / 2.5))  # tf 1: 2.5 / 2.5
    assert BM25(texts, b=1).scores("a")[1] < second


def test_the_best_come_first_and_of_equal_ones_the_earlier():
    assert BM25(["a b", "a c", "a c c", "d", "e", "f", "g"]).best("c a", k=3) == [2, 1, 0]
    assert BM25(TEXTS).best("unknown", k=9) == [0, 1, 2, 3]


def test_chinese_is_cut_into_characters_pairs_or_by_a_tokenizer():
    assert units_and_pairs("红风筝 kite") == ["红", "风", "筝", "kite", "红 风", "风 筝", "筝 kite"]
    texts = ["大风吹着纸筝", "风筝飞得高", "高大的树", "小船", "木筏"]
    assert BM25(texts, cut=units_and_pairs).best("风筝") == [1]
    assert BM25(texts, cut=lambda text: [text[:2]]).best("高大") == [2]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_text_finds_its_own_sheet(language):
    for genre in GENRES:
        told = tell_many(100, genre, language)
        search = BM25([str(each.sheet) for each in told], cut=units_and_pairs)
        scores = np.array([search.scores(each.text) for each in told])
        assert hit_at(1, scores, range(100)) >= 0.9, genre
        assert hit_at(1, scores, np.roll(range(100), 1)) <= 0.02


@pytest.mark.parametrize(("k", "share"), [(1, 1 / 3), (2, 2 / 3), (3, 1.0), (10, 1.0)])
def test_hit_at_k_by_hand(k, share):
    scores = [[3, 2, 1], [3, 2, 1], [3, 2, 1]]
    assert hit_at(k, scores, [0, 1, 2]) == pytest.approx(share)


def test_equal_scores_are_no_hits():
    assert hit_at(1, np.zeros((5, 4)), [0, 1, 2, 3, 0]) == 0
    assert hit_at(4, np.zeros((5, 4)), [0, 1, 2, 3, 0]) == 1
    assert hit_at(1, [[1.0, 1.0, 0.0]], [0]) == 0


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: BM25("one text"), TypeError, "texts is one text where a list"),
        (lambda: BM25([]), ValueError, "there is nothing to search"),
        (lambda: BM25(["", "…"]), ValueError, "no text holds a unit"),
        (lambda: BM25(TEXTS, k1=-1), ValueError, "k1 -1 is not a number of at least 0"),
        (lambda: BM25(TEXTS, k1=math.nan), ValueError, "k1 nan"),
        (lambda: BM25(TEXTS, b=2), ValueError, "b 2 is not in"),
        (lambda: BM25(TEXTS, b="0.5"), ValueError, "b '0.5'"),
        (lambda: BM25(TEXTS).scores(["cat"]), TypeError, "query is a list; give one query as a str"),
        (lambda: BM25(TEXTS).best("cat", 0), ValueError, "k 0 is not a whole number"),
        (lambda: hit_at(0, [[1]], [0]), ValueError, "k 0"),
        (lambda: hit_at(1, [1, 2], [0]), ValueError, "expected"),
        (lambda: hit_at(1, [[1, 2]], [0, 1]), ValueError, "expected"),
        (lambda: hit_at(1, np.zeros((0, 3)), []), ValueError, "expected"),
        (lambda: hit_at(1, [[1, 2]], [2]), ValueError, "numbers of texts, 0 to 1"),
        (lambda: hit_at(1, [[1, 2]], [-1]), ValueError, "numbers of texts"),
        (lambda: hit_at(1, [[1, 2]], [0.5]), ValueError, "numbers of texts"),
        (lambda: hit_at(1, [[1, math.nan]], [0]), ValueError, "1 scores are NaN"),
    ],
)
def test_bad_input_is_told_the_way_out(call, error, said):
    with pytest.raises(error, match=said):
        call()
