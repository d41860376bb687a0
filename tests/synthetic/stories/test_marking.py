"""Where facts stand in a story: held against the story itself and against its world."""

from dataclasses import asdict
from itertools import pairwise

import pytest

from aigc_course.synthetic.stories import HELD_OUT, marked, tell


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("first", [0, HELD_OUT])
def test_the_text_is_the_storys_and_each_place_shows_its_fact(first, language):
    seen = set()
    for number in range(first, first + 100):
        text, places = marked(number, language)
        story = tell(number, language)
        assert text == story.text
        assert all(0 <= a.start < a.end <= b.start for a, b in pairwise(places))
        facts = asdict(story.world)
        for start, end, slot in places:
            seen.add(slot)
            if slot in facts:  # others show a fact in another form: "wish_past", "he", "measure"
                assert text[start:end] == facts[slot]
    assert {"hero", "friend", "thing", "month", "treat", "feeling"} <= seen


@pytest.mark.parametrize(
    ("seed", "language", "error", "said"),
    [
        (-1, "zh", ValueError, "seed -1 is negative"),
        (1.5, "zh", TypeError, "seed 1.5 is a float"),
        (True, "en", TypeError, "seed True"),
        (0, "fr", ValueError, "language 'fr'"),
    ],
)
def test_bad_input_is_told_the_way_out(seed, language, error, said):
    with pytest.raises(error, match=said):
        marked(seed, language)
