"""Judging a classifier: counts and calibration against scikit-learn, and drawings brought to MNIST's conventions."""

import numpy as np
import pytest
from scipy.ndimage import center_of_mass
from sklearn.calibration import calibration_curve
from sklearn.metrics import confusion_matrix

from aigc_course.images import judging
from aigc_course.kit.figures.drawing import stored_drawing


def answers(num_answers=20_000, seed=0):
    """Probabilities of a classifier that is right exactly as often as it says, and the labels."""
    rng = np.random.default_rng(seed)
    probs = rng.dirichlet(np.full(10, 0.3), size=num_answers)
    labels = (probs.cumsum(axis=1) > rng.random((num_answers, 1))).argmax(axis=1)
    return probs, labels


def test_the_confusion_matrix_agrees_with_scikit_learn():
    probs, labels = answers(2000)
    predictions = probs.argmax(axis=1)
    matrix = judging.confusion_matrix(labels, predictions)
    np.testing.assert_array_equal(matrix, confusion_matrix(labels, predictions, labels=range(10)))
    assert matrix.trace() / matrix.sum() == np.mean(predictions == labels)


def test_rows_are_the_truth_and_pairs_are_counted_each_time():
    matrix = judging.confusion_matrix([4, 4, 4], [9, 9, 4])
    assert matrix[4, 9] == 2
    assert matrix[4, 4] == 1
    assert matrix.sum() == 3


@pytest.mark.parametrize(
    ("labels", "predictions", "message"),
    [
        ([1, 2], [1], "equal length"),
        ([[1]], [[1]], "equal length"),
        ([1, 10], [1, 2], r"labels lie in 1\.\.10; allowed: 0\.\.9"),
        ([1, 2], [-1, 2], "predictions lie in -1"),
        ([True, False], [True, True], "labels are bool; expected whole numbers, the classes 0..9"),
        ([1, 2], [True, False], "predictions are bool"),
        ([1.0, 2.0], [1, 2], "labels are float64"),
        ([1, 2], [1, np.nan], "predictions are float64"),
        (["a", "b"], [1, 2], "labels are <U1"),
        ([None, 1], [1, 2], "labels are object"),
    ],
)
def test_other_labels_are_refused(labels, predictions, message):
    with pytest.raises(ValueError, match=message):
        judging.confusion_matrix(labels, predictions)


def test_no_answers_are_a_matrix_of_zeros_and_other_numbers_of_classes_are_counted():
    assert judging.confusion_matrix([], []).tolist() == np.zeros((10, 10)).tolist()
    assert judging.confusion_matrix(np.uint8([0, 2]), np.int64([0, 1]), 3).tolist() == [[1, 0, 0], [0, 0, 0], [0, 1, 0]]


def test_reliability_agrees_with_scikit_learn():
    probs, labels = answers()
    bins = judging.reliability(probs, labels, num_bins=15)
    right, confidence = probs.argmax(axis=1) == labels, probs.max(axis=1)
    accuracy, mean_confidence = calibration_curve(right, confidence, n_bins=15, strategy="uniform")
    used = bins.num_images > 0
    np.testing.assert_allclose(bins.accuracy[used], accuracy)
    np.testing.assert_allclose(bins.confidence[used], mean_confidence)
    assert bins.num_images.sum() == len(labels)
    assert bins.num_images[0] == 0  # the largest of ten probabilities is at least 0.1
    assert np.isnan(bins.accuracy[0])


def test_who_is_right_as_often_as_he_says_has_almost_no_calibration_error():
    assert judging.reliability(*answers()).error < 0.01


def test_who_is_always_sure_errs_by_the_share_of_his_mistakes():
    probs, labels = answers()
    sure = np.eye(10)[probs.argmax(axis=1)]
    mistakes = np.mean(probs.argmax(axis=1) != labels)
    bins = judging.reliability(sure, labels)
    assert bins.error == pytest.approx(mistakes)
    assert list(bins.num_images) == [0] * 9 + [len(labels)]  # confidence 1 belongs to the last bin


@pytest.mark.parametrize(
    ("labels", "message"),
    [([True, False], "labels are bool"), ([0.0, 1.0], "labels are float64"), ([0, 2], r"labels lie in 0\.\.2")],
)
def test_labels_of_no_class_are_refused_by_both(labels, message):
    with pytest.raises(ValueError, match=message):
        judging.reliability(np.full((2, 2), 0.5), np.array(labels))
    with pytest.raises(ValueError, match=message):
        judging.confusion_matrix(np.array(labels), [0, 1], num_classes=2)


@pytest.mark.parametrize(
    ("probs", "labels", "message"),
    [
        (np.full((3, 10), 0.1), [1, 2], r"\(3, 10\) and labels \(2,\)"),
        (np.full((3, 10), 0.5), [1, 2, 3], "do not sum to 1.*not logits"),
        (np.full((3, 10), np.nan), [1, 2, 3], "do not sum to 1"),
        (np.zeros((0, 10)), [], "n at least 1"),
    ],
)
def test_other_probabilities_are_refused(probs, labels, message):
    with pytest.raises(ValueError, match=message):
        judging.reliability(probs, np.array(labels, dtype=int))


def a_stroke(height, width, top, left):
    pixels = np.zeros((28, 28))
    pixels[top : top + height, left : left + width] = 1
    return pixels


@pytest.mark.parametrize("place", [(0, 0), (3, 18), (18, 3)])
@pytest.mark.parametrize(("height", "width"), [(10, 5), (5, 10), (8, 8)])
def test_a_drawing_is_scaled_to_twenty_and_its_ink_centered(height, width, place):
    prepared = judging.prepare_drawing(a_stroke(height, width, *place))
    assert prepared.shape == (28, 28)
    assert prepared.dtype == np.float32
    assert prepared.min() >= 0
    assert prepared.max() == pytest.approx(1)
    dark = prepared > 0.5
    size = dark.any(axis=1).sum(), dark.any(axis=0).sum()
    assert max(size) == pytest.approx(20, abs=1)
    assert size[0] / size[1] == pytest.approx(height / width, rel=0.12)
    assert center_of_mass(prepared) == pytest.approx((14, 14), abs=0.5)


def test_where_it_was_drawn_makes_no_difference():
    one, other = (judging.prepare_drawing(a_stroke(12, 6, *place)) for place in ((1, 2), (14, 20)))
    np.testing.assert_allclose(one, other, atol=1e-6)


def test_a_single_dot_can_be_prepared():
    assert judging.prepare_drawing(a_stroke(1, 1, 5, 5)).sum() == pytest.approx(400, rel=0.1)


def test_the_stored_drawing_can_be_prepared():
    assert judging.prepare_drawing(stored_drawing()).max() > 0.5


@pytest.mark.parametrize(
    ("pixels", "message"),
    [
        (np.zeros((28, 27)), r"\(28, 27\); expected \(28, 28\)"),
        (np.zeros((1, 28, 28)), r"\(1, 28, 28\)"),
        (np.zeros((28, 28)), "empty"),
        (np.full((28, 28), np.nan), "NaN"),
        (np.full((28, 28), np.inf), "finite"),
        (np.full((28, 28), 255), "divide by 255"),
        (np.full((28, 28), -0.5), "expected 0"),
        (np.full((28, 28), "ink"), "not a number"),
    ],
)
def test_other_drawings_are_refused(pixels, message):
    with pytest.raises(ValueError, match=message):
        judging.prepare_drawing(pixels)
