"""Cuts, mixes and fades are found; pans, things that move and flashes are not; the score counts as it says."""

import numpy as np
import pytest
from scipy import ndimage

from aigc_course.synthetic.scenery import scenery
from aigc_course.video import clips, cuts
from aigc_course.video.films import HEIGHT, SHOTS, WIDTH, film, shot_of, with_transition


def shot(kind, place, num_frames=50, part=0):
    return shot_of(kind, place, part, num_frames, np.random.default_rng(place))


def test_a_hard_cut_is_found_to_the_frame_and_known_as_hard():
    film = clips.joined(shot("still", 1, 30), shot("still", 2, 40), shot("moving", 3, 35))
    assert cuts.changes(film) == [cuts.Change(30, True), cuts.Change(70, True)]
    assert cuts.shots_of(105, cuts.changes(film)) == [(0, 30), (30, 70), (70, 105)]


@pytest.mark.parametrize("how", ["mix", "black"])
@pytest.mark.parametrize("length", [8, 12, 16])
def test_a_fade_is_found_inside_it_and_known_as_soft(how, length):
    film, first, last = with_transition(shot("still", 1), shot("still", 2), how, length)
    (found,) = cuts.changes(film)
    assert first <= found.frame <= last and not found.is_hard


@pytest.mark.parametrize("kind", SHOTS)
def test_in_a_single_shot_nothing_is_found(kind):
    for place in range(20, 26):
        assert cuts.changes(shot(kind, place)) == []


def test_without_moving_the_picture_a_fast_pan_is_taken_for_a_change():
    wide = scenery(5, HEIGHT, 3 * WIDTH)
    panned = clips.pan(wide, HEIGHT, WIDTH, (0, 0), (150, 0), 51)  # three pixels a frame
    assert cuts.changes(panned) == []
    assert cuts.changes(panned, reach=(0, 0)) != []


def test_a_pan_faster_than_the_reach_is_beyond_it():
    wide = scenery(5, HEIGHT, 6 * WIDTH)
    assert cuts.changes(clips.pan(wide, HEIGHT, WIDTH, (0, 0), (480, 0), 49)) != []  # ten pixels a frame


def test_the_best_move_undoes_a_move_and_equals_shifting_by_hand():
    rng = np.random.default_rng(4)
    picture = ndimage.gaussian_filter(rng.uniform(0, 255, (24, 30, 3)), (2, 2, 0)).astype(np.float32)
    before, after = picture[2:20, 4:24], picture[1:19, 7:27]  # the camera went three to the right and one up
    assert cuts.moved_difference(before, after, (3, 1)) == 0
    assert cuts.moved_difference(before, after, (2, 1)) > 0
    slow = min(
        float(np.abs(before[max(d, 0) : 18 + min(d, 0), max(r, 0) : 20 + min(r, 0)]
                     - after[max(-d, 0) : 18 + min(-d, 0), max(-r, 0) : 20 + min(-r, 0)]).mean())
        for r in range(-2, 3) for d in range(-1, 2)
    )  # fmt: skip
    assert float(cuts.moved_difference(before, after, (2, 1))) == pytest.approx(slow, rel=1e-6)


def test_on_films_that_the_threshold_was_not_chosen_on_f1_is_at_least_95_percent():
    total = np.zeros(3, int)
    for seed in range(300, 306):
        made = film(seed)
        total += cuts.score([change.frame for change in cuts.changes(made.frames)], [t[:2] for t in made.transitions])
    assert cuts.Score(*total).f1 >= 0.95


def test_a_film_knows_its_transitions():
    made = film(11, noise=0)
    assert len(made.transitions) == len(made.shots) - 1 == 5
    apart = cuts.difference(cuts.shrunk(made.frames)[:-1], cuts.shrunk(made.frames)[1:])
    for first, last, kind in made.transitions:
        if kind == "cut":
            assert last == first + 1 and apart[first] > apart[first - 3 : first].max()
        if kind == "black":
            assert made.frames[first : last + 1].mean(axis=(1, 2, 3)).min() < 30
    np.testing.assert_array_equal(film(11, noise=0).frames, made.frames)
    with pytest.raises(ValueError, match="num_shots 0"):
        film(1, 0)


def test_the_score_counts_each_transition_once():
    truth = [(10, 11), (50, 60)]
    assert cuts.score([11, 55], truth) == (2, 0, 0)
    assert cuts.score([11, 52, 58], truth) == (2, 0, 1)
    assert cuts.score([14, 70], truth) == (0, 2, 2)
    assert cuts.score([8], truth) == (1, 1, 0)
    assert cuts.Score(3, 1, 1).f1 == pytest.approx(0.75)
    assert cuts.Score(0, 0, 0).f1 == 1.0


def test_short_and_tiny_clips():
    assert cuts.changes(shot("still", 1, 1)) == []
    assert cuts.changes(shot("still", 1, 2 * cuts.GAP)) == []
    with pytest.raises(ValueError, match="at least 4 x 4"):
        cuts.changes(np.zeros((30, 3, 30, 3), np.uint8))
    with pytest.raises(ValueError, match="expected uint8"):
        cuts.changes(np.zeros((30, 30, 30, 3)))
    assert cuts.changes(np.zeros((30, 4, 4, 3), np.uint8)) == []


def test_scenery_is_the_same_for_the_same_seed_and_refuses_tiny_pictures():
    np.testing.assert_array_equal(scenery(3, 20, 40), scenery(3, 20, 40))
    assert not np.array_equal(scenery(3, 20, 40), scenery(4, 20, 40))
    with pytest.raises(ValueError, match="at least 16"):
        scenery(3, 8, 40)
