"""The boxes of a workflow: drawn, filled, run in order, marked, and mended after a failure."""

import pytest

from aigc_course.kit.figures.workflow import Again, Done, Workflow, WorkflowError

DEEP_LEARNING = {
    "data": "Data preparation",
    "design": "Model design",
    "training": "Training",
    "evaluation": "Evaluation",
    "optimization": "Optimization",
    "deployment": "Deployment",
}
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


def sums(start=2):
    """Three boxes that count, each with the results of earlier ones."""
    flow = Workflow({"a": "First", "b": "Second", "c": "Third"})

    @flow.box("a")
    def begin():
        return start

    @flow.box("b")
    def double(a):
        return Done(2 * a, f"twice {a}")

    @flow.box("c")
    def add(a, b):
        return Done(a + b, f"{a} + {b}")

    return flow


def loop(converged_after):
    flow = Workflow(GAN, back=("repeat", "generate"))
    seen = []

    @flow.box("initialize")
    def initialize():
        return {"step": 0}

    @flow.box("generate")
    def generate(initialize):
        return initialize["step"]

    @flow.box("discriminate")
    def discriminate(generate):
        seen.append(generate)

    @flow.box("losses")
    def losses(generate):
        return 1 / (1 + generate)

    @flow.box("update")
    def update(initialize):
        initialize["step"] += 1

    @flow.box("repeat")
    def repeat(initialize, losses):
        enough = initialize["step"] >= converged_after
        return (Done if enough else Again)(losses, f"loss {losses:.2f}")

    return flow, seen


def test_all_boxes_run_in_order_and_say_what_they_did(capsys):
    flow = sums()
    flow.run()
    assert (flow["a"], flow["b"], flow["c"]) == (2, 4, 6)
    assert capsys.readouterr().out == "✓ 1/3 First\n✓ 2/3 Second: twice 2\n✓ 3/3 Third: 2 + 4\n"


def test_one_box_at_a_time_then_the_rest(capsys):
    flow = sums()
    flow.run("a")
    assert capsys.readouterr().out == "✓ 1/3 First\n"
    flow.run()
    assert flow["c"] == 6
    flow.run()  # nothing remains
    assert capsys.readouterr().out.count("✓") == 2


def test_a_box_that_runs_again_makes_the_later_ones_forget():
    flow = sums()
    flow.run()
    flow.run("b")
    assert flow["a"] == 2
    with pytest.raises(WorkflowError, match='box "c" has no result: it is waiting; run it first'):
        flow["c"]
    flow.run()
    assert flow["c"] == 6
    flow.reset("b")
    assert [box.state for box in flow.boxes.values()] == ["done", "waiting", "waiting"]
    flow.reset()
    assert {box.state for box in flow.boxes.values()} == {"waiting"}


def test_the_same_function_may_be_written_anew_and_another_may_not():
    flow = sums()
    flow.run()

    @flow.box("b")
    def double(a):
        return 20 * a

    assert flow.boxes["c"].state == "waiting"
    flow.run()
    assert flow["c"] == 42
    with pytest.raises(WorkflowError, match=r"filled by double\(\) already; to write it anew, keep that name"):

        @flow.box("b")
        def triple(a):
            return 3 * a


@pytest.mark.parametrize("name", ["d", "First", ""])
def test_a_wrong_name_is_answered_with_the_right_ones(name):
    flow = sums()
    for ask in (
        flow.run,
        flow.reset,
        flow.box(name) if name is None else flow.__getitem__,
        lambda n: flow.box(n)(sums),
    ):
        with pytest.raises(WorkflowError, match="the boxes are: a, b, c"):
            ask(name)


def test_a_parameter_must_be_an_earlier_box():
    flow = sums()
    with pytest.raises(WorkflowError, match=r"double\(\) of box \"b\" takes c; .* an earlier box: a"):

        @flow.box("b")
        def double(a, c):
            return c


