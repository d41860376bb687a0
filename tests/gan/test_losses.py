"""The losses of the GAN agree with binary cross-entropy, with their formulas, and with what theory says of them."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from aigc_course.gan import losses as gan
from aigc_course.gan.losses import (
    LOSSES,
    check_discriminator,
    discriminator_loss,
    generator_loss,
    gradient_penalty,
    hint_at_probabilities,
)

SHAPES = [(8,), (64, 1), (3, 5, 7), (1,), ()]
GENERATOR_LOSSES = [generator_loss, gan.saturating_generator_loss, gan.raising_generator_loss]
DISCRIMINATOR_LOSSES = [losses.discriminator for losses in LOSSES.values()]


def logits(
    shape: tuple[int, ...], seed: int = 0, dtype: torch.dtype = torch.float64
) -> tuple[torch.Tensor, torch.Tensor]:
    rng = torch.Generator().manual_seed(seed)
    real, fake = torch.randn((2, *shape), generator=rng, dtype=dtype) * 4
    return real.requires_grad_(), fake.requires_grad_()


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("shape", SHAPES)
def test_losses_agree_with_binary_cross_entropy(shape, dtype):
    real, fake = logits(shape, dtype=dtype)
    ones, zeros = torch.ones_like(real), torch.zeros_like(fake)
    d_loss = F.binary_cross_entropy_with_logits(real, ones) + F.binary_cross_entropy_with_logits(fake, zeros)
    assert discriminator_loss(real, fake).item() == pytest.approx(d_loss.item(), abs=1e-6)
    assert generator_loss(fake).item() == pytest.approx(F.binary_cross_entropy_with_logits(fake, ones).item(), abs=1e-6)
    saturating = -F.binary_cross_entropy_with_logits(fake, zeros).item()
    assert gan.saturating_generator_loss(fake).item() == pytest.approx(saturating, abs=1e-6)


@pytest.mark.parametrize("shape", SHAPES)
def test_gradients_agree_with_those_of_binary_cross_entropy_on_probabilities(shape):
    real, fake = logits(shape)
    ones, zeros = torch.ones_like(real), torch.zeros_like(fake)
    bce = F.binary_cross_entropy(real.sigmoid(), ones) + F.binary_cross_entropy(fake.sigmoid(), zeros)
    ours, theirs = (
        torch.autograd.grad(discriminator_loss(real, fake), [real, fake]),
        torch.autograd.grad(bce, [real, fake]),
    )
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-6, atol=1e-9)


def test_an_undecided_discriminator_loses_2_log_2():
    undecided = torch.zeros(8)  # logit 0 means D = 1/2
    assert discriminator_loss(undecided, undecided).item() == pytest.approx(2 * math.log(2))
    assert generator_loss(undecided).item() == pytest.approx(math.log(2))


def test_extreme_logits_stay_finite_and_keep_their_gradient():
    fake = torch.tensor([-200.0, 200.0], requires_grad=True)
    loss = generator_loss(fake)
    loss.backward()
    assert loss.item() == pytest.approx(100)  # the mean of 200 and 0
    torch.testing.assert_close(fake.grad, torch.tensor([-0.5, 0.0]))


def test_the_saturating_gradient_is_d_and_the_other_one_is_1_minus_d():
    for gradient, loss in ((lambda d: -d, gan.saturating_generator_loss), (lambda d: d - 1, generator_loss)):
        fake = torch.linspace(-8, 8, 33, dtype=torch.float64, requires_grad=True)
        (slope,) = torch.autograd.grad(loss(fake) * len(fake), fake)
        torch.testing.assert_close(slope, gradient(torch.sigmoid(fake.detach())))


def test_other_losses_are_their_formulas():
    real, fake = torch.tensor([2.0, 0.5]), torch.tensor([-3.0, 1.0])
    assert gan.least_squares_discriminator_loss(real, fake).item() == pytest.approx((1 + 0.25) / 4 + (9 + 1) / 4)
    assert gan.least_squares_generator_loss(fake).item() == pytest.approx(16 / 4)
    assert gan.hinge_discriminator_loss(real, fake).item() == pytest.approx((0 + 0.5) / 2 + (0 + 2) / 2)
    assert gan.wasserstein_discriminator_loss(real, fake).item() == pytest.approx(-1 - 1.25)
    assert gan.raising_generator_loss(fake).item() == pytest.approx(1)


def test_gradient_penalty_of_a_linear_critic_is_exact():
    weight = torch.tensor([3.0, 4.0])  # slope 5 everywhere
    real, fake, share = torch.randn(6, 2), torch.randn(6, 2), torch.rand(6, 1)
    assert gradient_penalty(lambda x: x @ weight, real, fake, share).item() == pytest.approx((5 - 1) ** 2)


def test_gradient_penalty_of_a_network_agrees_with_central_differences():
    torch.manual_seed(0)
    critic = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1)).double()
    real, fake = torch.randn(2, 5, 2, dtype=torch.float64)
    share = torch.rand(5, 1, dtype=torch.float64)
    points, step = share * real + (1 - share) * fake, 1e-5
    nudges = step * torch.eye(2, dtype=torch.float64)
    slopes = torch.cat([(critic(points + nudge) - critic(points - nudge)) / (2 * step) for nudge in nudges], dim=1)
    penalty = gradient_penalty(critic, real, fake, share)
    assert penalty.item() == pytest.approx(((slopes.norm(dim=1) - 1) ** 2).mean().item(), rel=1e-7)
    penalty.backward()  # the penalty itself can be learned from
    assert all(p.grad.isfinite().all() for p in critic[0].parameters())


@pytest.mark.parametrize("loss", DISCRIMINATOR_LOSSES)
def test_unequal_batches_are_refused(loss):
    with pytest.raises(ValueError, match=r"real_logits \(8, 1\) and fake_logits \(7, 1\): expected equal shapes"):
        loss(torch.zeros(8, 1), torch.zeros(7, 1))
    with pytest.raises(ValueError, match=r"\(8, 1\) and fake_logits \(8,\)"):  # would broadcast elsewhere
        loss(torch.zeros(8, 1), torch.zeros(8))
    with pytest.raises(ValueError, match="at least one element"):
        loss(torch.zeros(0), torch.zeros(0))


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("loss", [*DISCRIMINATOR_LOSSES, *GENERATOR_LOSSES, gan.least_squares_generator_loss])
def test_nan_and_infinity_are_refused(loss, bad):
    given = [torch.zeros(4)] if loss not in DISCRIMINATOR_LOSSES else [torch.zeros(4), torch.zeros(4)]
    given[-1][2] = bad
    with pytest.raises(ValueError, match=r"fake_logits: 1 of 4 are NaN or infinite.*lower the learning rate"):
        loss(*given)


def test_whole_numbers_and_lists_are_refused():
    with pytest.raises(TypeError, match=r"fake_logits must be a tensor of floats, not torch\.int64"):
        generator_loss(torch.zeros(4, dtype=torch.int64))
    with pytest.raises(TypeError, match="not list"):
        generator_loss([0.0, 1.0])


@pytest.mark.parametrize("end", [nn.Sigmoid(), nn.Sequential(nn.Linear(4, 1), nn.Sigmoid()), nn.Softmax(dim=1)])
def test_a_discriminator_that_ends_in_a_sigmoid_is_refused(end):
    with pytest.raises(ValueError, match=r"ends in (Sigmoid|Softmax).*expect logits.*Leave that layer off"):
        check_discriminator(nn.Sequential(nn.Linear(2, 4), nn.ReLU(), end))


def test_a_discriminator_that_ends_in_a_linear_layer_is_accepted():
    for network in (nn.Linear(2, 1), nn.Sequential(nn.Linear(2, 4), nn.Sigmoid(), nn.Linear(4, 1))):
        check_discriminator(network)
        with pytest.raises(ValueError, match="Leave that layer off"):
            check_discriminator(nn.Sequential(network, nn.Sigmoid()))


HIDING = {
    "plain": lambda probs: probs, "cast": lambda probs: probs.half().float(), "cloned": torch.clone,
    "clamped": lambda probs: probs.clamp(1e-7, 1 - 1e-7), "turned": lambda probs: probs.T.T,
    "joined": lambda probs: torch.cat([probs[:2], probs[2:]]),
}  # fmt: skip


@pytest.mark.parametrize("hide", HIDING.values(), ids=HIDING)
@pytest.mark.parametrize("squash", [torch.sigmoid, lambda x: torch.softmax(torch.cat([x, -x], dim=1), dim=1)[:, :1]])
def test_probabilities_are_recognized_by_their_values(squash, hide):
    torch.manual_seed(0)
    D, samples = nn.Sequential(nn.Linear(2, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1)), torch.randn(4, 2)
    with pytest.warns(UserWarning, match=r"lie in .* as probabilities do; these losses expect logits.*Leave off"):
        hint_at_probabilities(lambda x: hide(squash(D(x))), samples)


@pytest.mark.filterwarnings("error")
def test_logits_are_not_taken_for_probabilities():
    for seed in range(20):
        torch.manual_seed(seed)
        D = nn.Sequential(nn.Linear(2, 64), nn.LeakyReLU(0.2), nn.Linear(64, 1))
        nn.init.constant_(D[-1].bias, 0.5)  # near 0, where the data are, all of its logits lie in 0..1
        samples = 0.1 * torch.randn(8, 2)
        assert ((D(samples) >= 0) & (D(samples) <= 1)).all()
        hint_at_probabilities(D, samples)
    hint_at_probabilities(lambda x: torch.zeros(len(x), 1), samples)  # says nothing yet


def test_what_is_no_network_is_told_so():
    with pytest.raises(TypeError, match=r"must be an nn\.Module, not function"):
        check_discriminator(lambda x: x)
    with pytest.raises(ValueError, match=r"z list: expected \(batch, 2\)"):
        gan.check_latent([0.0, 1.0], 2)


@pytest.mark.parametrize("share", [torch.zeros(4), torch.full((4, 1), 7.0), torch.full((4, 1), math.nan)])
def test_shares_that_fit_no_pair_are_refused(share):
    with pytest.raises(ValueError, match=r"expected \(4, 1\), numbers in 0\.\.1"):
        gradient_penalty(lambda x: x.sum(-1), torch.zeros(4, 2), torch.zeros(4, 2), share)


def test_pairs_of_different_shapes_have_no_point_between_them():
    with pytest.raises(ValueError, match=r"real \(4, 2\) and fake \(3, 2\)"):
        gradient_penalty(lambda x: x.sum(-1), torch.zeros(4, 2), torch.zeros(3, 2), torch.zeros(4, 1))
