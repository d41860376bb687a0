"""The table of speed: ratios of rounds, pages that say what the table says, nothing that was not measured."""

import json

import pytest

from tools.authoring.notebooks import EDITIONS, ROOT
from tools.performance import figures, pages

ROW = {
    "figure": "autograd.torch", "device": "cpu", "ours": "2", "peer": "3", "unit": "ms",
    "ratio": "1.5",
    "lowest": "1.2", "highest": "1.7", "rounds": "3", "date": "2026-11-28",
    "machine": "a processor, 2 cores", "load": "0.4",
    "versions": "torch 2.9",
}  # fmt: skip


def test_a_ratio_is_the_median_of_the_rounds_ratios(tmp_path, monkeypatch):
    monkeypatch.setenv(figures.LOG, str(tmp_path / "log"))
    figures.speed("autograd.torch", [1, 2, 4], [2, 2, 2], "ms")
    noted = json.loads((tmp_path / "log").read_text())
    assert [noted[name] for name in ("ours", "peer", "ratio", "lowest", "highest", "rounds")] == [
        "2", "2", "1", "0.5", "2", 3,
    ]  # fmt: skip
    monkeypatch.delenv(figures.LOG)
    figures.speed("autograd.torch", [1], [1], "ms")  # a benchmark run by hand stores nothing


@pytest.mark.parametrize(("ours", "peer"), [([], []), ([1], [1, 2])])
def test_rounds_come_in_pairs(ours, peer):
    with pytest.raises(ValueError, match="rounds"):
        figures.speed("autograd.torch", ours, peer, "ms")


def test_the_newest_row_of_a_machine_counts_and_another_machine_has_its_own():
    newer, elsewhere = ROW | {"ratio": "2"}, ROW | {"machine": "another"}
    assert pages.merge([ROW], [newer, elsewhere]) == [newer, elsewhere] or pages.merge([ROW], [newer, elsewhere]) == [
        elsewhere,
        newer,
    ]


@pytest.mark.parametrize(
    ("language", "met", "missing"), [("en", "met", "Not measured yet"), ("zh", "达到", "尚未测量")]
)
def test_a_page_says_what_the_table_says(language, met, missing):
    page = pages.page([ROW], language)
    for value in ("2 ms", "3 ms", "| 1.5 |", "1.2–1.7", "0.4", "2026-11-28", "torch 2.9", met, missing):
        assert value in page
    slow = pages.page([ROW | {"ratio": "0.3"}], language)
    assert {"en": "not met", "zh": "未达到"}[language] in slow


def test_a_gpu_is_said_only_where_one_was_measured():
    assert "GPU" in pages.page([ROW], "en")
    assert "GPU" not in pages.page([ROW | {"device": "cuda"}], "en")


def test_every_comparison_is_said_in_both_languages_and_measured_by_a_benchmark():
    for name, entry in pages.words().items():
        assert entry["en"] and entry["zh"], name
        assert name in (ROOT / "tools" / "bench" / f"{entry['bench']}.py").read_text(encoding="utf-8")


def test_the_pages_in_docs_are_those_of_the_table():
    rows = pages.read(ROOT)
    assert rows
    for language in EDITIONS:
        assert (ROOT / "docs" / f"performance.{language}.md").read_text(encoding="utf-8") == pages.page(rows, language)
