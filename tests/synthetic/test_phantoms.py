"""Phantoms: the truth is where it is said to be; the same seed, the same phantoms; bad input."""

import numpy as np
import pytest

from aigc_course.synthetic.phantoms import NAMES, phantoms


def test_every_second_one_has_a_lesion_brighter_than_around_it():
    drawn = phantoms(200, seed=1)
    assert drawn.images.shape == drawn.lesions.shape == (200, 28, 28)
    assert drawn.images.dtype == np.uint8
    assert (drawn.labels == np.arange(200) % len(NAMES)).all()
    assert (drawn.lesions.any(axis=(1, 2)) == (drawn.labels == 1)).all()
    inside = np.array(
        [image[lesion].mean() for image, lesion in zip(drawn.images[1::2], drawn.lesions[1::2], strict=True)]
    )
    brain = np.array([np.median(image[8:20, 8:20]) for image in drawn.images[1::2]])
    assert (inside > brain).mean() > 0.98
    assert np.median(inside - brain) > 40


def test_the_lesion_is_the_only_difference_that_a_label_makes():
    """The healthy half and the other one differ in nothing but the lesion: total gray without it is alike."""
    drawn = phantoms(600)
    gray = np.array([image[~lesion].mean() for image, lesion in zip(drawn.images, drawn.lesions, strict=True)])
    healthy, ill = gray[::2], gray[1::2]
    assert abs(healthy.mean() - ill.mean()) < 3 * np.sqrt(healthy.var() / 300 + ill.var() / 300) + 0.5


def test_the_seed_decides_and_more_begin_as_fewer_do():
    one, other = phantoms(6, seed=2), phantoms(6, seed=2)
    assert np.array_equal(one.images, other.images)
    assert not np.array_equal(one.images, phantoms(6, seed=3).images)
    assert np.array_equal(one.lesions[:4], phantoms(4, seed=2).lesions)


def test_fainter_lesions_are_fainter():
    faint, strong = (phantoms(40, contrast=contrast) for contrast in (0.05, 0.5))
    assert strong.images[strong.lesions].mean() > faint.images[faint.lesions].mean() + 50


@pytest.mark.parametrize(
    "wrong", [{"count": 0}, {"side": 4}, {"seed": -1}, {"contrast": 0}, {"contrast": float("nan")}]
)
def test_bad_input_is_told(wrong):
    with pytest.raises(ValueError, match="expected"):
        phantoms(**{"count": 2, **wrong})
