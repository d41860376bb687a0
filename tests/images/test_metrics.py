"""The measures of generated images agree with other programs, with double loops, and with what theory says of them."""

import re

import numpy as np
import pytest
import scipy.linalg
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from torch import nn
from torchmetrics.image.fid import FrechetInceptionDistance

from aigc_course.images import metrics
from aigc_course.images.metrics import Gaussian, density_coverage, frechet_distance, gaussian, nearest, precision_recall


def features(count: int, dim: int, seed: int = 0, shift: float = 0.0) -> np.ndarray:
    """Features that hang together, not centered, of unequal sizes."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(count, dim)) @ rng.normal(size=(dim, dim)) + shift


def by_scipy(real: np.ndarray, fake: np.ndarray) -> float:
    """The formula with scipy's square root of a matrix."""
    means, covariances = [f.mean(axis=0) for f in (real, fake)], [np.cov(f, rowvar=False) for f in (real, fake)]
    root = scipy.linalg.sqrtm(covariances[0] @ covariances[1])
    return np.sum((means[0] - means[1]) ** 2) + np.trace(covariances[0] + covariances[1] - 2 * root.real)


# ------------------------------------------------------------ Fréchet distance


@pytest.mark.parametrize(("dim", "count"), [(2, 50), (16, 300), (64, 1000), (64, 80)])
def test_the_frechet_distance_agrees_with_scipy(dim, count):
    real, fake = features(count, dim), features(count + 7, dim, seed=1, shift=0.3)
    assert frechet_distance(real, fake) == pytest.approx(by_scipy(real, fake), rel=1e-6)


def test_the_frechet_distance_agrees_with_torchmetrics():
    class Rows(nn.Module):
        """Images of one pixel row are their own features."""

        num_features = 16

        def forward(self, images):
            return images.flatten(1)

    theirs = FrechetInceptionDistance(Rows(), normalize=True, input_img_size=(1, 1, 16)).set_dtype(torch.float64)
    real, fake = features(400, 16), features(400, 16, seed=1, shift=0.3)
    theirs.update(torch.from_numpy(real).view(-1, 1, 1, 16), real=True)
    theirs.update(torch.from_numpy(fake).view(-1, 1, 1, 16), real=False)
    assert frechet_distance(real, fake) == pytest.approx(theirs.compute().item(), rel=1e-6)


def test_the_frechet_distance_of_known_gaussians():
    square = Gaussian(np.zeros(3), np.diag([1.0, 4.0, 9.0]), 100)
    moved = Gaussian(np.array([3.0, 4.0, 0.0]), np.diag([1.0, 1.0, 0.0]), 100)
    assert frechet_distance(square, moved) == pytest.approx(25 + (1 - 1) ** 2 + (2 - 1) ** 2 + (3 - 0) ** 2)


def test_ten_thousand_against_themselves_are_at_distance_0():
    real = np.maximum(features(10_000, 64, shift=3.0) * 20, 0)  # like features after ReLU, large
    real[:, :5] = 0  # some that no image has
    assert 0 <= frechet_distance(real, real) < 1e-6
    assert 0 <= frechet_distance(real.astype(np.float32), real[::-1].astype(np.float32)) < 1e-6
    assert frechet_distance(gaussian(real), real) == frechet_distance(real, real)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), dim=st.integers(1, 8), spare=st.integers(1, 30), size=st.floats(1e-3, 1e3))
def test_the_frechet_distance_is_symmetric_never_negative_and_scales_with_the_square(seed, dim, spare, size):
    real, fake = features(dim + spare, dim, seed), features(dim + spare + 3, dim, seed + 1)
    distance = frechet_distance(real, fake)
    assert distance >= 0
    assert frechet_distance(fake, real) == pytest.approx(distance, rel=1e-8, abs=1e-9)
    assert frechet_distance(size * real, size * fake) == pytest.approx(size**2 * distance, rel=1e-6, abs=1e-9)
    assert frechet_distance(real + size, fake + size) == pytest.approx(distance, rel=1e-6, abs=1e-6)


