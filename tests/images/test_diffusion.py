"""Diffusion: the schedules and both ways of drawing, beside diffusers'; the loss; bad input."""

import math

import pytest
import torch
from diffusers import DDIMScheduler, DDPMScheduler
from lively_unet import lively_unet

from aigc_course.images import diffusion
from aigc_course.images.unet import UNet

BETAS = {diffusion.linear_schedule: "linear", diffusion.cosine_schedule: "squaredcos_cap_v2"}


def noises(count, batch=3):
    """`count` standard normal tensors (batch, 1, 28, 28)."""
    return torch.randn(count, batch, 1, 28, 28, generator=torch.Generator().manual_seed(1))


def peer(kind, schedule, **settings):
    """diffusers' scheduler with the same betas."""
    return kind(
        num_train_timesteps=len(schedule.betas), trained_betas=schedule.betas.numpy(), clip_sample=True, **settings
    )


@pytest.mark.parametrize("make", list(BETAS))
def test_schedules_are_those_of_diffusers(make):
    schedule = make(1000)
    theirs = DDPMScheduler(num_train_timesteps=1000, beta_schedule=BETAS[make])
    torch.testing.assert_close(schedule.betas, theirs.betas, rtol=1e-4, atol=1e-7)
    torch.testing.assert_close(schedule.alpha_bars, theirs.alphas_cumprod, rtol=1e-3, atol=1e-8)
    assert (schedule.alpha_bars.diff() < 0).all()
    assert schedule.alpha_bars[-1] < 1e-4


def test_noise_is_added_as_diffusers_adds_it():
    images, noise = noises(2, batch=4)
    timesteps = torch.tensor([0, 7, 200, 399])
    expected = peer(DDPMScheduler, diffusion.SCHEDULE).add_noise(images, noise, timesteps)
    torch.testing.assert_close(diffusion.add_noise(images, noise, timesteps, diffusion.SCHEDULE), expected)


def test_adding_noise_keeps_the_variance():
    images, noise = noises(2, batch=100)
    for timestep in (0, 100, 399):
        noisy = diffusion.add_noise(images, noise, torch.full((100,), timestep), diffusion.SCHEDULE)
        assert noisy.std().item() == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("num_timesteps", [30])
@pytest.mark.parametrize("make", list(BETAS))
def test_ddpm_draws_what_diffusers_draws(make, num_timesteps):
    network, schedule, noise = lively_unet(), make(num_timesteps), noises(num_timesteps)
    theirs = peer(DDPMScheduler, schedule, variance_type="fixed_small")
    asked = []
    x = noise[0]
    for ours, timestep in zip(
        diffusion.ddpm_steps(network, noise[0], schedule, lambda t: (asked.append(t), noise[t])[1]),
        theirs.timesteps.tolist(),
        strict=True,
    ):
        with torch.no_grad():
            predicted = network(x, torch.full((3,), timestep / num_timesteps))
        given = [noise[timestep]] if timestep else []
        x = step_with(theirs, predicted, timestep, x, given)
        torch.testing.assert_close(ours, x, rtol=0, atol=1e-4)
    assert asked == list(range(num_timesteps - 1, 0, -1))


def step_with(scheduler, predicted, timestep, x, given):
    """diffusers' step, with the noise that is given in place of what it would draw."""
    from diffusers.schedulers import scheduling_ddpm

    drawn = scheduling_ddpm.randn_tensor
    scheduling_ddpm.randn_tensor = lambda *arguments, **settings: given[0]
    try:
        return scheduler.step(predicted, timestep, x).prev_sample
    finally:
        scheduling_ddpm.randn_tensor = drawn


@pytest.mark.parametrize("num_steps", [1, 5, 30])
@pytest.mark.parametrize("make", list(BETAS))
def test_ddim_draws_what_diffusers_draws(make, num_steps):
    network, schedule, noise = lively_unet(), make(30), noises(1)[0]
    theirs = peer(DDIMScheduler, schedule, timestep_spacing="trailing")
    theirs.set_timesteps(num_steps)
    x = noise
    for ours, timestep in zip(
        diffusion.ddim_steps(network, noise, schedule, num_steps), theirs.timesteps.tolist(), strict=True
    ):
        with torch.no_grad():
            predicted = network(x, torch.full((3,), timestep / 30))
        x = theirs.step(predicted, timestep, x, use_clipped_model_output=True).prev_sample
        torch.testing.assert_close(ours, x, rtol=0, atol=1e-4)


@pytest.mark.parametrize("num_steps", [1, 5, 30])
@pytest.mark.parametrize("make", list(BETAS))
def test_ddim_with_noise_draws_what_diffusers_draws(make, num_steps):
    network, schedule, noise = lively_unet(), make(30), noises(31)
    theirs = peer(DDIMScheduler, schedule, timestep_spacing="trailing")
    theirs.set_timesteps(num_steps)
    x, steps = noise[0], diffusion.ddim_steps(network, noise[0], schedule, num_steps, lambda t: noise[t])
    for ours, timestep in zip(steps, theirs.timesteps.tolist(), strict=True):
        with torch.no_grad():
            predicted = network(x, torch.full((3,), timestep / 30))
        given = noise[timestep] if timestep != theirs.timesteps[-1] else torch.zeros_like(x)
        x = theirs.step(
            predicted, timestep, x, eta=1.0, use_clipped_model_output=True, variance_noise=given
        ).prev_sample
        torch.testing.assert_close(ours, x, rtol=0, atol=1e-4)


