"""The benchmark of augmentation goes on where it stopped, and its table is complete and fair."""

import csv

import numpy as np
import torch

from aigc_course.images.few_labels import Labeled
from aigc_course.kit.runtime import data_folder
from aigc_course.storage.tables import kept_rows
from tools.bench import augmentation

ARMS = ["none", "longer", "generated", "classical", "classical longer", "both"]


def test_a_stopped_run_goes_on_and_measures_nothing_twice(tmp_path, monkeypatch):
    file, calls = tmp_path / "table.csv", []
    tiny = Labeled(torch.zeros(4, 1, 14, 14), torch.tensor([0, 1, 0, 1]))

    def measured(name, pool, test, per_class, seed):
        calls.append((name, per_class, seed))
        for arm in ARMS + (["leak"] if name == "digits" else []):
            if len(calls) == 2 and arm == "classical":
                raise KeyboardInterrupt
            yield arm, 0.5, 1.0

    for name in ("digits", "slices"):
        monkeypatch.setattr(augmentation, name, lambda: (tiny, tiny))
    monkeypatch.setattr(augmentation, "measured", measured)
    try:
        augmentation.fill(file, (1, 2), range(2), minutes=1)
    except KeyboardInterrupt:
        assert len(kept_rows(file)) == 7 + 3
    assert not augmentation.fill(file, (1, 2), range(2), minutes=-1)  # no time: nothing new is begun
    assert augmentation.fill(file, (1, 2), range(2), minutes=1)
    rows = [(row["data"], row["per_class"], row["seed"], row["arm"]) for row in kept_rows(file)]
    assert len(rows) == len(set(rows)) == 4 * 13
    num_calls = len(calls)
    assert augmentation.fill(file, (1, 2), range(2), minutes=1)
    assert len(calls) == num_calls


def test_labels_to_choose_from_and_test_images_are_different_ones():
    for pool, test in (augmentation.digits(), augmentation.slices()):
        both = torch.cat([pool.images, test.images]).flatten(1).numpy()
        assert len(np.unique(both, axis=0)) == len(both) == augmentation.NUM_POOL + augmentation.NUM_TEST


def test_the_stored_table_has_every_arm_for_every_seed_and_computing_is_as_said():
    with (data_folder() / "augmentation.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    counts = {row["per_class"] for row in rows}
    assert {"20", "100"} <= counts
    expected = {
        (data, n, str(seed), arm)
        for data in ("digits", "phantoms")
        for n in counts
        for seed in range(5)
        for arm in ARMS + (["leak"] if data == "digits" else [])
    }
    assert {(row["data"], row["per_class"], row["seed"], row["arm"]) for row in rows} == expected
    assert len(rows) == len(expected)
    seconds = {arm: np.mean([float(row["seconds"]) for row in rows if row["arm"] == arm]) for arm in ARMS}
    assert seconds["longer"] > seconds["generated"]  # the arm without generated images is not given less
