"""Editing arrays: each tool does what its name says, and refuses what is no clip."""

import numpy as np
import pytest

from aigc_course.video import clips

RNG = np.random.default_rng(7)


def clip(num_frames=6, height=8, width=10, value=None):
    shape = (num_frames, height, width, 3)
    return RNG.integers(0, 256, shape, dtype=np.uint8) if value is None else np.full(shape, value, np.uint8)


def test_cut_and_joined_give_back_the_film():
    film = clip(9)
    np.testing.assert_array_equal(clips.joined(clips.cut(film, 0, 4), clips.cut(film, 4, 9)), film)
    piece = clips.cut(film, 2, 3)
    piece[:] = 0
    assert film[2].any()  # a copy


def test_a_fade_goes_evenly_from_one_to_the_other():
    film = clips.fade(clip(5, value=0), clip(6, value=200), 3)
    assert film[:, 0, 0, 0].tolist() == [0, 0, 50, 100, 150, 200, 200, 200]


def test_a_pan_glides_in_whole_pixels_from_end_to_end():
    picture = clip(1, 12, 30)[0]
    film = clips.pan(picture, 12, 10, (0, 0), (20, 0), 11)
    assert film.shape == (11, 12, 10, 3)
    for time, frame in enumerate(film):
        np.testing.assert_array_equal(frame, picture[:, 2 * time : 2 * time + 10])
    with pytest.raises(ValueError, match=r"x in 0\.\.20"):
        clips.pan(picture, 12, 10, (0, 0), (21, 0), 11)


def test_a_card_stands_still_and_frames_can_be_colored_enlarged_and_fitted():
    picture = clip(1)[0]
    assert (clips.still(picture, 4) == picture).all()
    gray = np.array([[[0.0, 1.0], [0.5, 2.0]]])
    assert clips.colored(gray, ink=(255, 0, 0), paper=(0, 0, 0))[0, :, :, 0].tolist() == [[0, 255], [128, 255]]
    large = clips.enlarged(clip(2, 3, 4), 2)
    assert large.shape == (2, 6, 8, 3) and (large[:, ::2, ::2] == large[:, 1::2, 1::2]).all()
    small = clip(2, 4, 4)
    larger = clips.fitted(small, 8, 10, (9, 9, 9))
    np.testing.assert_array_equal(larger[:, 2:6, 3:7], small)
    assert (larger[:, :2] == 9).all()
    with pytest.raises(ValueError, match="do not fit"):
        clips.fitted(small, 3, 10)


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        ([clip(1)[0], clip(1)[0]], r"is a list.*np\.stack"),
        (clip().astype(np.float32), "float32; expected uint8"),
        (clip()[0], r"has the shape \(8, 10, 3\)"),
        (clip()[..., :1], "expected"),
        (clip()[:0], "at least one frame"),
    ],
)
def test_what_is_no_clip_is_refused_by_each_tool(frames, message):
    for tool in (
        lambda: clips.cut(frames, 0, 1),
        lambda: clips.joined(frames),
        lambda: clips.fade(frames, frames, 1),
        lambda: clips.fitted(frames, 20, 20),
    ):
        with pytest.raises(ValueError, match=message):
            tool()


def test_frames_of_different_sizes_are_refused_and_the_way_out_is_said():
    with pytest.raises(ValueError, match=r"8 x 10, 8 x 12.*`fitted`"):
        clips.joined(clip(), clip(width=12))
    with pytest.raises(ValueError, match="different sizes"):
        clips.fade(clip(), clip(height=6), 2)
    with pytest.raises(ValueError, match="no clip"):
        clips.joined()


def test_a_clip_of_one_frame_can_be_joined_but_not_faded_long():
    assert len(clips.joined(clip(1), clip(1))) == 2
    assert len(clips.fade(clip(1), clip(1), 1)) == 1
    with pytest.raises(ValueError, match="only 1 frames"):
        clips.fade(clip(1), clip(5), 2)


@pytest.mark.parametrize("length", [0, -1, 1.5, True, "3"])
def test_a_length_that_is_none_is_refused(length):
    with pytest.raises(ValueError, match="whole number of frames"):
        clips.fade(clip(), clip(), length)


@pytest.mark.parametrize(("begin", "end"), [(3, 3), (4, 2), (-1, 2), (0, 7)])
def test_a_cut_outside_the_clip_is_refused(begin, end):
    with pytest.raises(ValueError, match="the clip's length"):
        clips.cut(clip(), begin, end)
