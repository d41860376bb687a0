"""Texts: poems, searching, cutting, measures of variety, beams; as counting or a library says, or an error."""

import itertools
import math
from contextlib import suppress

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from whatever import WHATEVER

from aigc_course.text import judging, quatrains, retrieval, segmentation
from aigc_course.text.beam_search import beam_search
from aigc_course.text.genre_classifier import train_classifier

HAN = st.sampled_from("床前明月光疑是地上霜举头望低思故乡白日依山尽㐀鿿")
POEM = st.lists(st.text(HAN, min_size=0, max_size=8), max_size=6).map("，".join)
ANY_TEXT = st.one_of(st.text(), POEM, st.text(st.sampled_from("月光山水abc ，。！\n3"), max_size=30))
UNITS = st.lists(st.sampled_from("abcd"), max_size=9)
TEXTS = st.lists(st.lists(st.sampled_from(["a", "b", "猫", "dog", "，"]), max_size=9).map(" ".join), max_size=6)


# poems


@given(ANY_TEXT, st.sampled_from([5, 7]))
def test_whatever_a_poem_is_its_form_is_found_or_none(text, form):
    lines = quatrains.lines_of(text)
    found = quatrains.form_of(text)
    assert found in (None, 5, 7)
    if found:
        assert [len(line) for line in lines] == [found] * 4
        assert quatrains.form_of(quatrains.punctuated("".join(lines), found)) == found
        assert quatrains.rhymes(lines) in (True, False)
        assert quatrains.is_regulated(lines) in (True, False)
    assert quatrains.misfit(text, form) in (None, "length", "marks")
    assert all(set(quatrains.tones_of(line)) <= set("平仄？") for line in lines)
    assert all(len(quatrains.tones_of(line)) == len(line) for line in lines)
    assert all(quatrains.alternates(line) in (True, False) for line in lines)


@given(st.characters())
def test_a_character_has_a_sound_or_none(character):
    sound, rhyme = quatrains.syllable(character), quatrains.rhyme_of(character)
    assert sound is None or (sound[0] and 0 <= sound[1] <= 4)
    assert rhyme is None or rhyme in quatrains.RHYMES


# searching


@given(
    TEXTS.filter(lambda texts: any(judging.units(text) for text in texts)),
    st.lists(st.sampled_from(["a", "猫", "dog", "x"]), max_size=3).map(" ".join),
    st.floats(0, 5),
    st.floats(0, 1),
    st.integers(1, 8),
)
def test_bm25_is_its_formula(texts, query, k1, b, k):
    search = retrieval.BM25(texts, k1, b)
    cut = [judging.units(text) for text in texts]
    mean, expected = np.mean([len(each) for each in cut]), np.zeros(len(texts))
    for unit in judging.units(query):
        n = sum(unit in each for each in cut)
        idf = max(0.0, math.log((len(texts) - n + 0.5) / (n + 0.5)))
        for place, each in enumerate(cut):
            if tf := each.count(unit):
                expected[place] += idf * tf * (k1 + 1) / (tf + k1 * (1 - b + b * len(each) / mean))
    np.testing.assert_allclose(search.scores(query), expected, atol=1e-9)
    best = search.best(query, k)
    assert best == sorted(range(len(texts)), key=lambda place: (-search.scores(query)[place], place))[:k]


@given(
    st.one_of(TEXTS, WHATEVER),
    st.one_of(st.text(), WHATEVER),
    st.one_of(st.floats(), WHATEVER),
    st.one_of(st.floats(), WHATEVER),
    WHATEVER,
)
def test_searching_whatever_gives_scores_or_an_error(texts, query, k1, b, k):
    with suppress(ValueError, TypeError):
        search = retrieval.BM25(texts, k1, b)
        assert np.isfinite(search.scores(query)).all()
        assert len(search.best(query, k)) <= search.num_texts


def scored(shape):
    """(queries, texts) scores, and the number of the right text of each query."""
    wanted = arrays(np.int64, shape[0], elements=st.integers(0, shape[1] - 1))
    return st.tuples(arrays(np.float64, shape, elements=st.integers(0, 3)), wanted)


@given(st.tuples(st.integers(1, 5), st.integers(1, 5)).flatmap(scored), st.integers(1, 6))
def test_hits_are_what_ranking_gives(pair, k):
    scores, wanted = pair
    found = [sum(other >= row[own] for other in row) <= k for row, own in zip(scores, wanted, strict=True)]
    assert retrieval.hit_at(k, scores, wanted) == pytest.approx(np.mean(found))


@given(WHATEVER, WHATEVER, WHATEVER)
def test_hits_of_whatever_are_a_share_or_an_error(k, scores, wanted):
    with suppress(ValueError, TypeError):
        assert 0 <= retrieval.hit_at(k, scores, wanted) <= 1


# cutting

COUNTS = st.dictionaries(st.text("ab", min_size=1, max_size=3), st.integers(0, 50), min_size=1, max_size=8)


@given(st.text("abc", max_size=6), COUNTS)
def test_the_likeliest_cut_is_the_best_of_all_cuts(text, counts):
    total = max(1, sum(counts.values()))

    def log_prob(words):
        return sum(math.log(counts.get(word) or 1) - math.log(total) for word in words)

    def cuts(rest):
        if not rest:
            yield []
        for end in range(1, len(rest) + 1):
            known = any(counts.get(rest[:other]) for other in range(1, len(rest) + 1))
            if counts.get(rest[:end]) or (end == 1 and not known):
                yield from ([rest[:end], *others] for others in cuts(rest[end:]))

    found = segmentation.likeliest_cut(text, counts, total)
    assert "".join(found) == text
    assert log_prob(found) == pytest.approx(max(map(log_prob, cuts(text)), default=0.0))


