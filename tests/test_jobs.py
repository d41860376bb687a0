"""The tables of chapter 10, the correlations that it quotes, and what a description of a job is answered."""

import csv
import shutil

import numpy as np
import pytest
from scipy import stats

from aigc_course import jobs
from aigc_course.intervals import bootstrap_interval
from aigc_course.kit.runtime import data_folder

FOLDER = data_folder() / "jobs"


@pytest.fixture(scope="module")
def occupations():
    return jobs.read_occupations(FOLDER)


@pytest.fixture(scope="module")
def matcher(occupations):
    return jobs.Matcher(occupations)


def rows(name: str) -> list[dict[str, str]]:
    with (FOLDER / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_figure_has_its_source():
    for row in rows("facts.csv"):
        assert all(
            row[name] for name in ("value", "unit", "year", "source_title", "publisher", "evidence_en", "evidence_zh")
        ), row
        assert row["check_level"] != "from memory"
        assert not row["source_url"] or row["source_url"].startswith("https://")
        assert float(row["value"]) <= float(row["value_high"] or row["value"])
    assert all(row["read_at"].startswith("http") for row in rows("new_occupations_cn.csv"))
    assert all(row["printed_at"] and row["says_id"] for row in rows("misquotes.csv"))


def test_no_row_stands_twice_and_misquotes_name_a_row():
    for name, key in (("facts.csv", "id"), ("occupations.csv", "soc_code"), ("tasks.csv", "soc_code")):
        keys = [row[key] for row in rows(name)]
        assert len(set(keys)) == len(keys)
    assert {row["says_id"] for row in rows("misquotes.csv")} <= {row["id"] for row in rows("facts.csv")}


def test_the_occupations_are_whole(occupations):
    assert {len(column) for column in occupations.values()} == {120}
    assert len(set(occupations["major_group_en"])) == 22
    for name, known in {"human": 120, "gpt4": 120, "abilities": 113, "use": 115, "ilo": 115}.items():
        values = occupations[jobs.MEASURES[name]]
        assert np.isfinite(values).sum() == known
    assert all(text for name in ("tasks_en", "tasks_zh", "occupation_zh") for text in occupations[name])


def test_exposure_says_nothing_about_projected_growth(occupations):
    growth = occupations["us_projected_change_2022_32_pct"]
    rho, low, high = jobs.rank_correlation(occupations["human_beta"], growth)
    assert rho == pytest.approx(0.04, abs=0.01)
    assert low < 0 < high
    for column in jobs.MEASURES.values():
        known = np.isfinite(occupations[column]) & np.isfinite(growth)
        found = jobs.rank_correlation(occupations[column], growth)
        assert found[0] == pytest.approx(stats.spearmanr(occupations[column][known], growth[known]).statistic)


def test_the_interval_is_that_of_the_general_bootstrap(occupations):
    one, other = (occupations[jobs.MEASURES[name]] for name in ("human", "gpt4"))
    general = bootstrap_interval(lambda x, y: stats.spearmanr(x, y).statistic, one, other, num_resamples=500)
    assert jobs.rank_correlation(one, other) == pytest.approx(general, abs=0.02)
    tied = np.array([1.0, 1, 1, 2]), np.array([4.0, 4, 3, 3])
    assert jobs.rank_correlation(*tied)[0] == pytest.approx(stats.spearmanr(*tied).statistic)


def test_a_correlation_needs_three_known_rows():
    with pytest.raises(ValueError, match="2 rows are known in both"):
        jobs.rank_correlation(np.array([1, 2, np.nan, 4.0]), np.array([1, 2, 3, np.nan]))


def test_what_has_no_order_has_no_correlation():
    with pytest.raises(ValueError, match="no order"):
        jobs.rank_correlation(np.ones(5), np.arange(5.0))


def test_accents_and_full_width_letters_are_read():
    assert jobs.terms("Ｃａｆés naïve") == jobs.terms("cafes naive")


def test_percentiles_are_shares_of_what_is_known():
    assert jobs.percentiles(np.array([3, 1, np.nan, 3, 2.0])) == pytest.approx([1, 0.25, np.nan, 1, 0.5], nan_ok=True)
    assert np.isnan(jobs.percentiles(np.array([np.nan]))).all()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda text: text.replace("human_beta", "beta", 1), "no column human_beta"),
        (
            lambda text: text.replace("189520", "a lot", 1),
            "line 2, us_median_wage_2022_usd: 'a lot' is no number",
        ),
        (lambda text: text.replace("189520", "inf", 1), "line 2, us_median_wage_2022_usd: 'inf'"),
        (lambda text: text.replace("189520", "189520,1", 1), "line 2: the row has more or fewer cells"),
        (lambda text: text[: text.index("\n", 5000) - 40] + "\n", "more or fewer cells"),
        (lambda text: text.splitlines()[0] + "\n", "no rows"),
        (lambda text: "", "no column"),
    ],
)
def test_a_damaged_table_is_refused_whole(tmp_path, change, said):
    shutil.copytree(FOLDER, tmp_path, dirs_exist_ok=True)
    file = tmp_path / "occupations.csv"
    file.write_text(change(file.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(ValueError, match=said):
        jobs.read_occupations(tmp_path)


def test_a_missing_table_and_tables_that_do_not_fit_are_named(tmp_path):
    shutil.copytree(FOLDER, tmp_path, dirs_exist_ok=True)
    lines = (tmp_path / "tasks.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    (tmp_path / "tasks.csv").write_text("".join([lines[0], *reversed(lines[1:])]), encoding="utf-8")
    with pytest.raises(ValueError, match="same order"):
        jobs.read_occupations(tmp_path)
    (tmp_path / "occupations.csv").unlink()
    with pytest.raises(FileNotFoundError, match=r"occupations\.csv is missing"):
        jobs.read_occupations(tmp_path)


def test_descriptions_find_the_occupation_that_a_person_would_choose(occupations, matcher):
    found = {}
    for row in csv.DictReader((data_folder() / "jobs" / "descriptions.csv").open(encoding="utf-8", newline="")):
        nearest = occupations["soc_code"][matcher.answer(row["description"]).nearest]
        found[row["description"]] = row["soc_code"] in nearest
    assert len(found) >= 30
    assert np.mean(list(found.values())) >= 0.7, [text for text, hit in found.items() if not hit]


@pytest.mark.parametrize("description", ["", "   ", "🎨🎨", "12345", "ñandú", "?!", "the and of"])
def test_what_says_nothing_is_answered_with_everything(matcher, description):
    answer = matcher.answer(description)
    assert not answer.is_recognized
    assert len(answer.nearest) == 120
    for low, middle, high in answer.spans.values():
        assert 0 < low < 0.05 < middle < 0.95 < high == 1


def test_one_word_is_answered_with_a_span(occupations, matcher):
    answer = matcher.answer("poet")
    assert occupations["occupation_en"][answer.nearest[0]] == "Poets, Lyricists and Creative Writers"
    assert len(answer.nearest) == 5
    assert all(low <= middle <= high for low, middle, high in answer.spans.values())
    assert matcher.shared("I write poems", answer.nearest[0])[0] == "poem"


def test_both_languages_and_a_mixture_are_understood(occupations, matcher):
    for description in ("我是翻译", "I translate books", "translate 合同 and 小说"):
        nearest = occupations["soc_code"][matcher.answer(description).nearest]
        assert "27-3091.00" in nearest


def test_a_description_must_be_a_text_of_some_pages():
    matcher = jobs.Matcher(jobs.read_occupations(FOLDER))
    with pytest.raises(ValueError, match="20,001 characters"):
        matcher.answer("a" * 20_001)
    with pytest.raises(ValueError, match="count 0"):
        matcher.answer("I paint", count=0)
    with pytest.raises(TypeError, match="not in a list"):
        matcher.answer(["I paint"])
