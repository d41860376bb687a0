"""The laboratory: seeds side by side train as each alone; the recipe covers the ring; the saturating loss fails."""

import numpy as np
import pytest
import torch
from torch import nn

from aigc_course.gan.densities import RNGs, grid_of_25, kl_to_target, mode_shares, modes_covered, ring_of_eight
from aigc_course.gan.losses import LOSSES, generator_loss, saturating_generator_loss
from aigc_course.gan.toy import (
    Recipe,
    gan_steps,
    generator_gradients,
    latent_dim,
    networks,
    sample,
    trained,
    with_noise,
)
from aigc_course.intervals import mean_interval

RING = ring_of_eight()
SHORT = Recipe(num_steps=12, batch_size=16)


def test_a_seed_layer_is_torchs_linear_layer_for_each_seed():
    G, _ = networks([5, 6])
    z = torch.randn(2, 7, latent_dim(G))
    for seed in range(2):
        by_torch = nn.Sequential(nn.Linear(2, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 2))
        for theirs, ours in zip(by_torch[::2], G[::2], strict=True):
            theirs.weight.data, theirs.bias.data = ours.weight.data[seed].T, ours.bias.data[seed, 0]
        torch.testing.assert_close(G(z)[seed], by_torch(z[seed]))


@pytest.mark.parametrize("loss", LOSSES)
def test_seeds_side_by_side_train_as_each_alone(loss):
    recipe = Recipe(loss=loss, num_steps=12, batch_size=16)
    together = sample(trained(RING, recipe, [0, 1, 2])[0], 50)
    for index, seed in enumerate([0, 1, 2]):
        alone = sample(trained(RING, recipe, [seed])[0], 50)
        torch.testing.assert_close(together[index], alone[0], rtol=1e-3, atol=1e-4)


def test_the_same_seeds_give_the_same_networks_again():
    first, again = (sample(trained(RING, SHORT, [0, 1])[0], 50) for _ in range(2))
    assert torch.equal(first, again)


@pytest.mark.parametrize(("num_seeds", "least"), [(3, 3), pytest.param(10, 9, marks=pytest.mark.slow)])
def test_the_recipe_covers_the_ring_in_nine_of_ten_seeds(num_seeds, least):
    G, D = networks(range(num_seeds))
    losses = list(gan_steps(G, D, RING, Recipe(), range(num_seeds)))
    assert len(losses) == Recipe().num_steps and np.isfinite([list(loss.values()) for loss in losses]).all()
    shares = mode_shares(sample(G, 2000), RING)
    assert (modes_covered(shares, RING) == 8).sum() >= least
    _, low, high = mean_interval(kl_to_target(shares, RING))
    assert 0 < low < high < 0.5


@pytest.mark.parametrize("num_seeds", [6, pytest.param(10, marks=pytest.mark.slow)])
def test_after_a_head_start_the_saturating_loss_moves_nothing_with_plain_gradient_descent(num_seeds):
    recipe = dict(optimizer="sgd", g_learning_rate=0.03, head_start=100, noise=0.0, num_steps=150)
    kl = {}
    for loss in ("saturating", "non-saturating"):
        shares = mode_shares(sample(trained(RING, Recipe(loss=loss, **recipe), range(num_seeds))[0], 2000), RING)
        kl[loss] = kl_to_target(shares, RING)
    assert (kl["saturating"] > 4.4).all()  # 4.5: all samples outside all modes
    _, _, high = mean_interval(kl["non-saturating"] - kl["saturating"])
    assert high < -1


