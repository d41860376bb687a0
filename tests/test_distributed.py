"""Several processes compute what one computes: the ring, equal shares, whole trainings, a killed process; TensorFlow.

Processes with a framework take seconds to start, so one run of two processes answers many questions.
"""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from aigc_course import distributed, frameworks
from aigc_course.distributed import ALONE, Workers, ring_all_reduce, shard_of, who_am_i
from tools.authoring.notebooks import by_id, path_of, read

SUPPORT = (Path(__file__).parent / "support" / "shared_trainings.py").read_text(encoding="utf-8")
SUPPORT += "\nfrom aigc_course.distributed import joined\n"
TOGETHER = SUPPORT + "\nwith joined(120) as workers:\n    results = everything(workers, str(folder))\n"
LEAVING = """
import os
from aigc_course.distributed import joined
from torch import nn, optim

with joined(120) as workers:
    optim.Adam(nn.Linear(2, 2).parameters())
threads = sorted(open(f"/proc/self/task/{each}/comm").read().strip() for each in os.listdir("/proc/self/task"))
results = {"gloo": sum("gloo" in name or "tcpstore" in name for name in threads), "all": len(threads)}
"""
DYING = SUPPORT + "\nwith joined(120) as workers:\n    results = kept(workers, str(folder), dies_at=int(dies_at))\n"


def told(size: int) -> list[dict[str, str]]:
    """What a launcher tells each of `size` processes."""
    meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(frameworks.free_port()), "WORLD_SIZE": str(size)}
    return [{"RANK": str(rank), **meeting} for rank in range(size)]


@pytest.fixture(scope="module")
def two(tmp_path_factory) -> list[frameworks.Run]:
    """Two processes that have done everything."""
    folder = np.array(str(tmp_path_factory.mktemp("two")))
    return frameworks.run_together(TOGETHER, {"folder": folder}, told(2), seconds=900)


@pytest.fixture(scope="module")
def one(tmp_path_factory) -> dict:
    """This process, alone, with the whole batches."""
    names: dict = {"folder": str(tmp_path_factory.mktemp("one"))}
    exec(TOGETHER, names)
    return names["results"]


@pytest.mark.parametrize("size", [1, 2, 3, 4, 8])
def test_the_ring_leaves_the_sum_on_every_worker_and_the_arrays_alone(size):
    arrays = [np.random.default_rng(seed).integers(-9, 9, 24) for seed in range(size)]
    before = [array.copy() for array in arrays]
    assert all(np.array_equal(each, sum(before)) for each in ring_all_reduce(arrays))
    assert all(map(np.array_equal, arrays, before))


def test_the_ring_computes_what_gloo_computes(two):
    arrays = [np.random.default_rng(rank).standard_normal(1000).astype(np.float32) for rank in range(2)]
    for run, ours in zip(two, ring_all_reduce(arrays), strict=True):
        assert np.array_equal(run.results["sum"], ours)


def test_shards_are_the_batch_in_order_and_unequal_ones_are_refused():
    batch = torch.arange(12)
    assert torch.cat([shard_of(batch, rank, 4) for rank in range(4)]).equal(batch)
    assert Workers(1, 2).shard(torch.zeros(2, 6, 3), dim=1).shape == (2, 3, 3)
    with pytest.raises(ValueError, match="12 rows cannot be shared equally among 5 workers"):
        shard_of(batch, 0, 5)


@pytest.mark.parametrize(("kind", "tolerance"), [("gan", 1e-5), ("gpt", 1e-5), ("dense", 1e-5)])
def test_two_processes_have_the_losses_of_one_with_twice_the_batch(kind, tolerance, one, two):
    losses = np.array(one[kind])
    assert losses.shape[0] == 50
    assert np.abs(losses - two[0].results[kind]).max() < tolerance
    assert np.array_equal(two[0].results[kind], two[1].results[kind])
    assert np.ptp(losses) > 0.1  # it is a training, not a constant


@pytest.mark.skipif(sys.platform != "linux", reason="threads have no names elsewhere")
def test_after_the_block_no_thread_of_the_group_is_left_that_could_abort_the_process():
    for run in frameworks.run_together(LEAVING, {}, told(2)):
        assert run.results["all"] >= 1
        assert run.results["gloo"] == 0


