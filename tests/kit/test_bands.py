"""Values against their bands, and how `make bands` measures them."""

import json
import math

import nbformat
import numpy as np
import pytest

from aigc_course.kit import bands, runtime
from tools.authoring import bands as tool

HEADER = ",".join(bands.COLUMNS)
ROW = '05_1.accuracy,quick,cpu,full,0.975,0.981,0.978,5,2026-01-02,"Some CPU, 2 cores"'
KEY = ("05_1.accuracy", "quick", "cpu", "full")


@pytest.fixture(autouse=True)
def file(monkeypatch, tmp_path):
    """A folder data/ of our own, English, quick scale on the CPU."""
    for name in ("AIGC_STRICT", "AIGC_BANDS_LOG", "AIGC_SEED", "AIGC_SCALE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AIGC_DEVICE", "cpu")
    monkeypatch.setitem(runtime._facts, "language", "en")
    monkeypatch.setattr(runtime, "data_folder", lambda: tmp_path)
    path = tmp_path / "expected_results.csv"
    path.write_text(f"{HEADER}\n{ROW}\n", encoding="utf-8")
    return path


def said(capsys, value, data="full", quantity="05_1.accuracy") -> str:
    bands.expect(quantity, value, data=data)
    return capsys.readouterr().out


def test_inside(capsys, monkeypatch):
    text = said(capsys, 0.9772)
    assert "05_1.accuracy = 0.9772, inside 0.975–0.981" in text
    for word in ("quick", "cpu", "5 seeds", "2026-01-02"):
        assert word in text
    monkeypatch.setenv("AIGC_STRICT", "1")
    assert "inside" in said(capsys, 0.975), "the bounds belong to the band"
    monkeypatch.setitem(runtime._facts, "language", "zh")
    assert said(capsys, np.float32(0.978)).startswith("05_1.accuracy = 0.9780，在预期范围0.975–0.981之内（quick，cpu，")


def test_in_chinese_a_quantity_is_called_what_it_is(capsys, monkeypatch):
    assert "gan_losses_ring_kl = 0.25" in said(capsys, 0.25, quantity="gan_losses_ring_kl")
    monkeypatch.setitem(runtime._facts, "language", "zh")
    assert said(capsys, 0.25, quantity="gan_losses_ring_kl").startswith("圆上的KL（gan_losses_ring_kl） = 0.25")


@pytest.mark.parametrize(("language", "words"), [("en", "1 run in 100"), ("zh", "100次运行约有1次")])
def test_outside_explains_what_it_may_mean_and_fails_when_strict(language, words, capsys, monkeypatch):
    monkeypatch.setitem(runtime._facts, "language", language)
    text = said(capsys, 0.91)
    assert words in text
    assert "Some CPU, 2 cores" in text
    monkeypatch.setenv("AIGC_STRICT", "1")
    with pytest.raises(AssertionError, match=words):
        bands.expect("05_1.accuracy", 0.91, data="full")


@pytest.mark.parametrize("other", [{"data": "sample"}, {"quantity": "05_1.other"}, {"AIGC_SCALE": "full"}])
def test_without_a_band_for_this_case_nothing_is_claimed(other, capsys, monkeypatch):
    monkeypatch.setenv("AIGC_STRICT", "1")
    monkeypatch.setenv("AIGC_SCALE", other.pop("AIGC_SCALE", "quick"))
    text = said(capsys, 0.5, **other)
    assert "= 0.5 (" in text
    assert "no band has been measured yet" in text


@pytest.mark.parametrize("value", [math.nan, math.inf, np.float64("nan")])
@pytest.mark.parametrize("quantity", ["05_1.accuracy", "05_1.without_band"])
def test_a_value_that_is_not_finite_is_never_all_right(value, quantity, capsys, monkeypatch):
    assert "not a finite number" in said(capsys, value, quantity=quantity)
    monkeypatch.setenv("AIGC_STRICT", "1")
    with pytest.raises(AssertionError, match="not a finite number"):
        bands.expect(quantity, value, data="full")


@pytest.mark.parametrize("value", ["0.97", None, [0.97, 0.98], np.zeros(3), {}, 1j])
def test_what_is_no_single_number_is_named(value):
    with pytest.raises(TypeError, match=r'expect\("05_1.accuracy", ...\) needs one number, not '):
        bands.expect("05_1.accuracy", value, data="full")


def test_tensors_and_whole_numbers_are_numbers(capsys, file):
    import torch

    assert "inside" in said(capsys, torch.tensor(0.978))
    file.write_text(f"{HEADER}\n05_1.n,quick,cpu,none,101770,101770,101770,5,2026-01-02,x\n", encoding="utf-8")
    assert "05_1.n = 101770, inside 101770 (quick, cpu; 5 seeds" in said(capsys, 101770, "none", "05_1.n")


