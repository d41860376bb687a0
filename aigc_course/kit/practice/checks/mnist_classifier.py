"""Checks of the exercises on a classifier: its parameters, its loss, its accuracy per class, its calibration."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from aigc_course.kit.practice.checks import Wrong, array, call, close, number, numbers


def check_parameters(yours: Callable[[list[int]], int]) -> None:
    """`yours(layer_sizes)` is the number of weights and biases of a dense network."""
    rng = np.random.default_rng(1)
    cases = [[784, 128, 10], [3, 5], *(rng.integers(2, 30, size=n).tolist() for n in (3, 4, 5))]
    for sizes in cases:
        got = number(call(yours, sizes))
        pairs = list(pairwise(sizes))
        expected = sum((a + 1) * b for a, b in pairs)
        if got == expected:
            continue
        causes = {
            "no_biases": sum(a * b for a, b in pairs),
            "biases_per_input": sum(a * (b + 1) for a, b in pairs),
            "one_bias": sum(a * b + 1 for a, b in pairs),
            "input_biases": expected + sizes[0],
            "first_layer": (sizes[0] + 1) * sizes[1],
            "last_layer": (sizes[-2] + 1) * sizes[-1],
        }
        cause = next((key for key, value in causes.items() if got == value), "value")
        raise Wrong(cause, sizes=sizes, expected=expected, got=int(got) if got.is_integer() else got)


def cross_entropies(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """-log softmax(logits)[label] of each row, (batch,)."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_probs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return -log_probs[np.arange(len(labels)), labels]


def check_loss(yours: Callable[[np.ndarray, np.ndarray], float]) -> None:
    """`yours(logits, labels)` is the mean cross-entropy of a batch, finite for large logits too."""
    rng = np.random.default_rng(2)
    for batch, classes in ((7, 4), (5, 10), (1, 3)):
        logits, labels = rng.normal(0, 2, size=(batch, classes)), rng.integers(classes, size=batch)
        expected = cross_entropies(logits, labels).mean()
        result = array(call(yours, logits, labels))
        if batch > 1 and result.shape == (batch,):
            raise Wrong("per_image" if close(result, cross_entropies(logits, labels)) else "shape_batch", batch=batch)
        got = number(result)
        if not close(got, expected):
            cause = _cause_of_loss(got, logits, labels)
            raise Wrong(cause, batch=batch, classes=classes, expected=expected, got=got)
    large = np.array([[1000.0, 998.0, 0.0], [-1000.0, -1000.0, -1002.0], [0.5, 2.0, -1.0]])
    labels = np.array([2, 1, 0])
    expected, got = cross_entropies(large, labels).mean(), number(call(yours, large, labels))
    if close(got, expected):
        return
    one_by_one = [number(call(yours, large[i : i + 1], labels[i : i + 1])) for i in range(3)]
    if close(np.mean(one_by_one), expected):
        raise Wrong("one_maximum", expected=expected, got=got)
    cause = "overflow" if np.isnan(got) else "large_logits" if np.isfinite(got) else "underflow"
    raise Wrong(cause, expected=expected, got=got)


def _cause_of_loss(got: float, logits: np.ndarray, labels: np.ndarray) -> str:
    losses = cross_entropies(logits, labels)
    rows = np.arange(len(labels))
    exps = np.exp(logits)
    probs = exps / exps.sum(axis=1, keepdims=True)
    causes = {
        "sign": -losses.mean(),
        "sum": losses.sum(),
        "axis": -np.log((exps / exps.sum(axis=0))[rows, labels]).mean(),
        "whole_batch": -np.log((exps / exps.sum())[rows, labels]).mean(),
        "every_class": -np.log(probs).mean(),
        "every_class_sum": -np.log(probs).sum(axis=1).mean(),
        "no_log": probs[rows, labels].mean(),
        "no_softmax": -logits[rows, labels].mean(),
        "log2": losses.mean() / np.log(2),
        "log10": losses.mean() / np.log(10),
        "log_of_mean": -np.log(probs[rows, labels].mean()),
    }
    same = {"every_class_sum": "every_class", "log2": "base", "log10": "base"}
    cause = next((key for key, value in causes.items() if close(got, value)), "value")
    if cause == "value" and close(got, -probs[rows, labels].mean()):
        cause = "no_log"
    return same.get(cause, cause)


def check_per_class(yours: Callable[[np.ndarray, np.ndarray, int], np.ndarray]) -> None:
    """`yours(labels, predictions, num_classes)` is each class's share of right predictions, NaN for an absent one."""
    rng = np.random.default_rng(3)
    for num_classes, n, absent in ((5, 60, None), (10, 200, None), (4, 40, 2)):
        present = [k for k in range(num_classes) if k != absent]
        labels = rng.choice(present, size=n)
        labels[: len(present)] = present
        predictions = np.where(rng.random(n) < 0.6, labels, rng.integers(num_classes, size=n))
        right = labels == predictions
        per_class = np.array([right[labels == k].mean() if k != absent else np.nan for k in range(num_classes)])
        result = array(call(yours, labels, predictions, num_classes))
        if result.shape == () and close(result, right.mean()):
            raise Wrong("overall", num_classes=num_classes)
        if absent is not None and result.shape == (num_classes - 1,):
            raise Wrong("absent_left_out", absent=absent, num_classes=num_classes)
        got = numbers(result, (num_classes,))
        if close(got, per_class):
            continue
        if absent is not None and close(np.delete(got, absent), np.delete(per_class, absent)):
            raise Wrong("absent", absent=absent, got=got[absent])
        _raise_per_class(got, per_class, labels, predictions)


