"""Judging generated images by their features: how far from real ones, how clear, how varied, and whether copied.

Everything takes arrays, or tensors on the CPU, one row per image; features and probabilities come from a network that
reads the images. NumPy and SciPy only; sums are in float64. Longer than other files, so that all measures that a
chapter compares are found in one place, with the same checks.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from scipy.special import rel_entr

LARGEST = 1e100  # a sum of as many squares as fit into memory stays below float64's 1.8e308
CHUNK = 1000  # rows whose distances to all others are in memory at a time: 80 MB against 10,000
BLOCK = 2000  # references that `nearest` holds as floats at a time: 13 MB of 784 pixels


class Gaussian(NamedTuple):
    """What the Fréchet distance knows of a set of images; worth keeping where the same set is used again."""

    mean: np.ndarray  # (dim,)
    covariance: np.ndarray  # (dim, dim), divided by num_images - 1
    num_images: int  # images it was measured on


class PrecisionRecall(NamedTuple):
    """Two shares in 0..1."""

    precision: float  # of the generated images that lie where real ones do: are they good?
    recall: float  # of the real images that lie where generated ones do: is everything there?


class DensityCoverage(NamedTuple):
    """Two measures that one odd image cannot spoil; both about 1 for real images against real ones."""

    density: float  # around how many real images a generated one lies, divided by what is expected; may exceed 1
    coverage: float  # share of the real images that have a generated one near


class Nearest(NamedTuple):
    """The reference nearest to each image."""

    indices: np.ndarray  # (n,) whole numbers: rows of the references
    distances: np.ndarray  # (n,) float64, in the images' own units


def numbers(values: Any, name: str, shape: str) -> np.ndarray:
    """`values` as an array with as many axes as `shape` names.

    TypeError or ValueError unless finite, not empty and small enough to be squared.
    """
    array = np.asarray(values.detach() if hasattr(values, "detach") else values)
    if array.dtype.kind not in "fiu":
        raise TypeError(f"{name} are {array.dtype}; expected numbers of the shape {shape}")
    if array.ndim != shape.count(",") + (not shape.endswith(",)")) or 0 in array.shape:
        raise ValueError(f"{name} have the shape {array.shape}; expected {shape} with at least one element")
    if not np.isfinite(array).all():
        bad = array.size - int(np.isfinite(array).sum())
        raise ValueError(
            f"{name}: {bad} of {array.size} numbers are NaN or infinite; look for where they arise, "
            "for example in a generator whose training has diverged"
        )
    largest = max(abs(float(array.min())), abs(float(array.max())))
    if largest > LARGEST:
        raise ValueError(
            f"{name} reach {largest:.3g}, where squares and their sums overflow float64; "
            f"expected numbers up to {LARGEST:g}: did training diverge? Or scale both sets down alike"
        )
    return array


def is_whole(value: Any) -> bool:
    """Whether it is a whole number, Python's or NumPy's."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def pair(real: Any, fake: Any) -> tuple[np.ndarray, np.ndarray]:
    """Both sets of features (n, dim) as float64, moved so that the real ones have mean 0; errors as for `numbers`."""
    real = numbers(real, "real features", "(n, dim)").astype(np.float64)
    fake = numbers(fake, "fake features", "(n, dim)").astype(np.float64)
    check_dimensions(real.shape[1], fake.shape[1])
    middle = real.mean(axis=0)  # small numbers lose less when their squares are subtracted
    return real - middle, fake - middle


def check_dimensions(real: int, fake: int) -> None:
    """ValueError unless equal."""
    if real != fake:
        raise ValueError(
            f"real features have {real} dimensions, fake ones {fake}; take both from the same layer of the same network"
        )


def gaussian(features: Any) -> Gaussian:
    """Mean and covariance of features (n, dim), n more than dim.

    Raises TypeError for what is no number; ValueError for another shape, NaN or infinity, too few images.
    """
    features = numbers(features, "features", "(n, dim)").astype(np.float64)
    count, dim = features.shape
    if count <= max(dim, 1):
        raise ValueError(
            f"{count} images for {dim} dimensions: a covariance needs at least {dim + 1}, and 10,000 is usual; "
            "generate more images, or take features of fewer dimensions"
        )
    mean = features.mean(axis=0)
    centered = features - mean
    return Gaussian(mean, centered.T @ centered / (count - 1), count)