def test_an_unknown_data_source_is_named():
    with pytest.raises(ValueError, match='data="mnist" is not known; allowed: "full", "sample", "none"'):
        bands.expect("05_1.accuracy", 0.97, data="mnist")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", "the first line must be quantity,scale"),
        ("a,b\n", "the first line must be quantity,scale"),
        (f"{HEADER}\na,b\n", "line 2: the row has more or fewer cells"),
        (f"{HEADER}\n{ROW.replace('0.975', 'low')}\n", "line 2: could not convert string to float"),
        (f"{HEADER}\n{ROW.replace('0.981', '0.1')}\n", "line 2: low 0.975 is not at most high 0.1"),
    ],
)
def test_a_damaged_table_is_named(content, expected, file):
    file.write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=expected):
        bands.expect("05_1.accuracy", 0.97, data="full")


def test_values_are_logged_where_asked(tmp_path, monkeypatch):
    monkeypatch.setenv("AIGC_BANDS_LOG", str(tmp_path / "log"))
    monkeypatch.setenv("AIGC_SEED", "3")
    bands.expect("05_1.accuracy", 0.978, data="full")
    bands.expect("05_1.accuracy", 0.9, data="sample")
    first, second = map(json.loads, (tmp_path / "log").read_text().splitlines())
    assert first == dict(zip(bands.COLUMNS[:4], KEY, strict=True)) | {"value": 0.978, "seed": 3}
    assert second["data"] == "sample"


# Measuring


def entries(*values: float) -> list[list[dict]]:
    return [[dict(zip(bands.COLUMNS[:4], KEY, strict=True)) | {"value": v, "seed": n}] for n, v in enumerate(values)]


def test_the_interval_is_the_prediction_interval_for_one_more_run():
    values = [12.0, 13.0, 14.0, 15.0, 16.0]  # mean 14, sd 1.5811; t(0.995, 4) = 4.6041: reach 7.974
    low, high = tool.interval("loss", values)
    assert 14 - 7.974 - 0.5 <= low <= 14 - 7.974
    assert 14 + 7.974 <= high <= 14 + 7.974 + 0.5
    assert low == round(low, 1), "a sensible number of digits"


def test_ninety_nine_of_a_hundred_new_runs_fall_inside():
    rng = np.random.default_rng(0)
    runs = rng.normal(3, 0.2, size=(2000, 6))
    inside = [low <= run[5] <= high for run in runs for low, high in [tool.interval("x", run[:5].tolist())]]
    assert 0.985 < np.mean(inside) < 0.997


@pytest.mark.parametrize("values", [[0.9772, 0.9768, 0.9781], [0.1, 0.1, 0.9], [1e-8, 2e-8, 4e-8], [-5.0, 700.0, 3.0]])
def test_every_measured_value_lies_inside(values):
    low, high = tool.interval("x", values)
    assert low <= min(values) <= max(values) <= high


def test_shares_end_at_one_and_equal_values_get_a_tiny_tolerance():
    assert tool.interval("05_1.accuracy", [0.9999, 1.0, 0.9998])[1] == 1.0
    assert tool.interval("05_1.loss", [0.9999, 1.0, 0.9998])[1] > 1.0
    assert tool.interval("05_1.parameters", [101770.0] * 3) == (101770.0, 101770.0)
    low, high = tool.interval("05_1.x", [0.123456] * 3)
    assert 0.1233 < low < 0.123456 < high < 0.1236
    assert tool.interval("05_1.shipped_accuracy", [0.9951] * 3) == pytest.approx((0.9948, 0.9954))


def test_what_is_named_a_share_stays_between_0_and_1():
    for name in ("concepts_negated_accuracy", "copied_share_n8", "error_rate", "total_variation"):
        assert tool.interval(name, [0.0, 0.02, 0.06])[0] == 0
        assert tool.interval(name, [0.96, 0.99, 1.0])[1] == 1
    for name in ("generated_points", "shared_words", "spearman"):  # such words are no shares
        assert tool.interval(name, [0.0, 0.02, 0.06])[0] < 0
    assert tool.interval("05_1.accuracy", [0.0] * 3) == pytest.approx((0, 0.0003)), "no share is exact for ever"