def test_batch_normalization_makes_another_training(one, two):
    assert np.abs(np.array(one["normed"]) - two[0].results["normed"]).max() > 1e-3


def test_gradients_one_by_one_together_and_during_backward_are_the_same(two):
    for run in two:
        each, together, during = run.results["gradients"]
        assert np.array_equal(each, together)
        assert np.array_equal(each, during)
    assert np.array_equal(two[0].results["gradients"], two[1].results["gradients"])


def test_processes_that_disagree_are_told_so_in_all_of_them(two):
    for run in two:
        assert "the last step is [0, 1] in processes 0 to 1" in str(run.results["disagreement"])


def test_weights_for_tokens_are_for_one_process(two):
    assert all("train in one process" in str(run.results["refused"]) for run in two)


def test_a_killed_process_and_the_restart_end_with_the_weights_of_the_undisturbed_run(two, tmp_path):
    with pytest.raises(RuntimeError):
        frameworks.run_together(
            DYING, {"folder": np.array(str(tmp_path)), "dies_at": np.array(37)}, told(2), seconds=900
        )
    assert (tmp_path / "kept.checkpoint").exists()
    again = frameworks.run_together(
        DYING, {"folder": np.array(str(tmp_path)), "dies_at": np.array(-1)}, told(2), seconds=900
    )
    for run, calm in zip(again, two, strict=True):
        assert run.results["first"] == 30
        assert np.array_equal(run.results["weights"], calm.results["weights"])


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({}, ALONE),
        ({"MASTER_ADDR": "h", "MASTER_PORT": "1"}, ALONE),  # accelerate launch of one process
        ({"RANK": "1", "WORLD_SIZE": "3", "MASTER_ADDR": "h", "MASTER_PORT": "1"}, Workers(1, 3)),
    ],
)
def test_who_a_process_is(said, expected):
    assert who_am_i(said) == expected


@pytest.mark.parametrize(
    ("said", "named"),
    [
        ({"RANK": "0", "WORLD_SIZE": "2"}, "MASTER_ADDR, MASTER_PORT not set"),
        ({"RANK": "2", "WORLD_SIZE": "2", "MASTER_ADDR": "h", "MASTER_PORT": "1"}, "RANK=2, WORLD_SIZE=2"),
        ({"RANK": "x", "WORLD_SIZE": "2", "MASTER_ADDR": "h", "MASTER_PORT": "1"}, "RANK=x"),
    ],
)
def test_variables_that_make_no_sense_are_named(said, named):
    with pytest.raises(ValueError, match=named):
        who_am_i(said)


def test_alone_nothing_is_sent():
    value = torch.tensor(2.0)
    assert ALONE.mean(value) is value
    assert ALONE.agree("step", 3) == 3
    assert ALONE.writes
    with distributed.joined() as workers:
        assert workers == ALONE


def test_two_tensorflow_processes_have_the_losses_of_one_with_twice_the_batch():
    cells = by_id(read(path_of("11_scaling_out", "en")))
    names: dict = {}
    for cell in ("tensorflow", "loop"):
        exec(cells[cell].source.rpartition("frameworks.count_lines")[0], names)
    rng = np.random.default_rng(0)
    given = {
        "images": rng.random((500, 784), np.float32), "labels": rng.integers(0, 10, 500), "rate": np.float32(0.05),
        "batches": rng.integers(0, 500, (50, 64)), "W1": 0.05 * rng.standard_normal((784, 64), np.float32),
        "b1": np.zeros(64, np.float32), "W2": 0.05 * rng.standard_normal((64, 10), np.float32),
        "b2": np.zeros(10, np.float32),
    }  # fmt: skip
    losses = []
    for size in (1, 2):
        places = [f"127.0.0.1:{frameworks.free_port()}" for _ in range(size)]
        tasks = [{"cluster": {"worker": places}, "task": {"type": "worker", "index": k}} for k in range(size)]
        configs = [{"TF_CONFIG": json.dumps(task)} for task in tasks]
        runs = frameworks.run_together(names["STRATEGY"] + names["LOOP"], given, configs, seconds=900)
        losses.append(runs[0].results["losses"])
    assert losses[0].shape == (50,)
    assert np.abs(losses[0] - losses[1]).max() < 1e-5
