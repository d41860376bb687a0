"""What is copied: shares and runs against plain searches; bad input."""

import random

import numpy as np
import pytest

from aigc_course.text.copying import copied_share, longest_shared_runs


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


def test_the_longest_shared_run_is_that_of_a_plain_search():
    rng = random.Random(0)
    texts, others = ([" ".join(rng.choices("abc", k=rng.randint(1, 30))) for _ in range(20)] for _ in range(2))

    def plain(text):
        words = text.split()
        runs = [words[i:j] for i in range(len(words)) for j in range(i + 1, len(words) + 1)]
        return max(
            (len(run) for run in runs if any(f" {' '.join(run)} " in f" {other} " for other in others)), default=0
        )

    assert longest_shared_runs(texts, others).tolist() == [plain(text) for text in texts]
    assert longest_shared_runs(["x y"], others).tolist() == [0]


@pytest.mark.parametrize(("length", "said"), [(20, "5 characters"), (0, "length 0")])
def test_bad_input_is_told_the_way_out(length, said):
    with pytest.raises(ValueError, match=said):
        copied_share("short", "a long text" * 9, length)