def test_runs_that_do_not_fit_together_are_named():
    assert tool.collect(entries(0.97, 0.98)) == {KEY: [0.97, 0.98]}
    with pytest.raises(tool.CannotMeasure, match="twice in a run"):
        tool.collect([entries(0.97)[0] * 2])
    with pytest.raises(tool.CannotMeasure, match="not in every run"):
        tool.collect([entries(0.97)[0], []])
    with pytest.raises(tool.CannotMeasure, match="not in every run"):
        tool.collect([[], entries(0.97)[0]])
    with pytest.raises(tool.CannotMeasure, match="is nan in run 0"):
        tool.collect(entries(math.nan))


def test_merging_replaces_the_same_key_keeps_others_and_sorts(file):
    old = [*bands.read(file), bands.Band("09.x", "quick", "cpu", "none", 1, 2, 1.5, 5, "2026-01-01", "a")]
    new = tool.bands_of({KEY: [0.96, 0.97, 0.98], ("05_1.accuracy", "quick", "cuda", "full"): [0.9, 0.91, 0.92]})
    merged = tool.merge(old, new)
    assert [band.key for band in merged] == [KEY, (*KEY[:2], "cuda", "full"), ("09.x", "quick", "cpu", "none")]
    assert merged[0].seeds == 3
    file.write_text(tool.to_csv(merged), encoding="utf-8")
    again = bands.read(file)
    assert [band.key for band in again] == [band.key for band in merged]
    assert tool.to_csv(again) == tool.to_csv(merged)
    assert again[0].low <= 0.96
    assert again[0].high >= 0.98


def test_the_machine_is_described_without_names_of_hosts_or_people():
    import getpass
    import platform

    assert tool.machine().endswith(("core", "cores"))
    assert platform.node() not in tool.machine()
    assert getpass.getuser() not in tool.machine().split()


def course(tmp_path, *sources: str):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
    for edition in ("zh", "en"):
        folder = tmp_path / "notebooks" / edition
        folder.mkdir(parents=True)
        nbformat.write(notebook, folder / "98_trial.ipynb")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "expected_results.csv").write_text(f"{HEADER}\n{ROW}\n", encoding="utf-8")
    return tmp_path


def test_a_chapter_is_run_once_a_seed_and_its_bands_are_stored(tmp_path, capsys):
    root = course(
        tmp_path,
        "from aigc_course.kit.runtime import set_seed\nfrom aigc_course.kit.bands import expect",
        'seed = set_seed(7)\nexpect("98.value", 1 + seed % 4 + seed / 10_000)\nexpect("98.count", 12)',
    )
    assert tool.main(["98", "--seeds", "3"], root) == 0
    stored = {band.quantity: band for band in bands.read(root / "data" / "expected_results.csv")}
    assert set(stored) == {"05_1.accuracy", "98.value", "98.count"}
    assert stored["98.count"].interval == "12"
    assert stored["98.value"].seeds == 3
    assert stored["98.value"].low < 4.0007
    assert stored["98.value"].high > 4.2007
    assert "98_trial, seed 2: 2 values" in capsys.readouterr().out


def test_a_measurement_that_was_stopped_goes_on_and_changed_code_begins_anew(tmp_path, capsys):
    stops = 'import os\nif os.environ["AIGC_SEED"] == "2" and not open("../../go").read(): raise OSError("the power")'
    values = 'open("../../runs", "a").write("x")\nfrom aigc_course.kit.bands import expect\nexpect("98.value", 1.0)'
    root = course(tmp_path, stops, values)
    (root / "go").touch()
    assert tool.main(["98", "--seeds", "3"], root) == 1
    (root / "go").write_text("now", encoding="utf-8")
    assert tool.main(["98", "--seeds", "3"], root) == 0
    assert (root / "runs").read_text(encoding="utf-8") == "xxx"  # seeds 0, 1 once, seed 2 once
    nb = tool.read_notebook(root / "notebooks" / "en" / "98_trial.ipynb")
    assert tool.kept_at("98_trial", nb, 0, "quick", root).exists()
    assert not tool.kept_at("98_trial", nb, 0, "full", root).exists()
    nb.cells[1].source += "\n1"
    assert not tool.kept_at("98_trial", nb, 0, "quick", root).exists()


def test_a_chapter_that_fails_stores_nothing_and_is_named(tmp_path, capsys):
    root = course(tmp_path, 'raise RuntimeError("out of paper")')
    assert tool.main(["98"], root) == 1
    said = capsys.readouterr().err
    assert "98_trial: the run with AIGC_SEED=0 failed" in said
    assert "out of paper" in said
    assert len(bands.read(root / "data" / "expected_results.csv")) == 1
    assert tool.main(["97"], root) == 1
    with pytest.raises(SystemExit):
        tool.main(["98", "--seeds", "2"], root)
