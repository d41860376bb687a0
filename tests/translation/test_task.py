"""The task of chapter 3.2: texts and their exact inverse, the split, vocabularies and padded batches."""

import random
from datetime import date, timedelta

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from aigc_course.synthetic.spelled_out import LANGUAGES, LARGEST, YEARS, phrasings, read, words_of
from aigc_course.translation.task import (
    PAD,
    START,
    Vocabulary,
    batches,
    encode_pairs,
    make_batch,
    make_pairs,
    pad,
    split_pairs,
    vocabularies,
)

DAYS = st.integers(0, (date(YEARS.stop, 1, 1) - date(YEARS.start, 1, 1)).days - 1)


def iso(day: int) -> str:
    return (date(YEARS.start, 1, 1) + timedelta(day)).isoformat()


@pytest.mark.parametrize(
    ("meaning", "english", "chinese"),
    [
        ("0", "zero", "零"),
        ("12", "twelve", "十二"),
        ("35,006", "thirty-five thousand and six", "三万五千零六"),
        ("1,005,000", "one million, five thousand", "一百万五千"),
        ("100,005,000", "one hundred million, five thousand", "一亿零五千"),
        ("20,002", "twenty thousand and two", "两万零二"),
        ("110", "one hundred and ten", "壹佰壹拾"),
        ("1984-03-03", "the third of March, nineteen eighty-four", "一九八四年三月三日"),
        ("2026-11-24", "November twenty-fourth, twenty twenty-six", "二〇二六年十一月二十四日"),
        ("2006-01-12", "the twelfth of January, two thousand and six", "二零零六年一月十二号"),
        (
            "1900-02-28/2000-02-29",
            "from February the twenty-eighth, nineteen hundred to the twenty-ninth of February, two thousand",
            "从一九〇〇年二月二十八日到二〇〇〇年二月二十九日",
        ),
    ],
)
def test_known_texts(meaning, english, chinese):
    assert english in phrasings(meaning, "en")
    assert chinese in phrasings(meaning, "zh")
    assert read(english) == read(chinese) == meaning


@given(st.one_of(st.integers(0, LARGEST), st.integers(0, 9999), st.integers(1, 9).map(lambda n: 10**n - 1)))
def test_every_phrasing_of_a_number_is_read_back(number):
    meaning = f"{number % (LARGEST + 1):,}"
    for language in LANGUAGES:
        assert {read(text) for text in phrasings(meaning, language)} == {meaning}


@given(DAYS, st.randoms(use_true_random=False))
def test_every_phrasing_of_a_date_and_some_of_a_period_are_read_back(day, rng):
    meaning, last = iso(day), iso(max(day + 1, 40_000))
    for language in LANGUAGES:
        assert {read(text) for text in phrasings(meaning, language)} == {meaning}
        if day < 40_000:
            period = f"{meaning}/{last}"
            assert read(rng.choice(phrasings(period, language))) == period


def test_no_text_has_two_meanings():
    rng, said = random.Random(0), {}
    meanings = [f"{n:,}" for n in (*range(3000), *(rng.randrange(LARGEST) for _ in range(3000)))]
    for meaning in [*meanings, *(iso(day) for day in range(0, 73_049, 30))]:
        for language in LANGUAGES:
            for text in phrasings(meaning, language):
                assert said.setdefault(tuple(words_of(text)), meaning) == meaning


@pytest.mark.parametrize(
    "text",
    [
        *("", "   ", "seven eight", "twenty ten", "one and", "hundred", "三三", "二千万十", "three五", "年月日"),
        *(
            "the thirty-first of February, nineteen eighty-four",
            "from three to five",
            "a thousand",
            "一九八四年十三月一日",
        ),
        "from March first, two thousand to March first, nineteen ninety",
    ],
)
def test_other_texts_are_refused(text):
    with pytest.raises(ValueError, match="does not say a number"):
        read(text)


@pytest.mark.parametrize("text", ["3 May", "sieben!", "семь", "ななつ", "seven 🙂"])
def test_a_character_that_is_none_of_ours_is_named(text):
    with pytest.raises(ValueError, match="neither a letter a to z nor a Chinese character"):
        words_of(text)


