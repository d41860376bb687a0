"""Checks of the exercises on GANs of images: pairwise distance, Fréchet distance, labels in D, averaged weights."""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.spatial.distance import cdist

from aigc_course.kit.practice.checks import Wrong, call, close, number, numbers


def check_pairwise(yours: Callable[[np.ndarray], Any]) -> None:
    """`yours(images)` is the mean Euclidean distance over all pairs of two different images (n, height, width)."""
    rng = np.random.default_rng(1)
    cases = [
        rng.uniform(size=(5, 3, 4)),
        rng.uniform(size=(2, 4, 4)),
        np.repeat(rng.uniform(size=(1, 2, 3)), 4, axis=0),
    ]
    for images in cases:
        flat = images.reshape(len(images), -1)
        distances, n = cdist(flat, flat), len(flat)
        pairs = n * (n - 1)
        expected, got = distances.sum() / pairs, number(call(yours, images))
        if close(got, expected):
            continue
        causes = {
            "with_itself": distances.mean(),
            "squared": (distances**2).sum() / pairs,
            "summed": distances.sum() / 2,
            "halved": expected / 2,
            "absolute": cdist(flat, flat, "cityblock").sum() / pairs,
            "to_mean": np.linalg.norm(flat - flat.mean(axis=0), axis=1).mean(),
        }
        raise Wrong(_cause(got, causes), expected=expected, got=got, count=n)


def check_frechet(yours: Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray], Any]) -> None:
    """`yours(m1, S1, m2, S2)` is the Fréchet distance of two Gaussians, squared as everyone uses it."""
    rng = np.random.default_rng(2)
    for dim in (2, 4):
        m1, m2 = rng.normal(size=(2, dim))
        S1, S2 = (a @ a.T + np.eye(dim) / 2 for a in rng.normal(size=(2, dim, dim)))
        root = np.linalg.cholesky(S1)
        middle = np.sqrt(np.linalg.eigvalsh(root.T @ S2 @ root)).sum()
        means, traces = ((m1 - m2) ** 2).sum(), np.trace(S1) + np.trace(S2)
        expected = means + traces - 2 * middle
        got = number(call(yours, m1, S1, m2, S2))
        if close(got, expected):
            continue
        causes = {
            "no_two": means + traces - middle,
            "not_squared": np.sqrt(means) + traces - 2 * middle,
            "elementwise": means + np.trace(S1 + S2 - 2 * np.sqrt(np.abs(S1 * S2))),
            "product": means + np.trace(S1 + S2 - 2 * S1 @ S2),
            "no_means": traces - 2 * middle,
            "rooted": np.sqrt(expected),
        }
        raise Wrong(_cause(got, causes), expected=expected, got=got, dim=dim)


def check_label_logits(yours: Callable[..., Any]) -> None:
    """`yours(features, labels, w, V)` is each image's logit: w·h, plus the product with the row of its label."""
    rng = np.random.default_rng(3)
    for count, dim, classes in ((5, 3, 4), (3, 3, 3), (1, 4, 2)):
        h, w, V = rng.normal(size=(count, dim)), rng.normal(size=dim), rng.normal(size=(classes, dim))
        labels = np.arange(count)[::-1] % classes
        plain, of_label = h @ w, (V[labels] * h).sum(axis=1)
        expected, got = plain + of_label, numbers(call(yours, h, labels, w, V), (count,))
        if close(got, expected):
            continue
        causes = {
            "no_label": plain,
            "label_only": of_label,
            "every_label": plain + (h @ V.T).sum(axis=1),
            "first_rows": plain + (V[np.arange(count) % classes] * h).sum(axis=1),
            "summed_over_batch": plain + (V[labels] * h).sum(),
            "added_vectors": plain + V[labels].sum(axis=1),
        }
        at = int(np.abs(got - expected).argmax())
        raise Wrong(_cause(got, causes), expected=expected[at], got=got[at], at=at, label=int(labels[at]))


def check_averaged(yours: Callable[[np.ndarray, float], Any]) -> None:
    """`yours(weights, decay)` is the moving average after the last step; it begins with the weights of step 0."""
    rng = np.random.default_rng(4)
    for steps, size, decay in ((6, 3, 0.9), (12, 2, 0.7), (1, 4, 0.99)):
        weights = rng.normal(1, 1, size=(steps, size))
        expected, got = _average(weights, decay, weights[0]), numbers(call(yours, weights, decay), (size,))
        if close(got, expected):
            continue
        causes = {
            "last": weights[-1],
            "plain_mean": weights.mean(axis=0),
            "exchanged": _average(weights, 1 - decay, weights[0]),
            "from_zero": _average(np.concatenate([weights[:1], weights]), decay, np.zeros(size)),
            "skips_last": _average(weights[:-1], decay, weights[0]),
        }
        at = int(np.abs(got - expected).argmax())
        raise Wrong(_cause(got, causes), expected=expected[at], got=got[at], decay=decay)


def _average(weights: np.ndarray, decay: float, average: np.ndarray) -> np.ndarray:
    """The moving average over the weights after the first, beginning with `average`."""
    for new in weights[1:]:
        average = decay * average + (1 - decay) * new
    return average


def _cause(got: Any, causes: dict[str, Any]) -> str:
    """The first cause whose value is what was got, else "value"."""
    return next((key for key, value in causes.items() if close(got, value)), "value")
