"""Attributes of drawn digits: planted widths, slants and sizes are found again; bad input."""

import numpy as np
import pytest
from drawn_line import line

from aigc_course.images.attributes import measure


@pytest.mark.parametrize("degrees", [-30, 0, 25])
def test_widths_are_found_again(degrees):
    widths = np.array([2.0, 3.0, 4.0, 5.0])
    found = measure(np.stack([line(width, degrees, length=22) for width in widths])).stroke
    area, perimeter = (22 - widths) * widths + np.pi / 4 * widths**2, 2 * (22 - widths) + np.pi * widths
    np.testing.assert_allclose(found, 2 * area / perimeter, rtol=0.1)  # round ends have an edge, too
    assert (np.diff(found) > 0.6).all()


@pytest.mark.parametrize("width", [2.0, 3.0])
def test_slants_are_found_again(width):
    slants = np.array([-30, -10, 0, 10, 20, 35])
    found = measure(np.stack([line(width, degrees, 22) for degrees in slants])).slant
    np.testing.assert_allclose(found, slants, atol=1.5)


def test_sizes_are_found_again():
    lengths = np.array([8, 12, 16, 20])
    found = measure(np.stack([line(3.0, 0, length) for length in lengths])).size
    np.testing.assert_allclose(found, lengths, atol=1)


def test_where_it_lies_and_how_often_it_is_asked_makes_no_difference():
    image = line(3.0, 15.0, 14)
    moved = np.roll(image, (5, -4), axis=(0, 1))
    one, other = measure(image[None]), measure(np.stack([moved, moved]))
    for a, b in zip(one, other, strict=True):
        np.testing.assert_allclose(b, [a[0], a[0]], rtol=1e-4)


def test_a_mirrored_digit_leans_the_other_way():
    image = line(3.0, 20.0)
    assert measure(image[None, :, ::-1]).slant[0] == pytest.approx(-measure(image[None]).slant[0], abs=1e-3)


def test_a_single_pixel_can_be_measured():
    image = np.zeros((1, 28, 28), np.uint8)
    image[0, 3, 5] = 255
    found = measure(image)
    assert found.size[0] == 1
    assert found.slant[0] == 0
    assert np.isfinite(found.stroke[0])


@pytest.mark.parametrize(
    ("images", "error", "said"),
    [
        (np.zeros((1, 28, 28)), TypeError, "float64"),
        (np.zeros((28, 28), np.uint8), ValueError, r"expected \(n, height, width\)"),
        (np.zeros((0, 28, 28), np.uint8), ValueError, "n at least 1"),
        (np.stack([line(), 0 * line()]), ValueError, "image 1 holds no ink"),
    ],
)
def test_what_cannot_be_measured(images, error, said):
    with pytest.raises(error, match=said):
        measure(images)
