"""Checks of the exercises on data augmentation: paired differences, mixed labels, collapse; the own augmentation."""

import numpy as np

from aigc_course.kit.practice.answers import call
from aigc_course.kit.practice.checks import Function, check_cases
from aigc_course.kit.practice.exercises import Wrong

PER_CLASS, NUM_STEPS, SEED = 10, 600, 70


def check_pairs(yours: Function) -> None:
    """`yours(treated, control)` are the ends of the interval of the mean paired difference."""
    rng = np.random.default_rng(64)
    cases = []
    for count in (5, 3, 8, 4):
        control = rng.uniform(0.7, 0.9, count).round(3)
        cases.append(((control + rng.normal(0.03, 0.01, count)).round(3), control))
    cases.append((np.array([0.7, 0.8, 0.9]), np.array([0.8, 0.8, 0.85])))  # better and worse
    check_cases("06_4.pairs", yours, cases)


def check_mixed(yours: Function) -> None:
    """`yours(logits, label, other, share)` is the cross-entropy against the mixed label."""
    rng = np.random.default_rng(65)
    cases = [(rng.normal(0, 2, classes).round(2), 1, 3, share) for classes, share in ((4, 0.7), (5, 0.9), (10, 0.25))]
    cases += [(rng.normal(0, 2, 4).round(2), 2, 0, 1.0), (rng.normal(0, 2, 4).round(2), 2, 2, 0.6)]
    check_cases("06_4.mixed", yours, cases)


def check_left(yours: Function) -> None:
    """`yours(num_samples, share)` is the first generation whose expected variance is so small."""
    check_cases("06_4.left", yours, [(20, 0.5), (2, 0.3), (100, 0.1), (7, 0.9), (50, 0.99), (2, 0.25), (10, 1.0)])


def score_augment(yours: Function) -> float:
    """Accuracy on unseen digits of a classifier trained on 10 labels per class with the augmentation `yours`."""
    import torch
    from torch import Tensor

    from aigc_course.images.few_labels import Labeled, accuracy, draw_labels, small_images, train_classifier
    from aigc_course.kit.datasets.mnist import bundled_sample

    def augment(images: Tensor, rng: torch.Generator) -> Tensor:
        given = call(lambda: yours(images.clone(), rng))  # a copy, which it may change
        if not isinstance(given, Tensor) or given.shape != images.shape:
            shape = tuple(given.shape) if isinstance(given, Tensor) else type(given).__name__
            raise Wrong("form", shape=shape, wanted=tuple(images.shape))
        if not bool(torch.isfinite(given).all()) or given.abs().max() > 1.5:
            raise Wrong("range", low=float(given.min()), high=float(given.max()))
        return given.detach().to(images)

    augment(torch.zeros(2, 1, 14, 14), torch.Generator())  # what is wrong is said before anything is loaded
    train, rest = (
        bundled_sample("train"),
        bundled_sample("test"),
    )  # the same digits, and so the same score, for everybody
    test = Labeled(small_images(rest.images), torch.from_numpy(rest.labels).long())
    chosen = draw_labels(train.labels, PER_CLASS, SEED)
    own = Labeled(small_images(train.images[chosen]), torch.from_numpy(train.labels[chosen]).long())
    with torch.random.fork_rng(devices=[]):
        return accuracy(train_classifier(own, SEED, NUM_STEPS, augment), test)
