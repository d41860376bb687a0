"""The second judge of generated digits, where trainings are looked for, and the table that was measured."""

import csv

import numpy as np
import pytest

from aigc_course.images import generators
from aigc_course.kit import data_folder
from tools.bench import image_trainings
from tools.bench.image_trainings import COUNT, RUNS, Way, folder_of, row_of, trained_judge


def bars(count, rng):
    """Ten kinds of images, a white column each, with noise; and which one it is."""
    labels = np.arange(count) % 10
    images = rng.integers(60, size=(count, 28, 28), dtype=np.uint8)
    images[np.arange(count), :, 2 * labels + 3] = 255
    return images, labels


def test_the_second_judge_learns_and_is_the_same_for_the_same_seed():
    images, labels = bars(1000, np.random.default_rng(0))
    judge, again, other = (trained_judge(images, labels, seed) for seed in (0, 0, 1))
    unseen, right = bars(200, np.random.default_rng(1))
    features, read = judge.describe(unseen)
    assert features.shape == (200, 64)
    assert np.mean(read == right) > 0.95
    assert np.array_equal(features, again.describe(unseen)[0])
    assert not np.allclose(features, other.describe(unseen)[0])


def test_a_training_that_is_not_there_is_left_out(tmp_path, monkeypatch):
    monkeypatch.setattr(image_trainings, "BUILT", tmp_path)
    assert folder_of("flow", 0) == data_folder() / "models" / "digit_flow"
    assert folder_of("flow", 1) is None
    generators.save_generator(generators.load_generator(folder_of("flow", 0), "flow"), tmp_path / "digit_flow_1")
    assert folder_of("flow", 1) == tmp_path / "digit_flow_1"


def test_a_row_holds_each_judge_s_distance_and_its_excess(monkeypatch):
    monkeypatch.setattr(image_trainings, "COUNT", 40)
    images, _ = bars(400, np.random.default_rng(0))

    def judge(drawn):
        return drawn.reshape(len(drawn), -1)[:, 300:308] / 255, np.arange(len(drawn)) % 10

    real = {"": image_trainings.gaussian(judge(images)[0])}
    row = row_of((Way("vae"), 0, 1), folder_of("vae", 0), {"": judge}, real, {("", 1): 0.25})
    assert row["excess"] == pytest.approx(row["frechet"] - 0.25, abs=2e-3)
    assert (row["family"], row["training"], row["seed"], row["right"], row["count"]) == ("vae", 0, 1, 40, 40)


def test_the_table_has_each_run_once_and_its_excess_is_a_difference():
    with (data_folder() / "image_trainings.csv").open(encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file))
    runs = [(*map(str, way), str(training), str(seed)) for way, training, seed in RUNS]
    keys = [tuple(row[name] for name in (*Way._fields, "training", "seed")) for row in table]
    assert sorted(keys) == sorted(runs)
    for prefix in ("", "second_"):
        floor = {row["seed"]: float(row[f"{prefix}frechet"]) for row in table if row["family"] == "real"}
        for row in table:
            gap = float(row[f"{prefix}frechet"]) - floor[row["seed"]]
            assert float(row[f"{prefix}excess"]) == pytest.approx(gap, abs=2e-3)
            assert 0 <= int(row[f"{prefix}right"]) <= int(row["count"]) == COUNT
