"""The table of a class: every file that is a record is in it, whatever else lies in the folder."""

import csv
import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from aigc_course import __main__ as cli
from aigc_course.kit.commands import classroom
from aigc_course.kit.practice import progress, questions
from aigc_course.storage import files

RECORD = {
    "version": 1,
    "exercises": {"05_1.loss": "2026-03-01T10:15:00+08:00"},
    "guesses": {"05_3.losses": "a"},
    "best": {"05_1.few_labels": 0.931},
}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "anna.json").write_text(json.dumps(RECORD), encoding="utf-8")
    return tmp_path


def run(*words):
    return CliRunner().invoke(cli.app, ["class", *map(str, words), "--language", "en"])


def table(folder, name="class.csv"):
    with (folder / name).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def learners(folder):
    return {row["who"] for row in table(folder)}


def row_of(folder, who, chapter):
    return next(row for row in table(folder) if (row["who"], row["chapter"]) == (who, chapter))


def test_a_row_a_learner_and_chapter(folder):
    result = run(folder)
    assert result.exit_code == 0, result.output
    assert [row["chapter"] for row in table(folder)] == list(questions.files())
    exercises = len(questions.chapter("05_1")["exercises"])
    row = row_of(folder, "anna", "05_1")
    assert row == {
        "who": "anna", "chapter": "05_1", "exercises": "1", "of": str(exercises), "guesses": "0", "guessed_right": "0",
        "challenge": "few_labels", "best": "0.931", "last": "2026-03-01",
    }  # fmt: skip
    assert "1 records, written to" in result.output


def test_guesses_are_compared_with_the_answer(folder):
    answer = questions.guess("05_3.losses")["answer"]
    for who, letter in (("right", answer), ("wrong", "abcdef"["abcdef".index(answer) - 1])):
        record = RECORD | {"guesses": {"05_3.losses": letter}}
        (folder / f"{who}.json").write_text(json.dumps(record), encoding="utf-8")
    run(folder)
    assert [row_of(folder, who, "05_3")["guesses"] for who in ("right", "wrong")] == ["1", "1"]
    assert [row_of(folder, who, "05_3")["guessed_right"] for who in ("right", "wrong")] == ["1", "0"]


def test_what_a_notebook_records_is_listed(tmp_path, monkeypatch):
    monkeypatch.setenv("AIGC_PROGRESS", str(tmp_path / "李雷.json"))
    progress.passed("05_1.loss")
    progress.note("best", "05_1.few_labels", 0.9)
    assert run(tmp_path).exit_code == 0
    row = row_of(tmp_path, "李雷", "05_1")
    assert (row["exercises"], row["best"]) == ("1", "0.9")


