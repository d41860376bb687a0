"""One training, with one thing wrong: each mistake does to the loss what chapter 9 says of it."""

import math

import numpy as np
import pytest
import torch

from aigc_course.kit.datasets.mnist import bundled_sample
from aigc_course.mistakes import MISTAKES, loss_curve


@pytest.fixture(scope="module")
def digits():
    """A thousand digits of MNIST, of those that a dependency ships."""
    sample = bundled_sample("train")
    chosen = np.random.default_rng(0).permutation(len(sample.images))[:1000]
    images = torch.from_numpy(sample.images[chosen].reshape(1000, -1)).float() / 255
    return images, torch.from_numpy(sample.labels[chosen]).long()


def curve(digits, mistake, seed=0, num_steps=150):
    return np.array(list(loss_curve(*digits, mistake, seed, num_steps)))


def test_without_a_mistake_it_learns(digits):
    losses = curve(digits, "none")
    assert losses[0] > 2
    assert losses[-10:].mean() < 0.5


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_softmax_twice_stays_above_its_floor(digits, seed):
    floor = math.log(math.e + 9) - 1
    assert floor == pytest.approx(torch.nn.functional.cross_entropy(torch.eye(10), torch.arange(10)).item(), abs=1e-6)
    losses = curve(digits, "softmax twice", seed, 400)
    assert floor < losses.min() < 1.9


def test_a_learning_rate_that_is_much_too_high_ends_knowing_nothing(digits):
    losses = curve(digits, "learning rate")
    assert losses.max() > 20
    assert losses[-10:] == pytest.approx(math.log(10), abs=0.1)


def test_shuffled_labels_cannot_be_learned_in_so_few_steps(digits):
    assert curve(digits, "labels shuffled")[-20:].mean() > 1.8


def test_gradients_that_are_kept_grow(digits):
    kept, right = curve(digits, "gradients kept"), curve(digits, "none")
    assert kept[0] == right[0]
    assert kept[-50:].mean() > 3 * right[-50:].mean()


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_seed_repeats_the_curve_and_leaves_the_arguments_alone(digits, mistake):
    images, labels = (part.clone() for part in digits)
    state = torch.get_rng_state()
    assert np.array_equal(curve(digits, mistake, 3), curve(digits, mistake, 3))
    assert torch.equal(images, digits[0])
    assert torch.equal(labels, digits[1])
    assert torch.equal(state, torch.get_rng_state())
