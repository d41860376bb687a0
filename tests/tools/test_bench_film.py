"""The table of film: complete, within the bars, and a part that is measured anew replaces only itself."""

import numpy as np

from aigc_course.kit.runtime import data_folder
from aigc_course.storage.tables import kept_rows
from tools.bench import film

ROWS = kept_rows(data_folder() / "film.csv")


def test_the_stored_predictions_keep_the_bars():
    rows = [{**row, "seed": int(row["seed"])} for row in ROWS if row["what"] == "prediction"]
    assert {(row["case"], row["method"]) for row in rows} == {
        (case, method)
        for case in ("all", "bounce", "free")
        for method in ("network", "copied", "carried_on", "true_motion")
    }
    assert {row["seed"] for row in rows} == {0, 1, 2}
    _, _, high = film.interval_of(rows, "copied")
    assert high <= 0.5
    _, _, high = film.interval_of(rows, "carried_on")
    assert high <= 0.8


def test_the_stored_cuts_keep_the_bar_and_have_every_film():
    rows = [row for row in ROWS if row["what"] == "cuts"]
    methods = {row["method"] for row in rows}
    assert {"moved", "not moved", "scenedetect adaptive", "scenedetect content"} <= methods
    for method in methods:
        assert {int(r["seed"]) for r in rows if (r["method"], r["case"]) == (method, "all")} == {*film.FILMS}
    f1, low, _ = film.f1_interval(rows, "moved")
    assert f1 >= low >= 0.95
    assert not {*film.FILMS} & {*film.TUNED_ON}


def test_a_part_that_is_measured_anew_replaces_only_itself(tmp_path):
    file = tmp_path / "film.csv"
    row = {"case": "all", "method": "m", "seed": 0, "value": np.float32(0.5)}
    film.keep(file, "cuts", [{**row, "what": "cuts"}])
    film.keep(file, "prediction", [{**row, "what": "prediction"}])
    film.keep(file, "cuts", [{**row, "what": "cuts", "value": 0.25}])
    assert [(row["what"], row["value"]) for row in kept_rows(file)] == [("prediction", "0.5"), ("cuts", "0.25")]
