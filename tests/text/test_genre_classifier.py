"""The classifier of genres: held-out text of both languages, broken text, and what it is not given."""

import numpy as np
import pytest

from aigc_course.synthetic.genres import GENRES, HELD_OUT, genre_of, tell_many
from aigc_course.text.genre_classifier import train_classifier


def told(count, language, first):
    pairs = [(each.text, genre) for genre in GENRES for each in tell_many(count, genre, language, first)]
    return [text for text, _ in pairs], [genre for _, genre in pairs]


@pytest.fixture(scope="module", params=["en", "zh"])
def language(request):
    return request.param


@pytest.fixture(scope="module")
def classifier(language):
    return train_classifier(*told(40, language, HELD_OUT + 5000), seed=0)


def test_it_tells_genres_apart_that_it_has_not_seen(classifier, language):
    texts, genres = told(50, language, HELD_OUT)
    assert classifier.genres == tuple(sorted(GENRES))
    assert classifier.accuracy(texts, genres) == 1
    assert np.allclose(classifier.probabilities(texts).sum(axis=1), 1)


def test_it_answers_where_the_grammars_reader_does_not(classifier, language):
    texts, genres = told(20, language, HELD_OUT + 100)
    broken = [text[: len(text) // 2] for text in texts]
    assert classifier.accuracy(broken, genres) > 0.95
    assert [genre_of(text, language) for text in broken] == [None] * len(broken)
    assert [genre_of(text, language) for text in texts] == genres


def test_one_classifier_can_know_both_languages():
    (english, their), (chinese, own) = (told(30, language, HELD_OUT + 5000) for language in ("en", "zh"))
    both = train_classifier(english + chinese, their + own, seed=1)
    for language in ("en", "zh"):
        assert both.accuracy(*told(30, language, HELD_OUT)) > 0.99


def test_genres_dealt_out_at_random_cannot_be_learned(language):
    texts, genres = told(40, language, HELD_OUT + 5000)
    dealt = np.random.default_rng(0).permutation(genres).tolist()
    assert train_classifier(texts, dealt, seed=0).accuracy(*told(50, language, HELD_OUT)) < 0.5


def test_another_seed_says_the_same(classifier, language):
    texts, _ = told(10, language, HELD_OUT)
    other = train_classifier(*told(40, language, HELD_OUT + 5000), seed=7)
    assert other.predict(texts) == classifier.predict(texts)
    assert classifier.predict([]) == []


@pytest.mark.parametrize(
    ("texts", "genres", "error", "said"),
    [
        ("one text", ["news"], TypeError, "put it in brackets"),
        (["a", "b"], ["news"], ValueError, "2 texts but 1 genres"),
        (["a", "b"], ["news", "news"], ValueError, "give at least two"),
        (["a", " "], ["news", "verse"], ValueError, "text 1 is empty"),
    ],
)
def test_what_cannot_be_learned_from_is_said(texts, genres, error, said):
    with pytest.raises(error, match=said):
        train_classifier(texts, genres, seed=0)


def test_a_single_text_is_no_list(classifier):
    with pytest.raises(TypeError, match="put it in brackets"):
        classifier.predict("one text")
