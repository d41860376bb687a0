"""Stories read back: true ones are true, each planted error is found and named, and no text is too strange."""

import math
import random
from dataclasses import asdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aigc_course.synthetic.stories import log_prob, read_back, tell, tell_many
from aigc_course.synthetic.stories.reading import ROUTES, readings
from aigc_course.synthetic.stories.sentences import values

STORY = (
    "Once upon a time, in an old mill by the sea, there lived a shy girl whose name was Rosa. "
    "She had a red kite and loved it dearly. "
    '"One day I will fly the kite above the rooftops," Rosa often said. '
    "Her best friend was an old owl named Otto. "
    "One clear morning in May, Rosa packed some plum cake and set off with the red kite. "
    "Sadly, the string was full of knots. "
    "The little girl shook the string, but all in vain. "
    "When Otto heard how sad Rosa was, he came at once. "
    '"How can I fly the kite above the rooftops when the string is full of knots?" asked Rosa. '
    'The old owl smiled. "Let us untie the knots one by one," he said, and so they did. '
    "That very morning, Rosa flew the kite above the rooftops, and her heart sang. "
    '"You are a true friend, Otto," said Rosa, and gave him some of the plum cake. '
    "And Rosa never forgot that clear morning in May."
).replace("packed some plum cake", "packed plum cake")
FLY, HIGHER = "fly the kite above the rooftops", "fly the kite higher than the trees"
FETCH = "open the kite from the attic"
KNOTS, CALM = "the string is full of knots", "there is no wind"
LAST = "And Rosa never forgot that clear morning in May."
PLANTED = [  # text, what is written instead, the fact that breaks, as established, as found
    ("And Rosa never", "And Mia never", "hero", "Rosa", "Mia"),
    ("And Rosa never", "And Otto never", "hero", "Rosa", "Otto"),
    ("true friend, Otto", "true friend, Toby", "friend", "Otto", "Toby"),
    ("owl named Otto", "owl named Rosa", "friend", "a name for a friend", "Rosa"),
    ("and her heart", "and his heart", "sex", "she", "he"),
    ("She had a red", "He had a red", "sex", "she", "he"),
    ("gave him some", "gave her some", "friend_sex", "he", "she"),
    ("was, he came", "was, she came", "friend_sex", "he", "she"),
    ("a shy girl", "a shy boy", "kind", "girl", "boy"),
    ("a shy girl", "a shy owl", "kind", "a kind for a hero", "owl"),
    ("The little girl", "The little fox", "kind", "girl", "fox"),
    ("a shy girl", "a plump girl", "trait", "one for a hero", "plump"),
    ("the red kite.", "the blue kite.", "colour", "red", "blue"),
    ("the red kite.", "the red boat.", "thing", "kite", "boat"),
    (f"{FLY} when", "fly the boat above the rooftops when", "thing", "kite", "boat"),
    ("a red kite", "a red boat", "wish", "a wish about the boat", FLY),
    (f"{FLY} when", f"{FETCH} when", "wish", FLY, FETCH),
    ("flew the kite above the rooftops", "flew the kite higher than the trees", "outcome", FLY, HIGHER),
    ("Sadly, the string was full of knots", "Sadly, a wheel was loose", "obstacle", None, "a wheel is loose"),
    (f"when {KNOTS}", f"when {CALM}", "obstacle", KNOTS, CALM),
    ("shook the string", "ran faster and faster", "attempt", None, "run faster and faster"),
    ("untie the knots one by one", "rub the lock with butter", "fix", None, "rub the lock with butter"),
    ("The old owl smiled", "The old frog smiled", "friend_kind", "owl", "frog"),
    ("The old owl smiled", "The wise owl smiled", "friend_trait", "old", "wise"),
    ("an old owl", "an old rabbit", "friend_kind", "one for a friend", "rabbit"),
    ("That very morning", "That very evening", "time", "morning", "evening"),
    ("clear morning in May.", "clear morning in June.", "month", "May", "June"),
    ("clear morning in May.", "quiet morning in May.", "air", "clear", "quiet"),
    ("some of the plum cake", "some of the cheese", "treat", "plum cake", "cheese"),
    (LAST, "At bedtime, in the hut by the sea, Rosa thought of Otto.", "home", "old mill", "hut"),
    (LAST, "At bedtime, in the old mill on the hill, Rosa thought of Otto.", "place", "by the sea", "on the hill"),
]


