"""Images: noise, drawings, styles, patterns, prompts, changes; as a formula or library says, or a documented error."""

import math
from contextlib import suppress

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from sklearn import metrics as sklearn_metrics
from whatever import REAL, SEEDS, TENSORS, WHATEVER, rng_of, tensors

from aigc_course.images import attributes, augmentation, captions, diffusion, flow, guidance, judging, patterns, style
from aigc_course.images.labels import check_labels, labels_for
from aigc_course.images.vae import VAE, elbo, kl_to_standard_normal, log_likelihood, reparameterize

NUM_PIXELS = 784
STEPS = st.one_of(st.integers(-1, 60), WHATEVER)


# variational autoencoder


@pytest.fixture(scope="module")
def vae():
    torch.manual_seed(0)
    return VAE(latent_dim=3, width=2, num_classes=4).eval()


@given(st.integers(1, 4).flatmap(lambda n: st.tuples(tensors(n, 3), tensors(n, 3))), SEEDS)
def test_the_divergence_of_gaussians_is_torchs(moments, seed):
    mean, log_variance = moments
    of = torch.distributions.Normal(mean.double(), (0.5 * log_variance.double()).exp())
    expected = torch.distributions.kl_divergence(of, torch.distributions.Normal(0.0, 1.0)).sum(1)
    torch.testing.assert_close(kl_to_standard_normal(mean.double(), log_variance.double()), expected)
    noise = torch.randn(mean.shape, generator=rng_of(seed)).double()
    expected = of.loc + of.scale * noise
    torch.testing.assert_close(reparameterize(mean.double(), log_variance.double(), noise), expected)


@given(st.floats(0, 30), st.floats(-30, 30), SEEDS)
def test_the_likelihood_of_ink_is_torchs(size, shift, seed):
    rng = rng_of(seed)
    logits = size * torch.randn(2, 1, 28, 28, generator=rng) + shift
    images = 2 * torch.rand(logits.shape, generator=rng) - 1
    ink = ((images + 1) / 2).double()
    expected = ink * torch.nn.functional.logsigmoid(logits.double())
    expected += (1 - ink) * torch.nn.functional.logsigmoid(-logits.double())
    torch.testing.assert_close(log_likelihood(logits, images).double(), expected.sum((1, 2, 3)), rtol=1e-4, atol=1e-2)


@given(images=st.one_of(TENSORS, WHATEVER, st.integers(0, 3).map(lambda n: torch.zeros(n, 1, 28, 28)),
                        st.floats(width=32).map(lambda x: torch.full((2, 1, 28, 28), x))),
       labels=st.one_of(st.none(), TENSORS, st.lists(st.integers(-1, 4), max_size=3).map(torch.tensor)),
       z=TENSORS)  # fmt: skip
def test_an_autoencoder_takes_images_or_says_why_not(vae, images, labels, z):
    with suppress(ValueError, TypeError), torch.no_grad():
        mean, _ = vae.encode(images, labels)
        assert mean.shape == (len(images), 3)
        assert torch.isfinite(elbo(vae, images, labels, torch.zeros(len(images), 3))).all()
    with suppress(ValueError, TypeError), torch.no_grad():
        drawn = vae(z, labels)
        assert drawn.shape == (len(z), 1, 28, 28)


@given(st.one_of(st.none(), TENSORS, st.lists(st.integers(-2, 12), max_size=4)), st.integers(0, 10), st.integers(0, 4))
def test_labels_are_one_for_each_image_or_refused(labels, num_classes, count):
    with suppress(ValueError):
        found = labels_for(num_classes, count, labels, 0)
        check_labels(found, num_classes, count)
        assert (found is None) == (num_classes == 0)
        assert found is None or (found.shape == (count,) and (count == 0 or 0 <= found.min() <= found.max() < 10))


# diffusion and flow


@given(st.integers(21, 2000))
def test_noise_grows_from_step_to_step(num_timesteps):
    for schedule in (diffusion.linear_schedule(num_timesteps), diffusion.cosine_schedule(num_timesteps)):
        assert schedule.betas.shape == schedule.alpha_bars.shape == (num_timesteps,)
        assert ((schedule.betas > 0) & (schedule.betas <= 1)).all()
        assert (schedule.alpha_bars.diff() <= 0).all()
        torch.testing.assert_close(schedule.alpha_bars, torch.cumprod(1 - schedule.betas.double(), 0).float())


@given(st.one_of(st.integers(-2, 30), st.floats(), st.booleans(), st.none(), st.text(max_size=3)))
def test_a_number_of_steps_is_whole_or_refused(steps):
    for make in (diffusion.linear_schedule, diffusion.cosine_schedule):
        with suppress(ValueError):
            assert len(make(steps).betas) == steps


