"""Numbers about texts: against values worked out by hand, plain programs, and what a definition implies."""

import math
from collections import Counter

import numpy as np
import pytest

from aigc_course.text.judging import (
    bleu,
    distinct_n,
    longest_common_run,
    ngrams,
    repetition_rate,
    self_bleu,
    units,
)

PAPER = [  # Papineni et al. 2002, examples 1 and 2
    "It is a guide to action that ensures that the military will forever heed Party commands",
    "It is the guiding principle which guarantees the military forces always being under the command of the Party",
    "It is the practical guide for the army always to heed the directions of the party",
]


def test_units_are_words_and_chinese_characters():
    assert units("The owl's 2 cats, un-\nkind!") == ["the", "owl's", "2", "cats", "un", "kind"]
    assert units("朵朵有1只kite。") == ["朵", "朵", "有", "1", "只", "kite"]
    assert units("… 🦊 _ —") == [] == units("")
    assert ngrams("abc", 2) == [("a", "b"), ("b", "c")] and ngrams("abc", 4) == []


@pytest.mark.parametrize(
    ("texts", "n", "share"),
    [
        (["a b c", "a b d"], 1, 4 / 6),
        (["a b c", "a b d"], 2, 3 / 4),
        (["a b c d"], 2, 1.0),
        (["go go go go"], 2, 1 / 3),
        (["春春夏", "春夏秋"], 2, 3 / 4),
        (["a", "a b"], 2, 1.0),
    ],
)
def test_distinct_n_by_hand(texts, n, share):
    assert distinct_n(texts, n) == pytest.approx(share)
    assert distinct_n(iter(texts), n) == pytest.approx(share)


@pytest.mark.parametrize(
    ("text", "n", "rate"),
    [
        ("a b c d e", 4, 0.0),
        ("a b a b a b", 2, 3 / 5),
        ("a b a b a b", 4, 1 / 3),
        ("very very very very", 1, 3 / 4),
        ("好好好好好", 4, 1 / 2),
    ],
)
def test_repetition_rate_by_hand(text, n, rate):
    assert repetition_rate(text, n) == pytest.approx(rate)


def test_a_planted_loop_raises_the_repetition_rate():
    words = [f"w{i}" for i in range(60)]
    rates = [repetition_rate(" ".join(words[:20] + words[:10] * times), 4) for times in range(5)]
    assert rates[0] == 0 and all(np.diff(rates) > 0)


def test_bleu_of_the_papers_own_examples():
    """ "the the the ..." has a modified unigram precision of 2/7; candidate 1 one of 17/18, candidate 2 of 8/14."""
    references = [units("The cat is on the mat"), units("There is a cat on the mat")]
    assert bleu(units("the the the the the the the"), references, 1) == pytest.approx(2 / 7)
    first = "It is a guide to action which ensures that the military always obeys the commands of the party"
    second = "It is to insure the troops forever hearing the activity guidebook that party direct"
    references = [units(each) for each in PAPER]
    assert bleu(units(first), references, 1) == pytest.approx(17 / 18)
    assert bleu(units(second), references, 1) == pytest.approx(8 / 14 * math.exp(1 - 16 / 14))
    assert bleu(units(first), references, 4) == pytest.approx((17 / 18 * 10 / 17 * 7 / 16 * 4 / 15) ** 0.25)


@pytest.mark.parametrize(
    ("candidate", "references", "score"),
    [
        ("abcd", ["abcd"], 1.0),
        ("abcd", ["wxyz"], 0.0),
        ("abce", ["abcd"], 0.0),  # no 4-gram: nothing is smoothed
        ("abcde", ["abcdx"], (4 / 5 * 3 / 4 * 2 / 3 * 1 / 2) ** 0.25),
        ("abcd", ["abcdefgh"], math.exp(1 - 8 / 4)),
        ("abcd", ["abcdefgh", "abcd"], 1.0),
        ("abcd", ["abcde", "xyz"], 1.0),  # as near to 3 units as to 5: the shorter counts
    ],
)
def test_bleu_by_hand(candidate, references, score):
    assert bleu(candidate, references) == pytest.approx(score)


def test_self_bleu_is_the_mean_bleu_of_each_against_the_others():
    rng = np.random.default_rng(3)
    texts = [" ".join(rng.choice(list("abcd"), size=rng.integers(5, 14))) for _ in range(30)] + [
        "a b c d a",
        "a b c d a",
    ]
    cut = [units(text) for text in texts]
    for max_n in (1, 2, 4):
        each = [bleu(one, cut[:i] + cut[i + 1 :], max_n) for i, one in enumerate(cut)]
        assert self_bleu(texts, max_n) == pytest.approx(np.mean(each))
        assert 0 < self_bleu(texts, max_n) < 1


