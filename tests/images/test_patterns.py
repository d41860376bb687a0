"""Seamless patterns: the tiles fit together, also at print size; a planted seam is found; bad input."""

import tracemalloc

import numpy as np
import pytest

from aigc_course.images.patterns import Pattern, PatternNetwork, render, seam


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("seed", [0, 1])
def test_a_pattern_repeats_after_one_tile(seed, mirrored):
    network, rng = PatternNetwork(Pattern(seed, mirrored=mirrored)), np.random.default_rng(0)
    x, y = rng.random(50), rng.random(50)
    colors = network.colors(x, y)
    for right, down in ((1, 0), (0, 1), (-2, 3)):
        np.testing.assert_allclose(network.colors(x + right, y + down), colors, atol=1e-4)
    assert np.ptp(colors, axis=0).min() > 0.05
    assert not np.allclose(network.colors(x + 0.5, y), colors, atol=0.01)


def test_a_mirrored_pattern_is_its_own_mirror_image():
    network, rng = PatternNetwork(Pattern(3, mirrored=True)), np.random.default_rng(0)
    x, y = rng.random(50), rng.random(50)
    for other in ((-x, y), (x, -y), (1 - x, 1 - y)):
        np.testing.assert_allclose(network.colors(*other), network.colors(x, y), atol=1e-4)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_tiles_have_no_seam_and_a_planted_one_is_found(seed):
    tile = render(Pattern(seed), 96)
    assert seam(tile) < 2
    assert seam(tile[:, :60]) > 3  # cut off: its right edge does not belong to its left one
    assert seam(tile[:60]) > 3


def test_at_print_size_too_and_in_little_memory():
    tracemalloc.start()
    tile = render(Pattern(4, width=4, depth=1), 2048)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert tile.shape == (2048, 2048, 3)
    assert tile.dtype == np.uint8
    assert peak < 60e6
    for sheet in (tile, tile.swapaxes(0, 1)):
        steps = np.abs(np.diff(sheet[:, [-2, -1, 0, 1]].astype(int), axis=1)).max(axis=(0, 2))
        assert steps[1] <= steps.max() <= 8  # from the last column to the first one it is a step like its neighbors
    np.testing.assert_array_equal(tile[::64, ::64], render(Pattern(4, width=4, depth=1), 32))  # the same at every size


def test_the_same_settings_give_the_same_tile_and_others_another():
    tile = render(Pattern(0), 16)
    assert np.array_equal(tile, render(Pattern(0), 16))
    for other in (Pattern(1), Pattern(0, waves=4), Pattern(0, contrast=3.0), Pattern(0, mirrored=True)):
        assert not np.array_equal(tile, render(other, 16))


def test_a_tile_of_one_color_has_no_seam_and_a_border_has():
    blank = np.zeros((8, 8), np.uint8)
    assert seam(blank) == 0
    blank[:, 0] = 9
    assert seam(blank) > 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"waves": 0},
        {"waves": 33},
        {"width": 2.0},
        {"depth": True},
        {"contrast": 0.0},
        {"contrast": float("nan")},
        {"seed": -1},
    ],
    ids=str,
)
def test_settings_that_make_no_sense(wrong):
    with pytest.raises(ValueError, match="expected a"):
        Pattern(**wrong)


@pytest.mark.parametrize("side", [0, 20_000, 2.5])
def test_a_side_that_makes_no_sense(side):
    with pytest.raises(ValueError, match="whole number of pixels"):
        render(Pattern(), side)


@pytest.mark.parametrize("shape", [(2, 9), (9,), (3, 9, 9, 3)])
def test_what_is_no_tile(shape):
    with pytest.raises(ValueError, match="a tile of shape"):
        seam(np.zeros(shape))
