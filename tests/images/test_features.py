"""The network that judges generated digits: what goes in, what comes out, what is refused, and how well it reads."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis.extra.numpy import arrays
from safetensors.torch import load_file, save_file

from aigc_course.images.features import DigitFeatures, as_images, as_inputs, describe, load_digit_features
from aigc_course.images.metrics import density_coverage, frechet_distance, inception_score
from aigc_course.kit.datasets import Digits, load_mnist
from aigc_course.kit.runtime import data_folder
from aigc_course.storage.weights import save_weights
from tools.train.features import jitter, steps

MODEL = data_folder() / "models" / "digit_features" / "model.safetensors"


@pytest.fixture(scope="module")
def unseen() -> Digits:
    return load_mnist("test")


@pytest.fixture(scope="module")
def network() -> DigitFeatures:
    return load_digit_features(MODEL.parent)


# ------------------------------------------------------------ images in, images out


@given(arrays(np.uint8, (3, 28, 28)))
def test_bytes_come_back_as_they_went_in(images):
    images[0, 0, :2] = 0, 255  # paper and ink
    inputs = as_inputs(images)
    assert inputs.shape == (3, 1, 28, 28)
    assert inputs.dtype == torch.float32
    assert inputs.abs().max() <= 1
    np.testing.assert_array_equal(as_images(inputs), images)
    np.testing.assert_array_equal(as_images(images), images)


def test_paper_is_minus_1_and_ink_is_1():
    images = np.zeros((1, 28, 28), np.uint8)
    images[0, 3, 4] = 255
    inputs = as_inputs(images)
    assert inputs[0, 0, 3, 4] == 1
    assert inputs.sum() == 1 - 783


@pytest.mark.parametrize("shape", [(2, 28, 28), (2, 1, 28, 28)])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_arrays_and_tensors_of_floats_are_one(shape, dtype):
    images = np.random.default_rng(0).uniform(-1, 1, shape).astype(dtype)
    np.testing.assert_array_equal(as_inputs(images), as_inputs(torch.from_numpy(images)))
    np.testing.assert_allclose(as_inputs(images).reshape(shape), images.astype(np.float32))
    assert as_images(images).dtype == np.uint8
    assert as_images(images).shape == (2, 28, 28)


def test_outputs_are_rounded_to_the_nearest_gray():
    outputs = torch.full((1, 1, 28, 28), -1.0, requires_grad=True) + 1.6 / 127.5
    assert (as_images(outputs) == 2).all()


def test_images_in_another_order_in_memory_are_taken():
    images = np.random.default_rng(0).integers(0, 256, (3, 28, 28), dtype=np.uint8)
    for other in (images[::-1], images.transpose(0, 2, 1), np.lib.stride_tricks.as_strided(images, writeable=False)):
        np.testing.assert_array_equal(as_images(other), other)
    np.testing.assert_array_equal(as_images(torch.from_numpy(images).mT), images.transpose(0, 2, 1))


@pytest.mark.parametrize(
    ("images", "error", "message"),
    [
        (np.zeros((28, 28), np.uint8), ValueError, r"expected \(n, 28, 28\).*one is image\[None\]"),
        (np.zeros((2, 3, 28, 28)), ValueError, r"shape \(2, 3, 28, 28\)"),
        (np.zeros((2, 784)), ValueError, r"shape \(2, 784\)"),
        (np.zeros((0, 28, 28), np.uint8), ValueError, "n at least 1"),
        (np.zeros(()), ValueError, r"shape \(\)"),
        (np.zeros((1, 28, 28), np.int64), TypeError, "int64; expected uint8 in 0..255 or floats in -1..1"),
        (torch.zeros((1, 28, 28), dtype=torch.int64), TypeError, r"torch\.int64; expected uint8"),
        (np.zeros((1, 28, 28), bool), TypeError, "bool; expected uint8"),
        (["digit"], TypeError, "expected uint8"),
        (np.full((1, 28, 28), 255.0), ValueError, "hold 255 .. 255.*they look like 0..255: give them as uint8"),
        (torch.full((1, 1, 28, 28), 1.01), ValueError, "must be in -1..1"),
        (
            torch.full((1, 28, 28), -1.5),
            ValueError,
            r"floats must be in -1\.\.1.*tanh gives them$",
        ),
        (np.linspace(0, 1, 784).reshape(1, 28, 28), ValueError, r"hold 0 \.\. 1: no paper.*images \* 2 - 1"),
        (torch.ones(1, 1, 28, 28), ValueError, "leaves no paper has diverged"),
        (np.eye(28, dtype=np.uint8)[None], ValueError, r"contain only 0 and 1.*images \* 255"),
        (np.full((1, 28, 28), np.nan), ValueError, "hold nan .. nan.*training that has diverged"),
        (torch.full((1, 28, 28), torch.inf), ValueError, "hold inf .. inf"),
    ],
)
@pytest.mark.parametrize("function", [as_inputs, as_images, lambda images: describe(images, DigitFeatures())])
def test_other_images_are_refused(function, images, error, message):
    with pytest.raises(error, match=message):
        function(images)


# ------------------------------------------------------------ the network


def test_the_network_has_the_parameters_it_says():
    network = DigitFeatures().eval()
    count = sum(weights.numel() for weights in network.parameters())
    assert f"{count:,} parameters" in DigitFeatures.__doc__
    images = torch.zeros(3, 1, 28, 28)
    assert network.features(images).shape == (3, 64)
    assert network(images).shape == (3, 10)


def test_a_description_fits_together_and_repeats_itself(network, unseen):
    found = describe(unseen.images[:300], network)
    assert (found.features.shape, found.features.dtype) == ((300, 64), np.float32)
    assert (found.probs.shape, found.probs.dtype) == ((300, 10), np.float32)
    np.testing.assert_allclose(found.probs.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(found.labels, found.probs.argmax(axis=1))
    with torch.no_grad():
        logits = network(as_inputs(unseen.images[:300]))
    np.testing.assert_allclose(found.probs, logits.softmax(dim=1), atol=1e-5)
    again = describe(unseen.images[:300], load_digit_features(MODEL.parent))
    np.testing.assert_array_equal(again.features, found.features)
    small = describe(torch.from_numpy(unseen.images[:300]), network, batch_size=7)
    np.testing.assert_allclose(small.features, found.features, atol=1e-4)
    np.testing.assert_array_equal(small.labels, found.labels)


def test_describing_leaves_a_network_in_training_as_it_was():
    network = DigitFeatures().train()
    before = {name: weight.clone() for name, weight in network.state_dict().items()}
    images = 2 * torch.rand(5, 28, 28) - 1
    one, all_of_them = describe(images[:1], network), describe(images, network)  # a batch of one works too
    np.testing.assert_allclose(one.features, all_of_them.features[:1], atol=1e-5)
    assert network.training
    assert all(torch.equal(before[name], weight) for name, weight in network.state_dict().items())


def test_describing_leaves_the_random_numbers_of_a_training_as_they_were():
    torch.manual_seed(0)
    expected = torch.rand(4)
    torch.manual_seed(0)
    describe(torch.full((2, 28, 28), -1.0), load_digit_features(MODEL.parent))
    assert torch.equal(torch.rand(4), expected)


def test_a_batch_of_nothing_is_refused():
    with pytest.raises(ValueError, match="batch_size 0: expected at least 1"):
        describe(np.zeros((1, 28, 28), np.uint8), DigitFeatures(), batch_size=0)


# ------------------------------------------------------------ what the course ships


@pytest.mark.parametrize("count", [1500, pytest.param(None, marks=pytest.mark.slow)])
def test_the_shipped_network_reads_digits(network, unseen, count):
    found = describe(unseen.images[:count], network)
    assert np.mean(found.labels == unseen.labels[:count]) >= (0.994 if unseen.is_full and count is None else 0.985)
    assert np.abs(found.features.mean(axis=0)).max() < 0.5
    assert found.features.std(axis=0) == pytest.approx(np.ones(64), abs=0.3)
    assert inception_score(found.probs) > 9.5


def test_real_digits_are_near_each_other_and_spoiled_ones_far(network, unseen):
    half = 500  # more than the 64 dimensions by far
    first, second = unseen.images[:half], unseen.images[half : 2 * half]
    noise = np.random.default_rng(0).integers(-60, 61, second.shape)
    noisy = (second + noise).clip(0, 255).astype(np.uint8)
    one, other, spoiled = (describe(images, network).features for images in (first, second, noisy))
    real = frechet_distance(one, other)
    assert frechet_distance(one, one) < 1e-6
    assert real < 0.2 * frechet_distance(one, spoiled)
    assert density_coverage(one, other).coverage > 0.8


def test_the_shipped_file_is_small_and_its_card_tells_how_it_was_made():
    assert MODEL.stat().st_size < 1_300_000
    card = MODEL.with_name("README.md").read_text(encoding="utf-8")
    for word in ("seed", "command", "time", "test accuracy", "Fréchet distance of real images", "license"):
        assert f"| {word} |" in card


# ------------------------------------------------------------ files


def test_a_network_read_back_gives_equal_answers(tmp_path, unseen):
    torch.manual_seed(1)
    network = DigitFeatures()
    save_weights(network, tmp_path / "model.safetensors")
    loaded = load_digit_features(tmp_path)
    assert not loaded.training
    images = unseen.images[:20]
    np.testing.assert_array_equal(describe(images, loaded).features, describe(images, network).features)
    assert [path.name for path in tmp_path.iterdir()] == ["model.safetensors"]


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"model\.safetensors; copy or download it again, or run python -m"):
        load_digit_features(tmp_path)


def change(path: Path, **weights: torch.Tensor | None) -> None:
    """Write the shipped weights with some replaced or, where None, left out."""
    stored = load_file(MODEL) | {name.replace("__", "."): weight for name, weight in weights.items()}
    save_file({name: weight for name, weight in stored.items() if weight is not None}, path)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda path: path.write_bytes(MODEL.read_bytes()[:-1000]), "bytes.*cut short"),
        (lambda path: path.write_bytes(b""), r"\(0 bytes\) was cut short"),
        (lambda path: path.write_text("<html>not found</html>"), "no safetensors file"),
        (lambda path: path.write_bytes(pickle.dumps({"weight": 1})), "is a pickle.*can hold code"),
        (lambda path: torch.save({"weight": torch.zeros(1)}, path), "is a pickle"),
        (
            lambda path: change(path, classify__bias=torch.zeros(9)),
            r'"classify.bias" is \(9,\) in the file, \(10,\)',
        ),
        (lambda path: change(path, classify__bias=None), r'"classify.bias" is missing in the file'),
        (lambda path: change(path, more=torch.zeros(1)), r'"more" is \(1,\) in the file, missing'),
        (lambda path: change(path, classify__bias=torch.full((10,), torch.nan)), "classify.bias holds NaN"),
    ],
)
def test_another_file_is_refused(spoil, message, tmp_path):
    spoil(tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match=message):
        load_digit_features(tmp_path)


# ------------------------------------------------------------ training


def test_jitter_moves_each_image_a_little_and_in_its_own_way():
    torch.manual_seed(0)
    rows, columns = np.mgrid[-13.5:14, -13.5:14]
    disc = torch.from_numpy((np.hypot(rows, columns) < 6).astype(np.float32) * 2 - 1).expand(500, 1, 28, 28)
    moved = (jitter(disc)[:, 0] + 1).numpy() / 2
    assert moved.shape == (500, 28, 28)
    assert moved.min() >= -1e-6
    assert moved.max() <= 1 + 1e-6
    mass = moved.sum(axis=(1, 2))
    for offset in ((moved * rows).sum(axis=(1, 2)) / mass, (moved * columns).sum(axis=(1, 2)) / mass):
        assert np.abs(offset).max() < 2.7  # uniform in -2..2, give or take the stretch
        assert offset.std() == pytest.approx(4 / np.sqrt(12), rel=0.1)
    assert mass.std() / mass.mean() > 0.03


def test_the_training_learns(monkeypatch, unseen):
    monkeypatch.setattr(
        "tools.train.features.RECIPE", {"num_epochs": 2, "batch_size": 32, "peak": 4e-3, "weight_decay": 0}
    )
    torch.manual_seed(0)
    network = DigitFeatures()
    images, labels = torch.from_numpy(unseen.images[:640]), torch.from_numpy(unseen.labels[:640]).long()
    losses = list(steps(network, images, labels))
    assert len(losses) == 2 * 20
    assert np.mean(losses[-10:]) < np.mean(losses[:5]) / 2
    assert np.mean(describe(unseen.images[640:1000], network).labels == unseen.labels[640:1000]) > 0.7
