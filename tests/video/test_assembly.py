"""The film's parts stand where they should, the music steps back for speech, and nothing is clipped."""

import numpy as np
import pytest

from aigc_course.video import assembly as a

RNG = np.random.default_rng(0)


def picture(value, height=a.HEIGHT):
    return np.full((height, a.WIDTH, 3), value, np.uint8)


def test_given_digits_have_blue_frames_and_predicted_ones_red():
    known, predicted = RNG.uniform(0, 1, (3, 5, 32, 32)), RNG.uniform(0, 1, (3, 7, 32, 32))
    film = a.digit_shot(known, predicted, picture(9, 40), picture(7, 40))
    assert film.shape == (12, a.HEIGHT, a.WIDTH, 3)
    for frame, ink, caption in ((film[4], a.BLUE, 9), (film[5], a.RED, 7)):
        assert (frame == ink).all(axis=2).sum() > 3 * 4 * 96
        assert (frame[-40:] == caption).all()
    assert (known[1, 2] > 0.99).any()


def test_the_edit_begins_on_a_beat_with_a_hard_cut():
    beat = 60 / a.BEATS_PER_MINUTE * a.FPS
    digits, edit = np.stack([picture(100)] * 40), np.stack([picture(200)] * 48)
    film = a.whole_film(picture(0), digits, edit, picture(50))
    levels = film[:, 0, 0, 0].astype(int)
    begin = int(np.flatnonzero(levels == 200)[0])
    assert levels[begin - 1] == 100 and begin % beat == 0
    assert levels[0] == 0 and levels[-1] == 50 and len(film) == 28 + 40 + 48 + 24 - 2 * a.FADE
    assert np.abs(np.diff(levels[: begin - 1])).max() <= 20  # the title is mixed in, not cut


def test_music_is_quieter_under_speech_and_the_sum_is_not_clipped():
    rate = 8000
    music, speech = 0.5 * np.ones(4 * rate), np.zeros(rate)
    sound = a.soundtrack(music, [(1.0, speech)], 3.0, rate)
    assert sound.shape == (3 * rate,) and sound.dtype == np.float32
    assert sound[rate // 2] == pytest.approx(0.5) and sound[rate + rate // 2] == pytest.approx(0.15)
    assert abs(np.diff(sound[: 5 * rate // 2])).max() < 0.01  # no click where it changes
    assert sound[-1] == 0
    loud = a.soundtrack(music, [(0.0, np.ones(9 * rate))], 3.0, rate)
    assert np.abs(loud).max() <= 0.95 + 1e-6