@pytest.mark.parametrize(
    "meaning",
    [
        *("35006", "-1", "1,000,000,000", "007", "1984-13-01", "", "x", "1984-03-03/", "1800-01-01", "2100-01-01"),
        *("19840303", "1984-W10-6", "3/5", "2001-12-24/1984-03-03", "1984-03-03/1984-03-03", "1984-03-03/" * 2),
    ],
)
def test_a_meaning_that_is_none_is_refused(meaning):
    for language in LANGUAGES:
        with pytest.raises(ValueError, match=r"is not a meaning; expected 0 to 999,999,999, a date of 1900 to 2099"):
            phrasings(meaning, language)


def test_what_is_no_text_is_refused():
    with pytest.raises(TypeError, match="meaning is a int; give it in digits, as a str"):
        phrasings(35, "en")
    with pytest.raises(TypeError, match="text is a int"):
        read(35)


def test_an_unknown_language_is_refused():
    with pytest.raises(ValueError, match="allowed: en, zh"):
        phrasings("7", "fr")


@pytest.fixture(scope="module")
def pairs():
    return make_pairs(3000, seed=0)


def test_pairs_are_different_true_and_the_same_for_a_seed(pairs):
    assert len({pair.source for pair in pairs}) == len(pairs) == 3000
    assert all(read(pair.source) == pair.target for pair in pairs)
    assert make_pairs(3000, seed=0) == pairs != make_pairs(3000, seed=1)
    assert sum(pair.language == "en" for pair in pairs) == 1500
    lengths = sorted(len(words_of(pair.source)) for pair in pairs)
    assert lengths[0] == 1 and lengths[-1] >= 25


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_no_meaning_is_on_both_sides_of_the_split(pairs, share):
    train, test = split_pairs(pairs, share, seed=3)
    assert not {pair.target for pair in train} & {pair.target for pair in test}
    assert not {pair.source for pair in train} & {pair.source for pair in test}
    assert sorted(train + test) == sorted(pairs)
    assert len(test) == pytest.approx(share * 3000, rel=0.1)
    assert split_pairs(pairs, share, seed=3) == (train, test) != split_pairs(pairs, share, seed=4)


@pytest.mark.parametrize("share", [0, 1, -0.1, 1.5])
def test_a_share_that_leaves_a_side_empty_is_refused(pairs, share):
    with pytest.raises(ValueError, match="between 0 and 1"):
        split_pairs(pairs, share, seed=0)


@pytest.mark.parametrize("count", [0, -1, 10**7, 2.5, True])
def test_a_count_out_of_range_is_refused(count):
    with pytest.raises(ValueError, match="not in 1"):
        make_pairs(count, seed=0)


def test_vocabulary_there_and_back(pairs):
    sources, targets = vocabularies(pairs)
    assert len(targets) == 3 + 10 + 3  # digits, comma, hyphen, stroke
    for pair in pairs[:100]:
        assert targets.decode(targets.encode(pair.target)) == pair.target
    assert [sources.tokens[i] for i in sources.encode(["seven", "七"])] == ["seven", "七"]
    with pytest.raises(ValueError, match="not in the vocabulary: sieben, zwei"):
        sources.encode(["zwei", "seven", "sieben"])
    assert Vocabulary("ab").decode([START, 3, 4, 2, 3, PAD]) == "ab"
    for unknown in (5, -1):
        with pytest.raises(ValueError, match=rf"id {unknown} is not in 0 \.\. 4"):
            Vocabulary("ab").decode([3, unknown])


def test_padding_and_mask(pairs):
    padded = pad([[5, 6, 7], [8]])
    assert padded.tolist() == [[5, 6, 7], [8, PAD, PAD]]
    sources, targets = vocabularies(pairs)
    encoded = encode_pairs(pairs[:50], sources, targets)
    batch = make_batch(encoded)
    assert batch.mask.sum(dim=1).tolist() == [len(source) for source, _ in encoded]
    assert batch.source[~batch.mask].eq(PAD).all() and batch.source[batch.mask].ne(PAD).all()
    assert batch.target[:, 0].eq(START).all()
    for empty in ([], [[]], [[3], []]):
        with pytest.raises(ValueError, match="no empty one"):
            pad(empty)


def test_an_epoch_holds_every_pair_once_with_little_padding(pairs):
    sources, targets = vocabularies(pairs)
    encoded = encode_pairs(pairs, sources, targets)
    made = batches(encoded, 128, random.Random(0))
    rows = [tuple(row[mask].tolist()) for batch in made for row, mask in zip(batch.source, batch.mask, strict=True)]
    assert sorted(rows) == sorted(tuple(source) for source, _ in encoded)
    shares = torch.tensor([batch.mask.float().mean() for batch in made])
    assert shares.mean() > 0.85
