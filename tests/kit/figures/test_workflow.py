"""The boxes of a workflow: drawn, ticked in any order, blank again after an earlier one."""

import pytest

from aigc_course.kit.figures.workflow import Workflow, WorkflowError

GAN = {
    "initialize": "Initialize G and D",
    "generate": "G makes fake data",
    "discriminate": "D tells real from fake",
    "losses": "Losses",
    "update": "Update G and D",
    "repeat": "Repeat until convergence",
}


@pytest.fixture
def shown(monkeypatch):
    pictures = []
    monkeypatch.setattr(
        "aigc_course.kit.figures.plotting.show_png", lambda png, alt, *mime: pictures.append((png, alt))
    )
    return pictures


def three():
    return Workflow({"a": "First", "b": "Second", "c": "Third"})


def states(flow):
    return [box.state for box in flow.boxes.values()]


def test_boxes_are_ticked_in_order_and_say_what_was_done(capsys):
    flow = three()
    flow.tick("a")
    flow.tick("b", "twice 2")
    flow.tick("c", "2 + 4")
    assert capsys.readouterr().out == "✓ 1/3 First\n✓ 2/3 Second: twice 2\n✓ 3/3 Third: 2 + 4\n"
    assert states(flow) == ["done"] * 3


def test_a_cell_that_runs_again_blanks_the_later_boxes_and_those_say_what_is_missing(capsys):
    flow = three()
    for name in flow.names:
        flow.tick(name, name)
    flow.tick("a", "another")
    assert states(flow) == ["done", "waiting", "waiting"]
    assert [box.text for box in flow.boxes.values()] == ["another", "", ""]
    capsys.readouterr()
    flow.tick("c")
    assert capsys.readouterr().out == "✓ 3/3 Third\n  not ticked since they changed: Second\n"


def test_a_tick_twice_is_a_tick():
    flow = three()
    flow.tick("a", "once")
    flow.tick("a", "once")
    assert states(flow) == ["done", "waiting", "waiting"]


def test_a_loop_that_goes_on_is_marked_so_and_counts_its_rounds(capsys):
    flow = Workflow(GAN, back=("repeat", "generate"))
    for name in flow.names[:-1]:
        flow.tick(name)
    capsys.readouterr()
    flow.tick("repeat", "loss 1.00", again=True)
    assert states(flow)[-1] == "again"
    flow.tick("repeat", "loss 0.50", rounds=800)
    lines = "↻ 6/6 Repeat until convergence: loss 1.00\n✓ 6/6 Repeat until convergence after 800 rounds: loss 0.50\n"
    assert capsys.readouterr().out == lines


@pytest.mark.parametrize("back", [None, ("c", "a")])
def test_again_needs_an_arrow_from_that_box(back):
    with pytest.raises(WorkflowError, match='no arrow leads back from box "b"'):
        Workflow({"a": "First", "b": "Second", "c": "Third"}, back=back).tick("b", again=True)


def test_an_unknown_box_is_named_with_those_there_are():
    with pytest.raises(WorkflowError, match='there is no box "d"; the boxes are: a, b, c'):
        three().tick("d")


@pytest.mark.parametrize(
    ("boxes", "back", "said"),
    [
        ({}, None, "at least one box"),
        ({"a": "A", "b": "B"}, ("b", "z"), 'there is no box "z"'),
        ({"a": "A", "b": "B"}, ("a", "b"), "to an earlier one"),
        ({"a": "A", "b": "B"}, ("b", "b"), "to an earlier one"),
    ],
)
def test_boxes_that_make_no_workflow(boxes, back, said):
    with pytest.raises(WorkflowError, match=said):
        Workflow(boxes, back=back)


def test_the_picture_shows_labels_states_and_the_loop(shown):
    flow = Workflow(GAN, back=("repeat", "generate"))
    for name in flow.names[:-1]:
        flow.tick(name)
    flow.tick("repeat", "loss 1.00", rounds=3)
    flow.draw()
    png, alt = shown[0]
    assert png.startswith(b"\x89PNG")
    assert alt.startswith("A flow diagram of 6 steps: Initialize G and D (done) → G makes fake data (done) →")
    assert alt.endswith(
        "Repeat until convergence (done: loss 1.00); a dashed arrow leads back from "
        "Repeat until convergence to G makes fake data."
    )


@pytest.mark.parametrize("count", [1, 2, 6, 7])
def test_workflows_of_any_length_are_drawn(count, shown):
    Workflow({f"box{i}": f"Box {i}" for i in range(count)}).draw()
    assert shown[0][1].count("Box") == count
