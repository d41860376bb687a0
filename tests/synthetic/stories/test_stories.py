"""Stories: the same on every machine, never twice, well-formed, with an entropy known exactly."""

import hashlib
import math
import random
import re
import statistics
from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from aigc_course.synthetic.stories import HELD_OUT, as_rows, best_perplexity, disjoint, entropy, tell, tell_many
from aigc_course.synthetic.stories.grammar import Choice, Option, choice, draw, entropy_of, log_prob_of, words
from aigc_course.synthetic.stories.sentences import SLOT, shown, values

DIGEST = "7c6669a903803f099ced28cb9f640eb85af0c5320a401219ae5d8035988b3d4e"  # of 200 stories


@pytest.mark.parametrize("count", [10_000, pytest.param(100_000, marks=pytest.mark.slow)])
def test_no_two_of_many_stories_are_equal(count):
    assert len({story.text for story in tell_many(count)}) == count


@pytest.mark.parametrize(("count", "held_out"), [(2_000, 500), pytest.param(20_000, 2_000, marks=pytest.mark.slow)])
def test_held_out_stories_are_not_among_the_training_stories(count, held_out):
    assert disjoint(count, held_out)
    assert not {story.text for story in tell_many(held_out, HELD_OUT)} & {story.text for story in tell_many(count)}


def test_the_same_number_tells_the_same_story_on_every_machine():
    told = "\n".join(story.text for story in tell_many(200, seed=HELD_OUT))
    assert hashlib.sha256(told.encode()).hexdigest() == DIGEST
    assert tell(7) == tell(random.Random(7)) == tell_many(3, seed=5)[2] != tell(8)


@pytest.mark.parametrize("count", [5_000, pytest.param(20_000, marks=pytest.mark.slow)])
def test_the_mean_information_agrees_with_the_exact_entropy(count):
    nats = [-story.log_prob for story in tell_many(count, seed=5_000_000)]
    assert abs(statistics.mean(nats) - entropy()) < 4 * statistics.stdev(nats) / math.sqrt(len(nats))
    assert tell(3).bits == pytest.approx(-tell(3).log_prob / math.log(2))


def test_entropy_of_a_small_tree_is_what_a_sum_over_its_leaves_gives():
    tree = (Choice("a", (Option("1", (choice("b", "xyz"),)), Option("2"))), choice("c", "uv"))
    leaves = [1 / 12] * 6 + [1 / 4] * 2  # a=1 with b and c, a=2 with c
    assert entropy_of(tree) == pytest.approx(-sum(p * math.log(p) for p in leaves))
    drawn: dict[str, str] = {}
    assert draw(tree, random.Random(1), drawn) == pytest.approx(log_prob_of(tree, drawn))
    assert log_prob_of(tree, {"a": "2", "c": "w"}) == -math.inf


def test_best_perplexity_spreads_the_entropy_over_the_tokens():
    assert best_perplexity(entropy()) == pytest.approx(math.e)
    assert best_perplexity(180) == pytest.approx(math.exp(entropy() / 180))


@pytest.mark.parametrize("count", [3_000, pytest.param(10_000, marks=pytest.mark.slow)])
def test_text_is_sound_whatever_was_drawn(count):
    for story in tell_many(count):
        text = story.text
        assert not re.search(r"\b[Aa] [aeiou]|\b[Aa]n [^aeiou]", text), text
        assert not re.search(r"  | [,.!?]|[{}/_]|[,.!?]{2}", text), text
        assert text.count('"') % 2 == 0, text
        assert text.endswith((".", '."')), text
        assert not re.search(r'[.!?]"? [a-z]', re.sub(r'[!?]" [a-z]', "", text)), text
        assert 100 <= len(text.split()) <= 200, text


def test_every_word_of_the_lists_is_told():
    told = " ".join(story.text for story in tell_many(3_000))
    facts = ("animal", "trait", "home", "place", "colour", "month", "treat", "feeling", "lesson", "thing")
    assert not [value for fact in facts for value in values(fact) if value not in told]
    assert 500 <= len(set(re.findall(r"[a-z]+", told.lower()))) <= 900


def test_every_word_fits_into_every_sentence_form():
    for form in (form for forms in words()["moves"].values() for form in forms):
        for slot in set(SLOT.findall(form)):
            pieces = [SLOT.sub(lambda found: next(iter(shown(found[1]))), piece) for piece in form.split(f"{{{slot}}}")]
            for text in shown(slot):
                sentence = text.join(pieces)
                assert not re.search(r"\b[Aa] [aeiou]|\b[Aa]n [^aeiou]|[{}/_]|  |\b(\w+) \1\b", sentence), sentence
    articled = {text for fact in ("trait", "friend_trait", "home", "colour", "thing", "air") for text in values(fact)}
    assert not [word for word in articled if re.match("u|eu|one|hon|hour|heir", word)]  # the sound would differ


def test_two_fifths_begin_as_the_prompt_does():
    share = statistics.mean(story.text.startswith("Once upon a time") for story in tell_many(5_000))
    assert share == pytest.approx(0.4, abs=4 * math.sqrt(0.24 / 5_000))


def test_no_sentence_form_or_phrase_stands_twice():
    for name, forms in words()["moves"].items():
        assert len(set(forms)) == len(forms) >= 6, name
    names = [name for role in words()["names"].values() for name in role]
    assert len(set(names)) == len(names)


def test_the_world_is_a_table_and_stays_as_it_is():
    world = tell(1).world
    assert dict(as_rows(world))["friend kind"] == world.friend_kind
    with pytest.raises(FrozenInstanceError):
        world.hero = "Tom"


@pytest.mark.parametrize("seed", ["1", 1.0, None, True])
def test_a_seed_of_another_type_is_refused(seed):
    with pytest.raises(TypeError, match="whole number"):
        tell(seed)


def test_whole_numbers_of_numpy_are_numbers():
    assert tell(np.int64(7)) == tell(7)
    assert tell_many(np.int32(2), seed=np.uint8(7)) == tell_many(2, seed=7)


def test_negative_numbers_are_refused():
    for call in (lambda: tell(-1), lambda: tell_many(-1), lambda: tell_many(2, seed=-5)):
        with pytest.raises(ValueError, match="negative"):
            call()
    for mean_tokens in (0, -1, math.nan):
        with pytest.raises(ValueError, match="not positive"):
            best_perplexity(mean_tokens)
