"""The U-Net: sizes, what it is told, bad input."""

import math

import pytest
import torch
from lively_unet import lively_unet

from aigc_course.images.unet import UNet, time_embedding


@pytest.fixture(scope="module")
def network():
    return lively_unet()


def test_it_has_a_quarter_of_a_million_weights():
    assert sum(weights.numel() for weights in UNet().parameters()) == pytest.approx(250_000, rel=0.05)


def test_untrained_it_answers_0():
    answer = UNet(width=8)(torch.randn(2, 1, 28, 28), torch.tensor([0.0, 1.0]), torch.tensor([0, 10]))
    torch.testing.assert_close(answer, torch.zeros(2, 1, 28, 28), rtol=0, atol=0)
    assert answer.shape == (2, 1, 28, 28)


def test_times_and_labels_matter_and_no_label_is_the_last_one(network):
    images, times, labels = torch.zeros(3, 1, 28, 28), torch.tensor([0.1, 0.5, 0.5]), torch.tensor([3, 3, 4])
    answer = network(images, times, labels)
    assert not torch.allclose(answer[0], answer[1])
    assert not torch.allclose(answer[1], answer[2])
    assert torch.equal(network(images, times), network(images, times, torch.full((3,), 10)))


def test_words_are_added_up_in_any_order(network):
    images, times = torch.zeros(2, 1, 28, 28), torch.full((2,), 0.5)
    answer = network(images, times, torch.tensor([[1, 2], [3, 3]]))
    torch.testing.assert_close(answer, network(images, times, torch.tensor([[2, 1], [3, 3]])), rtol=0, atol=1e-5)
    assert not torch.allclose(answer[0], answer[1])
    assert torch.equal(network(images, times, torch.tensor([[1], [3]])), network(images, times, torch.tensor([1, 3])))


def test_each_image_is_answered_for_itself(network):
    images, times = torch.randn(4, 1, 28, 28), torch.rand(4)
    torch.testing.assert_close(network(images, times)[2:3], network(images[2:3], times[2:3]), rtol=0, atol=1e-5)


def test_embeddings_tell_near_times_apart_and_stay_within_1():
    times = torch.linspace(0, 1, 401)
    embedded = time_embedding(times, 64)
    assert embedded.shape == (401, 64)
    assert embedded.abs().max() <= 1
    assert torch.cdist(embedded, embedded).fill_diagonal_(1).min() > 0.1


@pytest.mark.parametrize(
    ("images", "times", "labels", "error", "said"),
    [
        (torch.zeros(2, 28, 28), torch.zeros(2), None, ValueError, r"expected \(batch, 1, 28, 28\)"),
        (torch.zeros(2, 1, 32, 32), torch.zeros(2), None, ValueError, r"images \(2, 1, 32, 32\)"),
        (torch.zeros(2, 1, 28, 28, dtype=torch.uint8), torch.zeros(2), None, TypeError, "images of torch.uint8"),
        ([0.0], torch.zeros(2), None, TypeError, "images of list"),
        (torch.zeros(2, 1, 28, 28), torch.zeros(3), None, ValueError, r"expected 2 floats in 0\.\.1"),
        (torch.zeros(2, 1, 28, 28), torch.zeros(2, dtype=torch.long), None, ValueError, "times torch.int64"),
        (torch.zeros(2, 1, 28, 28), torch.tensor([0.5, 1.5]), None, ValueError, r"times 0\.5 \.\. 1\.5"),
        (torch.zeros(2, 1, 28, 28), torch.full((2,), math.nan), None, ValueError, "times nan"),
        (torch.zeros(2, 1, 28, 28), torch.zeros(2), torch.tensor([0, 11]), ValueError, "label 11: expected 0 to 9"),
        (torch.zeros(2, 1, 28, 28), torch.zeros(2), torch.tensor([-1, 3]), ValueError, "label -1: expected 0 to 9"),
        (torch.zeros(2, 1, 28, 28), torch.zeros(2), torch.zeros(2), ValueError, "expected 2 whole numbers"),
        (torch.zeros(2, 1, 28, 28), torch.zeros(2), torch.tensor(3), ValueError, "expected 2 whole numbers"),
        (torch.zeros(2, 1, 28, 28), torch.zeros(2), torch.zeros(3, 4).long(), ValueError, "expected 2 whole numbers"),
    ],
)
def test_what_it_cannot_be_told(network, images, times, labels, error, said):
    with pytest.raises(error, match=said):
        network(images, times, labels)


@pytest.mark.parametrize("width", [0, 12, -8])
def test_a_width_that_cannot_be_normalized_in_groups(width):
    with pytest.raises(ValueError, match="multiple of 8"):
        UNet(width)
