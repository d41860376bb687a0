"""The training loop: what it learns, what it refuses, and that an interruption changes nothing."""

import math
import multiprocessing
import random
import signal
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from killed_training import CONFIG, VOCAB_SIZE, counting_rows, run, small_gpt2
from safetensors.torch import load_file
from torch import nn

from aigc_course.gpt.rows import shuffled
from aigc_course.gpt.training import (
    TrainingConfig,
    learning_rate_at,
    optimizers_for,
    token_losses,
    training_steps,
)
from aigc_course.storage import checkpoints


def bigram_model(seed=0):
    """A module that returns logits themselves, not an object that holds them."""
    torch.manual_seed(seed)
    return nn.Sequential(nn.Embedding(VOCAB_SIZE, 16), nn.Linear(16, VOCAB_SIZE))


def train(model, config=CONFIG, rows=None, **options):
    """All losses of a training."""
    batches = shuffled(counting_rows() if rows is None else rows, 8, seed=0)
    return [row["loss"] for row in training_steps(model, batches, config, **options)]


def same(a, b):
    """Whether two models' weights agree bit for bit."""
    pairs = zip(a.state_dict().items(), b.state_dict().items(), strict=True)
    return all(name == other and torch.equal(x, y) for (name, x), (other, y) in pairs)


# settings


