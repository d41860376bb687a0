"""Flow matching: beside diffusers' scheduler, beside closed forms between Gaussians; guidance; bad input."""

import math

import numpy as np
import pytest
import torch
from diffusers import FlowMatchEulerDiscreteScheduler
from lively_unet import lively_unet
from torch import nn

from aigc_course.images import flow
from aigc_course.images.diffusion import last
from aigc_course.images.guidance import drop_labels, guided
from aigc_course.images.unet import UNet

START, END = flow.Gaussian1D(0.0, 1.0), flow.Gaussian1D(2.0, 0.5)


def closed_form(x, times):
    return flow.gaussian_velocity(x, times, START, END)


@pytest.mark.parametrize("num_steps", [1, 4, 10])
def test_euler_draws_what_diffusers_draws(num_steps):
    """Their time runs from noise, sigma = 1, to the image, sigma = 0, and their velocity the other way."""
    network, noise = lively_unet(), torch.randn(3, 1, 28, 28, generator=torch.Generator().manual_seed(1))
    theirs, x = FlowMatchEulerDiscreteScheduler(), noise
    theirs.set_timesteps(sigmas=np.linspace(1, 1 / num_steps, num_steps))
    for ours, timestep in zip(flow.euler_steps(network, noise, num_steps), theirs.timesteps, strict=True):
        with torch.no_grad():
            velocity = network(x, torch.full((3,), 1 - timestep.item() / 1000))
        x = theirs.step(-velocity, timestep, x).prev_sample
        torch.testing.assert_close(ours, x, rtol=0, atol=1e-4)


def test_the_closed_form_is_the_mean_of_the_velocities():
    """Least squares over pairs (x_t, x1 - x0) finds the line of `gaussian_velocity`."""
    rng = np.random.default_rng(0)
    x0, x1 = rng.normal(START.mean, START.std, 400_000), rng.normal(END.mean, END.std, 400_000)
    for t in (0.0, 0.3, 0.8, 1.0):
        slope, height = np.polyfit((1 - t) * x0 + t * x1, x1 - x0, 1)
        at = np.array([-0.5, 0.5]) + 2 * t  # around the mean of x_t
        velocity = closed_form(torch.from_numpy(at), torch.full((2,), t)).numpy()
        np.testing.assert_allclose(height + slope * at, velocity, atol=0.01)


@pytest.mark.parametrize(("steps", "tolerance"), [(flow.euler_steps, 0.02), (flow.midpoint_steps, 0.002)])
def test_the_closed_form_carries_one_gaussian_to_the_other(steps, tolerance):
    x0 = torch.linspace(-2, 2, 9)
    expected = (
        END.mean + END.std * x0
    )  # between Gaussians in one dimension the flow keeps the order: quantiles go along
    torch.testing.assert_close(last(steps(closed_form, x0, 100)), expected, rtol=0, atol=tolerance)


def test_midpoint_has_an_error_of_one_order_less():
    x0 = torch.linspace(-2, 2, 9, dtype=torch.float64)
    exact = END.mean + END.std * x0

    def error(steps, num_steps):
        return (last(steps(closed_form, x0, num_steps)) - exact).abs().max().item()

    assert error(flow.euler_steps, 10) / error(flow.euler_steps, 20) == pytest.approx(2, rel=0.15)
    assert error(flow.midpoint_steps, 10) / error(flow.midpoint_steps, 20) > 3.5
    assert error(flow.midpoint_steps, 10) < error(flow.euler_steps, 20) / 10  # as many calls


class Line(nn.Module):
    """The velocity between Gaussians is a line in x; its height and slope, here, are Chebyshev polynomials of t."""

    num_classes = 1

    def __init__(self) -> None:
        super().__init__()
        self.of_time = nn.Linear(9, 2, bias=False)

    def forward(self, x, times, labels=None):
        height, slope = self.of_time(torch.cos(torch.arange(9) * torch.acos(2 * times[:, None] - 1))).unbind(dim=1)
        return height + slope * x


