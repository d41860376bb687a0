"""Texts of four genres read back: their facts, every planted error, their genre; no text is too strange."""

import math
import random
import re
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aigc_course.synthetic.genres import (
    GENRES,
    HELD_OUT,
    Sheet,
    genre_of,
    held_against,
    parse_sheet,
    read_back,
    tell,
    tell_many,
    write,
)
from aigc_course.synthetic.genres.frames import frames, genre_frames, manner, sentences_of, wording_choices
from aigc_course.synthetic.stories import tell as tell_story
from aigc_course.synthetic.stories.reading import readings
from aigc_course.synthetic.stories.sentences import COUNTED, PHRASES, filled, shown, split

EVERY = list(product(GENRES, ("en", "zh")))


@pytest.mark.parametrize(("genre", "language"), EVERY)
def test_texts_say_their_sheet_and_their_probability_is_read_back(genre, language):
    for told in tell_many(300, genre, language, HELD_OUT):
        reading = read_back(told.text, genre, language)
        assert reading.is_true, (told.text, reading.broken)
        assert reading.facts == told.sheet.facts
        assert reading.log_prob == pytest.approx(told.log_prob, rel=1e-12)
        assert reading.moves == tuple(genre_frames(genre, language)["moves"])
        held = held_against(reading, told.sheet)
        assert held.is_true and len(held.kept) >= len(told.sheet.facts), (told.text, held)
        assert not reading.truncated


@pytest.mark.parametrize(("genre", "language"), EVERY)
def test_each_text_is_derived_in_one_way_and_is_of_one_genre(genre, language):
    for told in tell_many(100, genre, language, first=400):
        form = manner(genre, language)
        found = list(readings(told.text, form.routes[0], 0, language, form))
        assert sum(len(path) == len(form.routes[0]) and end == len(told.text) for path, end in found) == 1
        assert [each for each in GENRES if read_back(told.text, each, language).well_formed] == [genre]
        assert genre_of(f"\n{told.text} ", language) == genre


@pytest.mark.parametrize(("genre", "language"), EVERY)
def test_every_slot_of_every_form_is_found_when_it_shows_another_value(genre, language):
    rng, planted = random.Random(0), 0
    for move, forms in genre_frames(genre, language)["moves"].items():
        for form, number in product(forms, (3, 14)):
            for slot, position, text in replaced(genre, language, move, form, number, rng):
                reading = read_back(text, genre, language)
                held = held_against(reading, tell(number, genre, language).sheet)
                fact = split(slot)[0]
                assert reading.well_formed, text
                names = {each.name for each in held.broken if each.position == position}
                assert names & ({fact, "thing"} if fact in PHRASES else {fact}), (text, held)
                if fact == "sex" or fact in COUNTED:  # other facts, said once, make a text on another sheet
                    assert reading.log_prob == -math.inf, text
                planted += 1
    assert planted > 80


def replaced(genre, language, move, form, number, rng):
    """(slot, place, text with another value there) for each slot of a move's form, in a text on a number's sheet."""
    sheet = tell(number, genre, language).sheet
    drawn = sheet.drawn() | {name: options[0].value for name, options in wording_choices(genre, language)}
    drawn[f"move_{move}"] = form
    slots, gap = filled(drawn, language), genre_frames(genre, language)["gap"]
    before = ""
    for each in genre_frames(genre, language)["moves"]:
        if each == move:
            break
        before += drawn[f"move_{each}"].format_map(slots) + gap
    text = gap.join(drawn[f"move_{each}"].format_map(slots) for each in genre_frames(genre, language)["moves"])
    (sentence,) = [each for each in sentences_of(genre, move, language) if each.form == form]
    match = sentence.pattern.match(text, len(before))
    for place, slot in enumerate(sentence.slots, start=1):
        said = shown(slot, language)
        others = [other for other in said if said[other] != said[match[place]] and other != match[place]]
        for other in rng.sample(others, min(2, len(others))):
            yield slot, match.start(place), text[: match.start(place)] + other + text[match.end(place) :]


