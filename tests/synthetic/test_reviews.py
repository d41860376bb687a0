"""Reviews with a known verdict: the words agree with it, negation turns them round, arguments are checked."""

import re

import pytest

from aigc_course.synthetic.reviews import GENERAL, NEUTRAL, TOPICS, write


def words_of(language: str) -> tuple[set[str], set[str]]:
    """All words that praise, all that blame."""
    lists = [GENERAL[language], *(topic[1:] for topic in TOPICS[language])]
    return tuple({word for pair in lists for word in pair[side].split()} for side in (0, 1))


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("negation", [0, 1])
def test_the_majority_of_words_says_the_verdict_or_its_opposite(language, negation):
    praise, blame = words_of(language)
    assert not praise & blame
    for review in write(300, 1, language, negation=negation):
        found = re.findall("|".join(sorted(praise | blame, key=len, reverse=True)), review.text)
        balance = sum(word in praise for word in found) - sum(word in blame for word in found)
        assert balance and (balance > 0) == (review.good != bool(negation)), review
        assert review.negated == 3 * negation


def test_the_same_arguments_give_the_same_reviews_and_half_are_good():
    assert write(10, 3) == write(10, 3) != write(10, 4)
    assert sum(review.good for review in write(1000, 0)) == 500
    assert sum(review.negated for review in write(2000, 0, negation=0.2)) / 6000 == pytest.approx(0.2, abs=0.02)


def test_english_has_spaces_and_chinese_has_none():
    assert all(" " in review.text and review.text.isascii() for review in write(50, 0, "en"))
    assert all(" " not in review.text and not any(c.isascii() for c in review.text) for review in write(50, 0, "zh"))
    assert all(sentence.endswith(("。", ".")) for group in NEUTRAL.values() for sentence in group)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((5, 0, "fr"), 'language "fr" is not known'),
        ((-1, 0), "a count of 0 or more"),
        ((2.5, 0), "a count of 0 or more"),
        ((True, 0), "a count of 0 or more"),
        ((5, 0, "en", 1.5), "a share in 0..1"),
    ],
)
def test_other_arguments_are_refused(arguments, said):
    with pytest.raises(ValueError, match=said):
        write(*arguments)
