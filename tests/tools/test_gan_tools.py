"""What makes and measures the GANs that the course ships: the cards, the ladder of the ablation, the judge."""

import csv
import re

import numpy as np
import pytest
import torch
from killed_gan import small_images

from aigc_course.gan.generators import SHIPPED, load_generator
from aigc_course.gan.training import gan_image_steps
from aigc_course.kit.runtime import data_folder
from tools.bench.gan import ABLATION, BROKEN, COLLAPSE, LOOKS, MEASURES, Plan, ladder
from tools.train import article_history
from tools.train import gan as train_gan
from tools.train.card import cpu, settings_of, time_of, write_card


@pytest.mark.parametrize("folder", [*SHIPPED.values(), "digit_features", "mnist_cnn"])
def test_the_cards_that_are_shipped_have_the_form_that_is_written(folder, tmp_path):
    shipped = (data_folder() / "models" / folder / "README.md").read_text(encoding="utf-8")
    title, rows = (
        shipped.splitlines()[0].removeprefix("# "),
        dict(re.findall(r"^\| ([^|]+) \| (.+) \|$", shipped, re.M)),
    )
    assert {"task", "network", "command", "seed", "time", "license"} <= rows.keys()
    assert write_card(tmp_path, title, rows) == shipped
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == shipped


def test_rows_of_a_card():
    assert settings_of({"num_epochs": 12, "peak": 4e-3}) == "num_epochs 12, peak 0.004"
    assert (cpu(1), cpu(2)) == ("1 CPU thread", "2 CPU threads")
    assert re.fullmatch(
        r"12 s on 2 CPU threads, \d{4}-\d\d-\d\d, torch 2, Python 3\.\S+", time_of(12.3, cpu(2), "torch 2")
    )


def test_the_ladder_is_that_of_the_measurements():
    with ABLATION.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(dict.fromkeys(row["change"] for row in rows)) == [plan.name for plan in ladder()]
    assert list(rows[0]) == ["change", "seed", "seconds", "steps", *MEASURES]


@pytest.mark.parametrize("plan", ladder(), ids=lambda plan: plan.name)
def test_every_rung_of_the_ladder_trains(plan: Plan):
    images, labels = small_images(64), torch.arange(64) % 10
    setup = plan.set_up(seed=0)
    assert setup.config.latent_dim == setup.G.latent_dim
    assert (setup.average is not None) == (plan.config.average > 0)
    first = next(gan_image_steps(setup, images, labels if plan.num_classes else None))
    assert float(first["d_loss"]) + float(first["g_loss"]) > 0


def test_the_judge_finds_a_good_generator_better_than_the_articles(monkeypatch):
    monkeypatch.setattr(train_gan, "NUM_IMAGES", 500)
    judge = train_gan.Judge()
    measured = {
        name: judge.measure(load_generator(data_folder() / "models" / SHIPPED[name])) for name in ("gan", "article-gan")
    }
    assert measured["gan"]["frechet"] < measured["article-gan"]["frechet"] / 2
    assert measured["gan"]["coverage"] > measured["article-gan"]["coverage"]
    assert measured["gan"]["asked_for"] > 0.95
    assert "asked_for" not in measured["article-gan"]
    assert measured["gan"]["largest_share"] == pytest.approx(0.1, abs=0.02)
    assert all(np.isfinite(list(values.values())).all() for values in measured.values())


def test_the_collapse_is_that_of_the_measurements():
    with COLLAPSE.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    seeds = {row["seed"] for row in rows}
    measured = {
        (row["networks"], float(row["g_learning_rate"]), float(row["beta1"]), float(row["beta2"])) for row in rows
    }
    assert len(seeds) == 3
    assert len(rows) == len(seeds) * sum(len(LOOKS[broken.networks]) for broken in BROKEN)
    assert measured == {(broken.networks, broken.learning_rate, *broken.betas) for broken in BROKEN}


def test_the_record_of_the_articles_training_fits_together():
    history = np.load(article_history.HISTORY)
    epochs = len(history["frechet"])
    assert history["curves"].shape == (epochs, article_history.PARTS, len(article_history.NAMES))
    assert history["images"].shape == (epochs, article_history.NUM_SHOWN, 28, 28)
    assert np.isnan(history["curves"][0]).all()
    assert np.isfinite(history["curves"][1:]).all()
    np.testing.assert_allclose(history["shares"].sum(axis=1), 1, atol=1e-3)
    assert article_history.HISTORY.stat().st_size < 300_000
