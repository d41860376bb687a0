"""The table of what diffusion predicts: whole; what is missing is found; a network is asked as its target says."""

import csv

import numpy as np
import pytest
import torch

from aigc_course.images.diffusion import SCHEDULE
from aigc_course.images.features import FOLDER, load_digit_features
from aigc_course.images.metrics import Gaussian
from aigc_course.kit import data_folder
from aigc_course.kit.datasets.mnist import bundled_sample
from tools.bench import diffusion_targets
from tools.bench.diffusion_targets import CALLS, COUNT, RUNS, Run, drawn, missing, new_rows, ways_of


@pytest.fixture(scope="module")
def table():
    with (data_folder() / "diffusion_targets.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


class Knowing:
    """Predicts what a network would that knows the images, (count, 1, 28, 28) in -1..1."""

    num_classes = 10

    def __init__(self, target, images):
        self.target, self.images = target, images

    def __call__(self, noisy, times, labels=None):
        if self.target == "flow":
            return (self.images - noisy) / (1 - times.view(-1, 1, 1, 1))
        left = SCHEDULE.alpha_bars[(times * len(SCHEDULE.betas)).round().long()].view(-1, 1, 1, 1)
        noise = (noisy - left.sqrt() * self.images) / (1 - left).sqrt()
        return noise if self.target == "noise" else left.sqrt() * noise - (1 - left).sqrt() * self.images


def test_the_table_has_every_way_of_every_network_once(table):
    assert missing(table) == {}
    assert len(table) == sum(len(ways_of(run.target)) for run in RUNS) == 42
    assert {row["count"] for row in table} == {str(COUNT)}
    assert missing(table[1:]) == {RUNS[0]: [table[0]["sampler"]]}


@pytest.mark.parametrize("target", diffusion_targets.FAMILIES)
def test_a_network_that_knows_the_images_draws_them(target, monkeypatch):
    monkeypatch.setattr(diffusion_targets, "COUNT", 20)
    images = torch.from_numpy(bundled_sample("test").images[:20]).float()[:, None] / 127.5 - 1
    monkeypatch.setattr(diffusion_targets, "CALLS", dict.fromkeys(CALLS, 2))  # the last of more steps would forgive all
    for sampler in set(ways_of(target)) - {"ddpm"}:
        found = drawn(Knowing(target, images), Run(target, 1, 3), sampler)
        assert np.abs(found - bundled_sample("test").images[:20].astype(float)).max() <= 2


def test_rows_say_how_they_were_drawn_and_only_what_is_missing_is_trained(table, monkeypatch):
    monkeypatch.setattr(diffusion_targets, "CALLS", {"ddim": 2})
    monkeypatch.setattr(diffusion_targets, "COUNT", 100)
    asked, reader = [], load_digit_features(data_folder() / "models" / FOLDER)

    def train(run):
        asked.append(run)
        return Knowing(run.target, 2 * torch.rand(100, 1, 28, 28) - 1)

    without = [row for row in table if (row["target"], row["steps"], row["seed"]) != ("velocity", "2000", "2")]
    size = reader.features(torch.zeros(1, 1, 28, 28)).shape[1]
    (row,) = new_rows(without, reader, Gaussian(np.zeros(size), np.eye(size), 100), train)
    assert asked == [Run("velocity", 2000, 2)]
    assert (row["target"], row["steps"], row["seed"], row["sampler"], row["calls"], row["count"]) == (
        "velocity", 2000, 2, "ddim", 2, 100,
    )  # fmt: skip
    assert row["frechet"] > 0
