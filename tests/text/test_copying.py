"""What is copied: shares against plain searches; bad input."""

import numpy as np
import pytest

from aigc_course.text.copying import copied_share


@pytest.mark.parametrize(
    ("text", "share"),
    [("bcdefgh", 1.0), ("xbcdefx", 1 / 3), ("zzzzzzz", 0.0), ("abcde", 1.0), ("efghi", 0.0)],
)
def test_copied_share_by_hand(text, share):
    assert copied_share(text, "abcdefgh", length=5) == pytest.approx(share)


def test_copied_share_agrees_with_looking_each_string_up():
    rng = np.random.default_rng(4)
    training = "".join(rng.choice(list("ab文é😀"), size=5000))
    text = training[100:400] + "".join(rng.choice(list("ab文é😀"), size=800)) + training[-5:] + training[:30]
    for length in (1, 4, 6, 20):
        found = [text[i : i + length] in training for i in range(len(text) - length + 1)]
        assert copied_share(text, training, length) == pytest.approx(np.mean(found))
    assert copied_share(text, "short") == 0 and copied_share(text, "") == 0


@pytest.mark.parametrize(
    ("length", "said"), [(20, "5 characters"), (0, "length 0"), (2.0, "length 2.0"), (True, "length True")]
)
def test_bad_input_is_told_the_way_out(length, said):
    with pytest.raises(ValueError, match=said):
        copied_share("short", "a long text" * 9, length)
