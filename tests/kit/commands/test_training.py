"""`python -m aigc_course train`: kept in a folder, stopped and resumed, refused where it would destroy something."""

import pytest
from typer.testing import CliRunner

from aigc_course import __main__ as cli
from aigc_course.kit.commands import training


@pytest.fixture(autouse=True)
def few_steps(monkeypatch):
    monkeypatch.setattr(training, "SAVE_EVERY", 2)
    monkeypatch.setattr(training, "NUM_STORIES", 60)
    monkeypatch.setenv("AIGC_THREADS", "1")
    monkeypatch.setenv("AIGC_OFFLINE", "1")


def run(kind, folder, *words):
    return CliRunner().invoke(cli.app, ["train", kind, "--out", str(folder), "--language", "en", *words])


@pytest.mark.parametrize("kind", list(training.KINDS))
def test_every_kind_trains_and_leaves_a_model_a_checkpoint_and_its_losses(kind, tmp_path):
    done = run(kind, tmp_path / "a", "--steps", "3", "--batch-size", "4")
    assert done.exit_code == 0, done.output
    assert "3 steps, processes: 1" in done.output
    names = {training.MODEL, training.CHECKPOINT, training.LOSSES}
    assert names <= {path.name for path in (tmp_path / "a").iterdir()}
    assert [line.split(",")[0] for line in (tmp_path / "a" / training.LOSSES).read_text().split()] == ["1", "2", "3"]


def test_stopped_by_ctrl_c_it_says_how_to_go_on_and_ends_with_the_same_model(tmp_path, monkeypatch):
    words = ("--steps", "6", "--batch-size", "4")
    run("gpt", tmp_path / "calm", *words)
    start = training.start_gpt

    def interrupted(order, workers):
        started = start(order, workers)

        def steps():
            for row in started.steps:
                yield row
                if row["step"] == 5:
                    raise KeyboardInterrupt

        return started._replace(steps=steps())

    with monkeypatch.context() as patch:
        patch.setitem(training.KINDS, "gpt", training.KINDS["gpt"]._replace(start=interrupted))
        stopped = run("gpt", tmp_path / "b", *words)
    assert stopped.exit_code == 130
    assert "stopped at step 5" in stopped.output
    assert "keeps step 4. To go on: the same command with --resume" in stopped.output
    refused = run("gpt", tmp_path / "b", *words)
    assert refused.exit_code == 2
    assert "there is a training already" in refused.output
    other = run("gpt", tmp_path / "b", "--resume", "--steps", "7", "--batch-size", "4")
    assert other.exit_code == 2
    assert "num_steps" in other.output
    assert run("gpt", tmp_path / "b", "--resume", *words).exit_code == 0
    models = [(tmp_path / folder / training.MODEL).read_bytes() for folder in ("calm", "b")]
    assert models[0] == models[1]
    again = run("gpt", tmp_path / "b", "--resume", *words)
    assert "had been finished already" in again.output
