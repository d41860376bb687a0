"""Steps in order and computational graphs as pictures, still and moving."""

import base64
import io

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from aigc_course.autograd import Tensor, topological_order
from aigc_course.kit.figures.animation import animated_png, show_animation
from aigc_course.kit.figures.diagrams import diagram, layout, plot_graph, show_graph, wrapped
from aigc_course.kit.figures.plotting import figure


@pytest.fixture(autouse=True)
def no_figure_is_left_open():
    yield
    plt.close("all")


def network():
    """loss, its leaves: a tensor that is used twice, and one that is used late."""
    w, b = Tensor(np.ones((3, 2))), Tensor([1.0, 2.0])
    hidden = (np.ones((4, 3)) @ w).tanh()
    loss = (hidden * hidden + b).sum()
    loss.backward()
    return loss, w, b


def test_a_diagram_names_its_steps_their_states_and_its_loop(monkeypatch):
    said = []
    monkeypatch.setattr("IPython.core.interactiveshell.InteractiveShell.initialized", lambda: True)
    monkeypatch.setattr("IPython.display.display", lambda data, **how: said.append(data["text/plain"]))
    diagram(["data", "training"])
    diagram(
        ["data", "design", "training"], states=["done", "again", "waiting"], notes=["", "two layers", ""], back=(2, 1)
    )
    assert said == [
        "A flow diagram of 2 steps: data → training.",
        "A flow diagram of 3 steps: data (done) → design (again: two layers) → training; "
        "a dashed arrow leads back from training to design.",
    ]
    with pytest.raises(ValueError, match="at least one step"):
        diagram([])


def test_results_stand_right_of_their_inputs_and_no_two_nodes_in_one_place():
    loss, w, b = network()
    order = topological_order(loss)
    places = layout(order)
    assert all(places[source][0] < places[node][0] for node in order for source in node.inputs)
    assert len(set(places.values())) == len(order)
    assert places[w][0] == 0
    assert places[b][0] == places[loss][0] - 2  # just before its only use


def test_a_box_shows_name_value_and_gradient_once_it_is_reached():
    loss, w, _ = network()
    order = topological_order(loss)
    texts = ["".join(text.get_text() for text in plot_graph(order, {w: "W"}, reached=k).texts) for k in (0, 1, 6)]
    assert all("W\n(3, 2)" in text and "tanh\n(4, 2)" in text for text in texts)
    assert [text.count("norm") for text in texts] == [0, 0, 5]  # loss, a single number, shows its own
    assert "\n\n1" not in texts[0]
    assert "\n\n1" in texts[1]


def test_slopes_are_written_on_the_arrows_of_nodes_that_know_them():
    class Node:
        data, grad, name = 2.0, 1.0, "*"

        def __init__(self, inputs=(), slopes=()):
            self.inputs, self.slopes = inputs, slopes

    leaf = Node()
    ax = plot_graph([leaf, Node((leaf, leaf), (0.125, 0.25))])
    assert {"0.125", "0.25"} <= {text.get_text() for text in ax.texts}


def frames(count, width=2.0):
    for number in range(count):
        fig, ax = figure(width=width, height=1.0)
        ax.bar([0], [number])
        yield fig


def test_an_animation_plays_all_frames_three_times_and_shows_its_last_where_nothing_moves():
    png = animated_png(frames(4), seconds=0.5)
    image = Image.open(io.BytesIO(png))
    assert (image.format, image.n_frames, image.info["loop"]) == ("PNG", 5, 3)  # four and the still one
    assert image.convert("RGB").getpixel((1, 1)) == (255, 255, 255)
    still = np.asarray(image.convert("RGB"))
    image.seek(1)
    assert image.info["duration"] == 500
    assert (np.asarray(image.convert("RGB")) != still).any()
    image.seek(4)
    assert image.info["duration"] == 1500
    assert (np.asarray(image.convert("RGB")) == still).all()
    assert not plt.get_fignums()


def test_one_figure_makes_a_plain_picture_and_the_same_figures_the_same_bytes():
    assert getattr(Image.open(io.BytesIO(animated_png(frames(1)))), "n_frames", 1) == 1
    assert animated_png(frames(3)) == animated_png(frames(3))


def test_figures_of_different_sizes_are_refused():
    with pytest.raises(ValueError, match="one size"):
        animated_png([next(frames(1)), next(frames(1, width=3.0))])


def test_what_is_shown_carries_its_alternative_text(monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.core.interactiveshell.InteractiveShell.initialized", lambda: True)
    monkeypatch.setattr("IPython.display.display", lambda data, **how: shown.append((data, how)))
    loss, _, _ = network()
    show_graph(topological_order(loss), alt="A graph of six boxes.")
    show_animation(frames(2), alt="A bar that grows.")
    assert [data["text/plain"] for data, _ in shown] == ["A graph of six boxes.", "A bar that grows."]
    for data, _ in shown:
        assert data["text/html"].startswith(f'<img alt="{data["text/plain"]}" ')
        assert base64.b64decode(data["text/html"].split("base64,")[1]).startswith(b"\x89PNG")


def test_a_note_is_wrapped_between_words_and_between_chinese_characters_but_not_inside_a_number():
    assert wrapped("test 97.78%, 95% interval 97.47% to 98.05%", 33) == [
        "test 97.78%, 95% interval 97.47%",
        "to 98.05%",
    ]
    chinese = wrapped("基线：11.2%、90.5%；235,146个参数。", 13)
    assert chinese == ["基线：11.2%、", "90.5%；", "235,146个参", "数。"]
    assert wrapped("one two three", 5, max_lines=2) == ["one", "two …"]
    assert wrapped("unbreakable", 5) == ["unbreakable"]
