"""The language of captions: both languages say the same, attributes are told as they were planted, bad prompts."""

import numpy as np
import pytest
from drawn_line import line
from hypothesis import given
from hypothesis import strategies as st

from aigc_course.images import captions
from aigc_course.images.attributes import measure
from aigc_course.images.captions import LEXICON, VALUES, Caption, all_captions, captions_of, obeyed, parse, write


@pytest.mark.parametrize("language", ["zh", "en"])
def test_what_is_written_is_read_again(language):
    every = all_captions()
    assert len(set(every)) == 10 * 3 * 3 * 4
    texts = [write(caption, language) for caption in every]
    assert [parse(text) for text in texts] == every
    assert len(set(texts)) == len(every)


@pytest.mark.parametrize(
    ("caption", "en", "zh"),
    [
        (Caption(7, None, "thick", "right"), "a thick 7 slanting right", "一个粗的、向右倾斜的7"),
        (Caption(8), "an 8", "一个8"),
        (Caption(3, "large", "thin", "left"), "a large, thin 3 slanting left", "一个大的、细的、向左倾斜的3"),
        (Caption(0, slant="upright"), "an upright 0", "一个直立的0"),
        (Caption(1, "small", None, "upright"), "a small, upright 1", "一个小的、直立的1"),
    ],
)
def test_both_languages(caption, en, zh):
    assert (write(caption, "en"), write(caption, "zh")) == (en, zh)


@pytest.mark.parametrize(
    ("prompt", "caption"),
    [
        ("The number SEVEN, leaning to the right and bold.", Caption(7, None, "thick", "right")),
        ("7", Caption(7)),
        ("  big   two ", Caption(2, "large")),
        ("一个又大又粗的数字八", Caption(8, "large", "thick")),
        ("细的 左斜的 ９", Caption(9, None, "thin", "left")),
        ("小一", Caption(1, "small")),
        ("一个一", Caption(1)),
        ("a 粗的 7", Caption(7, None, "thick")),
        ("thick, thick 7", Caption(7, None, "thick")),
    ],
)
def test_other_ways_to_say_it(prompt, caption):
    assert parse(prompt) == caption


@pytest.mark.parametrize(
    ("prompt", "said"),
    [
        ("a blue 7", '"blue" is not a word of this language. It knows 0 to 9 and: small, large.*小的'),
        ("一个蓝色的7", '"蓝" is not a word'),
        ("a thickish 7", '"thickish"'),
        ("10", '"10"'),
        ("7b", '"7b"'),
        ("a 7!", '"!"'),
        ("a thick thin 7", '"thick" and "thin" contradict'),
        ("一个粗的、细的7", '"粗的" and "细的" contradict'),
        ("upright 7 slanting left", '"upright" and "slanting left" contradict'),
        ("7 or", '"or"'),
        ("3 7", '"3" and "7" contradict'),
        ("a thick", "names no digit"),
        ("", "names no digit"),
        ("粗" * 300, "300 letters"),
        ("slanting 7", '"slanting"'),
        ("<script>", '"<"'),
    ],
)
def test_a_prompt_that_asks_for_nothing_that_there_is(prompt, said):
    with pytest.raises(ValueError, match=said):
        parse(prompt)


def test_what_is_no_text():
    with pytest.raises(TypeError, match="a prompt of int"):
        parse(7)


@given(
    st.one_of(
        st.text("ab7９粗的斜 ,é<\n", max_size=12), st.lists(st.sampled_from(sorted(LEXICON)), max_size=8).map(" ".join)
    )
)
def test_any_text_is_understood_or_refused(text):
    try:
        caption = parse(text)
    except ValueError:
        return
    assert parse(write(caption, "zh")) == parse(write(caption, "en")) == caption


def test_planted_attributes_are_told():
    planted = [("thin", "upright", 20), ("thick", "right", 12), ("thick", "left", 20), ("thin", "left", 12)]
    widths, slants = {"thin": 1.5, "thick": 3.5}, {"upright": 4, "right": 22, "left": -16}
    images = [line(widths[stroke], slants[slant], size) for stroke, slant, size in planted]
    told = captions_of(measure(np.stack(images)), [1, 1, 1, 7])
    expected = [Caption(1, "small" if size == 12 else "large", stroke, slant) for stroke, slant, size in planted]
    assert told == [*expected[:3], expected[3]._replace(digit=7)]


def test_between_the_words_nothing_is_said():
    between = line(2.7, 0, (captions.SMALL + captions.LARGE) / 2)
    assert captions_of(measure(between[None]), np.array([1]))[0] == Caption(1, None, None, "upright")


def test_what_was_asked_for_is_compared_with_what_is_seen():
    asked, seen = Caption(7, None, "thick", "right"), Caption(7, "large", None, "right")
    assert obeyed(asked, seen) == {"digit": True, "stroke": False, "slant": True}


@pytest.mark.parametrize(
    ("caption", "language", "said"),
    [
        (Caption(10), "en", "digit 10: expected 0 to 9"),
        (Caption(True), "en", "digit True"),
        (Caption(1, "huge"), "zh", 'size "huge" is not known; allowed: small, large'),
        (Caption(1, slant="up"), "zh", "allowed: left, upright, right"),
        (Caption(1), "fr", 'language "fr"'),
    ],
)
def test_what_cannot_be_written(caption, language, said):
    with pytest.raises(ValueError, match=said):
        write(caption, language)


def test_each_value_has_words_in_both_languages_and_no_word_two_meanings():
    assert {key for key in captions.WORDS} == {(name, value) for name, values in VALUES.items() for value in values}
    words = [word for languages in captions.WORDS.values() for language in languages for word in language]
    assert len(words) == len(set(words))
    assert not set(words) & set(captions.SILENT)
    with pytest.raises(ValueError, match="expected one each"):
        captions_of(measure(line()[None]), [1, 2])
