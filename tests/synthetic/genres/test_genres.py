"""Four genres: the same on every machine, sound, with facts that do not depend on the wording, and an exact entropy."""

import hashlib
import math
import re
import statistics
from itertools import product

import pytest
from pypinyin import Style, lazy_pinyin

from aigc_course.synthetic.genres import GENRES, HELD_OUT, entropy, genre_of, sheet_of, tell, tell_many, write
from aigc_course.synthetic.genres.frames import fact_choices, frames, genre_frames, said, sentences_of, wording_choices
from aigc_course.synthetic.stories import tell as tell_story
from aigc_course.synthetic.stories.grammar import INDEPENDENT, choice, words, world_choices
from aigc_course.synthetic.stories.sentences import COUNTED, SLOT, split

EVERY = list(product(GENRES, ("en", "zh")))
DIGEST = "96b727798326b9d676245ea20f98ddeeb0464a1059af13dcb81ba91592633397"  # of 50 texts a genre and language
TOKEN = re.compile(r"[\w'-]+|[^\w\s]")
RHYMES = [  # words that end alike, by the ear of the author
    *("told gold", "ago know", "tonight sight", "small all", "best nest", "pearls girls", "sun one", "door before"),
    *("lane rain", "smile while", "song along", "play stay", "high by", "sang rang", "shade made", "spare share"),
    *("tea be",),
]


def test_the_same_number_tells_the_same_text_on_every_machine():
    texts = [told.text for genre, language in EVERY for told in tell_many(50, genre, language, HELD_OUT)]
    assert hashlib.sha256("\n".join(texts).encode()).hexdigest() == DIGEST
    assert tell(7, "news") == tell_many(3, "news", first=5)[2] != tell(8, "news")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_number_tells_of_the_world_of_its_story_in_every_genre(language):
    for number in (0, 1, 99, HELD_OUT + 3):
        assert {tell(number, genre, language).world for genre in GENRES} == {tell_story(number, language).world}


def test_both_languages_have_the_same_genres_moves_and_sheets():
    english, chinese = frames("en"), frames("zh")
    assert english["keys"].keys() == chinese["keys"].keys()
    assert tuple(english["genres"]) == tuple(chinese["genres"]) == GENRES
    for genre in GENRES:
        one, other = english["genres"][genre], chinese["genres"][genre]
        assert (list(one["moves"]), one["sheet"]) == (list(other["moves"]), other["sheet"])
        assert 4 <= len(one["moves"]) <= 6


@pytest.mark.parametrize(("genre", "language"), EVERY)
def test_every_form_of_a_move_says_the_same_facts_and_all_moves_say_the_sheet(genre, language):
    form, always = genre_frames(genre, language), set()
    for move, forms in form["moves"].items():
        assert 3 <= len(set(forms)) == len(forms) <= 6, move
        facts = [{split(slot)[0] for slot in SLOT.findall(each)} for each in forms]
        assert set().union(*facts) <= {*form["sheet"], *COUNTED, "sex", "friend_sex"}, move
        always |= set.intersection(*facts)
    assert always - COUNTED.keys() - {"sex"} == set(form["sheet"])
    assert len(set(form["sheet"])) == len(form["sheet"]) >= 11


@pytest.mark.parametrize(("genre", "language"), EVERY)
def test_text_is_sound_whatever_was_drawn(genre, language):
    told = tell_many(400, genre, language)
    assert len({each.text for each in told}) == 400
    for text in (each.text for each in told):
        if language == "en":
            assert not re.search(r"\b[Aa] [aeiou]|\b[Aa]n [^aeiou]|  | [,.!?]|[{}/_]|[,.!?]{2}", text), text
            assert not re.search(r'[.!?]"? [a-z]', text), text
            assert text.count('"') % 2 == 0 and text[0].isupper(), text
            assert 30 <= len(TOKEN.findall(text)) <= 95, text
        else:
            assert not re.search(r"[ A-Za-z{}/_().,!?\"]|了了|的的|[，。！？：]{2}", text), text
            assert re.fullmatch(r"([^“”]*“[^“”]+”)*[^“”]*", text), text
            assert 60 <= len(text) <= 140, text
        assert text.endswith((".", "!", "?", '"', "。", "！", "”")), text


@pytest.mark.parametrize(("genre", "language"), EVERY)
def test_training_and_held_out_texts_and_sheets_are_different(genre, language):
    training = tell_many(400, genre, language)
    held_out = tell_many(200, genre, language, HELD_OUT)
    assert not {told.text for told in training} & {told.text for told in held_out}
    assert not {str(told.sheet) for told in training} & {str(told.sheet) for told in held_out}