def frechet_distance(real: Any, fake: Any) -> float:
    """|m1 - m2|² + tr(S1 + S2 - 2 (S1 S2)^½), 0 for equal Gaussians; not below 0, in squared units of the features.

    real, fake: (n, dim) features, n more than dim, or what `gaussian` made of them
    Fewer images give a larger distance: compare only sets of the same size. Raises what `gaussian` raises, and
    ValueError for different dimensions. Source: Dowson and Landau 1982; as a measure of images, Heusel et al. 2017.
    """
    one, other = (
        known(value, name) if isinstance(value, Gaussian) else gaussian(value)
        for value, name in ((real, "real"), (fake, "fake"))
    )
    check_dimensions(len(one.mean), len(other.mean))
    # With S1 = A·Aᵀ and S2 = B·Bᵀ, the eigenvalues of S1^½ S2 S1^½ (those of S1·S2) are the squares of the singular
    # values of Aᵀ·B. Taking these loses no digits to a square root of numbers near 0.
    root = np.linalg.svd(factor(one.covariance).T @ factor(other.covariance), compute_uv=False)
    between = np.sum((one.mean - other.mean) ** 2)
    return max(0.0, float(between + np.trace(one.covariance) + np.trace(other.covariance) - 2 * root.sum()))


def factor(covariance: np.ndarray) -> np.ndarray:
    """A (dim, dim) with covariance = A·Aᵀ, by its eigenvectors; those below 0 by rounding count as 0."""
    values, vectors = np.linalg.eigh(covariance)
    return vectors * np.sqrt(np.maximum(values, 0))


def known(given: Gaussian, name: str) -> Gaussian:
    """The same in float64; ValueError unless mean and covariance are finite and fit."""
    mean = numbers(given.mean, f"{name} mean", "(dim,)").astype(np.float64)
    covariance = numbers(given.covariance, f"{name} covariance", "(dim, dim)").astype(np.float64)
    if covariance.shape != (len(mean), len(mean)) or not np.allclose(covariance, covariance.T):
        raise ValueError(
            f"{name}: covariance of shape {covariance.shape} beside a mean of shape {mean.shape}; expected a symmetric "
            f"({len(mean)}, {len(mean)}), as `gaussian(features)` returns it"
        )
    return Gaussian(mean, covariance, given.num_images)


def inception_score(probs: Any) -> float:
    """exp(E[KL(p(y|x) || p(y))]): 1 if all images look alike or unclear, `classes` if all are clear and all occur.

    probs: (n, classes), what a classifier says of the images. Raises TypeError, ValueError for anything else.
    Source: Salimans et al. 2016; there on the network Inception and over ten parts, here on any and over all.
    """
    probs = numbers(probs, "probs", "(n, classes)").astype(np.float64)
    sums = probs.sum(axis=1, keepdims=True)
    if probs.min() < 0 or np.abs(sums - 1).max() > 1e-3:
        raise ValueError(
            f"probs lie in {probs.min():.3g} .. {probs.max():.3g} and a row sums to "
            f"{sums.flat[np.abs(sums - 1).argmax()]:.3g}; expected probabilities: put logits through a softmax first"
        )
    probs = probs / sums
    return float(np.exp(rel_entr(probs, probs.mean(axis=0)).sum(axis=1).mean()))


