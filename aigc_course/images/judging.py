"""Judging a classifier: confusion matrix, calibration; and bringing a drawing to MNIST's conventions."""

from typing import NamedTuple

import numpy as np


def confusion_matrix(labels: np.ndarray, predictions: np.ndarray, num_classes: int = 10) -> np.ndarray:
    """(num_classes, num_classes) counts: row = true class, column = predicted class.

    labels, predictions: (n,) whole numbers in 0..num_classes-1; ValueError otherwise.
    """
    from sklearn.metrics import confusion_matrix as count_pairs

    labels, predictions = np.asarray(labels), np.asarray(predictions)
    if labels.shape != predictions.shape or labels.ndim != 1:
        raise ValueError(f"labels {labels.shape} and predictions {predictions.shape} must be two lists of equal length")
    if not len(labels):
        return np.zeros((num_classes, num_classes), dtype=int)
    check_classes(labels, "labels", num_classes)
    check_classes(predictions, "predictions", num_classes)
    return count_pairs(labels, predictions, labels=range(num_classes))


def check_classes(classes: np.ndarray, name: str, num_classes: int) -> None:
    """ValueError unless all are whole numbers (of an integer type) in 0..num_classes-1."""
    if classes.dtype.kind not in "iu":
        raise ValueError(f"{name} are {classes.dtype}; expected whole numbers, the classes 0..{num_classes - 1}")
    if classes.min() < 0 or classes.max() >= num_classes:
        raise ValueError(f"{name} lie in {classes.min()}..{classes.max()}; allowed: 0..{num_classes - 1}")


class Reliability(NamedTuple):
    """How often a model is right, by how sure it says it is."""

    confidence: np.ndarray  # (bins,) mean confidence of each bin, NaN where it is empty
    accuracy: np.ndarray  # (bins,) share of right answers in each bin, NaN where it is empty
    num_images: np.ndarray  # (bins,) images in each bin

    @property
    def error(self) -> float:
        """Expected calibration error: sum over bins of n_b / n · |acc(b) - conf(b)| (Guo et al. 2017)."""
        gap = np.nan_to_num(np.abs(self.accuracy - self.confidence))
        return float((self.num_images * gap).sum() / self.num_images.sum())


def reliability(probs: np.ndarray, labels: np.ndarray, num_bins: int = 10) -> Reliability:
    """Sort the answers into bins of equal width by their confidence, the largest probability.

    probs: (n, classes), rows that sum to 1;  labels: (n,) whole numbers.  ValueError for anything else.
    """
    probs, labels = np.asarray(probs, dtype=np.float64), np.asarray(labels)
    if probs.ndim != 2 or labels.shape != probs.shape[:1] or not len(labels):
        raise ValueError(f"probs {probs.shape} and labels {labels.shape} must be (n, classes) and (n,), n at least 1")
    check_classes(labels, "labels", probs.shape[1])
    if not np.allclose(probs.sum(axis=1), 1, atol=1e-3):
        raise ValueError("the rows of probs do not sum to 1; give probabilities, not logits")
    confidence, right = probs.max(axis=1), probs.argmax(axis=1) == labels
    bins = np.minimum((confidence * num_bins).astype(int), num_bins - 1)
    num_images = np.bincount(bins, minlength=num_bins)
    with np.errstate(invalid="ignore"):
        return Reliability(
            confidence=np.bincount(bins, confidence, num_bins) / num_images,
            accuracy=np.bincount(bins, right, num_bins) / num_images,
            num_images=num_images,
        )


def prepare_drawing(pixels: np.ndarray) -> np.ndarray:
    """Bring a drawn digit to MNIST's conventions: scaled to fit 20×20, its center of mass at (14, 14) of 28×28.

    pixels:  (28, 28) numbers in 0..1, 0 = paper, 1 = ink
    returns  (28, 28) float32 in 0..1
    Raises ValueError for another shape, NaN, numbers outside 0..1, or an empty sheet.
    Source: LeCun, Cortes, Burges, The MNIST database (1998).
    """
    from scipy.ndimage import center_of_mass, zoom

    pixels = np.asarray(pixels)
    if pixels.shape != (28, 28):
        raise ValueError(f"the drawing has the shape {pixels.shape}; expected (28, 28)")
    if not np.issubdtype(pixels.dtype, np.number) or not np.isfinite(pixels).all():
        raise ValueError("the drawing contains NaN or something that is not a number; expected finite numbers in 0..1")
    if pixels.min() < 0 or pixels.max() > 1:
        raise ValueError(
            f"the drawing holds {pixels.min():.3g} .. {pixels.max():.3g}; expected 0 (paper) to 1 (ink): divide by 255?"
        )
    rows, columns = np.flatnonzero((pixels > 0.1).any(axis=1)), np.flatnonzero((pixels > 0.1).any(axis=0))
    if not len(rows):
        raise ValueError("the drawing is empty; draw a digit on the pad first, in dark ink")
    digit = pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].astype(np.float64)
    digit = np.clip(zoom(digit, 20 / max(digit.shape), order=1), 0, 1)[:20, :20]  # the longer side becomes 20
    size = np.array(digit.shape)
    corner = np.clip(np.round(14 - np.array(center_of_mass(digit))).astype(int), 0, 28 - size)  # whole pixels: no blur
    canvas = np.zeros((28, 28), dtype=np.float32)
    canvas[corner[0] : corner[0] + size[0], corner[1] : corner[1] + size[1]] = digit
    return canvas
