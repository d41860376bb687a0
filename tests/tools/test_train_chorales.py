"""How chorales are read, how the model and its peers are trained, and what the stored table says."""

import csv
import io
import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from aigc_course.kit.datasets.chorales import load_chorales
from aigc_course.kit.runtime import data_folder
from aigc_course.sound.chorale_model import load_chorale_model
from aigc_course.sound.scores import HOLD, REST, Score
from tools.bench import chorales as bench
from tools.train import chorales as train
from tools.train import spoken_digits
from tools.train.chorale_peer import Bigram, RecurrentModel
from tools.train.chorale_scores import packed, split_of, tune_of, voice_of


def part_of(*notes):
    """A part as music21 gives it: (beginning, length in quarters, MIDI number or None for a rest)."""
    stored = [
        SimpleNamespace(
            offset=begin, duration=SimpleNamespace(quarterLength=length), isRest=pitch is None, isChord=False,
            pitch=SimpleNamespace(midi=pitch),
        )
        for begin, length, pitch in notes
    ]  # fmt: skip
    flat = SimpleNamespace(notesAndRests=stored, highestTime=max(begin + length for begin, length, _ in notes))
    flat.stripTies, flat.flatten = (lambda: flat), (lambda: flat)
    return flat


@pytest.fixture(scope="module")
def scores():
    return train.scores_of(load_chorales().test[:3])


def test_notes_and_rests_become_a_row_of_sixteenths():
    voice = voice_of(part_of((0, 0.5, 60), (0.5, 0.25, 62), (0.75, 0.125, 64), (0.875, 0.125, 65), (1, 0.5, None)))
    assert voice.tolist() == [60, HOLD, 62, 64, REST, HOLD]  # of two thirty-seconds, the first is kept
    assert voice_of(part_of((0, 0.25, 60), (0.25, 0.25, 60), (0.5, 0.25, None), (0.75, 0.25, None))).tolist() == [
        60, 60, REST, HOLD,
    ]  # fmt: skip


def test_the_same_tune_in_any_key_and_setting_lies_on_one_side(scores):
    for score in scores:
        other = Score(np.concatenate([score.grid[:, :1], np.full((len(score.grid), 3), REST)], axis=1), score.begin)
        assert tune_of(score) == tune_of(other.transposed(2))
    assert {split_of((number,)) for number in range(100)} == {0, 1, 2}
    named = [(f"a{number}", score) for number, score in enumerate(scores)]
    assert packed(named) == packed(named)
    with np.load(io.BytesIO(packed(named))) as stored:
        assert (stored["grid"][: stored["length"][0]] == scores[0].grid).all()


@pytest.mark.parametrize("kind", train.TRAININGS)
def test_training_lowers_the_loss_and_goes_on_where_it_stopped(kind, scores, tmp_path, monkeypatch):
    monkeypatch.setattr(train, "NUM_STEPS", 8)
    monkeypatch.setattr(train, "BATCH_SIZE", 4)
    monkeypatch.setattr(train, "TRAININGS", {kind: replace(train.TRAININGS[kind], num_steps=100, num_warmup_steps=2)})
    model = train.new_model(kind, 0).eval()
    short = [Score(score.grid[:24], score.begin) for score in scores]
    before, _ = train.nats(model, short)
    seconds = train.train(model, kind, short, short, 0, tmp_path / "a.checkpoint")
    assert seconds > 0
    assert train.nats(model, short)[0] < before / 2
    again = train.new_model(kind, 1)
    train.train(again, kind, short, short, 0, tmp_path / "a.checkpoint")  # nothing is left to do
    assert all(torch.equal(a, b) for a, b in zip(model.state_dict().values(), again.state_dict().values(), strict=True))


@pytest.mark.parametrize("told_too", [False, True])
def test_the_peer_does_not_look_into_the_future_and_is_as_large(told_too, scores):
    torch.manual_seed(0)
    model = RecurrentModel(told_too).eval()
    size = sum(weights.numel() for weights in model.parameters())
    own = sum(weights.numel() for weights in train.new_model("transformer", 0).parameters())
    assert abs(size / own - 1) < 0.05
    rows = torch.from_numpy(train.row_batches(scores, 8, 3, 0)(0).numpy())
    changed = rows.clone()
    changed[:, 20:] = 60
    assert torch.allclose(model(rows)[:, :20], model(changed)[:, :20], atol=1e-5)
    assert not torch.allclose(model(rows)[:, 20:], model(changed)[:, 20:], atol=1e-3)


def test_counts_by_hand():
    score = Score(np.array([[60, 55, 50, 45], [62, HOLD, HOLD, HOLD], [60, HOLD, HOLD, HOLD], [62, HOLD, HOLD, HOLD]]))
    model = Bigram([score], 1e-9)
    soprano = model.nats(score).reshape(4, 4)[:, 0]
    assert soprano == pytest.approx([0, 0, 0, 0], abs=1e-6)
    uniform = Bigram([score], 1e9).nats(score)
    assert uniform == pytest.approx(np.full(16, math.log(48)), abs=1e-6)  # hold, rest and 46 pitches


def test_the_stored_table_belongs_to_the_shipped_model(scores):
    with (data_folder() / "chorales.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == bench.COLUMNS
    of = {(row["kind"], row["seed"]): row for row in rows}
    assert len(of) == len(rows)
    own = of["transformer", "0"]
    model = load_chorale_model(data_folder() / "models" / "chorale_model")
    found, onsets = train.nats(model, train.scores_of(load_chorales().test))
    assert found == pytest.approx(float(own["nats"]), abs=2e-3)
    assert onsets == pytest.approx(float(own["onsets"]), abs=5e-3)
    for kind, most in {"transformer": 0.6, "counts": 1.3}.items():
        assert float(of[kind, "0"]["nats"]) < most
    for seed in {row["seed"] for row in rows if row["kind"] == "recurrent"} & {
        row["seed"] for row in rows if row["kind"] == "transformer"
    }:
        assert float(of["transformer", seed]["nats"]) < float(of["recurrent", seed]["nats"])
    assert float(own["in_key"]) > 0.9 * float(of["bach", "0"]["in_key"])


def test_voices_and_speeds_of_the_test_are_not_those_of_the_training():
    training = spoken_digits.PARTS["training"]
    for part in ("test", "other"):
        for one, other in zip(training[:3], spoken_digits.PARTS[part][:3], strict=True):
            assert not set(one) & set(other)
