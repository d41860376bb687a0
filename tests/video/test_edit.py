"""The automatic edit: the piece in which most moves, on the beat, never a flash, never across a cut."""

import numpy as np
import pytest

from aigc_course.video import clips, edit
from aigc_course.video.films import HEIGHT, WIDTH, film


def test_motion_is_the_difference_to_the_frame_before():
    still = np.full((5, 16, 16, 3), 50, np.uint8)
    still[3:] = 60
    assert edit.motion(still).tolist() == [0, 0, 0, 10, 0]


def test_the_liveliest_piece_is_found_and_a_flash_is_not_taken_for_life():
    moving = np.zeros(60)
    moving[30:40] = 5.0
    moving[10:12] = 500.0  # a flash
    # the first frame of a piece moves against one that is not in it
    assert edit.liveliest(moving, 0, 60, 8).begin in range(29, 33)
    assert edit.liveliest(moving, 45, 60, 8) == (45, 53, 0.0)


def test_beats_do_not_drift():
    assert edit.beats(60 / 90, 12, 3) == [0, 8, 16, 24]
    many = edit.beats(60 / 97, 25, 1000)
    assert abs(many[-1] - 1000 * 60 / 97 * 25) <= 0.5
    assert {*np.diff(many)} == {15, 16}


def test_pieces_lie_within_shots_in_order_and_have_their_lengths():
    made = film(4, 8)
    edges = [0, *(edge for first, last, _ in made.transitions for edge in (first + 1, last)), len(made.frames)]
    shots = list(zip(edges[::2], edges[1::2], strict=True))
    lengths = [8, 8, 16, 8]
    pieces = edit.choose(made.frames, shots, lengths)
    assert [piece.end - piece.begin for piece in pieces] == lengths
    assert pieces == sorted(pieces)
    for piece in pieces:
        assert sum(begin <= piece.begin and piece.end <= end for begin, end in shots) == 1
        assert not any(first < piece.end and piece.begin <= last for first, last, _ in made.transitions)
    assert edit.edited(made.frames, pieces).shape == (40, HEIGHT, WIDTH, 3)


def test_too_few_shots_and_wrong_lengths_are_refused():
    frames = np.zeros((40, 16, 16, 3), np.uint8)
    with pytest.raises(ValueError, match="2 pieces of up to 8 frames from 1 shots"):
        edit.choose(frames, [(0, 40)], [8, 8])
    with pytest.raises(ValueError, match="at least 2"):
        edit.choose(frames, [(0, 40)], [1])
    with pytest.raises(ValueError, match="no clip"):
        edit.edited(frames, [])
    assert len(clips.joined(frames, frames)) == 80