def test_tensors_are_taken_as_they_are():
    real, fake = features(50, 4), features(50, 4, seed=1)
    assert frechet_distance(torch.from_numpy(real), torch.from_numpy(fake)) == frechet_distance(real, fake)


# ------------------------------------------------------------ inception score


def test_the_inception_score_of_images_all_alike_is_1():
    assert metrics.inception_score(np.tile([0.7, 0.2, 0.1], (50, 1))) == pytest.approx(1)


def test_the_inception_score_of_clear_images_of_every_class_is_the_number_of_classes():
    assert metrics.inception_score(np.eye(10)[np.arange(210) % 10]) == pytest.approx(10)
    assert metrics.inception_score(np.eye(10)[np.arange(210) % 3]) == pytest.approx(3)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), count=st.integers(1, 40), classes=st.integers(1, 12))
def test_the_inception_score_lies_between_1_and_the_number_of_classes(seed, count, classes):
    probs = np.random.default_rng(seed).dirichlet(np.full(classes, 0.3), size=count).astype(np.float32)
    assert 1 - 1e-9 <= metrics.inception_score(probs) <= classes + 1e-9


# ------------------------------------------------------------ precision, recall, density, coverage


def by_double_loop(real: np.ndarray, fake: np.ndarray, k: int) -> tuple[float, float, float, float]:
    """Precision, recall, density and coverage, one pair of images at a time."""

    def radius(x: np.ndarray, images: np.ndarray) -> float:
        return sorted(np.linalg.norm(x - other) for other in images)[k]  # the first is x itself

    balls = [(x, radius(x, real)) for x in real]
    fake_balls = [(x, radius(x, fake)) for x in fake]
    inside = [[bool(np.linalg.norm(f - x) < r) for x, r in balls] for f in fake]  # (fake, real)
    precision = np.mean([any(row) for row in inside])
    recall = np.mean([any(np.linalg.norm(r - x) < radius for x, radius in fake_balls) for r in real])
    return precision, recall, np.sum(inside) / (k * len(fake)), np.mean(np.any(inside, axis=0))


@pytest.mark.parametrize(("k", "shift", "chunk"), [(1, 0.0, 1000), (3, 0.5, 7), (5, 2.0, 30), (29, 1.0, 1)])
def test_precision_recall_density_and_coverage_agree_with_a_double_loop(k, shift, chunk, monkeypatch):
    monkeypatch.setattr(metrics, "CHUNK", chunk)
    rng = np.random.default_rng(k)
    real, fake = rng.normal(size=(30, 3)) + 100, 0.7 * rng.normal(size=(40, 3)) + 100 + shift
    found = (*precision_recall(real, fake, neighbors=k), *density_coverage(real, fake, neighbors=k))
    assert found == pytest.approx(by_double_loop(real, fake, k))


@pytest.mark.parametrize("k", [1, 3, 5])
def test_a_set_against_itself_has_full_marks(k):
    real = features(2300, 8, shift=5.0)
    assert precision_recall(real, real, neighbors=k) == (1, 1)
    assert density_coverage(real, real, neighbors=k) == (1, 1)


def test_two_sets_of_one_kind_have_density_1_and_the_coverage_that_theory_expects():
    rng = np.random.default_rng(0)
    real, fake = rng.normal(size=(2, 1500, 10))
    density, coverage = density_coverage(real, fake)
    assert density == pytest.approx(1, abs=0.1)
    assert coverage == pytest.approx(1 - 0.5**5, abs=0.02)  # 1 - 2^-k for as many fakes as reals


def test_a_collapsed_generator_is_precise_and_recalls_little():
    rng = np.random.default_rng(0)
    real, fake = rng.normal(size=(500, 4)), 0.01 * rng.normal(size=(500, 4))
    precision, recall = precision_recall(real, fake)
    density, coverage = density_coverage(real, fake)
    assert precision == 1
    assert recall < 0.01
    assert density > 1
    assert coverage < 0.3


def test_images_far_away_have_nothing_in_common():
    real, fake = features(100, 4), features(100, 4, shift=1000.0)
    assert precision_recall(real, fake) == (0, 0)
    assert density_coverage(real, fake) == (0, 0)


