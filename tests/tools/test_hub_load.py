"""The verdict of the load test of a hub: what must not be is found."""

import pytest

from tools.bench import hub


def a_class():
    """Three learners who reached their result, the first after the kernel was killed."""
    learners = [hub.Learner(f"learner{number}", "", None, printed="42\n", result_s=1.0 + number) for number in range(3)]
    learners[0].deaths = 1
    return learners


@pytest.fixture
def table(tmp_path, monkeypatch):
    monkeypatch.setattr(hub, "PATH", tmp_path / "hub_load.csv")
    return hub.PATH


def test_a_class_in_which_all_went_well_is_stored(table):
    assert hub.told("10_jobs", a_class(), [True] * 12, (100.0, 50.0)) == 0
    names, values = (line.split(",") for line in table.read_text(encoding="utf-8").splitlines()[:2])
    row = dict(zip(names, values, strict=False))
    assert row["reached"] == row["learners"] == "3"
    assert (row["refused"], row["disturbed"], row["slowest_seconds"]) == ("12", "0", "3.0")


def an_error(learners, kept):
    learners[1].errors.append("RuntimeError: sign-in: 429")


def another_result(learners, kept):
    learners[2].printed = "41\n"


def a_neighbor_disturbed(learners, kept):
    learners[1].deaths = 1


def nobody_killed(learners, kept):
    learners[0].deaths = 0


def a_file_given_away(learners, kept):
    kept[5] = False


@pytest.mark.parametrize("plant", [an_error, another_result, a_neighbor_disturbed, nobody_killed, a_file_given_away])
def test_what_must_not_be_is_found_and_not_stored(table, plant, capsys):
    learners, kept = a_class(), [True] * 12
    plant(learners, kept)
    assert hub.told("10_jobs", learners, kept, (100.0, 50.0)) == 1
    assert "NOT as it must be" in capsys.readouterr().out
    assert not table.exists()
