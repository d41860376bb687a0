"""What trains the digits of each family: a run stopped and started again, its plan, its card."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from killed_gan import small_images
from safetensors.torch import load_file

from aigc_course.images import training
from aigc_course.images.captioned import NUM_TOKENS
from aigc_course.images.generators import KINDS
from aigc_course.images.style import StyleAutoencoder, StyleGenerator
from aigc_course.images.unet import UNet, VelocityUNet
from aigc_course.images.vae import VAE
from aigc_course.kit.datasets import Digits
from tools.train import images as train_images


def bars(source):
    """200 images with labels."""
    return Digits(small_images(200).numpy(), np.arange(200) % 10, source)


def small_vae():
    """None of its images is without paper, however little it has learned."""
    vae = VAE(2, 2)
    torch.nn.init.normal_(vae.draw[-1].weight, std=20)
    return vae


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Networks, data and measurements that take no time."""
    monkeypatch.setattr(train_images, "load_mnist", lambda split: bars("cache"))
    monkeypatch.setattr(train_images, "NUM_IMAGES", 100)
    monkeypatch.setattr(train_images, "NUM_PROMPTS", 20)
    monkeypatch.setattr(train_images, "SAVE_EVERY", 2)
    monkeypatch.setattr(train_images, "TRIED", 4)
    for kind, config in train_images.CONFIGS.items():
        monkeypatch.setitem(train_images.CONFIGS, kind, replace(config, batch_size=4))
    for kind, network in (
        ("vae", small_vae),
        ("velocity", lambda: VelocityUNet(8)),
        ("flow", lambda: UNet(8)),
        ("text2image", lambda: UNet(8, NUM_TOKENS)),
        ("style", lambda: StyleAutoencoder(StyleGenerator(4, 2))),
    ):
        monkeypatch.setitem(training.FAMILIES, kind, training.FAMILIES[kind]._replace(network=network))


def run(monkeypatch, tmp_path, out, *words):
    arguments = ["images", *words, "--folder", str(tmp_path), "--out", str(tmp_path / out)]
    monkeypatch.setattr("sys.argv", arguments)
    train_images.main()
    return tmp_path / out


@pytest.mark.parametrize("kind", list(KINDS))
def test_a_training_writes_weights_and_a_card(kind, tmp_path, monkeypatch, capsys):
    folder = run(monkeypatch, tmp_path, "model", kind, "--steps", "3", "--seed", "2")
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert capsys.readouterr().out.endswith(f"{card}\n")
    rows = dict(re.findall(r"^\| ([^|]+) \| (.+) \|$", card, re.M))
    assert {"task", "network", "command", "seed", "time", "license", "measured on"} <= rows.keys()
    assert ("obeyed" in rows) == (kind == "text2image") == ("Fréchet distance" not in rows)
    assert f"{kind} --seed 2 --steps 3" in rows["command"]
    assert sorted(path.name for path in folder.iterdir()) == ["README.md", "config.json", "model.safetensors"]


def test_stopped_and_started_again_it_ends_with_the_same_weights_and_counts_the_time(tmp_path, monkeypatch):
    calm = run(monkeypatch, tmp_path / "a", "model", "flow", "--steps", "5")
    save, saved = train_images.Keeper.after, []

    def stop(*arguments):
        save(*arguments)
        saved.append(arguments)
        if len(saved) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(train_images.Keeper, "after", stop)
    with pytest.raises(KeyboardInterrupt):
        run(monkeypatch, tmp_path / "b", "model", "flow", "--steps", "5")
    spent = json.loads((tmp_path / "b" / "flow_0.plan.json").read_text())["seconds"]
    again = run(monkeypatch, tmp_path / "b", "model", "flow")  # the plan stands beside the checkpoint
    first, second = (load_file(folder / "model.safetensors") for folder in (calm, again))
    assert all(torch.equal(first[name], second[name]) for name in first)
    plan = json.loads((tmp_path / "b" / "flow_0.plan.json").read_text())
    assert plan["steps"] == 5
    assert plan["seconds"] > spent > 0


def test_minutes_become_steps(tmp_path):
    digits = train_images.load_mnist("train")
    data = torch.from_numpy(digits.images), torch.from_numpy(digits.labels)
    assert train_images.steps_in(1.0, "vae", data) > 10 * train_images.steps_in(0.01, "vae", data) >= 10


def test_a_sample_of_mnist_is_not_enough(tmp_path, monkeypatch):
    monkeypatch.setattr(train_images, "load_mnist", lambda split: bars("sample"))
    with pytest.raises(SystemExit, match="all of MNIST"):
        run(monkeypatch, tmp_path, "model", "vae", "--steps", "1")
