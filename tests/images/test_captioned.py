"""The training set of text to image: smaller digits, their captions, and how a network is told them."""

import numpy as np
import pytest
import torch
from drawn_line import line

from aigc_course.images.attributes import measure
from aigc_course.images.captioned import NOTHING, NUM_TOKENS, TOKENS, UNSEEN, captioned, shrink, tokens_of
from aigc_course.images.captions import Caption, all_captions


def test_every_caption_has_tokens_of_its_own():
    tokens = tokens_of(all_captions())
    assert tokens.shape == (360, 4)
    assert len(torch.unique(tokens, dim=0)) == 360
    assert set(tokens.unique().tolist()) == set(range(NUM_TOKENS + 1))
    assert tokens_of([Caption(7, None, "thick", None)]).tolist() == [[7, NOTHING, TOKENS["thick"], NOTHING]]
    assert tokens_of([]).shape == (0, 4)


def test_shrunk_images_are_smaller_in_the_middle_and_what_stays_is_the_same():
    images = np.stack([line(3.0, 20.0, 20)] * 3)
    sheets = shrink(images, np.array([28, 21, 14]))
    assert np.array_equal(sheets[0], images[0])
    found = measure(sheets)
    np.testing.assert_allclose(found.size, found.size[0] * np.array([1, 0.75, 0.5]), atol=1.5)
    np.testing.assert_allclose(found.slant, 20, atol=2)
    assert found.stroke[2] < found.stroke[0]  # a stroke is made smaller, too
    columns = sheets[2].sum(axis=0) @ np.arange(28) / sheets[2].sum()
    assert columns == pytest.approx(13.5, abs=0.3)


@pytest.mark.parametrize(
    ("images", "sides", "said"),
    [
        (np.zeros((2, 28, 28)), np.array([28, 28]), "images float64"),
        (np.zeros((2, 28, 28), np.uint8), np.array([28]), r"sides \(1,\)"),
        (np.zeros((1, 28, 28), np.uint8), np.array([29]), "whole numbers from 1 to 28"),
        (np.zeros((1, 28, 28), np.uint8), np.array([0]), "whole numbers from 1 to 28"),
        (np.zeros((1, 28, 28), np.uint8), np.array([14.0]), "sides float64"),
    ],
)
def test_what_cannot_be_shrunk(images, sides, said):
    with pytest.raises(ValueError, match=said):
        shrink(images, sides)


def test_half_of_the_training_images_are_smaller_and_unseen_combinations_are_left_out():
    images = np.stack([line(width, slant, 20) for width in (1.5, 3.5) for slant in (-15, 3, 20)] * 100)
    digits = np.arange(600) % 10
    sheets, captions = captioned(images, digits, seed=3)
    assert len(sheets) == len(captions) < 600
    assert not UNSEEN & set(captions)
    assert {caption.size for caption in captions} == {"small", None, "large"}
    assert np.mean([caption.size == "large" for caption in captions]) == pytest.approx(0.6, abs=0.15)
    again, _ = captioned(images, digits, seed=3)
    assert np.array_equal(sheets, again)
    assert not np.array_equal(sheets[:50], captioned(images, digits, seed=4)[0][:50])


def test_every_digit_and_every_value_is_also_seen_in_other_combinations():
    assert len(UNSEEN) == 24
    seen = [caption for caption in all_captions() if None not in caption and caption not in UNSEEN]
    for field, name in enumerate(Caption._fields):
        assert {caption[field] for caption in UNSEEN} <= {caption[field] for caption in seen}, name
        assert len({caption[field] for caption in UNSEEN}) > 1, name
