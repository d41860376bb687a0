"""Figures carry their text, look alike every time, and show what they are given."""

import base64
import html
import io
import re
from itertools import combinations

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from PIL import Image

matplotlib.use("Agg")

from aigc_course.kit.figures import plotting
from aigc_course.kit.figures.drawing import DigitPad, stored_drawing


@pytest.fixture
def shown(monkeypatch):
    """What a notebook would receive: a list of MIME bundles."""
    outputs = []
    monkeypatch.setattr("IPython.core.interactiveshell.InteractiveShell.initialized", lambda: True)
    monkeypatch.setattr("IPython.display.display", lambda data, raw: outputs.append(data))
    return outputs


def picture_in(shown):
    """The alt text, the width on the page and the picture of the only output."""
    (data,) = shown
    alt, width, png = re.fullmatch(
        r'<img alt="(.*)" width="(\d+)" src="data:image/png;base64,(.*)">', data["text/html"]
    ).groups()
    return html.unescape(alt), int(width), Image.open(io.BytesIO(base64.b64decode(png)))


def test_a_figure_is_shown_with_its_text_and_then_closed(shown):
    fig, ax = plotting.figure()
    ax.plot([1, 2, 3])
    plotting.show(ax, alt="A straight line that rises from one to three.")
    alt, width, picture = picture_in(shown)
    assert alt == shown[0]["text/plain"] == "A straight line that rises from one to three."
    assert width == 630
    assert picture.size == (1260, 540)  # twice as sharp as the page
    assert not plotting.plt.fignum_exists(fig.number)


@pytest.mark.parametrize("alt", ['A curve, "x" < 1 & falling, is drawn.', "一条从1升到3的直线，穿过原点上方。"])
def test_a_text_reaches_the_page_as_it_was_written(shown, alt):
    plotting.show(plotting.figure()[0], alt=alt)
    assert picture_in(shown)[0] == alt


@pytest.mark.parametrize(
    "alt", ["", "A line.", "A line that rises from one to three", "一条直线。", "一条从1升到3的直线，穿过原点上方"]
)
def test_a_text_that_says_too_little_is_refused(shown, alt):
    with pytest.raises(ValueError, match="whole sentence"):
        plotting.show(plotting.figure()[0], alt=alt)
    assert not shown


def test_the_same_figure_gives_the_same_bytes():
    def draw():
        return plotting.png_of(plotting.plot_images(np.eye(28)[None], titles=["one"]))

    assert draw() == draw()


def stored(draw):
    """What is stored of a figure, beside its pixels before: size, dots per inch, what changed of 255."""
    fig, ax = plotting.figure()
    draw(ax)
    png = plotting.png_of(fig)
    image = Image.open(io.BytesIO(png))
    dots = round(image.info["dpi"][0])
    plain = plotting.rendered(fig, dots)
    plotting.plt.close(fig)
    before, after = (np.asarray(Image.open(io.BytesIO(one)).convert("RGB"), int) for one in (plain, png))
    return len(png) / len(plain), dots, np.abs(before - after)


def test_a_figure_is_stored_small_and_sharp_and_looks_the_same():
    size, dots, change = stored(lambda ax: ax.plot(np.sin(np.arange(9)), label="a curve"))
    assert (size < 0.5, dots) == (True, plotting.SHARP)
    assert change.mean() <= plotting.LARGEST_CHANGE
    assert change.max() < 80


def test_a_figure_that_would_be_large_is_less_sharp():
    points = np.random.default_rng(0).normal(size=(2, 5000))
    _, dots, change = stored(lambda ax: ax.scatter(*points, s=4))
    assert dots == plotting.LESS_SHARP
    assert change.mean() <= plotting.LARGEST_CHANGE


def test_a_photograph_keeps_its_colors():
    _, dots, change = stored(lambda ax: ax.imshow(np.random.default_rng(0).random((200, 300, 3))))
    assert dots == plotting.PAGE_DOTS_PER_INCH
    assert change.max() == 0


def simulated(color: str, kind: str) -> np.ndarray:
    """How the color looks to a person without one kind of cone (Machado, Oliveira, Fernandes 2009, severity 1)."""
    matrix = {
        "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
        "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
        "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
    }[kind]
    return np.clip(np.array(matrix) @ np.array(to_rgb(color)) ** 2.2, 0, 1) ** (1 / 2.2)


@pytest.mark.parametrize("kind", ["protan", "deutan", "tritan"])
def test_the_first_four_colors_stay_apart_without_one_kind_of_cone(kind):
    for one, other in combinations(plotting.PALETTE[:4], 2):
        distance = np.linalg.norm(simulated(one, kind) - simulated(other, kind))
        assert distance > 0.25, f"{one} and {other} look alike ({distance:.2f})"


def test_a_confusion_matrix_shows_its_counts_and_not_the_diagonals_color():
    ax = plotting.plot_confusion(np.array([[50, 2], [0, 48]]))
    assert [text.get_text() for text in ax.texts] == ["50", "2", "48"]
    assert ax.images[0].get_array()[0, 0] == 0


def test_a_reliability_diagram_leaves_empty_bins_out():
    ax = plotting.plot_reliability(np.array([0.5, np.nan]), np.array([0.4, np.nan]), np.array([9, 0]))
    assert len(ax.collections[0].get_offsets()) == 1


def test_short_curves_get_dots_and_long_ones_do_not():
    ax = plotting.plot_curves({"short": [1, 2], "long": list(range(50))}, xlabel="step", ylabel="loss")
    assert [line.get_marker() for line in ax.lines] == ["o", "None"]
    assert ax.lines[0].get_xdata().tolist() == [1, 2]


def test_source_is_shown_and_what_has_none_is_named(monkeypatch):
    sources = []
    monkeypatch.setattr("IPython.display.display", lambda code: sources.append(code.data))
    plotting.show_source(plotting.png_of)
    assert sources[0].startswith("def png_of(")
    assert "return" in sources[0]
    with pytest.raises(ValueError, match="no Python source"):
        plotting.show_source(len)


def test_the_pad_gives_the_stored_drawing_until_something_is_drawn():
    pad = DigitPad()
    assert not pad.drawn
    np.testing.assert_array_equal(pad.image, stored_drawing())
    assert pad.image.shape == (28, 28)
    assert pad.image.min() == 0
    assert pad.image.max() == 1
    pad.pixels = [0] * 783 + [255]
    assert pad.drawn
    assert pad.image[27, 27] == 1
    assert pad.image.sum() == 1
