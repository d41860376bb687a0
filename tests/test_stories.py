"""Stories: the same on every machine, never twice, well-formed, with an entropy known exactly."""

import hashlib
import math
import re
import statistics

import pytest

from aigc_course.stories import HELD_OUT, best_perplexity, disjoint, entropy, tell_many


def test_no_two_of_100_000_stories_are_equal():
    assert len({story.text for story in tell_many(100_000)}) == 100_000


def test_held_out_stories_are_not_among_the_training_stories():
    assert disjoint(20_000, 2_000)
    assert not {story.text for story in tell_many(2_000, HELD_OUT)} & {story.text for story in tell_many(20_000)}


def test_the_same_number_tells_the_same_story_on_every_machine():
    told = "\n".join(story.text for story in tell_many(200, seed=HELD_OUT))
    assert hashlib.sha256(told.encode()).hexdigest() == "7c6669a903803f099ced28cb9f640eb85af0c5320a401219ae5d8035988b3d4e"


def test_the_mean_information_agrees_with_the_exact_entropy():
    nats = [-story.log_prob for story in tell_many(20_000, seed=5_000_000)]
    assert abs(statistics.mean(nats) - entropy()) < 4 * statistics.stdev(nats) / math.sqrt(len(nats))
    assert best_perplexity(1) == pytest.approx(math.exp(entropy()))


def test_grammar_is_sound():
    for story in tell_many(10_000):
        text = story.text
        assert not re.search(r"\b[Aa] [aeiou]|\b[Aa]n [^aeiou]", text), text
        assert not re.search(r"  | [,.!?]|[{}/_]|[,.!?]{2}", text), text
        assert text.count('"') % 2 == 0 and text[-1] in '."', text
        assert not re.search(r'[.!?]"? [a-z]', re.sub(r'[!?]" [a-z]', "", text)), text
