"""Token ids in rows of one length, and batches of rows: what a language model is trained on."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import torch
from torch import Tensor

from aigc_course.text.arguments import is_whole

BatchAt = Callable[[int], Tensor]  # step -> (batch, length) token ids: the same ones whenever it is asked


def pack(stories: Iterable[Sequence[int]], end: int, row_length: int) -> np.ndarray:
    """Rows of tokens, each filled with whole stories and the beginning of one more, which is cut where the row ends.

    stories:  token ids, without end tokens;  end: the end token, put behind every story
    returns   (rows, row_length) int32; the last stories are left out if they fill no row

    Each row begins where a story begins, with the end token before it in every second row: so the model learns to
    start with it, as well as without. A story that is cut is not continued: what follows it would have no beginning.
    """
    if not is_whole(row_length) or row_length < 2:
        raise ValueError(f"row_length {row_length}: at least 2 tokens, of which one is predicted")
    rows: list[list[int]] = []
    row: list[int] = [end]
    for story in stories:
        if len(story) == 0:
            raise ValueError("a story has no tokens; leave empty texts out")
        row += [*story, end]
        if len(row) >= row_length:
            rows.append(row[:row_length])
            row = [] if len(rows) % 2 else [end]
    return np.array(rows, np.int32).reshape(len(rows), row_length)


def shuffled(rows: np.ndarray, batch_size: int, seed: int) -> BatchAt:
    """Batches of rows in random order, all of them before any comes again; which ones depends on step and seed alone.

    rows: (n, length) token ids;  ValueError if they do not fill one batch
    """
    if not is_whole(batch_size) or not 1 <= batch_size <= len(rows):
        raise ValueError(f"batch_size {batch_size} and {len(rows)} rows: expected at least one row and one full batch")
    per_epoch = len(rows) // batch_size

    def batch_at(step: int) -> Tensor:
        epoch, number = divmod(step, per_epoch)
        order = np.random.default_rng([seed, epoch]).permutation(len(rows))
        return torch.from_numpy(rows[order[number * batch_size :][:batch_size]]).long()

    return batch_at