@pytest.mark.parametrize(
    "bad",
    [
        {"num_steps": 0}, {"num_steps": 10.5}, {"num_steps": True},
        {"num_warmup_steps": 1001}, {"num_warmup_steps": -1}, {"learning_rate": 0.0},
        {"learning_rate": math.nan}, {"learning_rate": math.inf}, {"last_learning_rate": 1.0},
        {"hidden_learning_rate": 0.0}, {"hidden_learning_rate": math.nan}, {"beta1": 1.0}, {"beta2": -0.1},
        {"weight_decay": -1.0}, {"max_grad_norm": 0.0}, {"max_grad_norm": math.nan},
    ],
)  # fmt: skip
def test_settings_that_make_no_sense_are_refused(bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        TrainingConfig(**bad)


def test_the_step_size_rises_and_falls():
    config = TrainingConfig(num_steps=110, learning_rate=1.0, last_learning_rate=0.2, num_warmup_steps=10)
    rates = [learning_rate_at(step, config) for step in range(111)]
    assert rates[:10] == pytest.approx([0.1 * step for step in range(1, 11)])
    assert rates[10] == 1.0
    assert rates[60] == pytest.approx(0.6)  # halfway down
    assert rates[110] == pytest.approx(0.2)
    assert rates[10:] == sorted(rates[10:], reverse=True)


def test_only_hidden_matrices_decay():
    model = small_gpt2()
    groups = optimizers_for(model, CONFIG)["adamw"].param_groups
    names = {id(weight): name for name, weight in model.named_parameters()}
    assert [group["weight_decay"] for group in groups] == [0.0, CONFIG.weight_decay]
    decaying = {names[id(weight)] for weight in groups[1]["params"]}
    assert decaying == {
        name for name in names.values() if name.endswith(".weight") and ".h." in name and ".ln" not in name
    }
    assert sum(len(group["params"]) for group in groups) == len(names)


def test_muon_takes_the_matrices_that_are_no_embeddings():
    model = small_gpt2()
    found = optimizers_for(model, replace(CONFIG, hidden_learning_rate=1e-2))
    names = {id(weight): name for name, weight in model.named_parameters()}
    hidden = {names[id(weight)] for weight in found["muon"].param_groups[0]["params"]}
    assert len(hidden) == 8  # four matrices a block
    assert all(name.endswith((".c_attn.weight", ".c_proj.weight", ".c_fc.weight")) for name in hidden)
    rest = {names[id(weight)] for group in found["adamw"].param_groups for weight in group["params"]}
    assert hidden | rest == set(names.values())
    assert not hidden & rest


# learning


def test_the_loss_is_that_of_transformers():
    model, ids = small_gpt2().eval(), torch.from_numpy(counting_rows()).long()
    assert token_losses(model, ids).mean().item() == pytest.approx(model(ids, labels=ids).loss.item(), abs=1e-5)


def test_one_step_is_a_step_of_torch():
    model, by_hand = bigram_model(), bigram_model()
    config = TrainingConfig(num_steps=1, num_warmup_steps=0, learning_rate=0.1, max_grad_norm=1e9, bfloat16=False)
    ids = torch.from_numpy(counting_rows()[:8]).long()
    list(training_steps(model, lambda step: ids, config))
    optimizer = torch.optim.AdamW(by_hand.parameters(), 0.1, betas=(0.9, 0.98), weight_decay=0.0)
    nn.functional.cross_entropy(by_hand(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten()).backward()
    optimizer.step()
    by_hand[1].weight.data -= 0.1 * config.weight_decay * bigram_model()[1].weight.data  # the only hidden matrix
    for ours, theirs in zip(model.parameters(), by_hand.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("build", [small_gpt2, bigram_model])
def test_it_learns_down_to_the_entropy(build):
    """A row holds two stories, whose first numbers are random, one of 30; all else follows from what stands before."""
    rows = counting_rows(400)
    config = TrainingConfig(num_steps=400, learning_rate=1e-2, num_warmup_steps=20, weight_decay=0.0)
    model = build()
    losses = train(model, config, rows)
    random_tokens = (rows[:, :-1] == 0).sum() / rows[:, 1:].size
    ends = 0.0 if build is small_gpt2 else 0.45  # after one number alone nobody knows whether it is a story's last
    assert losses[0] == pytest.approx(math.log(VOCAB_SIZE), abs=0.6)
    assert np.mean(losses[-20:]) == pytest.approx(random_tokens * math.log(30) + ends, abs=0.25)


def test_what_weighs_nothing_is_not_learned():
    """Only what follows on an even number counts: odd ones teach nothing, whatever stands behind them."""
    model, plain = bigram_model(), bigram_model()
    rows = np.stack([np.arange(16)] * 8)
    config = replace(CONFIG, bfloat16=False)

    def weights_of(step, ids, losses):
        assert ids.shape == losses.shape == (8, 15)
        assert not losses.requires_grad
        return (ids % 2).float()

    weighted = [
        row["loss"] for row in training_steps(model, lambda _: torch.from_numpy(rows), config, weights_of=weights_of)
    ]
    even, odd = (token_losses(model, torch.from_numpy(rows))[0, first::2].mean().item() for first in (0, 1))
    assert even < 0.5
    assert odd > 2
    assert weighted[0] == next(training_steps(plain, lambda _: torch.from_numpy(rows), config))["loss"]


def test_bfloat16_is_a_little_less_exact():
    exact, rough = (train(small_gpt2(), replace(CONFIG, num_steps=5, bfloat16=half)) for half in (False, True))
    assert exact != rough
    assert exact == pytest.approx(rough, abs=0.1)


def test_a_loss_that_is_not_finite_stops_the_training(tmp_path):
    model = bigram_model()
    steps = training_steps(model, shuffled(counting_rows(), 8, seed=0), CONFIG, tmp_path / "c", save_every=1)
    next(steps)
    before = (tmp_path / "c").read_bytes()
    with torch.no_grad():
        model[1].bias[0] = math.nan
    with pytest.raises(FloatingPointError, match="loss is nan at step 1: lower learning_rate"):
        next(steps)
    assert (tmp_path / "c").read_bytes() == before


# interruptions


@pytest.mark.parametrize("build", [small_gpt2, bigram_model])
@pytest.mark.parametrize("hidden", [None, 1e-2])
def test_a_stopped_training_goes_on_bit_for_bit(tmp_path, build, hidden):
    config = replace(CONFIG, hidden_learning_rate=hidden)
    fresh, undisturbed = build(), build()
    losses = train(undisturbed, config)
    stopped = build()  # seeds anew, so the dropout is the same
    options = {"checkpoint": tmp_path / "c", "save_every": 4}
    steps = training_steps(stopped, shuffled(counting_rows(), 8, seed=0), config, **options)
    first = [next(steps)["loss"] for _ in range(18)]
    steps.close()
    torch.manual_seed(5)
    assert first[:16] + train(fresh, config, **options) == losses
    assert same(fresh, undisturbed)
    assert train(build(), config, **options) == []  # nothing is left to do


def test_other_settings_and_other_data_are_refused(tmp_path):
    options = {"checkpoint": tmp_path / "c"}
    train(bigram_model(), **options)
    with pytest.raises(
        ValueError, match=r"with \{'learning_rate': 0.01\} where \{'learning_rate': 0.02\} is asked for"
    ):
        train(bigram_model(), replace(CONFIG, learning_rate=2e-2), **options)
    with pytest.raises(ValueError, match="with other data; name another file"):
        train(bigram_model(), rows=counting_rows()[1:], **options)
    with pytest.raises(ValueError, match="with other data; name another file"):  # the first batch alone is the same
        batch_at = shuffled(counting_rows(), 8, seed=0)
        changed = lambda step: batch_at(step) if step == 0 else 0 * batch_at(step)  # noqa: E731
        list(training_steps(bigram_model(), changed, CONFIG, **options))
    with pytest.raises(ValueError, match="a different shape"):
        train(nn.Sequential(nn.Embedding(VOCAB_SIZE, 8), nn.Linear(8, VOCAB_SIZE)), **options)


@pytest.mark.parametrize("num_kills", [3, pytest.param(10, marks=pytest.mark.slow)])
def test_killed_at_random_moments_it_ends_with_the_same_weights(tmp_path, num_kills):
    """SIGKILL, also in the middle of writing: the weights are those of the undisturbed run, no file is damaged."""
    forks = multiprocessing.get_context("spawn" if sys.platform == "win32" else "forkserver")
    forks.set_forkserver_preload(["aigc_course.gpt.training", "transformers.models.gpt2.modeling_gpt2"])
    rng, path, finals = random.Random(0), tmp_path / "c", [str(tmp_path / name) for name in ("calm", "killed")]
    calm = forks.Process(target=run, args=(str(tmp_path / "calm.checkpoint"), finals[0]))
    calm.start()
    calm.join(60)
    done, writing = [0], 0
    for kill in range(num_kills):
        started = forks.Event()
        child = forks.Process(target=run, args=(str(path), finals[1], started))
        child.start()
        assert started.wait(60)
        child.join(rng.uniform(0, 0.05))
        while kill == 0 and child.is_alive() and not list(tmp_path.glob(".c.*.part")):
            time.sleep(0.001)  # the first kill comes in the middle of a write, whatever the machine's speed
        child.kill()
        child.join()
        assert child.exitcode == -signal.SIGKILL, "it was over before it was killed"
        writing += bool(list(tmp_path.glob(".c.*.part")))
        assert checkpoints.read(path).notes["state"]["step"] > done[-1]
        done.append(checkpoints.read(path).notes["state"]["step"])
    child = forks.Process(target=run, args=(str(path), finals[1]))
    child.start()
    child.join(60)
    calm, killed = map(load_file, finals)
    assert done[-1] < CONFIG.num_steps
    assert writing, "no kill came in the middle of a write"
    assert all(torch.equal(calm[name], killed[name]) for name in calm.keys() | killed.keys())
