"""Stored generators, what they draw, the convolutional networks, and weights in files."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file

from aigc_course.gan.article import Generator
from aigc_course.gan.generators import SHIPPED, draw, load_generator, save_generator
from aigc_course.gan.networks import ConvDiscriminator, ConvGenerator
from aigc_course.gan.recipes import RECIPES, set_up
from aigc_course.images.features import FOLDER, describe, load_digit_features
from aigc_course.kit import runtime
from aigc_course.storage import weights


@pytest.fixture
def G():
    torch.manual_seed(0)
    return ConvGenerator(4, 8, num_classes=10)


@pytest.fixture
def folder(G, tmp_path):
    save_generator(G, tmp_path / "some_gan")
    return tmp_path / "some_gan"


def test_what_was_stored_draws_the_same(G, folder):
    again = load_generator(folder)
    assert not again.training
    assert (again.latent_dim, again.width, again.num_classes) == (4, 8, 10)
    assert np.array_equal(draw(G, 30, seed=3), draw(again, 30, seed=3))
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "model.safetensors"]


def test_the_articles_generator_can_be_stored_too(tmp_path):
    G = Generator()
    save_generator(G, tmp_path)
    assert np.array_equal(draw(load_generator(tmp_path), 3), draw(G, 3))


def test_drawing_leaves_the_generator_as_it_was(G):
    before = {name: value.clone() for name, value in G.state_dict().items()}
    G.train()
    images = draw(G, 7, seed=1)
    assert images.dtype == np.uint8
    assert G.training
    assert all(torch.equal(before[name], value) for name, value in G.state_dict().items())
    assert np.array_equal(images, draw(G, 7, seed=1))
    assert not np.array_equal(images, draw(G, 7, seed=2))


@settings(max_examples=10, deadline=None)
@given(count=st.integers(1, 1200), seed=st.integers(0, 2**32 - 1))
def test_the_first_images_do_not_depend_on_how_many_follow(count, seed):
    torch.manual_seed(0)
    G = ConvGenerator(2, 1)
    assert np.abs(draw(G, count, seed)[:1].astype(int) - draw(G, 1, seed)).max() <= 1  # rounding of other batches


def test_a_label_for_all_is_a_label_for_each(G):
    assert np.array_equal(draw(G, 6, 0, 3), draw(G, 6, 0, [3] * 6))
    assert not np.array_equal(draw(G, 6, 0, 3), draw(G, 6, 0, 4))


@pytest.mark.parametrize(
    ("count", "labels", "said"),
    [
        (0, None, "at least 1"),
        (5, 10, "label 10: expected 0 to 9"),
        (5, -1, "label -1: expected 0 to 9"),
        (5, [1, 2], "expected one whole number, or 5"),
        (5, 0.5, "expected one whole number"),
        (5, True, "expected one whole number"),
    ],
)
def test_what_cannot_be_drawn(G, count, labels, said):
    with pytest.raises(ValueError, match=said):
        draw(G, count, 0, labels)


def test_a_generator_without_labels_takes_none_and_a_broken_one_is_noticed():
    G = ConvGenerator(4, 2)
    with pytest.raises(ValueError, match="takes no labels"):
        draw(G, 5, 0, 3)
    torch.nn.init.constant_(G.main[0].weight, float("nan"))
    with pytest.raises(ValueError, match="NaN comes from a training that has diverged"):
        draw(G, 5)


def test_networks_refuse_labels_that_do_not_fit(G):
    D, z = ConvDiscriminator(4, num_classes=10), torch.zeros(3, 4)
    for call in (lambda labels: G(z, labels), lambda labels: D.logits(torch.zeros(3, 1, 28, 28), labels)):
        for labels, said in (
            (None, "give it labels"), (torch.tensor([0, 1, 10]), "label 10"), (torch.tensor([0, 1]), "expected 3"),
            (torch.zeros(3), "whole numbers"),
        ):  # fmt: skip
            with pytest.raises(ValueError, match=said):
                call(labels)
    with pytest.raises(ValueError, match="without classes"):
        ConvDiscriminator(4).logits(torch.zeros(3, 1, 28, 28), torch.zeros(3, dtype=torch.long))


def test_a_latent_vector_of_the_wrong_width_names_both_widths():
    with pytest.raises(ValueError, match=r"z \(3, 100\): expected \(batch, 16\)"):
        ConvGenerator()(torch.zeros(3, 100))
    with pytest.raises(ValueError, match=r"z \(3, 64\): expected \(batch, 100\)"):
        Generator()(torch.zeros(3, 64))


def damage(folder, what):
    """Spoil a stored generator in one of the ways that happen."""
    config, stored = folder / "config.json", folder / "model.safetensors"
    content = stored.read_bytes()
    if what == "no config":
        config.unlink()
    elif what == "no weights":
        stored.unlink()
    elif what == "cut config":
        config.write_text(config.read_text()[:10])
    elif what == "other program":
        config.write_text(json.dumps({"model_type": "gpt2"}))
    elif what == "cut weights":
        stored.write_bytes(content[: len(content) // 2])
    elif what == "pickle":
        torch.save({"weights": torch.zeros(2)}, stored)
    elif what == "other shape":
        config.write_text(json.dumps(json.loads(config.read_text()) | {"width": 16}))
    else:
        save_file({"something": torch.zeros(3)}, stored)


@pytest.mark.parametrize(
    ("what", "error", "said"),
    [
        ("no config", FileNotFoundError, "config.json is not there"),
        ("no weights", FileNotFoundError, "there is no model file"),
        ("cut config", ValueError, "damaged or from another program"),
        ("other program", ValueError, 'expected "network"'),
        ("cut weights", ValueError, "cut short"),
        ("pickle", ValueError, "only safetensors is read"),
        ("other shape", ValueError, "belongs to another network"),
        ("other weights", ValueError, "belongs to another network"),
    ],
)
def test_a_spoiled_folder_says_what_is_wrong(folder, what, error, said):
    damage(folder, what)
    with pytest.raises(error, match=said):
        load_generator(folder)


@pytest.mark.parametrize(
    "settings",
    [
        {"latent_dim": -1}, {"latent_dim": 10**30}, {"latent_dim": "4"}, {"latent_dim": None}, {"width": -3},
        {"width": 30_000}, {"width": 2.5}, {"num_classes": 10**9}, {"num_classes": [10]}, {"more": 1},
    ],
    ids=str,
)  # fmt: skip
def test_settings_that_nobody_meant_take_no_memory(settings, folder):
    config = folder / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | settings))
    with pytest.raises(ValueError, match=r"damaged or from another program|belongs to another network"):
        load_generator(folder)


def test_a_config_nested_without_end_is_damaged(folder):
    (folder / "config.json").write_text('{"network": ' + "[" * 100_000)
    with pytest.raises(ValueError, match="damaged or from another program"):
        load_generator(folder)


def test_a_full_disk_leaves_the_earlier_weights(folder, G, monkeypatch):
    path = folder / "model.safetensors"
    before = path.read_bytes()

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        weights.save_weights(G, path)
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert sorted(p.name for p in folder.iterdir()) == ["config.json", "model.safetensors"]


@pytest.mark.parametrize("name", list(RECIPES))
def test_shipped_generators_are_those_of_their_recipes_and_draw_digits(name):
    """Fréchet distances stand on the cards; here: the network is sure of what it sees, and every digit comes."""
    G = load_generator(runtime.data_folder() / "models" / SHIPPED[name])
    fresh = set_up(RECIPES[name]).best
    assert {k: v.shape for k, v in G.state_dict().items()} == {k: v.shape for k, v in fresh.state_dict().items()}
    labels = np.arange(500) % 10 if RECIPES[name].has_labels else None
    reader = load_digit_features(runtime.data_folder() / "models" / FOLDER)
    seen = describe(draw(G, 500, seed=5, labels=labels), reader)
    assert np.bincount(seen.labels, minlength=10).min() > 0
    if name == "gan":
        assert seen.probs.max(axis=1).mean() > 0.95
    if labels is not None:
        assert np.mean(seen.labels == labels) > 0.95


def test_the_models_are_small():
    files = [path for name in (*SHIPPED.values(), "digit_features")
             for path in (runtime.data_folder() / "models" / name).iterdir()]  # fmt: skip
    assert sum(path.stat().st_size for path in files) <= 20_000_000
    assert {path.name for path in files} == {"README.md", "config.json", "model.safetensors"}