@pytest.mark.parametrize(("genre", "language"), EVERY)
def test_the_mean_information_agrees_with_the_exact_entropy(genre, language):
    nats = [-told.log_prob for told in tell_many(2_000, genre, language, first=5_000_000)]
    assert abs(statistics.mean(nats) - entropy(genre, language)) < 4 * statistics.stdev(nats) / math.sqrt(len(nats))
    forms = [len(forms) for forms in genre_frames(genre, language)["moves"].values()]
    assert entropy(genre, language, given_sheet=True) == pytest.approx(math.log(math.prod(forms)))
    assert entropy(genre, language) - entropy(genre, language, given_sheet=True) > 22  # nats: 3.6e9 sheets alike


@pytest.mark.parametrize(("genre", "language"), EVERY)
def test_probabilities_are_what_counting_the_lists_gives(genre, language):
    lists = words(language)
    for told in tell_many(40, genre, language, first=7):
        facts, world = told.sheet.facts, told.world
        ways = math.prod(len(lists["facts"][fact]) for fact in facts if fact in INDEPENDENT)
        ways *= math.prod(8 for fact in facts if fact in {"friend_kind", "friend_trait"})
        ways *= 2 * 12 * 2 * 8  # the hero's sex and name, the friend's
        if "kind" in facts:
            ways *= 2 if world.kind in lists["children"].values() else 16
        group = next(each for each in lists["wishes"] if world.thing in each["thing"])
        ways *= 8 * len(group["thing"]) * 3 ** len({"wish", "obstacle", "fix"} & facts.keys())
        ways *= math.prod(len(forms) for forms in genre_frames(genre, language)["moves"].values())
        assert told.log_prob == pytest.approx(-math.log(ways), rel=1e-12)


def test_choices_that_are_not_said_are_left_out_and_those_behind_a_name_are_kept():
    for genre, language in EVERY:
        names = {name for name, _ in flat(fact_choices(genre, language))}
        assert names - set(genre_frames(genre, language)["sheet"]) <= {"sex", "friend_sex", "nature", "group"}
    assert list(said([choice("a", "xy"), choice("b", "uv")], {"b"})) == [choice("b", "uv")]
    assert list(said(world_choices("en"), ())) == []


def flat(choices):
    for each in choices:
        yield each
        for option in each.options:
            yield from flat(option.then)


def test_verse_rhymes():
    pairs = {tuple(pair.split()) for pair in RHYMES}
    for sentence in (each for move in moves("verse", "en") for each in sentences_of("verse", move, "en")):
        first, second = (re.search(r"([A-Za-z]+)\W*$", line)[1].lower() for line in sentence.form.split("\n"))
        assert (first, second) in pairs, sentence.form
    for told in tell_many(200, "verse"):
        lines = [re.search(r"([A-Za-z]+)\W*$", line)[1].lower() for line in told.text.split("\n")]
        assert len(lines) == 8
        assert all(pair in pairs for pair in zip(lines[::2], lines[1::2], strict=True)), told.text
    for told in tell_many(200, "verse", "zh"):
        lines = [re.sub(r"\W", "", line) for line in told.text.split("\n")]
        finals = {lazy_pinyin(line, style=Style.FINALS, strict=False)[-1] for line in lines}
        assert len(lines) == 8
        assert finals <= {"ang", "iang", "uang"}, told.text


def moves(genre, language):
    return list(genre_frames(genre, language)["moves"])


def test_any_sheet_can_be_written_in_each_of_its_wordings():
    told = tell(5, "verse", "zh")
    texts = {write(told.sheet, number) for number in range(300)}
    assert told.text in {write(told.sheet, number) for number in range(3_000)}
    assert len(texts) > 150
    assert all(genre_of(text, "zh") == "verse" for text in list(texts)[:20])
    assert write(told.sheet, 3) == write(sheet_of(told.world, "verse", "zh"), 3)
    assert len(wording_choices("verse", "zh")) == 4


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda: tell(1, "poem"), ValueError, "genre 'poem': there are 'news', 'story', 'verse', 'advert'"),
        (lambda: tell(1, "news", "fr"), ValueError, "language 'fr': texts are written in 'en' and 'zh'"),
        (lambda: tell("1", "news"), TypeError, "number '1' is a str; give a whole number"),
        (lambda: tell(True, "news"), TypeError, "whole number"),
        (lambda: tell(-1, "news"), ValueError, "number -1 is negative"),
        (lambda: tell_many(-1, "news"), ValueError, "count -1 is negative"),
        (lambda: entropy("poem"), ValueError, "genre 'poem'"),
        (lambda: entropy("news", "fr"), ValueError, "language 'fr'"),
        (lambda: write(tell(1, "news").sheet, 0.5), TypeError, "number 0.5 is a float"),
    ],
)
def test_bad_input_is_told_the_way_out(call, error, said):
    with pytest.raises(error, match=re.escape(said)):
        call()
