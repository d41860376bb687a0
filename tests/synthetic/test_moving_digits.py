"""Moving digits: where the ink is, how fast it moves and when it meets a wall are what the truth says."""

import numpy as np
import pytest

from aigc_course.synthetic.moving_digits import folded, halved, ink_of, moving_digits

RNG = np.random.default_rng(3)
IMAGES = np.zeros((5, 14, 14), np.uint8)
IMAGES[:, 3:10, 4:9] = RNG.integers(60, 256, (5, 7, 5))
LABELS = np.arange(5)


def centers(frames):
    y, x = np.mgrid[: frames.shape[-2], : frames.shape[-1]]
    ink = frames.sum(axis=(-2, -1))
    return np.stack([(frames * x).sum(axis=(-2, -1)) / ink, (frames * y).sum(axis=(-2, -1)) / ink], axis=-1)


def test_the_ink_is_where_the_truth_says():
    made = moving_digits(IMAGES, LABELS, 40, 30, seed=1)
    ways = centers(made.frames)
    np.testing.assert_allclose(ways - ways[:, :1], made.places - made.places[:, :1], atol=1e-4)
    assert made.frames.min() >= 0 and made.frames.max() <= 1 + 1e-6
    ink = made.frames.sum(axis=(2, 3))
    np.testing.assert_allclose(ink, np.repeat(ink[:, :1], 30, axis=1), rtol=1e-5)  # none is lost behind a wall


def test_between_bounces_the_velocity_is_constant_and_at_one_it_turns_around():
    made = moving_digits(IMAGES, LABELS, 60, 40, seed=2)
    steps = np.diff(made.places, axis=1)
    free = ~made.bounces[:, 1:]
    assert made.bounces.any() and free.any()
    np.testing.assert_allclose(steps[free], made.velocities[:, 1:][free], atol=1e-9)
    turned = (np.sign(made.velocities[:, 1:]) != np.sign(made.velocities[:, :-1])).any(axis=2)
    np.testing.assert_array_equal(turned, made.bounces[:, 1:])  # slower than a room per frame: never there and back
    speeds = np.linalg.norm(made.velocities, axis=2)
    assert (speeds >= 1).all() and (speeds <= 3).all()
    np.testing.assert_allclose(speeds, np.repeat(speeds[:, :1], 40, axis=1))


def test_a_bounce_is_a_mirror():
    places, walls = folded(np.array([0.0, 4.0, 9.0, 12.0, 21.0, -3.0]), np.array(10.0))
    np.testing.assert_allclose(places, [0, 4, 9, 8, 1, 3])
    np.testing.assert_array_equal(walls, [0, 0, 0, 1, 2, -1])


def test_the_same_seed_gives_the_same_clips_and_another_one_others():
    first, again, other = (moving_digits(IMAGES, LABELS, 3, 4, seed) for seed in (5, 5, 6))
    np.testing.assert_array_equal(first.frames, again.frames)
    assert not np.array_equal(first.frames, other.frames)


def test_halving_keeps_the_mean():
    images = RNG.integers(0, 256, (2, 28, 28), dtype=np.uint8)
    assert halved(images).shape == (2, 14, 14)
    assert abs(halved(images).mean() - images.mean()) < 0.5
    with pytest.raises(ValueError, match="even sides"):
        halved(images[:, :27])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": IMAGES.astype(float)}, "expected uint8"),
        ({"images": [1, 2]}, "images list"),
        ({"images": IMAGES[:0], "labels": []}, "at least one digit"),
        ({"labels": LABELS[:2]}, "2 labels for 5 images"),
        ({"count": 0}, "count 0"),
        ({"num_frames": 0}, "num_frames 0"),
        ({"seed": -1}, "seed -1"),
        ({"side": 16}, "no room"),
        ({"speeds": (2.0, 1.0)}, "lowest <= highest"),
        ({"speeds": (1.0, float("nan"))}, "lowest <= highest"),
        ({"speeds": (1.0, 40.0)}, "< 18"),
    ],
)
def test_what_cannot_move_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        moving_digits(**{"images": IMAGES, "labels": LABELS, "count": 2, **change})


def test_an_image_without_ink_is_refused():
    with pytest.raises(ValueError, match="without ink"):
        ink_of(np.zeros((14, 14), np.uint8))
