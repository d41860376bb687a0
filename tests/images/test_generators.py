"""Stored networks of each family, and what they draw."""

import json

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler
from lively_unet import lively_unet

from aigc_course.images.captioned import NUM_TOKENS
from aigc_course.images.captions import Caption, parse
from aigc_course.images.diffusion import SCHEDULE
from aigc_course.images.features import as_images
from aigc_course.images.generators import BATCH, KINDS, draw, load_generator, save_generator
from aigc_course.images.style import StyleGenerator
from aigc_course.images.unet import VelocityUNet
from aigc_course.images.vae import VAE

SMALL = {
    "vae": lambda: VAE(3, 2),
    "diffusion": lambda: lively_unet(kind=VelocityUNet),
    "flow": lively_unet,
    "style": lambda: StyleGenerator(4, 2),
    "text2image": lambda: lively_unet(NUM_TOKENS),
}


def small(kind):
    """A network of a kind, none of whose images is without paper."""
    torch.manual_seed(0)
    network = SMALL[kind]()
    if kind == "vae":
        torch.nn.init.normal_(network.draw[-1].weight, std=20)
    return network


@pytest.mark.parametrize("kind", list(KINDS))
def test_what_was_stored_draws_the_same(kind, tmp_path):
    network = small(kind)
    save_generator(network, tmp_path / kind)
    again = load_generator(tmp_path / kind, kind)
    told = {"labels": [Caption(7)] * 3} if kind == "text2image" else {}
    images = draw(network.train(), kind, 3, seed=2, **told)
    assert network.training
    assert not again.training
    assert images.shape == (3, 28, 28)
    assert images.dtype == np.uint8
    assert np.array_equal(images, draw(again, kind, 3, seed=2, **told))
    assert not np.array_equal(images, draw(again, kind, 3, seed=3, **told))


@pytest.mark.parametrize("kind", ["vae", "style"])
def test_the_first_images_do_not_depend_on_how_many_follow(kind):
    network = small(kind)
    few, many = draw(network, kind, 2), draw(network, kind, BATCH + 3)
    assert np.abs(many[:2].astype(int) - few).max() <= 1  # rounding of other batches
    assert len(many) == BATCH + 3


@pytest.mark.parametrize("kind", ["diffusion", "flow"])
def test_steps_guidance_and_labels_change_what_is_drawn(kind):
    network = small(kind)
    assert np.array_equal(draw(network, kind, 1), draw(network, kind, 1, 0, None, KINDS[kind].num_steps, 1.0))
    images = draw(network, kind, 2, 0, 3, 2)
    assert np.array_equal(images, draw(network, kind, 2, 0, [3, 3], 2, 1.0))
    for other in ((4, 2), (3, 3), (3, 2, 3.0)):
        assert not np.array_equal(images, draw(network, kind, 2, 0, *other))
    assert np.array_equal(draw(network, kind, 2, 0, 3, 2, 0.0), draw(network, kind, 2, 0, 4, 2, 0.0))


@pytest.mark.parametrize(
    ("kind", "settings", "said"),
    [
        ("flow", {"count": 0}, "at least 1 image"),
        ("flow", {"num_steps": 0}, "0 steps: expected a whole number of at least 1"),
        ("diffusion", {"num_steps": 401}, "the schedule has only 400"),
        ("diffusion", {"guidance": -1.0}, "guidance -1.0: expected 0"),
        ("flow", {"guidance": float("nan")}, "guidance nan"),
        ("flow", {"labels": 10}, "label 10: expected 0 to 9"),
        ("vae", {"labels": [1, 2]}, "expected one whole number, or 3"),
        ("vae", {"num_steps": 5}, "takes neither steps nor guidance"),
        ("style", {"guidance": 1.0}, "takes neither steps nor guidance"),
        ("gan", {}, "allowed: vae, diffusion, flow, style, text2image"),
        ("text2image", {}, "needs one caption for each of 3 images"),
        ("text2image", {"labels": 7}, "needs one caption"),
        ("text2image", {"labels": ["a 7"] * 3}, "let `captions.parse` read a prompt"),
    ],
)
def test_what_cannot_be_drawn(kind, settings, said):
    with pytest.raises(ValueError, match=said):
        draw(small(kind if kind in KINDS else "vae"), kind, **{"count": 3, **settings})


