"""The generators of digits that the course ships: cards, sizes, what they draw; and the tables measured with them."""

import csv

import numpy as np
import pytest

from aigc_course.images.captions import Caption, parse
from aigc_course.images.features import FOLDER, describe, load_digit_features
from aigc_course.images.generators import KINDS, draw, load_generator
from aigc_course.kit import data_folder
from tools.bench.images import PROMPTED, PROMPTS, SETTINGS, Setting

MODELS = data_folder() / "models"
ASKED = np.arange(40) % 10
LEAST = {"vae": 0.85, "diffusion": 0.85, "flow": 0.85, "style": 0.7}  # share of digits as asked; the cards say more


def test_together_they_are_at_most_8_megabytes():
    sizes = [file.stat().st_size for kind in KINDS.values() for file in (MODELS / kind.folder).iterdir()]
    assert sum(sizes) <= 8_000_000


@pytest.mark.parametrize("kind", list(KINDS))
def test_each_has_a_card_with_its_command_and_its_figures(kind):
    card = (MODELS / KINDS[kind].folder / "README.md").read_text(encoding="utf-8")
    measured = ["obeyed"] if kind == "text2image" else ["Fréchet distance", "the digit asked for", "1,000 images"]
    for row in ("data", "recipe", "seed", "time", "license", *measured):
        assert f"| {row} | " in card
    assert f"`python -m tools.train.images {kind} --seed 0 --steps " in card


@pytest.mark.parametrize("kind", list(LEAST))
def test_they_draw_the_digits_that_are_asked_for_more_often_than_chance(kind):
    images = draw(load_generator(MODELS / KINDS[kind].folder, kind), kind, len(ASKED), 1, ASKED)
    seen = describe(images, load_digit_features(MODELS / FOLDER))
    assert np.mean(seen.labels == ASKED) >= LEAST[kind]


def test_words_are_drawn():
    images = draw(
        load_generator(MODELS / KINDS["text2image"].folder, "text2image"), "text2image", 8, 5, [parse("7")] * 8
    )
    assert np.mean(describe(images, load_digit_features(MODELS / FOLDER)).labels == 7) >= 0.8


def rows(name):
    with (data_folder() / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_the_table_of_quality_has_every_setting_once_and_its_excess_is_a_difference():
    table = [row for row in rows("image_quality.csv") if row["family"] != "style, as a GAN"]
    keys = [tuple(row[name] for name in Setting._fields) for row in table]
    assert sorted(keys) == sorted(tuple(map(str, setting)) for setting in SETTINGS)
    floor = {(row["seed"], row["count"]): float(row["frechet"]) for row in table if row["family"] == "real"}
    for row in table:
        assert float(row["excess"]) == pytest.approx(float(row["frechet"]) - floor[row["seed"], row["count"]], abs=2e-3)
        assert 0 <= int(row["right"]) <= int(row["count"])


def test_the_table_of_prompts_is_complete():
    table = rows("image_prompts.csv")
    assert all(int(row["prompts"]) == PROMPTS >= int(row["obeyed"]) for row in table)
    keys = {(row["language"], float(row["guidance"]), int(row["seed"]), row["attribute"]) for row in table}
    assert keys == {(*asked, name) for asked in PROMPTED for name in Caption._fields}
    assert len(keys) == len(table)


def test_at_least_nine_of_ten_words_are_obeyed_in_both_languages():
    usual = KINDS["text2image"].guidance
    obeyed = [row for row in rows("image_prompts.csv") if float(row["guidance"]) == usual]
    assert {row["language"] for row in obeyed} == {"en", "zh"}
    assert min(int(row["obeyed"]) for row in obeyed) >= 0.9 * PROMPTS