@pytest.mark.parametrize("count", [500, pytest.param(2_000, marks=pytest.mark.slow)])
def test_stories_are_true_and_their_probability_is_read_back(count):
    for story in tell_many(count, seed=3_000_000):
        reading = read_back(story.text)
        assert reading.is_true, (story.text, reading.explain())
        assert reading.log_prob == pytest.approx(story.log_prob, rel=1e-12)
        assert len(reading.kept) >= 10
        assert asdict(story.world).items() - reading.facts.items() == {("acquaintance", story.world.acquaintance)}


def test_each_text_is_derived_in_one_way_only():
    for story in tell_many(500, seed=4_000_000):
        text, whole = story.text, 0
        for route in ROUTES:
            whole += sum(len(path) == len(route) and end == len(text) for path, end in readings(text, route, 0))
        assert whole == 1


@pytest.mark.parametrize(("text", "instead", "fact", "expected", "found"), PLANTED)
def test_a_planted_error_is_found_and_named(text, instead, fact, expected, found):
    assert STORY.count(text) == 1
    assert read_back(STORY).is_true
    reading = read_back(STORY.replace(text, instead))
    assert reading.well_formed, reading.explain()
    assert reading.log_prob == -math.inf
    named = [each for each in reading.broken if each.name == fact and each.found == found]
    assert named, reading.explain()
    assert expected is None or named[0].expected == expected
    assert any(line.startswith("broken") and found in line for line in reading.explain())


def test_an_error_is_told_where_it_stands():
    reading = read_back(STORY.replace("the red kite.", "the blue kite."))
    (broken,) = reading.broken
    assert (broken.name, broken.position, broken.kept) == ("colour", STORY.index("red kite."), False)
    assert "broken  the color of the kite: expected red, found blue (character 308)" in reading.explain()


def test_errors_planted_in_any_story_are_found():
    rng = random.Random(0)
    simple = ("hero", "friend", "colour", "place", "home", "month", "time", "treat", "trait", "friend_kind", "air")
    seen = set()
    for story in tell_many(300, seed=6_000_000):
        for fact in read_back(story.text).kept:
            if fact.name in simple and story.text.startswith(fact.found, fact.position):
                other = rng.choice([value for value in values(fact.name) if value != fact.expected])
                text = story.text[: fact.position] + other + story.text[fact.position + len(fact.found) :]
                reading = read_back(text)
                if not reading.well_formed:  # "an" before the new word
                    continue
                broken = [(each.name, each.found, each.position) for each in reading.broken]
                assert broken == [(fact.name, other, fact.position)], text
                seen.add(fact.name)
    assert seen == set(simple)


def test_a_story_that_is_cut_off_says_so():
    for end in range(1, len(STORY)):
        reading = read_back(STORY[:end])
        assert (reading.well_formed, reading.truncated, reading.broken) == (False, True, ()), STORY[:end]
        assert reading.explain()[0].startswith("ill-formed: ")
    assert not read_back(STORY).truncated


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the text is empty"),
        (" \n", "the text is empty"),
        ("Hello, world.", "the sentence for opening has no known form"),
        (STORY + " And then?", "the story is over, the text is not"),
        (STORY.replace("Sadly", "Luckily"), "the sentence for obstacle has no known form"),
        (STORY.replace("a red kite", "an red kite"), "the sentence for thing has no known form"),
        (STORY.replace(" Sadly", "  Sadly"), "the sentence for obstacle has no known form"),
        (STORY.replace(" Sadly", "Sadly"), "the sentence for obstacle has no known form"),
        (STORY[: STORY.index(" Sadly")], "the story stops where obstacle should follow"),
        (STORY[:-9], "the sentence for closing is not finished"),
        ("很久很久以前", "has no known form"),
    ],
)
def test_a_text_that_is_no_story_says_why(text, said):
    reading = read_back(text)
    assert not reading.well_formed
    assert said in reading.explain()[0]
    assert log_prob(text) == -math.inf


def test_white_space_around_a_story_does_not_matter():
    assert read_back(f"\n {STORY}\n").log_prob == log_prob(STORY) > -math.inf


@pytest.mark.parametrize("text", [None, 3, b"Once upon a time", ["Once"], tell(1)])
def test_what_is_no_str_is_refused(text):
    with pytest.raises(TypeError, match="give the story as a str"):
        read_back(text)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.integers(0, 50), st.integers(0, 800), st.integers(0, 800), st.text(max_size=30))
def test_no_text_is_too_strange(number, start, length, between):
    text = tell(number).text
    strange = text[:start] + between + text[start + length :]
    reading = read_back(strange)
    assert reading.explain()
    assert 0 <= reading.read_until <= len(strange)
    assert not (reading.truncated and reading.well_formed)
    if strange.strip() and text.startswith(strange.rstrip()) and strange.strip() != text:  # a story's beginning
        assert reading.truncated
    if reading.is_true:
        assert reading.log_prob > -math.inf