@pytest.mark.parametrize(("genre", "language"), EVERY)
def test_another_sheet_is_broken_and_what_is_not_said_is_told(genre, language):
    for number in range(20):
        told, other = tell(number, genre, language), tell(number + 50, genre, language)
        differing = {fact for fact, value in told.sheet.facts.items() if other.sheet.facts[fact] != value}
        held = held_against(read_back(told.text, genre, language), other.sheet)
        assert {each.name for each in held.broken} == differing
        assert not held.is_true and not held.unsaid
        half = read_back(told.text[: len(told.text) // 2], genre, language)
        held = held_against(half, told.sheet)
        assert not half.well_formed and half.truncated and not held.broken and held.unsaid
        assert set(held.unsaid) | half.facts.keys() == told.sheet.facts.keys()


def test_a_sheet_of_another_genre_is_held_against_where_it_can_be():
    news = tell(3, "news")
    held = held_against(read_back(news.text, "news"), tell(3, "advert").sheet)
    assert not held.broken
    assert {each.name for each in held.kept} >= {"hero", "thing", "place", "friend"}
    assert set(held.unsaid) == {"home", "treat", "friend_trait"}


def test_what_follows_from_a_wrong_fact_is_not_counted_again():
    told = tell(0, "story", "zh")  # a boy with a scarf, 一条
    sheet = Sheet("story", "zh", told.sheet.facts | {"hero": "朵朵", "kind": "女孩", "thing": "小船"})
    broken = {fact.name for fact in held_against(read_back(told.text, "story", "zh"), sheet).broken}
    assert broken == {"hero", "kind", "thing"}
    at = told.text.index("他")
    text = told.text[:at] + "她" + told.text[at + 1 :]
    assert [fact[:3] for fact in held_against(read_back(text, "story", "zh"), told.sheet).broken] == [
        ("sex", "他", "她")
    ]


def test_a_text_that_contradicts_itself_is_found_without_a_sheet():
    told = tell(3, "story")
    for fact in ("hero", "thing"):
        value = told.sheet.facts[fact]
        other = tell(4, "story").sheet.facts[fact]
        at = told.text.rindex(value)
        reading = read_back(told.text[:at] + other + told.text[at + len(value) :], "story")
        assert reading.well_formed and not reading.is_true
        assert (fact, value, other) in [each[:3] for each in reading.broken]
        assert reading.log_prob == -math.inf
    chinese = "".join("它" if character in "他她" else character for character in tell(0, "story", "zh").text)
    assert [each.name for each in read_back(chinese, "story", "zh").broken] == ["sex"]


def test_an_error_is_told_where_it_stands():
    told = tell(3, "verse")
    text = told.text.replace(told.sheet.facts["month"], "Decembers"[:8])
    assert not read_back(text, "verse").well_formed
    other = "June" if told.sheet.facts["month"] != "June" else "May"
    text = told.text.replace(told.sheet.facts["month"], other)
    (broken,) = held_against(read_back(text, "verse"), told.sheet).broken
    assert broken == ("month", told.sheet.facts["month"], other, text.index(other))
    assert not broken.kept


@pytest.mark.parametrize(("genre", "language"), EVERY)
@pytest.mark.parametrize(
    "change",
    [
        lambda text: "",
        lambda text: " \n",
        lambda text: text[:-1],
        lambda text: text[1:],
        lambda text: text + text,
        lambda text: text + "🦊",
        lambda text: text[:30] + "#" + text[30:],
    ],
)
def test_what_is_no_text_of_the_genre_is_said_to_be_none(genre, language, change):
    text = change(tell(6, genre, language).text)
    assert not read_back(text, genre, language).well_formed
    assert read_back(text, genre, language).log_prob == -math.inf
    assert genre_of(text, language) is None


def test_stories_and_the_other_language_are_of_no_genre():
    assert genre_of(tell_story(1).text) is None
    assert genre_of(tell_story(1, "zh").text, "zh") is None
    assert genre_of(tell(1, "news", "zh").text) is None
    assert genre_of(tell(1, "news").text, "zh") is None


def test_sheets_that_people_write_can_be_held_against_what_is_written_from_them():
    sheet = parse_sheet(tell(11, "news", "zh").prompt.replace("月份：", "月份: "), "zh")
    for number in range(20):
        assert held_against(read_back(write(sheet, number), "news", "zh"), sheet).is_true


def test_readings_are_explained():
    told = tell(3, "advert")
    text, other = told.text, next(each for each in ("April", "May") if each != told.sheet.facts["month"])
    assert read_back(text, "advert").explain()[0] == "well-formed: advert, whole, in 6 moves"
    assert read_back("", "advert").explain() == ["ill-formed: the text is empty"]
    assert (
        read_back("Hello.", "news").explain()[0].startswith("ill-formed: the sentence for headline has no known form")
    )
    assert read_back(text[:-3], "advert").explain()[0].startswith("ill-formed: the sentence for call to action is not")
    assert read_back(f"{text} !", "advert").explain()[0].startswith("ill-formed: the advert is over, the text is not")
    end = read_back(text[:-3], "advert").read_until
    assert "the text stops where call to action should follow" in read_back(text[:end], "advert").explain()[0]
    held = held_against(read_back(text.replace(told.sheet.facts["month"], other), "advert"), told.sheet)
    place = text.index(told.sheet.facts["month"])
    assert (
        held.explain()[0] == f"broken  month: expected {told.sheet.facts['month']}, found {other} (character {place})"
    )
    held = held_against(read_back("", "advert"), told.sheet)
    assert held.explain() == [f"unsaid  {line}" for line in str(told.sheet).splitlines()]


@pytest.mark.parametrize(("genre", "language"), EVERY)
def test_whatever_is_read_is_explained_in_its_language(genre, language):
    told = tell(8, genre, language)
    for end in range(0, len(told.text), 7):
        for text in (told.text[:end], told.text + told.text[:end], told.text[:end] + "#"):
            reading = read_back(text, genre, language)
            lines = reading.explain() + held_against(reading, tell(9, genre, language).sheet).explain()
            assert len(lines) > 6 and all(lines)
            assert language == "en" or not any(re.search("[A-Za-z]", line) for line in lines), lines
    assert not set(genre_frames(genre, "zh")["moves"]) - frames("zh")["moves"].keys()


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.sampled_from(EVERY), st.integers(0, 50), st.integers(0, 400), st.integers(0, 400), st.text(max_size=30))
def test_no_text_is_too_strange(which, number, start, length, between):
    told = tell(number, *which)
    text = told.text[:start] + between + told.text[start + length :]
    reading = read_back(text, *which)
    assert 0 <= reading.read_until <= len(text)
    assert not (reading.truncated and reading.well_formed)
    assert (reading.log_prob > -math.inf) <= reading.is_true
    held_against(reading, told.sheet)


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: read_back(None, "news"), TypeError, "text is a NoneType; give the text as a str"),
        (lambda: read_back("text", "poem"), ValueError, "genre 'poem'"),
        (lambda: read_back("text", "news", "fr"), ValueError, "language 'fr'"),
        (lambda: genre_of(3), TypeError, "give the text as a str"),
        (lambda: genre_of("text", "fr"), ValueError, "language 'fr'"),
        (lambda: held_against(read_back("", "news"), tell(1, "news", "zh").sheet), ValueError, "give both in one"),
    ],
)
def test_bad_input_is_told_the_way_out(call, error, said):
    with pytest.raises(error, match=said):
        call()
