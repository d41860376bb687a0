"""The predictor: it moves pixels as it says, its rivals are fair, training goes on where it stopped, the shipped one
keeps its bars."""

import numpy as np
import pytest
import torch

from aigc_course.kit.datasets.mnist import bundled_sample
from aigc_course.kit.runtime import data_folder
from aigc_course.storage import checkpoints
from aigc_course.synthetic.moving_digits import halved, moving_digits
from aigc_course.video import prediction as p
from tools.bench import film

FOLDER = data_folder() / "models" / "frame_predictor"


@pytest.fixture(scope="module")
def clips():
    digits = bundled_sample("train")
    return moving_digits(halved(digits.images), digits.labels, 64, p.CONTEXT + p.AHEAD, seed=77)


def test_warp_by_whole_pixels_is_a_roll_and_by_half_a_mean():
    image = torch.zeros(2, 8, 9)
    image[:, 2:5, 3:6] = torch.rand(2, 3, 3, generator=torch.Generator().manual_seed(0))
    moved = p.warp(image, torch.tensor([[2.0, -1.0], [0.5, 0.0]]))
    torch.testing.assert_close(moved[0], image[0].roll((-1, 2), (0, 1)), atol=1e-5, rtol=0)
    torch.testing.assert_close(moved[1], (image[1] + image[1].roll(1, 1)) / 2, atol=1e-5, rtol=0)


def test_before_training_the_network_copies(clips):
    known = torch.from_numpy(clips.frames[:, : p.CONTEXT])
    with torch.no_grad():
        predicted = p.continued(p.FramePredictor(), known, 3)
    torch.testing.assert_close(predicted, p.copied(known, 3), atol=1e-5, rtol=0)


def test_constant_velocity_is_exact_up_to_interpolation_where_nothing_bounces(clips):
    frames = torch.from_numpy(clips.frames)
    free = ~clips.bounces[:, p.CONTEXT - 1 :].any(axis=1)
    velocity = (p.center(frames[:, 3]) - p.center(frames[:, 2])).numpy()
    np.testing.assert_allclose(velocity[free], clips.velocities[free, 3], atol=1e-3)
    carried, copied = (
        p.squared_errors(way(frames[:, : p.CONTEXT], p.AHEAD), frames[:, p.CONTEXT :])[free].mean()
        for way in (p.carried_on, p.copied)
    )
    assert carried < 0.05 * copied


def test_training_lowers_the_loss_and_goes_on_bit_for_bit(clips, tmp_path):
    data, config = torch.from_numpy(clips.frames), p.PredictorConfig(num_steps=60, batch_size=16, learning_rate=2e-3)

    def fresh():
        torch.manual_seed(0)
        network = p.FramePredictor(8)
        return network, torch.optim.Adam(network.parameters(), lr=config.learning_rate)

    network, optimizer = fresh()
    losses = [row["loss"] for row in p.training_steps(network, optimizer, data, config)]
    assert np.mean(losses[30:48]) < np.mean(losses[:10])  # one frame ahead, both times
    stopped, its_optimizer = fresh()
    for row in p.training_steps(stopped, its_optimizer, data, config):
        if row["step"] == 25:
            break
    checkpoints.save(tmp_path / "c", {"network": stopped}, {"adam": its_optimizer}, 25)
    resumed, other_optimizer = fresh()
    first = checkpoints.load(tmp_path / "c", {"network": resumed}, {"adam": other_optimizer})
    for _ in p.training_steps(resumed, other_optimizer, data, config, first):
        pass
    for name, value in network.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name


def test_batches_are_of_several_kinds_and_the_same_for_the_same_seed(clips):
    data, config = torch.from_numpy(clips.frames), p.PredictorConfig(num_steps=10)
    assert p.training_batch(data, 0, config).shape == (64, p.CONTEXT + 1, 32, 32)
    assert p.training_batch(data, 9, config).shape == (32, p.CONTEXT + p.AHEAD, 32, 32)
    assert torch.equal(p.training_batch(data, 3, config), p.training_batch(data, 3, config))
    other = p.training_batch(data, 3, p.PredictorConfig(num_steps=10, seed=1))
    assert not torch.equal(other, p.training_batch(data, 3, config))


def test_a_network_comes_back_from_its_folder(tmp_path, clips):
    network = p.FramePredictor(8)
    torch.nn.init.normal_(network.layers[-1].weight)
    p.save_predictor(network, tmp_path)
    known = torch.from_numpy(clips.frames[:4, : p.CONTEXT])
    with torch.no_grad():
        assert torch.equal(p.load_predictor(tmp_path)(known), network(known))


@pytest.mark.parametrize(
    ("given", "error"),
    [
        (np.zeros((2, 9, 32, 32)), TypeError),
        (torch.zeros(2, 9, 32, 32, dtype=torch.uint8), TypeError),
        (torch.zeros(2, 1, 32, 32), ValueError),
        (torch.zeros(2, 9, 30, 32), ValueError),
        (torch.zeros(0, 9, 32, 32), ValueError),
        (torch.full((2, 9, 32, 32), float("nan")), ValueError),
    ],
)
def test_what_are_no_clips_is_refused(given, error):
    with pytest.raises(error):
        p.check_clips(given)
    with pytest.raises(error):
        p.continued(p.FramePredictor(8), given, 1)


def test_errors_of_different_shapes_are_refused():
    with pytest.raises(ValueError, match="the same shape"):
        p.squared_errors(torch.zeros(2, 3, 4, 4), torch.zeros(2, 2, 4, 4))


def test_the_shipped_network_keeps_its_bars_on_other_clips_and_other_digits():
    rows = film.prediction_rows(p.load_predictor(FOLDER), seeds=(7, 8))  # no seeds of the table or of the training
    assert film.interval_of(rows, "copied")[0] <= 0.5
    assert film.interval_of(rows, "carried_on")[0] <= 0.8


def test_the_shipped_network_is_small_and_has_a_card():
    assert sum(file.stat().st_size for file in FOLDER.iterdir()) < 1_000_000
    card = (FOLDER / "README.md").read_text(encoding="utf-8")
    for row in ("task", "data", "recipe", "command", "seed", "time", "measured on", "format", "limits", "license"):
        assert f"| {row} | " in card


def test_digits_to_judge_by_are_not_those_to_learn_from():
    train, test = (np.unique(bundled_sample(part).images.reshape(-1, 784), axis=0) for part in ("train", "test"))
    both = np.concatenate([train, test])
    assert len(np.unique(both, axis=0)) == len(both)