def test_a_network_that_has_diverged_is_noticed():
    network = small("vae")
    torch.nn.init.constant_(network.draw[0].weight, float("nan"))
    with pytest.raises(ValueError, match="NaN comes from a training that has diverged"):
        draw(network, "vae", 2)


def test_words_change_what_is_drawn():
    network = small("text2image")
    prompts = ("a thick 7", "a thin 7", "7", "a thick 8", "一个粗的7")
    images = [draw(network, "text2image", 1, 0, [parse(prompt)]) for prompt in prompts]
    assert np.array_equal(images[0], images[4])
    assert not any(np.array_equal(images[0], other) for other in images[1:4])


def test_a_network_of_diffusion_is_asked_for_its_velocity():
    """The images are those that diffusers draws from a prediction of that type, and not of the noise."""
    network, labels = small("diffusion"), torch.arange(3)
    images = draw(network, "diffusion", 3, 5, labels.numpy(), num_steps=4)
    drawn = {}
    for target in ("v_prediction", "epsilon"):
        theirs = DDIMScheduler(
            num_train_timesteps=400, trained_betas=SCHEDULE.betas.numpy(), clip_sample=True,
            timestep_spacing="trailing", prediction_type=target,
        )  # fmt: skip
        theirs.set_timesteps(4)
        x = torch.from_numpy(np.random.default_rng(5).standard_normal((3, 1, 28, 28), np.float32))
        for timestep in theirs.timesteps.tolist():
            with torch.no_grad():
                predicted = network(x, torch.full((3,), timestep / 400), labels)
            x = theirs.step(predicted, timestep, x, use_clipped_model_output=True).prev_sample
        drawn[target] = as_images(x.clamp(-1, 1)).astype(int)
    assert np.abs(images - drawn["v_prediction"]).max() <= 1  # of 255, rounding
    assert np.abs(images - drawn["epsilon"]).max() > 10


@pytest.mark.parametrize(("of", "kind"), [("flow", "diffusion"), ("diffusion", "flow")])
def test_a_network_whose_answer_means_something_else_does_not_draw(of, kind, tmp_path):
    network = small(of)
    wanted, given = KINDS[kind].network.__name__, KINDS[of].network.__name__
    with pytest.raises(ValueError, match=f"{kind} draws with a {wanted}, this is a {given}"):
        draw(network, kind, 1)
    save_generator(network, tmp_path)
    with pytest.raises(ValueError, match=f"one of {wanted}, "):
        load_generator(tmp_path, kind)


def damage(folder, what):
    """Spoil a stored network in one of the ways that happen."""
    config, stored = folder / "config.json", folder / "model.safetensors"
    if what == "no config":
        config.unlink()
    elif what == "cut weights":
        stored.write_bytes(stored.read_bytes()[:1000])
    elif what == "pickle":
        torch.save({"weights": torch.zeros(2)}, stored)
    elif what == "other shape":
        config.write_text(json.dumps(json.loads(config.read_text()) | {"width": 16}))
    elif what == "wrong width":
        config.write_text(json.dumps(json.loads(config.read_text()) | {"width": 7}))
    else:
        save_generator(small("vae"), folder)


@pytest.mark.parametrize(
    ("what", "error", "said"),
    [
        ("no config", FileNotFoundError, "config.json is not there"),
        ("cut weights", ValueError, "cut short"),
        ("pickle", ValueError, "only safetensors is read"),
        ("other shape", ValueError, "belongs to another network"),
        ("wrong width", ValueError, "multiple of 8"),
        ("other family", ValueError, 'expected "network", one of UNet'),
    ],
)
def test_a_spoiled_folder_says_what_is_wrong(what, error, said, tmp_path):
    save_generator(small("flow"), tmp_path)
    damage(tmp_path, what)
    with pytest.raises(error, match=said):
        load_generator(tmp_path, "flow")


def test_a_kind_that_is_not_known(tmp_path):
    with pytest.raises(ValueError, match="allowed: vae, diffusion"):
        load_generator(tmp_path, "gan")