def test_ddim_takes_any_number_of_steps_and_ends_with_what_is_clipped():
    """Seven steps do not divide 60; without noise after the last step the images are the clipped ones."""
    images = list(diffusion.ddim_steps(lively_unet(), noises(1)[0], diffusion.linear_schedule(60), 7))
    assert len(images) == 7
    assert images[-1].abs().max() <= 1
    assert torch.equal(images[-1], diffusion.last(images))


@pytest.mark.parametrize("draw", ["ddpm", "ddim"])
def test_knowing_the_noise_one_draws_the_image_itself(draw):
    """A network that knows the image finds it again, whatever the noise is."""
    schedule, (image, noise) = diffusion.linear_schedule(50), noises(2).clamp(-1, 1)

    def predict_noise(noisy, times):
        left = schedule.alpha_bar(round(times[0].item() * 50))
        return (noisy - math.sqrt(left) * image) / math.sqrt(1 - left)

    steps = (
        diffusion.ddpm_steps(predict_noise, noise, schedule, lambda t: torch.randn(noise.shape))
        if draw == "ddpm"
        else diffusion.ddim_steps(predict_noise, noise, schedule, 10)
    )
    torch.testing.assert_close(diffusion.last(steps), image, rtol=0, atol=1e-4)


def test_a_network_that_knows_nothing_loses_the_variance_of_the_noise():
    """Untrained the U-Net answers 0, so that the loss is E[noise²] = 1; it depends on the random numbers alone."""
    network, images = UNet(width=8), torch.zeros(64, 1, 28, 28)
    loss, again, other = (
        diffusion.denoising_loss(network, images, torch.arange(64) % 10, torch.Generator().manual_seed(seed))
        for seed in (0, 0, 1)
    )
    assert loss.item() == pytest.approx(1, abs=0.02)
    assert loss.item() == again.item() != other.item()


def test_velocity_is_that_of_diffusers_and_gives_the_noise_back():
    schedule, (images,) = diffusion.cosine_schedule(400), noises(1, batch=64)
    theirs, seen = peer(DDPMScheduler, schedule), {}

    class Oracle(torch.nn.Module):
        """Answers with diffusers' velocity, having seen which noise and timesteps were drawn."""

        num_classes = 10

        def forward(self, noisy, times, labels=None):
            timesteps = (times * 400).round().long()
            left = schedule.alpha_bars[timesteps].view(-1, 1, 1, 1)
            drawn = (noisy - left.sqrt() * images) / (1 - left).sqrt()
            seen.update(noise=drawn, noisy=noisy, times=times)
            return theirs.get_velocity(images, drawn, timesteps)

    oracle, rng = Oracle(), torch.Generator().manual_seed(3)
    assert diffusion.denoising_loss(oracle, images, None, rng, schedule, velocity=True) < 1e-9
    assert diffusion.denoising_loss(oracle, images, None, rng, schedule) > 0.1  # the other target
    diffusion.denoising_loss(oracle, images, None, rng, schedule)
    found = diffusion.noise_of_velocity(oracle, schedule)(seen["noisy"], seen["times"])
    torch.testing.assert_close(found, seen["noise"], rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    ("num_steps", "said"),
    [
        (0, "at least 1"),
        (-3, "at least 1"),
        (2.5, "whole number"),
        (True, "whole number"),
        (401, "the schedule has only 400"),
    ],
)
def test_steps_that_cannot_be_taken(num_steps, said):
    with pytest.raises(ValueError, match=said):
        next(diffusion.ddim_steps(UNet(width=8), noises(1)[0], diffusion.SCHEDULE, num_steps))


def test_schedules_need_enough_steps():
    for make, most in ((diffusion.linear_schedule, 20), (diffusion.cosine_schedule, 0)):
        with pytest.raises(ValueError, match="whole number of at least"):
            make(most)
        assert (make(most + 1).betas < 1).all()


@pytest.mark.parametrize(
    ("noise", "error", "said"),
    [
        (torch.full((2, 1, 28, 28), math.nan), ValueError, "1568 numbers NaN or infinite"),
        (torch.empty(0, 1, 28, 28), ValueError, "expected finite ones"),
        (torch.zeros(2, 1, 28, 28, dtype=torch.long), TypeError, "torch.int64"),
        (noises(1)[0].numpy(), TypeError, "ndarray"),
        (torch.zeros(2, 28, 28), ValueError, r"expected \(batch, 1, 28, 28\)"),
    ],
)
def test_noise_that_is_none(noise, error, said):
    network = UNet(width=8)
    for steps in (
        diffusion.ddim_steps(network, noise, diffusion.SCHEDULE, 2),
        diffusion.ddpm_steps(network, noise, diffusion.SCHEDULE, lambda t: noise),
    ):
        with pytest.raises(error, match=said):
            next(steps)


@pytest.mark.parametrize(
    ("shape", "timesteps", "said"),
    [
        ((3, 1, 28, 27), torch.zeros(3, dtype=torch.long), "expected equal shapes"),
        ((3, 1, 28, 28), torch.zeros(2, dtype=torch.long), "one whole number for each"),
        ((3, 1, 28, 28), torch.zeros(3), "torch.float32"),
        ((3, 1, 28, 28), torch.tensor([0, 1, 400]), r"timesteps 0 \.\. 400: expected 0 \.\. 399"),
        ((3, 1, 28, 28), torch.tensor([0, 1, -1]), r"timesteps -1"),
    ],
)
def test_noise_cannot_be_added(shape, timesteps, said):
    with pytest.raises(ValueError, match=said):
        diffusion.add_noise(torch.zeros(3, 1, 28, 28), torch.zeros(shape), timesteps, diffusion.SCHEDULE)