def test_the_saturating_gradient_vanishes_as_the_discriminator_learns():
    G, D = networks(range(5))
    z = RNGs(range(5)).normal(256, latent_dim(G))
    before = generator_gradients(G, D, saturating_generator_loss, z) / generator_gradients(G, D, generator_loss, z)
    steps = gan_steps(G, D, RING, Recipe(head_start=100, noise=0.0), range(5))
    weights = [p.detach().clone() for p in G.parameters()]
    next(steps)  # 100 steps of D alone, and the first one of both
    with torch.no_grad():
        for p, weight in zip(G.parameters(), weights, strict=True):
            p.copy_(weight)
    after = generator_gradients(G, D, saturating_generator_loss, z) / generator_gradients(G, D, generator_loss, z)
    assert (before > 0.3).all() and (after < 1e-3).all()


def test_gradients_are_each_seeds_own():
    G, D = networks([0, 1])
    z = RNGs([0, 1]).normal(8, latent_dim(G))
    G1, D1 = networks([1])
    ours = generator_gradients(G, D, generator_loss, z)[1]
    generator_loss(D1(G1(z[1:]))).backward()
    alone = torch.cat([p.grad.flatten() for p in G1.parameters()]).norm()
    assert ours.item() == pytest.approx(alone.item(), rel=1e-5)


def test_many_updates_of_g_against_one_of_d_collapse():
    recipe = Recipe(g_updates=10, noise=0.0, num_steps=150)
    covered = modes_covered(mode_shares(sample(trained(RING, recipe, range(2))[0], 1000), RING), RING)
    assert covered.double().mean() < 3


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: Recipe(loss="wasserstein"), 'loss "wasserstein" is not known; allowed: non-saturating, saturating'),
        (lambda: Recipe(optimizer="lion"), "allowed: adam, sgd"),
        (lambda: Recipe(num_steps=0), "num_steps 0: expected a whole number of at least 1"),
        (lambda: Recipe(num_steps=2.5), "num_steps 2.5: expected a whole number"),
        (lambda: Recipe(noise=-1.0), "noise -1.0: expected a standard deviation"),
        (lambda: Recipe(d_learning_rate=float("nan")), "d_learning_rate nan: expected a finite number above 0"),
        (lambda: networks([0], width=0), "width 0: expected a whole number of at least 1"),
        (lambda: sample(networks([0])[0], -1), "count -1: expected"),
        (lambda: trained(RING, SHORT, []), "at least one seed"),
        (lambda: next(gan_steps(*networks([0, 1]), RING, SHORT, [0])), r"1 seeds, but networks for \[2\]"),
        (lambda: next(gan_steps(*networks([0], dim=1), RING, SHORT, [0])), r"2 dimensions, the networks \[1\]"),
    ],
)
def test_bad_input_is_told_the_way_out(call, said):
    with pytest.raises(ValueError, match=said):
        call()


def test_a_discriminator_that_ends_in_a_sigmoid_is_not_trained():
    G, D = networks([0])
    with pytest.raises(ValueError, match="ends in Sigmoid"):
        next(gan_steps(G, nn.Sequential(*D, nn.Sigmoid()), grid_of_25(), SHORT, [0]))


def test_a_discriminator_that_hides_its_sigmoid_is_noticed():
    class Hidden(nn.Sequential):
        def forward(self, x):
            return super().forward(x).sigmoid().clamp(1e-6, 1 - 1e-6)

    G, D = networks([0])
    with pytest.warns(UserWarning, match="as probabilities do"):
        next(gan_steps(G, Hidden(*D), RING, SHORT, [0]))


def test_instance_noise_has_the_standard_deviation_asked_for():
    x = torch.zeros(2, 20_000, 1)
    assert with_noise(x, 0.0, RNGs([0, 1])) is x
    noisy = with_noise(x, 0.3, RNGs([0, 1]))
    assert noisy.std(dim=1).flatten().tolist() == pytest.approx([0.3, 0.3], rel=0.03)
    assert not torch.equal(noisy[0], noisy[1])


def test_a_training_that_diverges_says_so():
    G, D = networks([0])
    with pytest.raises(ValueError, match=r"NaN or infinite.*lower the learning rate"):
        for _ in gan_steps(G, D, RING, Recipe(d_learning_rate=1e38), [0]):
            pass
