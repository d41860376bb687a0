"""Rows of tokens and batches of them: what they hold, and what is refused."""

import numpy as np
import pytest
import torch

from aigc_course.gpt.rows import pack, shuffled


def test_rows_begin_where_stories_begin():
    stories = [[10 * number + place for place in range(1, 6)] for number in range(1, 10)]
    assert pack(stories, end=0, row_length=9).tolist() == [
        [0, 11, 12, 13, 14, 15, 0, 21, 22],
        [31, 32, 33, 34, 35, 0, 41, 42, 43],
        [0, 51, 52, 53, 54, 55, 0, 61, 62],
        [71, 72, 73, 74, 75, 0, 81, 82, 83],
    ]
    assert pack([[1, 2]], end=0, row_length=9).shape == (0, 9)


def test_bad_rows_are_refused():
    for row_length in (1, 2.5, True):
        with pytest.raises(ValueError, match=f"row_length {row_length}"):
            pack([[1, 2]], 0, row_length)
    with pytest.raises(ValueError, match="no tokens"):
        pack([[1, 2], []], 0, 9)
    for batch_size in (0, 51, 2.5, True):
        with pytest.raises(ValueError, match=f"batch_size {batch_size} and 50 rows"):
            shuffled(np.zeros((50, 9), int), batch_size, seed=0)


def test_every_row_comes_once_before_any_comes_again():
    rows = np.arange(40).reshape(20, 2)
    batch_at = shuffled(rows, 5, seed=3)
    epochs = [torch.cat([batch_at(step) for step in range(first, first + 4)]) for first in (0, 4)]
    for epoch in epochs:
        assert sorted(epoch[:, 0].tolist()) == rows[:, 0].tolist()
    assert not torch.equal(*epochs)
    assert torch.equal(batch_at(6), shuffled(rows, 5, seed=3)(6))
    assert not torch.equal(batch_at(6), shuffled(rows, 5, seed=4)(6))
