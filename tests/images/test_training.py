"""The trainer of VAE, diffusion and flow: settings, bad input, the same weights after an interruption."""

import math
from dataclasses import replace
from itertools import islice

import pytest
import torch
from killed_gan import small_images

from aigc_course.images.captioned import NUM_TOKENS
from aigc_course.images.features import DigitFeatures
from aigc_course.images.keeping import Keeper
from aigc_course.images.style import StyleAutoencoder, StyleGenerator
from aigc_course.images.training import FAMILIES, Training, TrainingConfig, image_steps
from aigc_course.images.unet import UNet
from aigc_course.images.vae import VAE
from aigc_course.storage.checkpoints import DamagedCheckpoint

CONFIG = TrainingConfig(num_steps=6, batch_size=8, rising=2, learning_rate=1e-2)
LABELS = torch.arange(50) % 10


def started(family="flow", **changes):
    """A training of a small network, the same one each time."""
    torch.manual_seed(0)
    network = {
        "classifier": DigitFeatures,
        "vae": lambda: VAE(latent_dim=2, width=4),
        "style": lambda: StyleAutoencoder(StyleGenerator(4, 4)),
        "text2image": lambda: UNet(8, NUM_TOKENS),
    }.get(family, lambda: UNet(8))()
    return Training(replace(CONFIG, family=family, **changes), network)


def trained(family="flow", steps=None, keeper=None, **changes):
    """A training after some steps, and its losses."""
    training = started(family, **changes)
    labels = LABELS[:, None].expand(-1, 4) if family == "text2image" else LABELS
    rows = list(islice(image_steps(training, small_images(), labels, keeper), steps))
    return training, [row["loss"].item() for row in rows]


def equal(one, other):
    """Whether two trainings have the same weights, bit for bit."""
    pairs = zip(one.modules.values(), other.modules.values(), strict=True)
    return all(torch.equal(a.state_dict()[key], b.state_dict()[key]) for a, b in pairs for key in a.state_dict())


@pytest.mark.parametrize("family", list(FAMILIES))
def test_interrupted_it_goes_on_with_the_same_weights(family, tmp_path):
    calm, losses = trained(family)
    keeper = Keeper(tmp_path / "c", save_every=2)
    trained(family, steps=3, keeper=keeper)
    resumed, rest = trained(family, keeper=keeper)
    assert equal(calm, resumed)
    assert rest == losses[2:]


@pytest.mark.parametrize("family", list(FAMILIES))
def test_the_loss_falls(family):
    _, losses = trained(family, num_steps=80 if family == "style" else 20)
    assert sum(losses[-3:]) < 0.9 * sum(losses[:3])


def test_the_same_seed_gives_the_same_weights_and_another_seed_others():
    first, again, other = (trained(seed=seed, steps=2)[0] for seed in (0, 0, 1))
    assert equal(first, again)
    assert not equal(first, other)
    fresh = [Training(replace(CONFIG, family="vae", seed=seed)) for seed in (0, 0, 1)]
    assert equal(fresh[0], fresh[1])
    assert not equal(fresh[0], fresh[2])


def test_without_labels_a_network_learns_too():
    training = started()
    assert next(image_steps(training, small_images()))["loss"].item() > 0


def test_the_average_is_kept_and_may_be_left_out():
    training, _ = trained()
    assert training.best is training.average
    assert not torch.equal(training.best.first.weight, training.network.first.weight)
    assert started(average=0.0).best.training


def test_step_sizes_rise_stay_and_fall_to_0():
    config = replace(CONFIG, num_steps=100, rising=9, falling=0.5, learning_rate=1.0)
    rates = [config.rate_at(step) for step in range(100)]
    assert rates[:9] == pytest.approx([0.1 * n for n in range(1, 10)])
    assert rates[9:51] == [1.0] * 42
    assert rates[75] == pytest.approx(0.5)
    assert 0 < rates[-1] < 0.03
    assert replace(config, falling=0.0).rate_at(99) == 1.0


def test_a_checkpoint_of_another_training_is_refused(tmp_path):
    keeper = Keeper(tmp_path / "c", save_every=2)
    trained(steps=2, keeper=keeper)
    for changes, said in (({"seed": 1}, "'seed': 0"), ({"family": "diffusion"}, "'family': 'flow'")):
        with pytest.raises(ValueError, match=said):
            trained(**{"keeper": keeper, **changes})
    with pytest.raises(ValueError, match="a different shape"):
        next(image_steps(Training(CONFIG, UNet(width=16)), small_images(), LABELS, keeper))
    with pytest.raises(ValueError, match="other data"):
        next(image_steps(started(), small_images(), 9 - LABELS, keeper))
    for content, said in (((tmp_path / "c").read_bytes()[:500], "cut short|damaged"), (b"\x80\x04pickle", "pickle")):
        (tmp_path / "d").write_bytes(content)
        with pytest.raises(DamagedCheckpoint, match=said):
            trained(keeper=Keeper(tmp_path / "d"))


@pytest.mark.parametrize(
    ("images", "labels", "error", "said"),
    [
        (small_images().float(), LABELS, TypeError, "uint8"),
        (small_images()[:, :14], LABELS, ValueError, r"expected \(count, 28, 28\)"),
        (small_images(5), None, ValueError, "do not fill a batch"),
        (small_images(), LABELS[:3], ValueError, "expected one each"),
        (small_images(), LABELS + 1, ValueError, "label 1[01]: expected 0 to 9"),
    ],
)
def test_data_that_does_not_fit_is_refused(images, labels, error, said):
    training = started(family="vae")
    with pytest.raises(error, match=said):
        list(image_steps(training, images, labels))


def test_a_training_that_diverges_says_so():
    training = started()
    torch.nn.init.constant_(training.network.first.weight, math.nan)
    with pytest.raises(FloatingPointError, match="loss is nan at step 0: lower the learning rate"):
        next(image_steps(training, small_images(), LABELS))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"family": "gan"}, "allowed: classifier, vae, diffusion, velocity, flow, style, text2image"),
        ({"num_steps": 0}, "at least 1"),
        ({"num_steps": 2.5}, "a whole number"),
        ({"batch_size": True}, "a whole number"),
        ({"rising": -1}, "at least 0"),
        ({"learning_rate": math.inf}, "above 0"),
        ({"falling": 1.1}, "from 0 to 1"),
        ({"average": 1.0}, "below 1"),
        ({"beta2": -0.1}, "from 0"),
    ],
)
def test_settings_that_make_no_sense(wrong, said):
    with pytest.raises(ValueError, match=said):
        TrainingConfig(**wrong)