@given(st.one_of(ANY_TEXT, WHATEVER))
def test_words_put_together_are_the_text_or_it_is_refused(text):
    with suppress(ValueError, TypeError):
        assert "".join(segmentation.segment(text)) == text


# variety


@given(st.lists(UNITS, min_size=1, max_size=5), st.integers(1, 4))
def test_distinct_n_is_what_counting_gives(sequences, n):
    texts = [" ".join(units) for units in sequences]
    grams = [tuple(units[i : i + n]) for units in sequences for i in range(len(units) - n + 1)]
    if not grams:
        with pytest.raises(ValueError, match="smaller n"):
            judging.distinct_n(texts, n)
        return
    assert judging.distinct_n(texts, n) == pytest.approx(len(set(grams)) / len(grams))


@given(UNITS, st.lists(UNITS, min_size=1, max_size=4), st.integers(1, 4))
def test_bleu_lies_between_0_and_1_and_is_1_for_a_copy(candidate, references, max_n):
    assume(len(candidate) >= max_n)
    found = judging.bleu(candidate, references, max_n)
    assert 0 <= found <= 1 + 1e-12
    assert judging.bleu(candidate, [*references, candidate], max_n) == pytest.approx(1)


@given(st.lists(UNITS.filter(lambda units: len(units) >= 2), min_size=2, max_size=5), st.integers(1, 2))
def test_self_bleu_is_the_mean_of_bleus(sequences, max_n):
    each = [
        judging.bleu(one, [other for j, other in enumerate(sequences) if j != i], max_n)
        for i, one in enumerate(sequences)
    ]
    assert judging.self_bleu([" ".join(units) for units in sequences], max_n) == pytest.approx(np.mean(each))


@given(st.text("ab ", max_size=12), st.text("ab ", max_size=12))
def test_the_longest_common_run_is_the_longest(text, other):
    found = judging.longest_common_run(text, other)
    runs = {text[i:j] for i, j in itertools.combinations(range(len(text) + 1), 2) if text[i:j] in other}
    assert len(found) == max(map(len, runs), default=0)
    assert found in text
    assert found in other


@given(st.one_of(TEXTS, WHATEVER), st.one_of(st.text(), WHATEVER), st.one_of(st.integers(-1, 5), WHATEVER))
def test_judging_whatever_gives_a_share_or_an_error(texts, text, n):
    for call in (
        lambda: judging.distinct_n(texts, n),
        lambda: judging.repetition_rate(text, n) if isinstance(text, str) else 0,
        lambda: judging.self_bleu(texts, n),
    ):
        with suppress(ValueError, TypeError):
            assert 0 <= call() <= 1 + 1e-12


@given(
    st.lists(st.one_of(st.text(max_size=6), st.just("ab")), max_size=5),
    st.lists(st.sampled_from(["x", "y", ""]), max_size=5),
)
def test_a_classifier_answers_with_a_genre_that_it_was_shown_or_says_why_not(texts, genres):
    with suppress(ValueError, TypeError):
        classifier = train_classifier(texts, genres)
        assert set(classifier.predict(["ab", "", *texts])) <= set(genres)
        np.testing.assert_allclose(classifier.probabilities([*texts, ""]).sum(1), 1)


# beams


@given(
    arrays(np.float64, (3, 3), elements=st.sampled_from([-math.inf, -3, -1, -0.5, 0])),
    st.integers(1, 4),
    st.integers(1, 4),
    st.one_of(st.none(), st.integers(0, 2)),
    st.sampled_from([0.0, 1.0, 2.0]),
)
def test_a_wide_beam_finds_the_best_of_all_sequences(table, num_beams, length, end, penalty):
    table = torch.tensor(table)

    def sequences(tokens, total):
        if len(tokens) == length or (tokens and tokens[-1] == end):
            yield tokens, total
            return
        for token in range(3):
            step = table[tokens[-1] if tokens else 0, token].item()
            if step > -math.inf:
                yield from sequences([*tokens, token], total + step)

    every = [(total / len(tokens) ** penalty, tokens) for tokens, total in sequences([], 0.0)]

    def search(num_beams):
        return beam_search(lambda tokens, parents: table[tokens], 0, num_beams, length, end, penalty)

    if not every:
        with pytest.raises(ValueError, match="probability 0"):
            search(81)
        return
    best = max(score for score, _ in every)
    assert search(81)[0].score == pytest.approx(best)
    with suppress(ValueError):  # the few beginnings that a narrow beam keeps may lead nowhere
        found = search(num_beams)
        assert all(each.score <= best + 1e-9 for each in found)
        assert [each.score for each in found] == sorted((each.score for each in found), reverse=True)


@given(WHATEVER, WHATEVER, st.one_of(st.none(), st.integers(-1, 4)), st.one_of(st.floats(), WHATEVER))
def test_a_search_with_whatever_settings_ends_or_says_why_not(num_beams, length, end, penalty):
    def next_log_probs(tokens, parents):
        return torch.full((len(tokens), 3), -math.log(3))

    few = num_beams if not isinstance(num_beams, int) else min(num_beams, 5)
    short = length if not isinstance(length, int) else min(length, 5)
    with suppress(ValueError, TypeError):
        assert beam_search(next_log_probs, 0, few, short, end, penalty)
