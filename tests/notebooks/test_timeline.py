"""The data of chapter 01: every row of the timeline has a source of its own whose date fits; the poems are whole."""

import csv
import re
from collections import Counter

import pytest

from aigc_course.kit.runtime import data_folder

MODALITIES = {"text", "image", "sound", "video", "any"}


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    with (data_folder() / "timeline.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_every_row_is_complete_in_order_and_there_once(rows):
    assert all(None not in row and all(row.values()) for row in rows)
    assert [int(row["year"]) for row in rows] == sorted(int(row["year"]) for row in rows)
    assert max(Counter(row["model"] for row in rows).values()) == 1
    assert max(Counter(row["link"] for row in rows).values()) == 1
    assert {row["modality"] for row in rows} == MODALITIES


def test_the_year_of_an_arxiv_number_is_the_rows(rows):
    found = 0
    for row in rows:
        if number := re.fullmatch(r"https://arxiv\.org/abs/(\d\d)(\d\d)\.\d{4,5}", row["link"]):
            found += 1
            assert int(row["year"]) == 2000 + int(number[1]) and 1 <= int(number[2]) <= 12, row
        else:
            assert re.match(
                r"https://(doi\.org/10\.|papers\.nips\.cc/|icml\.cc/|cdn\.openai|openai\.com/|ocw\.mit\.edu/|people\.eecs\.)",
                row["link"],
            ), row
    assert found > 30


def test_the_quatrains_have_four_lines_of_five_characters():
    poems = (data_folder() / "tang_quatrains.txt").read_text(encoding="utf-8").splitlines()
    assert len(poems) == 47 == len(set(poems))
    for poem in poems:
        assert re.fullmatch(
            r"[\u4e00-\u9fff]{2,3}《[\u4e00-\u9fff]+》[\u4e00-\u9fff]{5}，[\u4e00-\u9fff]{5}。[\u4e00-\u9fff]{5}，[\u4e00-\u9fff]{5}。",
            poem,
        ), poem