def test_a_box_waits_for_those_before_it():
    flow = sums()
    with pytest.raises(WorkflowError, match=r'"c" comes after "a", which is waiting; first run\("a"\)'):
        flow.run("c")


def test_an_empty_box_is_named():
    flow = Workflow({"a": "First"})
    with pytest.raises(WorkflowError, match=r'box "a" is empty: define a function under @flow.box\("a"\)'):
        flow.run()


def test_a_failure_names_the_box_keeps_what_was_done_and_can_be_mended(shown):
    flow = sums()
    calls = []

    @flow.box("a")
    def begin():
        calls.append(1)
        return 2

    def double(a):
        raise ZeroDivisionError("no way")

    flow.box("b")(double)

    with pytest.raises(WorkflowError, match=r'box "b" \(Second\) failed: ZeroDivisionError: no way') as caught:
        flow.run()
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert [box.state for box in flow.boxes.values()] == ["done", "failed", "waiting"]
    flow.draw()
    assert "Second (failed: ZeroDivisionError: no way)" in shown[0][1]
    with pytest.raises(WorkflowError, match="which is failed"):
        flow.run("c")

    double.__code__ = (lambda a: 2 * a).__code__
    flow.box("b")(double)
    flow.run()
    assert flow["c"] == 6
    assert len(calls) == 1


def test_a_loop_runs_until_it_is_done(capsys):
    flow, seen = loop(converged_after=300)
    flow.run()
    assert seen == list(range(300))
    assert flow.rounds == 300
    assert flow["repeat"] == pytest.approx(1 / 300)
    said = capsys.readouterr().out.splitlines()
    assert said == ["✓ 1/6 Initialize G and D", "✓ 6/6 Repeat until convergence after 300 rounds: loss 0.00"]


def test_a_box_can_be_run_anew_with_all_before_it(capsys):
    flow, seen = loop(converged_after=7)
    flow.run()
    flow.run("losses", anew=True)
    assert flow.rounds == 0
    assert flow.boxes["losses"].state == "done"
    assert flow.boxes["update"].state == "waiting"
    assert capsys.readouterr().out.splitlines()[2:] == ["✓ 4/6 Losses"]
    flow.run(anew=True)
    assert seen == [*range(7), 0, *range(7)]


def test_a_loop_that_does_not_end_is_stopped_and_can_go_on(capsys):
    flow, seen = loop(converged_after=7)
    flow.run(max_rounds=5)
    assert flow.boxes["repeat"].state == "again"
    assert "↻ 6/6 Repeat until convergence after 5 rounds: loss 0.20" in capsys.readouterr().out
    flow.run(max_rounds=5)
    assert flow.boxes["repeat"].state == "done"
    assert seen == list(range(7))
    flow.reset()
    assert flow.rounds == 0


def test_a_loop_one_box_at_a_time():
    flow, seen = loop(converged_after=3)
    for name in flow.names:
        flow.run(name)
    flow.run("generate")  # the second round, by hand
    assert flow["generate"] == 1
    assert flow.boxes["losses"].state == "waiting"
    flow.run()
    assert (seen, flow.rounds) == ([0, 1, 2], 3)


def test_again_needs_an_arrow():
    flow = Workflow({"a": "First"})

    @flow.box("a")
    def once_more():
        return Again()

    with pytest.raises(WorkflowError, match="no arrow leads back from it"):
        flow.run()


@pytest.mark.parametrize(
    ("boxes", "back", "said"),
    [
        ({}, None, "must be named"),
        ({"two words": "Two words"}, None, "must be named"),
        ({"a": "A", "b": "B"}, ("b", "z"), 'there is no box "z"'),
        ({"a": "A", "b": "B"}, ("a", "b"), "to an earlier one"),
    ],
)
def test_boxes_that_make_no_workflow(boxes, back, said):
    with pytest.raises(WorkflowError, match=said):
        Workflow(boxes, back=back)


def test_the_picture_shows_labels_states_and_the_loop(shown):
    flow, _ = loop(converged_after=1)
    flow.run("initialize")
    flow.run()
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