def test_a_trained_velocity_agrees_with_the_closed_form():
    torch.manual_seed(0)
    network, rng = Line(), torch.Generator()
    images = END.mean + END.std * torch.randn(100_000, generator=rng.manual_seed(0))
    optimizer = torch.optim.LBFGS(network.parameters(), max_iter=60, line_search_fn="strong_wolfe")

    def loss():
        optimizer.zero_grad()
        value = flow.flow_loss(network, images, None, rng.manual_seed(1))  # the same noise and times each time
        value.backward()
        return value

    optimizer.step(loss)
    x, times = torch.meshgrid(torch.linspace(-1, 3, 41), torch.linspace(0, 1, 21), indexing="ij")
    x, times = x.flatten(), times.flatten()
    variance = (1 - times) ** 2 + times**2 / 4
    density = torch.exp(-((x - 2 * times) ** 2) / (2 * variance))  # how often the network was shown x at that time
    with torch.no_grad():
        difference = network(x, times) - closed_form(x, times)
    error = (density * difference**2).sum().sqrt() / (density * closed_form(x, times) ** 2).sum().sqrt()
    assert error.item() < 0.02, error.item()


def test_a_network_that_knows_nothing_loses_the_variance_of_the_velocities():
    """Untrained the U-Net answers 0; for images of -1 the velocity -1 - x0 has the mean square 2."""
    images, labels = torch.full((64, 1, 28, 28), -1.0), torch.zeros(64, dtype=torch.long)
    losses = [flow.flow_loss(UNet(width=8), images, labels, torch.Generator().manual_seed(s)) for s in (0, 0, 1)]
    assert losses[0].item() == pytest.approx(2, abs=0.05)
    assert losses[0].item() == losses[1].item() != losses[2].item()


def test_labels_are_dropped_as_often_as_asked():
    labels, rng = torch.arange(10_000) % 10, torch.Generator().manual_seed(0)
    dropped = drop_labels(labels, 0.1, 10, rng)
    kept = dropped != 10
    assert 1 - kept.float().mean().item() == pytest.approx(0.1, abs=0.01)
    assert torch.equal(dropped[kept], labels[kept])
    assert torch.equal(drop_labels(labels, 0.0, 10, rng), labels)


def test_words_are_dropped_all_together_and_each_for_itself():
    words = torch.arange(40_000).view(-1, 4) % 10
    dropped = drop_labels(words, 0.1, 10, torch.Generator().manual_seed(0)) == 10
    assert dropped.float().mean().item() == pytest.approx(0.1 + 0.9 * 0.1, abs=0.01)
    assert dropped.all(dim=1).float().mean().item() == pytest.approx(0.1, abs=0.01)


@pytest.mark.parametrize("guidance", [0.0, 0.5, 1.0, 3.0])
def test_guidance_goes_from_the_answer_without_label_through_the_one_with_it(guidance):
    network, images = lively_unet(), torch.randn(4, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    times, labels = torch.full((4,), 0.5), torch.arange(4)
    told, untold = network(images, times, labels), network(images, times)
    field = guided(network, labels, guidance)(images, times)
    torch.testing.assert_close(field, untold + guidance * (told - untold), rtol=0, atol=1e-5)
    assert not torch.allclose(told, untold)


def test_without_labels_guidance_has_nothing_to_follow():
    network, images, times = lively_unet(), torch.zeros(2, 1, 28, 28), torch.zeros(2)
    assert torch.equal(guided(network, None, 3.0)(images, times), network(images, times))


@pytest.mark.parametrize("guidance", [-0.1, 1001, 1e300, math.nan, math.inf])
def test_guidance_out_of_range_is_refused(guidance):
    with pytest.raises(ValueError, match="expected 0"):
        guided(lively_unet(), torch.arange(2), guidance)


@pytest.mark.parametrize("steps", [flow.euler_steps, flow.midpoint_steps])
@pytest.mark.parametrize(
    ("noise", "num_steps", "error", "said"),
    [
        (torch.zeros(2), 0, ValueError, "at least 1"),
        (torch.zeros(2), 1.0, ValueError, "whole number"),
        (torch.tensor([0, math.inf]), 3, ValueError, "1 numbers NaN or infinite"),
        (torch.zeros(2, dtype=torch.long), 3, TypeError, "expected a tensor of floats"),
    ],
)
def test_what_cannot_be_followed(steps, noise, num_steps, error, said):
    with pytest.raises(error, match=said):
        next(steps(closed_form, noise, num_steps))


def test_other_mistakes_say_what_was_expected():
    with pytest.raises(ValueError, match="expected equal shapes"):
        flow.between(torch.zeros(2, 3), torch.zeros(2, 4), torch.zeros(2))
    with pytest.raises(ValueError, match="one time for each"):
        flow.between(torch.zeros(2, 3), torch.zeros(2, 3), torch.zeros(3))
    with pytest.raises(ValueError, match="standard deviations"):
        flow.gaussian_velocity(torch.zeros(1), torch.zeros(1), START, flow.Gaussian1D(0, 0))