def _raise_per_class(got: np.ndarray, expected: np.ndarray, labels: np.ndarray, predictions: np.ndarray) -> None:
    classes = np.arange(len(expected))
    counts = np.array([np.sum((labels == k) & (predictions == k)) for k in classes])
    with np.errstate(all="ignore"):
        causes = {
            "precision": counts / np.array([np.sum(predictions == k) for k in classes]),
            "counts": counts,
            "all_images": counts / len(labels),
            "percent": 100 * expected,
            "errors": 1 - expected,
            "one_against_rest": np.array([np.mean((labels == k) == (predictions == k)) for k in classes]),
        }
    present = np.isfinite(expected)
    cause = next((key for key, value in causes.items() if close(got[present], value[present])), "value")
    k = int(next(k for k in classes if present[k] and not close(got[k], expected[k])))
    n, right = int(np.sum(labels == k)), int(counts[k])
    raise Wrong(cause, k=k, n=n, right=right, expected=expected[k], got=got[k])


def calibration_gaps(confidence: np.ndarray, correct: np.ndarray, num_bins: int) -> dict[str, np.ndarray]:
    """Of each bin that holds images: its share of the images, mean confidence, accuracy, and middle."""
    bins = np.minimum((confidence * num_bins).astype(int), num_bins - 1)
    filled = np.unique(bins)
    return {
        "share": np.array([np.mean(bins == b) for b in filled]),
        "confidence": np.array([confidence[bins == b].mean() for b in filled]),
        "accuracy": np.array([correct[bins == b].mean() for b in filled]),
        "middle": (filled + 0.5) / num_bins,
    }


def check_calibration(yours: Callable[[np.ndarray, np.ndarray, int], float]) -> None:
    """`yours(confidence, correct, num_bins)` is the expected calibration error.

    That is the sum over bins of (share of the images) · |accuracy - mean confidence|.
    """
    rng = np.random.default_rng(4)
    for num_bins, n, lowest, sure in ((10, 400, 0.0, 0), (5, 300, 0.0, 0), (10, 300, 0.55, 0), (10, 300, 0.0, 60)):
        confidence = lowest + (1 - lowest) * rng.beta(2, 1, size=n)
        confidence[np.abs(confidence * num_bins - np.round(confidence * num_bins)) < 1e-3] += 2e-3 / num_bins
        confidence = np.minimum(confidence, 1 - 1e-6)
        confidence[:sure] = 1.0
        correct = rng.random(n) < confidence + 0.3 * np.sin(9 * confidence)  # too sure here, too modest there
        correct[:sure] = rng.random(sure) < 0.7
        expected = _calibration_error(confidence, correct, num_bins)
        got = number(call(yours, confidence, correct, num_bins))
        if close(got, expected):
            continue
        if lowest and not np.isfinite(got):
            raise Wrong("empty_bins", got=got)
        cause = _cause_of_calibration(got, confidence, correct, num_bins)
        raise Wrong(cause, num_bins=num_bins, sure=sure, expected=expected, got=got)


def _calibration_error(confidence: np.ndarray, correct: np.ndarray, num_bins: int) -> float:
    of = calibration_gaps(confidence, correct, num_bins)
    return float(np.sum(of["share"] * np.abs(of["accuracy"] - of["confidence"])))


def _cause_of_calibration(got: float, confidence: np.ndarray, correct: np.ndarray, num_bins: int) -> str:
    of = calibration_gaps(confidence, correct, num_bins)
    gaps = np.abs(of["accuracy"] - of["confidence"])
    squares, overall = np.sum(of["share"] * gaps**2), correct.mean() - confidence.mean()
    below = confidence < 1
    causes: dict[str, list[Any]] = {
        "signed": [overall, -overall, abs(overall)],
        "unweighted": [gaps.mean(), gaps.sum(), gaps.sum() / num_bins],
        "counts": [np.sum(of["share"] * gaps) * len(correct)],
        "largest": [gaps.max()],
        "middles": [np.sum(of["share"] * np.abs(of["accuracy"] - of["middle"]))],
        "each_image": [np.abs(correct - confidence).mean()],
        "squares": [squares, np.sqrt(squares), np.square(correct - confidence).mean()],
        "percent": [100 * np.sum(of["share"] * gaps)],
        "fixed_bins": [_calibration_error(confidence, correct, b) for b in (10, 15, 20) if b != num_bins],
    }
    if not below.all():
        without = _calibration_error(confidence[below], correct[below], num_bins)
        causes["top_bin"] = [without, below.mean() * without]
    return next((key for key, values in causes.items() if any(close(got, v) for v in values)), "value")
