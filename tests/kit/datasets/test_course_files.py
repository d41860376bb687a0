"""Files that come with the course: the right one is found; a missing or a changed one is told, in both languages."""

import hashlib

import pytest

from aigc_course.kit import runtime
from aigc_course.kit.datasets import chorales, course_files, spoken

LISTED = {chorales.FILE: chorales.SHA256, **spoken.FILES}


@pytest.mark.parametrize("name", LISTED)
def test_what_is_listed_is_there(name):
    path = course_files.course_file(name, LISTED[name])
    assert hashlib.sha256(path.read_bytes()).hexdigest() == LISTED[name]


@pytest.mark.parametrize(
    ("language", "missing", "damaged"), [("en", "is not there", "is damaged"), ("zh", "没有", "已损坏")]
)
def test_a_missing_or_changed_file_is_told_with_the_way_out(language, missing, damaged, monkeypatch, tmp_path):
    monkeypatch.setattr(course_files, "data_folder", lambda: tmp_path)
    monkeypatch.setitem(runtime._facts, "language", language)
    known, place = hashlib.sha256(b"whole").hexdigest(), tmp_path / "a.bin"
    with pytest.raises(FileNotFoundError, match=rf"{missing}.*git checkout -- data/a\.bin"):
        course_files.course_file("a.bin", known)
    place.write_bytes(b"whole")
    assert course_files.course_file("a.bin", known) == place
    place.write_bytes(b"whol")
    with pytest.raises(ValueError, match=rf"{damaged}.*git checkout -- data/a\.bin"):
        course_files.course_file("a.bin", known)


def test_loaders_refuse_what_is_not_the_courses_file(monkeypatch, tmp_path):
    monkeypatch.setattr(course_files, "data_folder", lambda: tmp_path)
    for load in (chorales.load_chorales, spoken.load_spoken_digits, spoken.spoken_line):
        with pytest.raises(FileNotFoundError, match="git checkout"):
            load()
    for name in LISTED:
        (tmp_path / name).write_bytes(b"PK")
    for load in (chorales.load_chorales, spoken.load_spoken_digits, spoken.spoken_line):
        with pytest.raises(ValueError, match=r"damaged|已损坏"):
            load()