# ------------------------------------------------------------ nearest reference, shares of classes


@pytest.mark.parametrize(("chunk", "block"), [(1, 5000), (7, 13), (500, 1)])
def test_the_nearest_reference_agrees_with_scipy(chunk, block, monkeypatch):
    monkeypatch.setattr("aigc_course.images.metrics.BLOCK", block)
    rng = np.random.default_rng(0)
    images, references = rng.uniform(-1, 1, size=(40, 784)), rng.uniform(-1, 1, size=(90, 784))
    all_distances = cdist(images, references)
    indices, distances = nearest(images, references, chunk=chunk)
    np.testing.assert_array_equal(indices, all_distances.argmin(axis=1))
    np.testing.assert_allclose(distances, all_distances.min(axis=1), rtol=1e-12)


def test_a_copy_is_found_at_distance_0():
    references = np.random.default_rng(0).integers(0, 256, (200, 28, 28), dtype=np.uint8)
    order = np.random.default_rng(1).permutation(200)
    indices, distances = nearest(references[order], references)
    np.testing.assert_array_equal(indices, order)
    assert (distances == 0).all()
    other = references[order].copy()
    other[:, 3, 4] ^= 1  # one shade of gray in one pixel
    indices, distances = nearest(other, references)
    np.testing.assert_array_equal(indices, order)
    assert (distances == 1).all()


def test_a_copy_is_found_among_near_copies_far_from_the_mean():
    """One shade in one pixel is less than float32 keeps of the squared length of a dark image."""
    for seed in range(20):
        rng = np.random.default_rng(seed)
        dark = rng.integers(200, 256, (28, 28), dtype=np.uint8)
        near_copies = np.repeat(dark[None], 50, axis=0)
        near_copies[np.arange(50), rng.integers(28, size=50), rng.integers(28, size=50)] ^= 1
        references = np.concatenate([near_copies, np.zeros((500, 28, 28), np.uint8), dark[None]])
        indices, distances = nearest(dark[None], references)
        assert (indices.tolist(), distances.tolist()) == ([550], [0])


def test_shares_of_classes():
    np.testing.assert_allclose(metrics.class_shares([1, 1, 1, 0], num_classes=3), [0.25, 0.75, 0])
    assert metrics.class_shares(np.array([9], dtype=np.uint8)).shape == (10,)


# ------------------------------------------------------------ what is refused


@pytest.mark.parametrize("measure", [frechet_distance, precision_recall, density_coverage])
def test_features_of_another_kind_are_refused(measure):
    fine = features(20, 4)
    for bad in (np.nan, np.inf):
        spoiled = fine.copy()
        spoiled[3, 2] = bad
        with pytest.raises(ValueError, match=r"1 of 80 numbers are NaN or infinite; look for where"):
            measure(fine, spoiled)
    for shape in ((20,), (20, 2, 2), (0, 4), (20, 0)):
        with pytest.raises(ValueError, match=rf"have the shape {re.escape(str(shape))}; expected \(n, dim\)"):
            measure(np.zeros(shape), fine)
    with pytest.raises(ValueError, match="real features have 4 dimensions, fake ones 5; take both from the same layer"):
        measure(fine, features(20, 5))
    with pytest.raises(TypeError, match="expected numbers"):
        measure(fine, np.full((20, 4), "1"))


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: precision_recall(features(20, 4), features(20, 4), True), "neighbors=True with 20"),
        (lambda: precision_recall(features(20, 4), features(20, 4), 2.0), r"neighbors=2\.0 with 20"),
        (lambda: nearest(features(20, 4), features(20, 4), chunk=2.5), r"chunk=2\.5: expected a whole number"),
        (lambda: metrics.class_shares([0, 1], num_classes="3"), "num_classes=3: expected a whole number"),
        (lambda: metrics.class_shares([0, 1], num_classes=0), "num_classes=0: expected a whole number"),
    ],
)
def test_counts_that_are_no_whole_numbers_are_refused(call, said):
    with pytest.raises(ValueError, match=said):
        call()


