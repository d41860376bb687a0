"""Sliders: they draw again what they are moved to, and what is stored of them is a picture."""

import nbformat
import pytest
from nbclient import NotebookClient

from aigc_course.kit.figures import sliders as module
from aigc_course.kit.figures.plotting import figure
from tools.authoring import tidy

ALT = "A straight line that falls from left to right."


def drawer(seen):
    def draw(slope, points):
        seen.append((slope, points))
        ax = figure(width=2, height=1)[1]
        ax.plot([0, slope], [points, 0])
        return ax

    return draw


RANGES = {"slope": (0.5, 2.0, 0.1, 1.0), "points": (1, 9, 1, 3)}


def test_moving_a_slider_draws_again():
    seen = []
    box = module.live(drawer(seen), ALT, RANGES, "<img>")
    slope, points, page, _ = box.children
    assert page.value == "<img>"
    slope.children[1].value = 1.5
    points.children[1].value = 7
    assert seen == [(1.5, 3), (1.5, 7)]
    assert page.value.startswith(f'<img alt="{ALT}"')


def test_whole_numbers_stay_whole_and_names_are_read_as_words():
    box = module.live(drawer([]), ALT, {"num_points": RANGES["points"], "slope": RANGES["slope"]}, "<img>")
    (label, whole), (_, other) = (row.children for row in box.children[:2])
    assert label.value == "num points"
    assert isinstance(whole.value, int)
    assert isinstance(other.value, float)


def test_where_there_is_no_notebook_the_text_is_printed(capsys):
    seen = []
    module.sliders(drawer(seen), ALT, **RANGES)
    assert capsys.readouterr().out == f"{ALT}\n"
    assert seen == [(1.0, 3)]


@pytest.mark.parametrize("wrong", [(2.0, 0.5, 0.1, 1.0), (0.5, 2.0, 0.0, 1.0), (0.5, 2.0, 0.1, 3.0), (0.5, 2.0, 0.1)])
def test_a_range_in_another_order_is_refused(wrong):
    with pytest.raises(ValueError, match="smallest, largest, step, value at the start"):
        module.sliders(drawer([]), ALT, slope=wrong, points=(1, 9, 1, 3))


def test_a_picture_without_a_text_is_refused():
    with pytest.raises(ValueError, match="whole sentence"):
        module.sliders(drawer([]), "line", **RANGES)


def test_what_is_stored_is_the_picture_and_no_widget():
    code = f"""
from aigc_course.kit import figure, sliders
def draw(slope):
    ax = figure(width=2, height=1)[1]
    ax.plot([0, slope], [1, 0])
    return ax
sliders(draw, "{ALT}", slope=(0.5, 2.0, 0.1, 1.0))
"""
    nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    NotebookClient(nb, timeout=120, kernel_name="python3", store_widget_state=False).execute()
    (output,) = nb.cells[0].outputs
    assert set(output.data) == {module.VIEW, "text/html", "text/plain"}  # what a page with widgets gets
    assert tidy.shows_without_widgets(output)
    assert set(output.data) == {"text/html", "text/plain"}
    assert output.data["text/html"].startswith(f'<img alt="{ALT}" width="180"')


def test_an_error_is_shown_below_and_the_next_move_works():
    def draw(x):
        if x > 1:
            raise ValueError("too large")
        return figure(width=2, height=1)[1]

    box = module.live(draw, ALT, {"x": (0, 3, 1, 0)}, "<img>")
    handle, page = box.children[0].children[1], box.children[1]
    with pytest.raises(ValueError, match="too large"):  # in a kernel, Output catches and shows it
        handle.value = 2
    handle.value = 1
    assert page.value.startswith("<img alt=")