def test_self_bleu_of_copies_is_1_and_of_strangers_0():
    assert self_bleu(["one two three four five"] * 3) == pytest.approx(1)
    assert self_bleu(["one two three four", "five six seven eight"]) == 0
    assert self_bleu(["春眠不觉晓", "春眠不觉晓", "处处闻啼鸟"]) == pytest.approx(2 / 3)
    assert self_bleu(["a b c d e", "a b c d x"]) == pytest.approx((4 / 5 * 3 / 4 * 2 / 3 * 1 / 2) ** 0.25)


def test_more_copies_among_texts_raise_self_bleu_and_lower_distinct_n():
    rng = np.random.default_rng(1)
    texts = [" ".join(rng.choice([f"w{i}" for i in range(50)], size=20)) for _ in range(20)]
    planted = [[texts[0]] * copies + texts[copies:] for copies in (1, 5, 10, 20)]
    assert all(np.diff([self_bleu(each) for each in planted]) > 0)
    assert all(np.diff([distinct_n(each) for each in planted]) < 0)


def test_a_text_can_be_counted_in_anything():
    assert distinct_n(["abab"], 2, cut=list) == pytest.approx(2 / 3)
    assert self_bleu(["abcde", "abcdx"], cut=list) == self_bleu(["a b c d e", "a b c d x"])


@pytest.mark.parametrize(
    ("text", "other", "run"),
    [
        ("abcdefgh", "xxcdefyy", "cdef"),
        ("abc", "abc", "abc"),
        ("abc", "xyz", ""),
        ("", "abc", ""),
        ("abc", "", ""),
        ("abxcd", "cdyab", "ab"),  # two as long: the first
        ("白日依山尽", "红日依山落", "日依山"),
        ("a🦊b", "c🦊d", "🦊"),
    ],
)
def test_longest_common_run_by_hand(text, other, run):
    assert longest_common_run(text, other) == run


def test_longest_common_run_is_that_of_a_plain_search_and_finds_what_is_planted():
    rng = np.random.default_rng(5)
    for _ in range(20):
        text, other = ("".join(rng.choice(list("abc"), size=size)) for size in (80, 300))
        runs = [text[i:j] for i in range(80) for j in range(i + 1, 81) if text[i:j] in other]
        assert longest_common_run(text, other) == max(runs, key=len)  # the first one of several
    training = "".join(rng.choice(list("abcdefgh"), size=20_000))
    text = "".join(rng.choice(list("abcdefgh"), size=100)) + training[7_000:7_060] + "h" * 20
    assert training[7_000:7_060] in longest_common_run(text, training)
    assert len(longest_common_run(text[:100], training)) < 15


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: distinct_n("one text"), TypeError, "texts is one text where a list of texts is expected"),
        (lambda: self_bleu("one text"), TypeError, "put it in brackets"),
        (lambda: distinct_n([]), ValueError, "no text has 2 units"),
        (lambda: distinct_n(["one", ""]), ValueError, "no text has 2 units"),
        (lambda: distinct_n(["a b"], 0), ValueError, "n 0 is not a whole number"),
        (lambda: distinct_n(["a b"], True), ValueError, "n True"),
        (lambda: repetition_rate("a b c"), ValueError, "no text has 4 units; give longer texts or a smaller n"),
        (lambda: self_bleu(["a b c d"]), ValueError, "give at least 2, not 1"),
        (lambda: self_bleu(["a b c d", "a b"]), ValueError, "a text of 2 units has no 4-gram"),
        (lambda: bleu("abcd", []), ValueError, "there is no reference"),
        (lambda: bleu("abc", ["abcd"]), ValueError, "a text of 3 units has no 4-gram"),
        (lambda: bleu("abcd", ["abcd"], 1.5), ValueError, "max_n 1.5"),
    ],
)
def test_bad_input_is_told_the_way_out(call, error, said):
    with pytest.raises(error, match=said):
        call()


def test_counts_of_ngrams_are_those_of_a_plain_search():
    text = "to be or not to be"
    counts = Counter(ngrams(units(text), 2))
    assert {" ".join(gram): k for gram, k in counts.items()} == {
        pair: text.count(pair) for pair in map(" ".join, counts)
    }
