"""Checks of the exercises on a classifier: its parameters, its loss, its accuracy per class, its calibration."""

from types import SimpleNamespace
from typing import Any

import numpy as np

from aigc_course.kit.datasets.mnist import bundled_sample
from aigc_course.kit.practice.answers import array, call
from aigc_course.kit.practice.checks import Function, check_cases, close
from aigc_course.kit.practice.exercises import Wrong


def check_parameters(yours: Function) -> None:
    """`yours(layer_sizes)` is the number of weights and biases of a dense network."""
    rng = np.random.default_rng(1)
    networks = [[784, 128, 10], [3, 5], *(rng.integers(2, 30, size=n).tolist() for n in (3, 4, 5))]
    cases = [(sizes,) for sizes in networks]
    check_cases("05_1.parameters", yours, cases)


def check_loss(yours: Function) -> None:
    """`yours(logits, labels)` is the mean cross-entropy of a batch, finite for large logits too."""
    rng = np.random.default_rng(2)
    cases = [
        (rng.normal(0, 2, size=(batch, classes)), rng.integers(classes, size=batch))
        for batch, classes in ((7, 4), (5, 10), (1, 3))
    ]
    large = np.array([[1000.0, 998.0, 0.0], [-1000.0, -1000.0, -1002.0], [0.5, 2.0, -1.0]]), np.array([2, 1, 0])
    cases += [large, *((large[0][i : i + 1], large[1][i : i + 1]) for i in range(3))]
    cases.append((np.array([[5000.0, 0.0, -20.0], [0.0, -4000.0, 1.0]]), np.array([0, 2])))  # far above the mean

    def guess(its: SimpleNamespace) -> dict[str, Any]:
        if np.abs(its.logits).max() < 100:
            return {}
        return {"overflow": np.isnan(its.got), "large_logits": np.isfinite(its.got), "underflow": True}

    check_cases("05_1.loss", yours, cases, guess=guess, form="shape_batch")


def check_per_class(yours: Function) -> None:
    """`yours(labels, predictions, num_classes)` is each class's share of right predictions, NaN for an absent one."""
    rng = np.random.default_rng(3)
    cases = []
    for num_classes, n, absent in ((5, 60, None), (10, 200, None), (4, 40, 2)):
        present = [k for k in range(num_classes) if k != absent]
        labels = rng.choice(present, size=n)
        labels[: len(present)] = present
        cases.append((labels, np.where(rng.random(n) < 0.6, labels, rng.integers(num_classes, size=n)), num_classes))

    cases += [
        (np.array([0, 0, 1, 2, 1]), np.array([0, 2, 0, 2, 0]), 3),  # class 1 is never answered
        (np.array([2, 3, 4, 3]), np.array([3, 4, 2, 2]), 5),  # nothing is right
        (np.array([1, 1, 1, 1]), np.array([1, 0, 1, 1]), 2),  # one class alone
    ]

    def about(its: SimpleNamespace) -> dict[str, Any]:
        return {"absent": np.setdiff1d(np.arange(its.num_classes), its.labels).tolist()}

    def guess(its: SimpleNamespace) -> dict[str, Any]:
        present = np.unique(its.labels)
        return {"absent": close(its.got[present], its.expected[present])}

    check_cases("05_1.per_class", yours, cases, about=about, show=_worst_class, guess=guess)


def _worst_class(its: SimpleNamespace) -> dict[str, Any]:
    """The first class with another result, one that has images if possible, and what is known of it."""
    wrong = ~np.isclose(its.got, its.expected, rtol=1e-4, atol=1e-6, equal_nan=True)
    k = int((wrong * (1.0 + np.isfinite(its.expected))).argmax())
    of_class = its.labels == k
    right = int((its.predictions[of_class] == k).sum())
    return {"k": k, "n": int(of_class.sum()), "right": right, "expected": its.expected[k], "got": its.got[k]}


def check_calibration(yours: Function) -> None:
    """`yours(confidence, correct, num_bins)` is the expected calibration error.

    That is the sum over bins of (share of the images) · |accuracy - mean confidence|.
    """
    rng = np.random.default_rng(4)
    cases = []
    for num_bins, n, lowest, sure in ((10, 400, 0.0, 0), (5, 300, 0.0, 0), (10, 300, 0.55, 0), (10, 300, 0.0, 60)):
        confidence = lowest + (1 - lowest) * rng.beta(2, 1, size=n)
        confidence[np.abs(confidence * num_bins - np.round(confidence * num_bins)) < 1e-3] += 2e-3 / num_bins
        confidence = np.minimum(confidence, 1 - 1e-6)
        confidence[:sure] = 1.0
        correct = rng.random(n) < confidence + 0.3 * np.sin(9 * confidence)  # too sure here, too modest there
        correct[:sure] = rng.random(sure) < 0.7
        cases.append((confidence, correct, num_bins))
    check_cases(
        "05_1.calibration",
        yours,
        cases,
        about=lambda its: {"sure": int((its.confidence == 1).sum())},
        guess=lambda its: {"empty_bins": not np.isfinite(its.got)},
    )


def score_few_labels(yours: Function) -> float:
    """Share of 1,000 digits that `yours(images, labels, new_images)` names rightly after it saw 200 with labels.

    The images are floats in 0..1, of the sample that is on every machine, so that scores can be compared.
    """
    digits = bundled_sample("train")
    order = np.random.default_rng(5).permutation(len(digits.images))
    images, labels = digits.images[order] / np.float32(255), digits.labels[order].astype(int)
    got = array(call(yours, images[:200], labels[:200], images[200:1200]))
    if got.shape != (1000,):
        raise Wrong("how_many", expected=1000, got=got.shape)
    if len(strange := np.setdiff1d(got, np.arange(10))):
        raise Wrong("no_digit", got=strange[0])
    return float(np.mean(got == labels[200:1200]))
