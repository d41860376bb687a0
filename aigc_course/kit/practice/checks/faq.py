"""Checks of chapter 9: a path of chapters, a floor of a loss, a batch in parts; the score of the challenge."""

import contextlib
import io
import math
from functools import cache

import numpy as np

from aigc_course.kit.datasets import load_mnist
from aigc_course.kit.practice.answers import call
from aigc_course.kit.practice.checks import Function, Wrong, check_cases

NUM_DIGITS, SEEDS = 1000, range(500, 505)


def check_path(yours: Function) -> None:
    """`yours(needs, goal)` lists all chapters that `goal` builds on, in the order of the course, and `goal`."""
    course = {"0": [], "1": ["0"], "2": ["0"], "3": ["2"], "4": ["0"], "5": ["3", "4"], "6": ["4"], "7": ["6", "2"]}
    square = {"a": [], "b": ["a"], "c": ["a"], "d": ["c", "b"], "e": ["d", "a"]}
    cases = [(course, goal) for goal in ("5", "0", "7", "1")] + [(square, "e"), (square, "d"), (square, "a")]
    check_cases("09.path", yours, cases, any_length=True)


def check_floor(yours: Function) -> None:
    """`yours(num_classes)` is the least loss when cross-entropy is given probabilities as if they were logits."""
    check_cases("09.floor", yours, [(count,) for count in (10, 2, 3, 100, 1500, 50257)])


def check_accumulate(yours: Function) -> None:
    """`yours(gradients, sizes)` is the gradient of the mean loss of a batch, from the means of its parts."""
    rng = np.random.default_rng(9)
    cases = []
    for sizes, dim in (([4, 4], 3), ([8, 2], 3), ([5, 1, 2], 4), ([7], 2), ([1, 1, 1, 5], 5)):
        cases.append((np.round(rng.normal(size=(len(sizes), dim)), 1), np.array(sizes)))
    check_cases("09.accumulate", yours, cases)


@cache
def curves() -> list[tuple[str, list[float]]]:
    """(mistake, losses) of trainings on test digits, five of each mistake, in a mixed order."""
    import torch

    from aigc_course.mistakes import MISTAKES, loss_curve

    with contextlib.redirect_stdout(io.StringIO()):
        digits = load_mnist("test")
    images = torch.from_numpy(digits.images[:NUM_DIGITS].reshape(NUM_DIGITS, -1)).float() / 255
    labels = torch.from_numpy(digits.labels[:NUM_DIGITS]).long()
    made = [(mistake, list(loss_curve(images, labels, mistake, seed))) for seed in SEEDS for mistake in MISTAKES]
    return [made[at] for at in np.random.default_rng(9).permutation(len(made))]


def score_diagnose(yours: Function) -> float:
    """Share of 25 loss curves whose mistake `yours(losses)` names."""
    from aigc_course.mistakes import MISTAKES

    call(yours, [math.log(10)] * 150)  # an answer that is not there yet costs no training
    hits = []
    for mistake, losses in curves():
        named = call(yours, list(losses))
        if named not in MISTAKES:
            raise Wrong("no_mistake", got=repr(named)[:60], allowed=", ".join(MISTAKES))
        hits.append(named == mistake)
    return float(np.mean(hits))
