"""What `python -m tools.again` sees in a chapter whose cells are run again."""

from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from tools import again

ONCE = "total = globals().get('total', 0) + 1\nassert total < 2, 'only once'"
CELLS = ["x = 1", "y = x + 1", "x = 'a text'\ny", ONCE]


def chapter():
    return new_notebook(cells=[new_markdown_cell("text"), *map(new_code_cell, CELLS)])


def test_the_order_of_each_way():
    nb = chapter()
    assert again.order(nb, "twice")[:3] == [(1, False), (1, True), (2, False)]
    assert [index for index, _ in again.order(nb, "upwards")] == [1, 2, 3, 4, 4, 3, 2, 1]


def test_a_name_that_is_used_again_and_a_cell_that_bears_one_run_only_are_found(tmp_path):
    twice = list(again.problems(chapter(), "twice", tmp_path))
    assert len(twice) == 1
    assert "again: AssertionError: only once" in twice[0]
    upwards = list(again.problems(chapter(), "upwards", tmp_path))
    assert len(upwards) == 2
    assert "can only concatenate str" in upwards[1]
