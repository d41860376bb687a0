"""Gradients and epsilon are Opacus's; no example moves the weights by more than it may; bad settings are refused."""

import math
import warnings

import pytest
import torch
import torch.nn.functional as F
from opacus.accountants.analysis import rdp
from opacus.grad_sample import GradSampleModule
from opacus.optimizers import DPOptimizer
from torch import nn

from aigc_course.trust.private_training import (
    PrivateConfig,
    clipped_noisy_gradient,
    epsilon,
    per_example_gradients,
    train_privately,
)


def data(n=24, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, 1, 8, 8, generator=generator), torch.randint(3, (n,), generator=generator)


def network(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.Tanh(), nn.Flatten(), nn.Linear(144, 3))


def test_gradients_of_examples_are_those_of_batches_of_one():
    model, (x, y) = network(), data(5)
    found = per_example_gradients(model, F.cross_entropy, x, y)
    for i in range(5):
        model.zero_grad()
        F.cross_entropy(model(x[i : i + 1]), y[i : i + 1]).backward()
        for each, weight in zip(found, model.parameters(), strict=True):
            torch.testing.assert_close(each[i], weight.grad)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("noise", [0.0, 1.1])
@pytest.mark.parametrize("max_norm", [0.05, 1.0, 100.0])
def test_the_step_is_that_of_opacus_with_the_same_noise(noise, max_norm):
    x, y = data()
    theirs = GradSampleModule(network())
    optimizer = DPOptimizer(
        torch.optim.SGD(theirs.parameters(), lr=1.0), noise_multiplier=noise, max_grad_norm=max_norm,
        expected_batch_size=20, generator=torch.Generator().manual_seed(5),
    )  # fmt: skip
    F.cross_entropy(theirs(x), y).backward()
    optimizer.pre_step()
    ours = network()
    gradients = per_example_gradients(ours, F.cross_entropy, x, y)
    found = clipped_noisy_gradient(gradients, max_norm, noise, 20, torch.Generator().manual_seed(5))
    for one, weight in zip(found, theirs.parameters(), strict=True):
        torch.testing.assert_close(one, weight.grad, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("noise", [0.6, 1.1, 4.0])
@pytest.mark.parametrize("rate", [0.001, 0.01, 0.1, 1.0])
@pytest.mark.parametrize("steps", [1, 300, 5000])
def test_epsilon_is_that_of_opacus(noise, rate, steps):
    orders = [1 + x / 10 for x in range(1, 100)] + list(range(12, 64))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        spent = rdp.compute_rdp(q=rate, noise_multiplier=noise, steps=steps, orders=orders)
        theirs, _ = rdp.get_privacy_spent(orders=orders, rdp=spent, delta=1e-5)
    ours = epsilon(noise, rate, steps, 1e-5)
    assert ours <= theirs * 1.001  # we look at their orders and at larger ones, which help where epsilon is small
    if theirs > 0.3:
        assert ours == pytest.approx(theirs, rel=0.01)


def test_one_example_changes_the_sum_by_at_most_the_norm():
    model, (x, y) = network(), data()
    with_it = clipped_noisy_gradient(per_example_gradients(model, F.cross_entropy, 100 * x, y), 0.3, 0.0, 1)
    without = clipped_noisy_gradient(per_example_gradients(model, F.cross_entropy, 100 * x[1:], y[1:]), 0.3, 0.0, 1)
    difference = math.sqrt(sum((a - b).square().sum().item() for a, b in zip(with_it, without, strict=True)))
    assert 0.29 < difference <= 0.3 + 1e-6


def test_the_noise_has_its_size_and_an_empty_batch_is_noise_alone():
    empty = [torch.zeros(0, 200, 200)]
    noise = clipped_noisy_gradient(empty, 2.0, 1.5, 10, torch.Generator().manual_seed(0))[0]
    assert noise.std().item() == pytest.approx(0.3, rel=0.02) and abs(noise.mean().item()) < 0.005


def trained(seed, noise=0.5):
    model, (x, y) = network(), data()
    config = PrivateConfig(num_steps=4, batch_size=12, noise_multiplier=noise)
    assert list(train_privately(model, F.cross_entropy, x, y, config, seed)) == [0, 1, 2, 3]
    return torch.cat([weight.detach().flatten() for weight in model.parameters()])


def test_same_seed_same_weights():
    assert torch.equal(trained(1), trained(1))
    assert not torch.equal(trained(1), trained(2))


def test_it_learns_where_there_is_something_to_learn():
    x, y = data(200)
    y = (x.mean((1, 2, 3)) > 0).long()
    model = network()
    config = PrivateConfig(num_steps=120, batch_size=100, noise_multiplier=0.5, learning_rate=1.0)
    for _ in train_privately(model, F.cross_entropy, x, y, config, 0):
        pass
    assert (model(x).argmax(1) == y).float().mean() > 0.85


def test_frozen_weights_stay():
    model, (x, y) = network(), data()
    model[0].requires_grad_(False)
    before = model[0].weight.clone()
    list(train_privately(model, F.cross_entropy, x, y, PrivateConfig(2, 12, 1.0), 0))
    assert torch.equal(model[0].weight, before)


def test_epsilon_grows_with_steps_and_falls_with_noise():
    assert epsilon(0, 0.01, 10, 1e-5) == math.inf
    steps = [epsilon(1.0, 0.01, n, 1e-5) for n in (10, 100, 1000)]
    noise = [epsilon(sigma, 0.01, 1000, 1e-5) for sigma in (0.8, 1.0, 2.0, 4.0)]
    assert steps == sorted(steps) and noise == sorted(noise, reverse=True)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: epsilon(-1, 0.01, 10, 1e-5), "noise_multiplier -1"),
        (lambda: epsilon(1, 0, 10, 1e-5), "sample_rate 0"),
        (lambda: epsilon(1, 1.5, 10, 1e-5), "sample_rate 1.5"),
        (lambda: epsilon(1, 0.1, 0, 1e-5), "num_steps 0"),
        (lambda: epsilon(1, 0.1, 10, 0), "delta 0"),
        (lambda: PrivateConfig(10, 5, float("nan")), "noise_multiplier nan"),
        (lambda: PrivateConfig(10, 5, 1.0, max_norm=0), "max_norm 0"),
        (lambda: PrivateConfig(10, 5, 1.0, momentum=1), "momentum 1"),
        (
            lambda: list(train_privately(network(), F.cross_entropy, *data(4), PrivateConfig(1, 5, 1.0), 0)),
            "at least 5",
        ),
        (
            lambda: per_example_gradients(nn.Sequential(nn.BatchNorm2d(1)), F.mse_loss, *data(4)),
            "0 mixes the examples",
        ),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