@given(TENSORS, TENSORS, TENSORS)
def test_noise_is_added_or_refused(images, noise, timesteps):
    with suppress(ValueError):
        noisy = diffusion.add_noise(images, noise, timesteps, diffusion.SCHEDULE)
        assert noisy.shape == images.shape


@given(st.integers(1, 3).flatmap(lambda n: st.tuples(tensors(n, 2, 2), tensors(n, 2, 2))), st.data())
def test_noise_that_was_added_can_be_taken_off(pair, data):
    images, noise = (x.clamp(-1, 1).double() for x in pair)
    timesteps = torch.tensor(data.draw(st.lists(st.integers(0, 350), min_size=len(images), max_size=len(images))))
    noisy = diffusion.add_noise(images, noise, timesteps, diffusion.SCHEDULE)
    for i, timestep in enumerate(timesteps.tolist()):
        clean = diffusion.clean_images(noisy[i], noise[i], diffusion.SCHEDULE.alpha_bar(timestep))
        torch.testing.assert_close(clean, images[i], atol=1e-4, rtol=0)


@given(st.one_of(TENSORS, WHATEVER), STEPS, SEEDS, st.booleans())
def test_drawing_ends_with_finite_images_or_says_why_not(noise, num_steps, seed, noisy):
    def predict(images, times):
        assert times.shape == (len(images),)
        assert ((times >= 0) & (times <= 1)).all()
        return 0.1 * images

    rng = rng_of(seed)
    noise_at = (lambda timestep: torch.randn(noise.shape, generator=rng).to(noise)) if noisy else None
    ways = [
        lambda: diffusion.ddim_steps(predict, noise, diffusion.cosine_schedule(40), num_steps, noise_at),
        lambda: flow.euler_steps(predict, noise, num_steps if not isinstance(num_steps, int) else min(num_steps, 60)),
        lambda: flow.midpoint_steps(predict, noise, num_steps if not isinstance(num_steps, int) else min(num_steps, 9)),
    ]
    for way in ways:
        with suppress(ValueError, TypeError):
            drawn = list(way())
            assert len(drawn) == min(num_steps, len(drawn))
            assert drawn[-1].shape == noise.shape
            assert torch.isfinite(drawn[-1]).all() or noise.abs().max() > 1e30


@given(st.floats(-3, 3), st.floats(0.05, 3), st.floats(-3, 3), st.floats(0.05, 3), st.floats(0, 1), REAL)
def test_the_velocity_between_gaussians_is_the_conditional_mean(m0, s0, m1, s1, time, x):
    found = flow.gaussian_velocity(
        torch.tensor([x], dtype=torch.float64), torch.tensor([time], dtype=torch.float64),
        flow.Gaussian1D(m0, s0), flow.Gaussian1D(m1, s1),
    ).item()  # fmt: skip
    cov = np.array([[s0**2, 0], [0, s1**2]])
    across, along = np.array([-1.0, 1.0]), np.array([1 - time, time])  # x1 - x0, x_t
    expected = m1 - m0 + across @ cov @ along / (along @ cov @ along) * (x - along @ [m0, m1])
    assert found == pytest.approx(expected, rel=1e-6, abs=1e-6)


@given(TENSORS, TENSORS, TENSORS, st.floats(), st.floats())
def test_flow_from_whatever_is_a_result_or_an_error(noise, images, times, std, other):
    with suppress(ValueError):
        assert flow.between(noise, images, times).shape == images.shape
    with suppress(ValueError):
        flow.gaussian_velocity(times, times, flow.Gaussian1D(0.0, std), flow.Gaussian1D(1.0, other))
        assert std > 0 < other


@given(st.one_of(st.floats(), st.integers(-2, 5)), st.floats(-2, 2), st.floats(-2, 2))
def test_guidance_is_the_line_through_both_answers(guidance_, told, untold):
    class Network:
        num_classes = 3

        def __call__(self, images, times, labels=None):
            said = torch.zeros(len(images)) if labels is None else (labels != 3).float()
            return (untold + (told - untold) * said).view(-1, 1, 1, 1).expand_as(images)

    images, times = torch.zeros(2, 1, 2, 2), torch.zeros(2)
    with suppress(ValueError):
        found = guidance.guided(Network(), torch.tensor([0, 1]), guidance_)(images, times)
        expected = untold + guidance_ * (told - untold)
        if abs(expected) < 1e6:
            torch.testing.assert_close(found, torch.full_like(images, expected), rtol=1e-4, atol=1e-4)


