"""The VAE: its terms beside torch.distributions, the bound below what it bounds, labels, bad input."""

import math

import pytest
import torch
from torch.distributions import ContinuousBernoulli, Normal, kl_divergence

from aigc_course.images import vae as vaes
from aigc_course.images.vae import VAE


@pytest.fixture(scope="module")
def vae():
    torch.manual_seed(0)
    return VAE(latent_dim=3, width=4).eval()


def numbers(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_the_divergence_is_that_of_torch():
    mean, log_variance = numbers(5, 4), numbers(5, 4, seed=1)
    expected = kl_divergence(Normal(mean, (0.5 * log_variance).exp()), Normal(0.0, 1.0)).sum(dim=1)
    torch.testing.assert_close(vaes.kl_to_standard_normal(mean, log_variance), expected)
    assert vaes.kl_to_standard_normal(torch.zeros(1, 4), torch.zeros(1, 4)).item() == 0


def test_samples_have_the_mean_and_variance_that_were_asked_for():
    mean, log_variance = torch.tensor([[2.0, -1.0]]), torch.tensor([[0.0, math.log(0.25)]])
    z = vaes.reparameterize(mean, log_variance, numbers(20_000, 2))
    torch.testing.assert_close(z.mean(dim=0), mean[0], rtol=0, atol=0.03)
    torch.testing.assert_close(z.std(dim=0), torch.tensor([1.0, 0.5]), rtol=0, atol=0.02)


def test_the_likelihood_is_that_of_torch_but_for_its_constant():
    """For gray pixels it lacks the constant of the continuous Bernoulli, which depends on the logits alone."""
    logits, images = numbers(3, 1, 28, 28), torch.rand(3, 1, 28, 28) * 2 - 1
    other = 1 - images.flip(0).abs()
    continuous = ContinuousBernoulli(logits=logits)
    difference = vaes.log_likelihood(logits, images) - vaes.log_likelihood(logits, other)
    expected = (continuous.log_prob((images + 1) / 2) - continuous.log_prob((other + 1) / 2)).sum(dim=(1, 2, 3))
    torch.testing.assert_close(difference, expected, rtol=1e-3, atol=0.1)


def test_the_bound_is_likelihood_less_divergence(vae):
    images, labels, noise = torch.rand(6, 1, 28, 28) * 2 - 1, torch.arange(6), numbers(6, 3)
    mean, log_variance = vae.encode(images, labels)
    q = Normal(mean, (0.5 * log_variance).exp())
    z = q.mean + q.stddev * noise
    expected = vaes.log_likelihood(vae.decode(z, labels), images) - kl_divergence(q, Normal(0.0, 1.0)).sum(dim=1)
    torch.testing.assert_close(vaes.elbo(vae, images, labels, noise), expected)


def test_the_bound_lies_below_the_likelihood(vae):
    """log p(x) by importance sampling from q, 1,000 samples of a two-dimensional z."""
    torch.manual_seed(1)
    small = VAE(latent_dim=2, width=4, num_classes=0).eval()
    image = torch.rand(1, 1, 28, 28) * 2 - 1
    with torch.no_grad():
        mean, log_variance = small.encode(image)
        q, count = Normal(mean, (0.5 * log_variance).exp()), 1000
        z = q.mean + q.stddev * numbers(count, 2)
        weights = (
            vaes.log_likelihood(small.decode(z), image.expand(count, -1, -1, -1))
            + Normal(0.0, 1.0).log_prob(z).sum(dim=1)
            - q.log_prob(z).sum(dim=1)
        )
        bound = vaes.elbo(small, image.expand(count, -1, -1, -1), None, numbers(count, 2)).mean()
    assert bound < weights.logsumexp(dim=0) - math.log(count)


def test_the_loss_is_the_bound_and_depends_on_the_random_numbers_alone(vae):
    images, labels = torch.rand(8, 1, 28, 28) * 2 - 1, torch.arange(8)
    loss, again, other = (vaes.vae_loss(vae, images, labels, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1))
    expected = vaes.elbo(vae, images, labels, numbers(8, 3)).mean() / -784
    assert loss.item() == again.item() == pytest.approx(expected.item(), rel=1e-5)
    assert loss.item() != other.item()


def test_images_that_are_drawn_lie_in_the_range_of_images_and_follow_their_label(vae):
    z, labels = numbers(4, 3), torch.tensor([0, 0, 1, 2])
    images = vae(z, labels)
    assert images.shape == (4, 1, 28, 28)
    assert images.abs().max() <= 1
    assert not torch.equal(vae(z, labels), vae(z, labels.flip(0)))


@pytest.mark.parametrize(
    ("images", "labels", "error", "said"),
    [
        (torch.zeros(2, 28, 28), torch.zeros(2).long(), ValueError, r"expected \(batch, 1, 28, 28\)"),
        (torch.zeros(2, 1, 28, 28).byte(), torch.zeros(2).long(), TypeError, "torch.uint8"),
        (torch.full((2, 1, 28, 28), 255.0), torch.zeros(2).long(), ValueError, r"255 \.\. 255: expected -1\.\.1"),
        (torch.full((2, 1, 28, 28), math.nan), torch.zeros(2).long(), ValueError, "nan"),
        (torch.zeros(2, 1, 28, 28), torch.tensor([1, 10]), ValueError, "label 10: expected 0 to 9"),
        (torch.zeros(2, 1, 28, 28), torch.tensor([1]), ValueError, "expected 2 whole numbers"),
        (torch.zeros(2, 1, 28, 28), None, ValueError, "give it labels"),
    ],
)
def test_what_cannot_be_encoded(vae, images, labels, error, said):
    with pytest.raises(error, match=said):
        vae.encode(images, labels)


def test_what_cannot_be_decoded(vae):
    with pytest.raises(ValueError, match=r"z \(2, 4\): expected \(batch, 3\)"):
        vae.decode(torch.zeros(2, 4), torch.zeros(2).long())
    with pytest.raises(ValueError, match="without classes"):
        VAE(2, 4, num_classes=0).decode(torch.zeros(2, 2), torch.zeros(2).long())