DAMAGED = {
    "empty": (b"", "it is empty"),
    "cut off": (json.dumps(RECORD).encode()[:40], "line 1 is not JSON"),
    "UTF-16": (json.dumps(RECORD).encode("utf-16"), "not UTF-8 text"),
    "GBK": ('{"exercises": {"练习": "x"}}'.encode("gbk"), "not UTF-8 text"),
    "a list": (b"[1, 2]", "no table"),
    "a notebook": (b'{"cells": [], "nbformat": 4}', "no table"),
    "other types": (b'{"exercises": {"05_1.loss": 3}}', "no table"),
    "scores of text": (b'{"exercises": {}, "best": {"05_1.few_labels": "=1+1"}}', "not a table of names"),
    "deep": (b"[" * 200_000, "recursion"),
    "a number of 5,000 digits": (b'{"exercises": {}, "best": {"a": ' + b"9" * 5000 + b"}}", "integer string"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "not UTF-8 text"),
    "huge": (b" " * (classroom.LARGEST + 1), "more than any record"),
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_file_that_is_no_record_is_told_and_stops_none_of_the_others(kind, folder):
    content, said = DAMAGED[kind]
    (folder / "ben.json").write_bytes(content)
    result = run(folder)
    assert result.exit_code == 0, result.output
    assert learners(folder) == {"anna"}
    line = next(line for line in result.output.splitlines() if line.startswith("ben.json: left out"))
    assert said in line
    assert "ask for the file again" in line


def test_all_of_them_at_once(folder):
    for number, (content, _) in enumerate(DAMAGED.values()):
        (folder / f"bad{number}.json").write_bytes(content)
    result = run(folder)
    assert result.exit_code == 0
    assert result.output.count("left out") == len(DAMAGED)
    assert learners(folder) == {"anna"}


def test_a_folder_a_pipe_and_a_link_to_nothing_are_no_records(folder):
    (folder / "c.json").mkdir()
    (folder / "d.json").symlink_to(folder / "nothing")
    if hasattr(os, "mkfifo"):
        os.mkfifo(folder / "e.json")  # reading it would never end
    result = run(folder)
    assert result.exit_code == 0
    assert result.output.count("no regular file") == 2 + hasattr(os, "mkfifo")
    assert learners(folder) == {"anna"}


def test_a_file_that_cannot_be_read_is_told(folder, monkeypatch):
    def refuse(file):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(progress, "read", refuse)
    result = run(folder)
    assert "anna.json: left out, it cannot be read (Permission denied); check its permissions." in result.output
    assert result.exit_code == 2  # none is left


def test_a_copy_is_told_and_listed(folder):
    (folder / "ben.json").write_text(json.dumps(RECORD, indent=4), encoding="utf-8")
    result = run(folder)
    assert "ben.json: the same as anna.json" in result.output
    assert learners(folder) == {"anna", "ben"}
    (folder / "ben.json").write_text('{"exercises": {}}', encoding="utf-8")
    (folder / "cleo.json").write_text('{"exercises": {}}', encoding="utf-8")
    assert "the same as" not in run(folder).output  # two who have done nothing yet


def test_a_folder_each_is_named_after_it(folder):
    for who in ("ben", "cleo"):
        (folder / who).mkdir()
        (folder / who / "progress.json").write_text(json.dumps(RECORD), encoding="utf-8")
    (folder / "class 2").mkdir()
    (folder / "class 2" / "anna.json").write_text(json.dumps(RECORD), encoding="utf-8")
    run(folder)
    assert learners(folder) == {"anna.json", "class 2/anna.json", "ben", "cleo"}


def test_what_systems_leave_in_archives_is_no_record(folder):
    (folder / "__MACOSX").mkdir()
    (folder / "__MACOSX" / "._anna.json").write_bytes(b"\x00\x05\x16\x07")
    (folder / ".ben.json").write_text("{}", encoding="utf-8")
    assert "left out" not in run(folder).output


def test_entries_of_another_version_are_told(folder):
    (folder / "ben.json").write_text('{"exercises": {"77.new": "2026-03-01"}}', encoding="utf-8")
    result = run(folder)
    assert "ben.json: 1 entries are not of this version of the course (77.new)" in result.output
    assert learners(folder) == {"anna", "ben"}


def test_no_name_becomes_a_formula(folder):
    (folder / "=HYPERLINK(1).json").write_text(json.dumps(RECORD), encoding="utf-8")
    run(folder)
    assert "'=HYPERLINK(1)" in learners(folder)


@pytest.mark.parametrize("score", ["Infinity", "-Infinity", "NaN", "true"])
def test_a_score_that_is_no_number_is_left_empty(score, folder):
    text = '{"exercises": {}, "best": {"05_1.few_labels": %s}}' % score  # noqa: UP031 - braces of JSON
    (folder / "ben.json").write_text(text, encoding="utf-8")
    assert run(folder).exit_code == 0
    assert row_of(folder, "ben", "05_1")["best"] == ""


def test_a_time_that_is_none_still_counts(folder):
    (folder / "ben.json").write_text('{"exercises": {"05_1.loss": "yesterday"}}', encoding="utf-8")
    run(folder)
    row = row_of(folder, "ben", "05_1")
    assert (row["exercises"], row["last"]) == ("1", "")


def test_notepads_mark_and_a_file_name_in_capitals(folder):
    (folder / "BEN.JSON").write_bytes(b"\xef\xbb\xbf" + json.dumps(RECORD).encode())
    run(folder)
    assert learners(folder) == {"anna", "BEN"}


def test_the_table_goes_where_it_was_asked(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("other") / "table.csv"
    assert run(folder, "--out", out).exit_code == 0
    assert not (folder / "class.csv").exists()
    assert out.read_bytes().startswith(b"\xef\xbb\xbfwho,chapter")


def test_wrong_folders_end_in_one_line(tmp_path):
    for words, said in (([tmp_path / "none"], "there is no folder"), ([tmp_path], "no progress file")):
        result = run(*words)
        assert result.exit_code == 2
        assert said in result.output
        assert "Traceback" not in result.output


def test_a_table_that_cannot_be_written_leaves_the_old_one(folder, monkeypatch):
    run(folder)
    before = (folder / "class.csv").read_bytes()

    def full(path, content):
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(files, "write", full)
    result = run(folder)
    assert result.exit_code == 1
    assert "No space left" in result.output
    assert (folder / "class.csv").read_bytes() == before


def test_a_class_of_200_in_chinese(folder, tmp_path):
    for number in range(200):
        record = RECORD | {"best": {"05_1.few_labels": number / 200}}
        (folder / f"学生{number}.json").write_text(json.dumps(record), encoding="utf-8")
    result = CliRunner().invoke(cli.app, ["class", str(folder), "--language", "zh"])
    assert result.exit_code == 0
    assert "201份记录，写入" in result.output
    assert len(table(Path(folder))) == 201 * len(questions.files())
