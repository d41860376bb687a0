"""Densities, the optimal discriminator and the divergences against quadrature; measures of samples against theory."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

from aigc_course.gan import densities
from aigc_course.gan.densities import (
    Mixture,
    RNGs,
    even_grid,
    grid_of_25,
    jensen_shannon,
    kl_to_target,
    mode_shares,
    modes_covered,
    optimal_discriminator,
    ring_of_eight,
    true_shares,
    value_at,
)
from tools.bench.gan_losses import PAIRS, scipy_density, theory_errors

DOUBLE = torch.float64
(P1, Q1), (P2, Q2) = PAIRS.values()


def on_a_grid(p: Mixture, q: Mixture):
    points, cell = even_grid(-9, 9, 2000 if p.dim == 1 else 300, p.dim)
    return p.density(points), q.density(points), cell


@pytest.mark.parametrize("mixture", [P1, Q1, P2, Q2])
def test_density_agrees_with_scipy(mixture):
    points = torch.randn(20, mixture.dim, dtype=DOUBLE)
    expected = scipy_density(mixture)(points.numpy())
    np.testing.assert_allclose(mixture.density(points), expected, rtol=1e-10)


@pytest.mark.parametrize("target", [ring_of_eight(), grid_of_25(), P1])
def test_density_integrates_to_one(target):
    points, cell = even_grid(-6, 6, 600, target.dim)
    assert (target.density(points).sum() * cell).item() == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)
def test_optimal_discriminator_value_and_divergence_agree_with_scipy(pair):
    d, value, jsd = theory_errors(*pair)
    assert d < 1e-10
    assert max(value, jsd) < 1e-4


@pytest.mark.parametrize(("p", "q"), PAIRS.values(), ids=PAIRS)
def test_value_at_the_optimum_is_2_jsd_minus_log_4(p, q):
    dp, dq, cell = on_a_grid(p, q)
    value, jsd = value_at(optimal_discriminator(dp, dq), dp, dq, cell), jensen_shannon(dp, dq, cell)
    assert value.item() == pytest.approx(2 * jsd.item() - math.log(4), abs=1e-9)


def test_no_other_discriminator_reaches_a_higher_value():
    p, q, cell = on_a_grid(P1, Q1)
    best = optimal_discriminator(p, q)
    for seed in range(20):
        rng = torch.Generator().manual_seed(seed)
        other = torch.sigmoid(torch.logit(best) + 0.3 * torch.randn(best.shape, generator=rng, dtype=DOUBLE))
        assert value_at(other, p, q, cell) < value_at(best, p, q, cell)


def test_divergence_is_0_for_equal_densities_and_log_2_without_overlap():
    points, cell = even_grid(-60, 60, 4000, 1)
    p, far = P1.density(points), Mixture(torch.tensor([[50.0]], dtype=DOUBLE), 0.5).density(points)
    assert jensen_shannon(p, p, cell).item() == pytest.approx(0, abs=1e-12)
    assert jensen_shannon(p, far, cell).item() == pytest.approx(math.log(2), abs=1e-9)
    nowhere = torch.zeros(3)
    assert optimal_discriminator(nowhere, nowhere).tolist() == [0.5, 0.5, 0.5]


def test_samples_have_the_density_and_each_seed_its_own_numbers():
    target = ring_of_eight()
    samples = target.sample(RNGs([3, 4]), 20_000)
    shares = mode_shares(samples, target)
    torch.testing.assert_close(shares, true_shares(target).expand(2, -1), atol=0.01, rtol=0)
    assert torch.equal(target.sample(RNGs([4]), 100)[0], target.sample(RNGs([3, 4]), 100)[1])
    assert not torch.equal(samples[0], samples[1])


@pytest.mark.parametrize("target", [ring_of_eight(), grid_of_25(), Mixture(torch.tensor([[-2.0], [2.0]]), 0.3)])
def test_true_shares_agree_with_the_chi_squared_distribution(target):
    inside = stats.chi2.cdf(densities.RADIUS**2, target.dim)
    expected = [inside / len(target.means)] * len(target.means) + [1 - inside]
    np.testing.assert_allclose(true_shares(target), expected, rtol=1e-10)


def test_measures_of_a_perfect_a_collapsed_and_a_lost_generator():
    target = ring_of_eight()
    perfect = mode_shares(target.sample(RNGs([0]), 4000), target)
    assert modes_covered(perfect, target).item() == 8
    assert 0 <= kl_to_target(perfect, target).item() < 0.005
    collapsed = mode_shares(target.means[2].expand(1, 500, 2), target)
    assert modes_covered(collapsed, target).item() == 1
    assert kl_to_target(collapsed, target).item() == pytest.approx(math.log(8) - math.log(1 - math.exp(-4.5)))
    lost = mode_shares(torch.zeros(1, 500, 2), target)
    assert modes_covered(lost, target).item() == 0
    assert kl_to_target(lost, target).item() == pytest.approx(4.5)


def test_a_mode_with_a_few_stray_samples_is_not_covered():
    target = ring_of_eight()
    samples = target.means.repeat_interleave(100, dim=0)[:-80]  # the last mode gets 20 of 720; a quarter is 22
    assert modes_covered(mode_shares(samples, target), target).item() == 7


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: Mixture(torch.zeros(3), 1.0), r"must be floats \(k, dim\), not torch\.float32 \(3,\)"),
        (lambda: Mixture(torch.zeros(3, 0), 1.0), r"\(3, 0\)"),
        (lambda: Mixture(torch.zeros(3, 2), 0.0), "std 0.0: expected a finite number above 0"),
        (lambda: Mixture(torch.zeros(3, 2), math.inf), "std inf: expected a finite number above 0"),
        (lambda: Mixture(torch.full((3, 2), math.nan), 1.0), "all must be finite"),
        (lambda: P2.density(torch.zeros(5, 3)), r"points of shape \(5, 3\): expected \(\.\.\., 2\)"),
        (lambda: P2.density(torch.tensor(1.0)), r"points of shape \(\): expected"),
        (lambda: P2.sample(RNGs([0]), -1), "count -1: expected a whole number"),
        (lambda: RNGs([]), "at least one seed"),
        (lambda: RNGs(3), "seeds 3: give at least one seed"),
        (lambda: RNGs([0.5]), "seed 0.5: expected a whole number"),
        (lambda: even_grid(1, 0, 10, 1), "with low < high"),
        (lambda: even_grid(0, math.inf, 10, 1), "finite numbers"),
        (lambda: even_grid(0, 1, 2.5, 1), "count 2.5: expected a whole number"),
        (lambda: optimal_discriminator(torch.ones(3), torch.ones(4)), "evaluate both at the same points"),
        (lambda: optimal_discriminator(-torch.ones(3), torch.ones(3)), "p has values that are negative"),
        (lambda: jensen_shannon(torch.ones(3), torch.full((3,), math.nan), 1), "q has values that are .* not finite"),
        (lambda: value_at(torch.full((3,), 2.0), torch.ones(3), torch.ones(3), 1), "probabilities, in 0..1"),
        (lambda: value_at(torch.full((1,), 0.5), torch.ones(3), torch.ones(3), 1), r"d \(1,\): expected \(3,\)"),
        (lambda: mode_shares(torch.full((5, 2), math.nan), ring_of_eight()), "the generator has diverged"),
        (lambda: mode_shares(torch.zeros(5, 3), ring_of_eight()), r"\(5, 3\): expected \(..., count, 2\)"),
        (lambda: mode_shares(torch.zeros(0, 2), ring_of_eight()), "a count of at least 1"),
        (lambda: modes_covered(torch.zeros(5), ring_of_eight()), r"\(5,\): expected \(..., 9\)"),
        (lambda: kl_to_target(torch.ones(1), ring_of_eight()), r"\(1,\): expected \(..., 9\)"),  # would broadcast
        (lambda: kl_to_target(torch.full((9,), 20.0), ring_of_eight()), "sum to 1"),
        (lambda: kl_to_target(torch.full((9,), math.nan), ring_of_eight()), "sum to 1"),
        (lambda: true_shares(ring_of_eight(std=1.0)), "overlap"),
    ],
)
def test_bad_input_is_told_the_way_out(call, said):
    with pytest.raises(ValueError, match=said):
        call()


@pytest.mark.parametrize(
    "call",
    [
        lambda: Mixture([[0.0]], 1.0),
        lambda: P2.density([[0.0, 0.0]]),
        lambda: optimal_discriminator(1.0, 2.0),
        lambda: jensen_shannon(torch.ones(3, dtype=torch.long), torch.ones(3, dtype=torch.long), 1),
        lambda: mode_shares(np.zeros((3, 2)), ring_of_eight()),
    ],
)
def test_what_is_no_tensor_of_floats_is_told_so(call):
    with pytest.raises(TypeError, match="must be a tensor"):
        call()


def test_far_from_the_origin_shares_are_what_they_are_near_it():
    """Distances as a² - 2ab + b² in float32 put a fifth of these samples outside."""
    near, far = ring_of_eight(), Mixture(ring_of_eight().means + 1000, 0.1)
    shares = [mode_shares(target.sample(RNGs([0]), 5000), target) for target in (near, far)]
    torch.testing.assert_close(*shares, atol=0.002, rtol=0)
