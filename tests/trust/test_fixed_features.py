"""Features that nobody trained, beside SciPy's convolution and what a line is."""

import numpy as np
import pytest
import torch
from scipy.signal import correlate2d

from aigc_course.trust.fixed_features import FINE, NUM_DIRECTIONS, line_features, strengths, wave_packets


def line(angle: float, side: int = 28) -> np.ndarray:
    """A bright line through the middle, whose normal has this angle."""
    y, x = np.mgrid[:side, :side] - side // 2
    return (255 * np.exp(-((x * np.cos(angle) + y * np.sin(angle)) ** 2) / 2)).astype(np.uint8)


def test_strengths_are_what_scipy_correlates():
    packets = wave_packets(*FINE)
    image = np.random.default_rng(0).random((12, 10))
    ours = strengths(torch.from_numpy(image[None, None]).float(), packets)[0]
    for number in range(NUM_DIRECTIONS):
        even, odd = (correlate2d(image, packets[2 * number + k, 0].numpy(), mode="same") for k in (0, 1))
        assert np.allclose(ours[number], np.hypot(even, odd), atol=1e-5)


def test_a_flat_image_has_no_lines():
    assert strengths(torch.ones(1, 1, 28, 28), wave_packets(*FINE))[0, :, 14, 14].max() < 1e-6


@pytest.mark.parametrize("direction", range(NUM_DIRECTIONS))
def test_the_direction_of_a_line_answers_most(direction):
    image = torch.from_numpy(line(np.pi * direction / NUM_DIRECTIONS))[None, None] / 255
    assert strengths(image, wave_packets(*FINE))[0, :, 14, 14].argmax() == direction


def test_rows_have_length_1_and_do_not_look_at_one_another():
    images = np.stack([line(angle) for angle in (0.1, 1.0, 2.0)])
    rows = line_features(images)
    assert rows.shape == (3, 833)
    assert torch.allclose(rows.norm(dim=1), torch.ones(3), atol=1e-4)
    assert torch.allclose(line_features(images[1:2])[0], rows[1], atol=1e-6)
    assert torch.isfinite(line_features(np.zeros((1, 28, 28), np.uint8))).all()  # an empty image has no lines


@pytest.mark.parametrize(
    "images", [np.zeros((28, 28), np.uint8), np.zeros((2, 28, 28)), np.zeros((2, 27, 28), np.uint8)]
)
def test_other_images_are_named(images):
    with pytest.raises(ValueError, match="expected \\(n, height, width\\) of uint8"):
        line_features(images)


def test_an_even_side_is_named():
    with pytest.raises(ValueError, match="side 8 is even"):
        wave_packets(8, 4.0, 1.5)
