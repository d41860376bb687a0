"""Tables come whole or not at all, in both directions."""

import pytest

from aigc_course.storage import files
from aigc_course.storage.tables import kept_rows, read_rows, write_rows

ROWS = [{"name": "a, b", "value": "1"}, {"name": '说"明"', "value": ""}]


def test_what_is_stored_is_read_again(tmp_path):
    write_rows(tmp_path / "t.csv", ROWS)
    assert read_rows(tmp_path / "t.csv") == (("name", "value"), ROWS)
    assert b"\r" not in (tmp_path / "t.csv").read_bytes()


def test_columns_give_the_order_and_missing_cells_are_empty(tmp_path):
    write_rows(tmp_path / "t.csv", [{"a": 1}, {"b": 2.5}], ("b", "a"))
    assert (tmp_path / "t.csv").read_text(encoding="utf-8") == "b,a\n,1\n2.5,\n"
    write_rows(tmp_path / "t.csv", [], ("b", "a"))
    assert (tmp_path / "t.csv").read_text(encoding="utf-8") == "b,a\n"


@pytest.mark.parametrize(("rows", "said"), [([], "needs its columns"), ([{"a": 1}, {"b": 2}], "b")])
def test_what_is_no_table_is_refused_and_the_earlier_one_stays(rows, said, tmp_path):
    write_rows(tmp_path / "t.csv", ROWS)
    with pytest.raises(ValueError, match=said):
        write_rows(tmp_path / "t.csv", rows)
    assert read_rows(tmp_path / "t.csv")[1] == ROWS


def test_who_is_interrupted_keeps_the_table_that_was_there(tmp_path, monkeypatch):
    write_rows(tmp_path / "t.csv", ROWS)

    def interrupted(descriptor):
        raise KeyboardInterrupt

    monkeypatch.setattr(files.os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_rows(tmp_path / "t.csv", ROWS[:1])
    assert read_rows(tmp_path / "t.csv")[1] == ROWS
    assert [path.name for path in tmp_path.iterdir()] == ["t.csv"]


def test_a_table_that_is_not_there_yet_has_no_rows_and_a_damaged_one_is_no_new_one(tmp_path):
    assert kept_rows(tmp_path / "t.csv") == []
    write_rows(tmp_path / "t.csv", ROWS)
    assert kept_rows(tmp_path / "t.csv") == ROWS
    with (tmp_path / "t.csv").open("a") as file:
        file.write("one cell\n")
    with pytest.raises(ValueError, match="more or fewer cells"):
        kept_rows(tmp_path / "t.csv")


@pytest.mark.parametrize("lost", [1, 2, 4])
def test_a_table_that_was_cut_within_its_last_cell_is_refused(tmp_path, lost):
    write_rows(tmp_path / "t.csv", [{"a": 1, "b": "AMD EPYC, 2 cores"}])
    whole = (tmp_path / "t.csv").read_bytes()
    (tmp_path / "t.csv").write_bytes(whole[:-lost])
    with pytest.raises(ValueError, match="cut short"):
        read_rows(tmp_path / "t.csv")
