"""Cards: what is written is drawn in its place, Chinese only with a font, and what does not fit is refused."""

import numpy as np
import pytest

from aigc_course.kit.figures import cards
from aigc_course.kit.figures.cards import card

LINES = [("AB", 30.0), ("cd", 20.0)]


def test_a_card_has_its_size_its_paper_and_ink_in_the_middle():
    picture = card(LINES, 160, 120, ink="#000000", paper="#ffffff")
    assert picture.shape == (120, 160, 3) and picture.dtype == np.uint8
    dark = (picture < 128).all(axis=2)
    rows, columns = np.flatnonzero(dark.any(axis=1)), np.flatnonzero(dark.any(axis=0))
    assert abs(columns.mean() - 80) < 6 and 20 < rows.min() < rows.max() < 100
    assert (picture[0] == 255).all()


def test_without_a_font_chinese_is_left_out_and_said_never_drawn_as_boxes(monkeypatch, capsys):
    monkeypatch.setattr(cards, "covering_font", lambda text: None)
    np.testing.assert_array_equal(card([("会动", 30.0), *LINES], 160, 120), card(LINES, 160, 120))
    assert "fonts-noto-cjk" in capsys.readouterr().out
    with pytest.raises(ValueError, match="add an English one"):
        card([("会动", 30.0)], 160, 120)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="on a card of 60"):
        card(LINES, 160, 60)
    with pytest.raises(ValueError, match="wider than the card of 40"):
        card([("a long line of text", 20.0)], 40, 100)