def squared_distances(rows: np.ndarray, others: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """(which rows, their squared distances (chunk, m) to `others` (m, dim)), CHUNK rows at a time."""
    lengths = np.einsum("ij,ij->i", others, others)
    for start in range(0, len(rows), CHUNK):
        some = rows[start : start + CHUNK]
        squared = some @ (-2 * others.T)
        squared += lengths
        squared += np.einsum("ij,ij->i", some, some)[:, None]
        yield slice(start, start + len(some)), np.maximum(squared, 0, out=squared)


def squared_radii(features: np.ndarray, neighbors: int, name: str) -> np.ndarray:
    """(n,) squared distance of each image to the `neighbors`-th nearest of the others of its set."""
    if not is_whole(neighbors) or not 1 <= neighbors < len(features):
        raise ValueError(
            f"neighbors={neighbors} with {len(features)} {name} images: expected a whole number of at least 1 and "
            "fewer than the images"
        )
    radii = np.empty(len(features))
    for rows, squared in squared_distances(features, features):
        squared[np.arange(len(squared)), np.arange(rows.start, rows.stop)] = -1  # itself comes first, then the others
        squared.partition(neighbors, axis=1)
        radii[rows] = squared[:, neighbors]
    return radii


def precision_recall(real: Any, fake: Any, neighbors: int = 3) -> PrecisionRecall:
    """Which images of one set lie in a ball around one of the other, as wide as to that one's k-th neighbor.

    real, fake: (n, dim), (m, dim) features;  neighbors: k
    Raises TypeError, ValueError as `gaussian` does, and for k not in 1..images-1. Source: Kynkäänniemi et al. 2019.
    """
    real, fake = pair(real, fake)
    real_radii = squared_radii(real, neighbors, "real")
    fake_radii = squared_radii(fake, neighbors, "fake")
    fake_near_real = np.empty(len(fake), bool)
    real_near_fake = np.zeros(len(real), bool)
    for rows, squared in squared_distances(fake, real):  # (chunk, n)
        fake_near_real[rows] = (squared <= real_radii).any(axis=1)
        real_near_fake |= (squared <= fake_radii[rows, None]).any(axis=0)
    return PrecisionRecall(float(fake_near_real.mean()), float(real_near_fake.mean()))


def density_coverage(real: Any, fake: Any, neighbors: int = 5) -> DensityCoverage:
    """How many balls around real images hold a generated one, over k; and the share of balls that hold any.

    real, fake: (n, dim), (m, dim) features;  neighbors: k, as for `precision_recall`, with the same errors
    Source: Naeem et al. 2020; as in their program a ball is without its edge, so that a set has density 1 in itself.
    """
    real, fake = pair(real, fake)
    radii = squared_radii(real, neighbors, "real")
    hits, covered = 0, np.empty(len(real), bool)
    for rows, squared in squared_distances(real, fake):  # (chunk, m)
        inside = squared < radii[rows, None]
        hits += int(inside.sum())
        covered[rows] = inside.any(axis=1)
    return DensityCoverage(hits / (neighbors * len(fake)), float(covered.mean()))


def nearest(images: Any, references: Any, chunk: int = 500) -> Nearest:
    """The reference nearest to each image, by Euclidean distance over the pixels.

    images, references: (n, ...), (m, ...), such as (n, 784) or (n, 28, 28), in the same units;  chunk: images at a time
    Takes some 30 MB for images of 784 pixels. Raises TypeError, ValueError for other shapes and units.
    """
    images, references = (
        numbers(array.reshape(len(array), -1) if array.size and array.ndim > 1 else array, name, "(n, pixels)")
        for array, name in ((np.asarray(images), "images"), (np.asarray(references), "references"))
    )
    if images.shape[1] != references.shape[1]:
        raise ValueError(f"images have {images.shape[1]} pixels, references {references.shape[1]}; expected as many")
    if (images.dtype.kind == "f") != (references.dtype.kind == "f"):
        raise ValueError(
            f"images are {images.dtype}, references {references.dtype}; bring both to the same units, "
            "for example uint8 in 0..255"
        )
    if not is_whole(chunk) or chunk < 1:
        raise ValueError(f"chunk={chunk}: expected a whole number of at least 1 image at a time")
    middle = np.round(references.mean(axis=0, dtype=np.float64))  # whole numbers stay whole, others lose fewer digits
    indices, least = np.zeros(len(images), np.int64), np.full(len(images), np.inf)
    for first in range(0, len(references), BLOCK):
        others = references[first : first + BLOCK] - middle  # float64: float32 would take a near copy for a copy
        lengths = np.einsum("ij,ij->i", others, others)
        for start in range(0, len(images), chunk):
            part = slice(start, start + chunk)
            squared = ((images[part] - middle) * -2) @ others.T  # (chunk, BLOCK), but for |image|²
            squared += lengths
            candidates = squared.argmin(axis=1)
            values = squared[np.arange(len(candidates)), candidates]
            nearer = values < least[part]
            least[part][nearer], indices[part][nearer] = values[nearer], first + candidates[nearer]
    distances = np.empty(len(images))
    for start in range(0, len(images), chunk):  # again and exactly, so that a copy is at 0
        part = slice(start, start + chunk)
        difference = images[part].astype(np.float64) - references[indices[part]]
        distances[part] = np.sqrt((difference**2).sum(axis=1))
    return Nearest(indices, distances)


def class_shares(labels: Any, num_classes: int = 10) -> np.ndarray:
    """(num_classes,) share of each class, together 1.

    labels: (n,) whole numbers in 0..num_classes-1; ValueError for others, TypeError for what is no number.
    """
    if not is_whole(num_classes) or num_classes < 1:
        raise ValueError(f"num_classes={num_classes}: expected a whole number of at least 1")
    labels = numbers(labels, "labels", "(n,)")
    if labels.dtype.kind == "f" or not (labels.min() >= 0 and labels.max() < num_classes):
        raise ValueError(
            f"labels are {labels.dtype} in {labels.min()} .. {labels.max()}; expected whole numbers in "
            f"0 .. {num_classes - 1}"
        )
    return np.bincount(labels.astype(np.int64), minlength=num_classes) / len(labels)