@given(st.lists(st.integers(0, 9), max_size=30), st.floats(0, 1), SEEDS)
def test_dropped_labels_say_nothing_and_the_others_stay(labels, share, seed):
    labels = torch.tensor(labels, dtype=torch.long)
    found = guidance.drop_labels(labels, share, 10, rng_of(seed))
    assert ((found == labels) | (found == 10)).all()
    assert share > 0 or torch.equal(found, labels)
    assert share < 1 or (found == 10).all()


# style


@pytest.fixture(scope="module")
def generator():
    torch.manual_seed(0)
    return style.StyleGenerator(latent_dim=3, width=2, num_classes=4).eval()


@given(tensors(2, 3, 4, 4), tensors(2, 3), tensors(2, 3))
def test_adain_sets_mean_and_deviation(features, scale, shift):
    varied = features.flatten(2).std(2) > 0.1  # a feature that is alike everywhere stays so
    found = style.adain(features, scale, shift).flatten(2)
    torch.testing.assert_close(found.mean(2), shift, atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(found.std(2, correction=0)[varied], scale.abs()[varied], atol=1e-2, rtol=1e-2)


@given(z=st.one_of(TENSORS, WHATEVER), other=TENSORS, start=st.integers(-2, 8),
       labels=st.one_of(st.none(), TENSORS, st.lists(st.integers(-1, 4), max_size=3).map(torch.tensor)))  # fmt: skip
def test_a_style_draws_or_says_why_not(generator, z, other, start, labels):
    with suppress(ValueError), torch.no_grad():
        drawn = generator(z, labels)
        assert drawn.shape == (len(z), 1, 28, 28)
        assert (drawn.abs() <= 1).all() or not torch.isfinite(z).all()
    if isinstance(z, torch.Tensor):
        with suppress(ValueError):
            mixed = style.mix_styles(z, other, start)
            assert torch.equal(mixed[:, :start], z[:, None].expand(-1, start, -1))
            assert torch.equal(mixed[:, start:], other[:, None].expand(-1, 6 - start, -1))


# patterns

SETTINGS = {
    "seed": st.one_of(st.integers(-1, 2**40), WHATEVER),
    "waves": st.one_of(st.integers(0, 5), WHATEVER),
    "width": st.one_of(st.integers(0, 9), WHATEVER),
    "depth": st.one_of(st.integers(0, 4), WHATEVER),
    "contrast": st.one_of(st.floats(), WHATEVER),
    "mirrored": st.booleans(),
}


@given(st.fixed_dictionaries({}, optional=SETTINGS), st.one_of(st.integers(-1, 20), WHATEVER))
def test_a_pattern_has_no_seam_or_is_refused(settings, side):
    try:
        pattern = patterns.Pattern(**settings)
        tile = patterns.render(pattern, side if not isinstance(side, int) or side < 21 else 21)
    except (ValueError, TypeError):
        return
    network = patterns.PatternNetwork(pattern)
    places = np.linspace(0, 1, 7)
    np.testing.assert_allclose(
        network.colors(places, 0 * places), network.colors(places + 3, 0 * places - 2), atol=1e-4
    )
    assert tile.dtype == np.uint8
    if pattern.mirrored:
        np.testing.assert_allclose(network.colors(places, places), network.colors(-places, places), atol=1e-4)


@given(st.one_of(WHATEVER, arrays(np.uint8, array_shapes(min_dims=2, max_dims=3, max_side=6))))
def test_a_seam_is_a_number_or_an_error(tile):
    with suppress(ValueError, TypeError):
        found = patterns.seam(tile)
        assert isinstance(found, float)
        assert found >= 0 or not np.isfinite(np.asarray(tile, np.float32)).all()


# attributes and prompts


@given(st.one_of(WHATEVER, arrays(np.uint8, array_shapes(min_dims=2, max_dims=4, max_side=9))))
def test_what_is_measured_of_a_drawing_is_finite(images):
    with suppress(ValueError, TypeError):
        found = attributes.measure(images)
        assert all(np.isfinite(values).all() and len(values) == len(images) for values in found)
        assert (found.stroke > 0).all()
        assert (np.abs(found.slant) <= 90).all()
        assert ((found.size >= 1) & (found.size <= max(images.shape[1:]))).all()


@given(arrays(np.uint8, st.tuples(st.just(1), st.integers(2, 9), st.integers(2, 9)), elements=st.integers(0, 255)))
def test_a_mirrored_drawing_leans_the_other_way(images):
    assume((images > 100).any())
    one, other = attributes.measure(images), attributes.measure(images[:, :, ::-1].copy())
    np.testing.assert_allclose(one.slant, -other.slant, atol=1e-2)
    np.testing.assert_allclose(one.stroke, other.stroke, rtol=1e-4)
    assert one.size == other.size


PIECES = st.sampled_from([word for words in captions.WORDS.values() for both in words for word in both])
WORDS = st.one_of(PIECES, st.sampled_from([*captions.SILENT, *"0123456789零一二九", "seven", "猫", "cat", "\u3000"]))


@given(
    st.one_of(st.lists(WORDS, max_size=6).map(" ".join), st.lists(WORDS, max_size=6).map("".join), st.text(), WHATEVER)
)
def test_a_prompt_is_understood_or_refused_with_a_reason(prompt):
    try:
        caption = captions.parse(prompt)
    except (ValueError, TypeError) as error:
        assert str(error)
        return
    assert caption in ALL
    for language in ("en", "zh"):
        assert captions.parse(captions.write(caption, language)) == caption


ALL = set(captions.all_captions())


# changes


@given(st.one_of(TENSORS, tensors(2, 1, 8, 9)), *[st.one_of(st.floats(0, 5), st.floats(width=32))] * 3, SEEDS)
def test_a_changed_image_is_an_image_or_an_error(images, degrees, size, shift, seed):
    for change in (
        lambda: augmentation.random_affine(images, rng_of(seed), degrees, size, shift),
        lambda: augmentation.elastic(images, rng_of(seed), degrees, size),
        lambda: augmentation.affine(images, *(torch.full((2,), x) for x in (degrees, size)), torch.full((2, 2), shift)),
    ):
        with suppress(ValueError, TypeError):
            assert change().shape == images.shape


@given(tensors(2, 1, 6, 6), st.sampled_from([-180, -90, 0, 90, 180]), st.integers(-3, 3), st.integers(-3, 3))
def test_quarter_turns_and_whole_shifts_are_numpys(images, degrees, right, down):
    turned = augmentation.affine(
        images.double(), *(torch.full((2,), float(x), dtype=torch.float64) for x in (degrees, 1)),
        torch.tensor([[right, down]] * 2, dtype=torch.float64),
    )  # fmt: skip
    expected = np.rot90(images.numpy(), -degrees // 90, axes=(2, 3))
    padded = np.pad(expected, ((0, 0), (0, 0), (3, 3), (3, 3)), constant_values=-1)
    expected = padded[:, :, 3 - down : 9 - down, 3 - right : 9 - right]
    np.testing.assert_allclose(turned.numpy(), expected, atol=1e-5)


@given(tensors(4, 2), st.one_of(TENSORS, tensors(4, 3, low=0, high=1)), st.floats(), SEEDS)
def test_mixed_images_lie_between_two_or_are_refused(images, targets, alpha, seed):
    with suppress(ValueError):
        mixed, mixed_targets = augmentation.mixup(images, targets, rng_of(seed), alpha)
        assert mixed.shape == images.shape
        assert mixed_targets.shape == targets.shape
        assert (mixed <= images.max() + 1e-5).all()
        assert (mixed >= images.min() - 1e-5).all()


# judging


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), max_size=20))
def test_confusion_is_sklearns(pairs):
    labels, predictions = np.array([a for a, _ in pairs], int), np.array([b for _, b in pairs], int)
    found = judging.confusion_matrix(labels, predictions, 5)
    expected = np.zeros((5, 5), int)
    if pairs:
        expected = sklearn_metrics.confusion_matrix(labels, predictions, labels=range(5))
    np.testing.assert_array_equal(found, expected)


@given(WHATEVER, WHATEVER, st.integers(1, 12), st.integers(0, 12))
def test_judging_whatever_gives_numbers_or_errors(a, b, num_classes, num_bins):
    with suppress(ValueError, TypeError):
        assert judging.confusion_matrix(a, b, num_classes).sum() == np.size(a)
    with suppress(ValueError, TypeError):
        assert 0 <= judging.reliability(a, b, num_bins).error <= 1
    with suppress(ValueError, TypeError):
        assert judging.prepare_drawing(a).shape == (28, 28)


@given(arrays(np.float64, (28, 28), elements=st.one_of(st.just(0), st.floats(0, 1), st.floats(width=32))))
def test_a_drawing_is_brought_to_the_middle_or_refused(pixels):
    with suppress(ValueError):
        found = judging.prepare_drawing(pixels)
        assert np.isfinite(found).all()
        assert (found >= 0).all()
        assert (found <= 1).all()
        assert not math.isclose(found.sum(), 0)