def test_a_gaussian_counts_its_images_and_tensors_of_a_training_are_taken():
    measured = gaussian(torch.from_numpy(features(20, 4)).requires_grad_())
    assert measured.num_images == 20
    assert Gaussian.count is tuple.count  # no field hides it


@pytest.mark.parametrize(("count", "dim"), [(1, 1), (1, 4), (4, 4), (3, 4)])
def test_too_few_images_for_a_covariance_are_refused(count, dim):
    message = rf"{count} images for {dim} dimensions: .* at least {dim + 1}.*generate more images"
    with pytest.raises(ValueError, match=message):
        frechet_distance(features(20, dim), np.ones((count, dim)))
    with pytest.raises(ValueError, match=message):
        gaussian(np.ones((count, dim)))


@pytest.mark.parametrize(
    ("mean", "covariance", "message"),
    [
        (np.zeros(3), np.eye(2), r"covariance of shape \(2, 2\) beside a mean of shape \(3,\)"),
        (np.zeros(2), np.array([[1.0, 5.0], [0.0, 1.0]]), r"expected a symmetric \(2, 2\)"),
        (np.array([0, np.nan]), np.eye(2), "real mean: 1 of 2 numbers are NaN"),
        (np.zeros(2), np.full((2, 2), np.inf), "real covariance: 4 of 4"),
        (np.zeros(4), np.eye(4), "real features have 4 dimensions, fake ones 2"),
    ],
)
def test_statistics_that_do_not_fit_are_refused(mean, covariance, message):
    with pytest.raises(ValueError, match=message):
        frechet_distance(Gaussian(mean, covariance, 10), Gaussian(np.zeros(2), np.eye(2), 10))


@pytest.mark.parametrize("neighbors", [0, -1, 20, 2.5])
@pytest.mark.parametrize("measure", [precision_recall, density_coverage])
def test_an_impossible_neighbor_is_refused(measure, neighbors):
    with pytest.raises(ValueError, match=rf"neighbors={neighbors} with 20 real images: .*fewer than the images"):
        measure(features(20, 4), features(30, 4), neighbors=neighbors)


@pytest.mark.parametrize(
    ("probs", "message"),
    [
        (np.full((5, 4), 0.3), "a row sums to 1.2.*softmax first"),
        (np.array([[1.5, -0.5]]), r"lie in -0\.5 \.\. 1\.5"),
        (np.array([[np.nan, 1.0]]), "NaN"),
        (np.array([0.5, 0.5]), r"shape \(2,\); expected \(n, classes\)"),
        (np.zeros((0, 10)), "at least one"),
    ],
)
def test_what_are_no_probabilities_is_refused(probs, message):
    with pytest.raises(ValueError, match=message):
        metrics.inception_score(probs)


@pytest.mark.parametrize(
    ("images", "references", "message"),
    [
        (np.zeros((2, 28, 28)), np.zeros((3, 28, 27)), "images have 784 pixels, references 756"),
        (np.zeros((2, 784)), np.zeros((3, 784), np.uint8), "float64, references uint8; bring both to the same units"),
        (np.zeros((0, 28, 28)), np.zeros((3, 28, 28)), r"images have the shape \(0, 28, 28\)"),
        (np.zeros(784), np.zeros((3, 784)), r"images have the shape \(784,\); expected \(n, pixels\)"),
        (np.zeros((2, 784)), np.full((3, 784), np.nan), "references: 2352 of 2352"),
    ],
)
def test_images_that_cannot_be_compared_are_refused(images, references, message):
    with pytest.raises(ValueError, match=message):
        nearest(images, references)


def test_a_chunk_of_nothing_is_refused():
    with pytest.raises(ValueError, match="chunk=0"):
        nearest(np.zeros((2, 4)), np.zeros((2, 4)), chunk=0)


@pytest.mark.parametrize("labels", [[10], [-1, 3], [0.5], [[1, 2]], []])
def test_labels_that_are_no_classes_are_refused(labels):
    with pytest.raises(ValueError, match="labels"):
        metrics.class_shares(labels)
