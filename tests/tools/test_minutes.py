"""Minutes counted from cells: text by its speed, code by lines, exercises and figures; what may be skipped apart."""

import pytest

from tools.authoring.minutes import minutes_of


def notebook(*cells):
    return {"cells": [{"metadata": {}, "outputs": [], "cell_type": "markdown", **cell} for cell in cells]}


def text(source, **more):
    return {"source": [source], **more}


def code(lines=12, tags=(), outputs=()):
    return {"cell_type": "code", "source": ["x\n"] * lines, "metadata": {"tags": tags}, "outputs": list(outputs)}


@pytest.mark.parametrize(("edition", "unit", "speed"), [("zh", "字", 300), ("en", "word ", 200)])
def test_text_code_exercises_and_figures_take_their_minutes(edition, unit, speed):
    assert minutes_of(notebook(text(unit * speed)), edition) == (pytest.approx(1), 0)
    assert minutes_of(notebook(code()), edition) == (1, 0)
    assert minutes_of(notebook(code(tags=["exercise"])), edition) == (7, 0)
    picture = {"data": {"text/html": '<img alt="">'}}
    assert minutes_of(notebook(code(outputs=[picture, picture])), edition) == (pytest.approx(1.7), 0)


def test_what_a_first_reading_may_skip_is_counted_apart_up_to_the_next_heading_of_its_level():
    time = text('**Time**: 5 minutes. Skip "One more", the last two exercises and the challenge.\n\nAnd "Main".')
    rest = [
        *(text("## Main"), code(24)),
        *(text("### Second pass: faster"), code(12), text("### Third"), code(12)),
        *(text("## One more"), code(12), text("### Below it"), code(12), text("## After"), code(12)),
        *(text("## Exercises"), *[code(0, ["exercise"])] * 3, text("### Challenge: yours"), code(12)),
    ]
    first, later = minutes_of(notebook(time, *rest), "en")
    assert later == pytest.approx(1 + 2 + 12 + 1, abs=0.1)
    assert first == pytest.approx(2 + 1 + 1 + 6, abs=0.3)
    assert minutes_of(notebook(*rest), "en") == pytest.approx((first + later - 1 - 0.1, 1), abs=0.2)
