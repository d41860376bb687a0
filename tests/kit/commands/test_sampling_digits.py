"""`sample vae|diffusion|flow|style`: what they write into files, with networks that are made for the test."""

import numpy as np
import pytest
import torch
from lively_unet import lively_unet
from typer.testing import CliRunner

from aigc_course import __main__ as cli
from aigc_course.images.captioned import NUM_TOKENS
from aigc_course.images.captions import parse
from aigc_course.images.generators import KINDS, draw, save_generator
from aigc_course.images.style import StyleGenerator
from aigc_course.images.vae import VAE
from aigc_course.kit.datasets import digits, find_digit_model


def network_of(kind):
    torch.manual_seed(0)
    if kind in ("diffusion", "flow"):
        return lively_unet(kind=KINDS[kind].network)
    if kind == "text2image":
        return lively_unet(NUM_TOKENS)
    if kind == "style":
        return StyleGenerator(4, 2).eval()
    vae = VAE(2, 2)
    torch.nn.init.normal_(vae.draw[-1].weight, std=20)  # so that no image is without paper
    return vae.eval()


@pytest.fixture(autouse=True)
def models(tmp_path, monkeypatch):
    """A data folder with a small network of each kind."""
    monkeypatch.setattr(digits, "data_folder", lambda: tmp_path / "data")
    for kind, family in KINDS.items():
        save_generator(network_of(kind), tmp_path / "data" / "models" / family.folder)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "text2image"])
def test_digits_are_drawn_into_a_file(kind, tmp_path):
    out = tmp_path / "digits.npy"
    words = ["sample", kind, "--count", "3", "--label", "7", "--seed", "5", "--language", "en", "--out", str(out)]
    result = CliRunner().invoke(cli.app, words)
    assert result.exit_code == 0, result.output
    assert result.stdout == f"3 images in {out}\n"
    assert KINDS[kind].folder in result.stderr
    assert np.array_equal(np.load(out), draw(network_of(kind), kind, 3, 5, 7))


@pytest.mark.parametrize("kind", ["diffusion", "flow"])
def test_steps_and_guidance_are_passed_on(kind, tmp_path):
    out = tmp_path / "digits.npy"
    words = ["sample", kind, "--count", "2", "--label", "7", "--steps", "3", "--guidance", "2", "--out", str(out)]
    assert CliRunner().invoke(cli.app, words).exit_code == 0
    assert np.array_equal(np.load(out), draw(network_of(kind), kind, 2, 0, 7, 3, 2.0))


@pytest.mark.parametrize("prompt", ["a thick 7 slanting right", "一个粗的、向右倾斜的7"])
def test_a_prompt_is_drawn(prompt, tmp_path):
    out = tmp_path / "digits.npy"
    words = ["sample", "text2image", "--prompt", prompt, "--count", "2", "--guidance", "4", "--out", str(out)]
    assert CliRunner().invoke(cli.app, words).exit_code == 0
    assert np.array_equal(
        np.load(out), draw(network_of("text2image"), "text2image", 2, 0, [parse(prompt)] * 2, guidance=4.0)
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["vae", "--label", "10"], "label 10: expected 0 to 9"),
        (["vae", "--steps", "3"], "--steps"),
        (["flow", "--steps", "0"], "0 steps: expected a whole number of at least 1"),
        (["diffusion", "--steps", "401"], "the schedule has only 400"),
        (["diffusion", "--guidance", "-1"], "guidance -1.0"),
        (["style", "--guidance", "1"], "--guidance"),
        (["text2image", "--prompt", "a blue 7"], '"blue" is not a word of this language'),
        (["text2image", "--prompt", "10"], '"10" is not a word'),
        (["text2image"], "--prompt"),
    ],
)
def test_digits_that_cannot_be_had(words, said, tmp_path):
    out = tmp_path / "digits.npy"
    result = CliRunner().invoke(cli.app, ["sample", *words, "--out", str(out)])
    assert result.exit_code == 2
    assert said in " ".join(result.output.split())
    assert not out.exists()


def test_a_network_that_is_missing_or_not_known(tmp_path, monkeypatch):
    monkeypatch.setattr(digits, "data_folder", lambda: tmp_path / "empty")
    result = CliRunner().invoke(cli.app, ["sample", "flow", "--out", str(tmp_path / "a.npy")])
    assert result.exit_code == 1
    assert "python -m tools.train.images flow" in result.stderr
    with pytest.raises(ValueError, match="allowed: vae, diffusion, flow, text2image, style"):
        find_digit_model("gan")


def test_the_kit_knows_the_folders_of_the_topic():
    """The kit may not import a topic, so that the names stand twice."""
    assert {kind: name for kind, (name, *_) in digits.DIGIT_MODELS.items()} == {
        kind: family.folder for kind, family in KINDS.items()
    }
