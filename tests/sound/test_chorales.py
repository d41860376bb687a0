"""Rows of tokens, and the model that reads and writes them: no look into the future, padding counts for nothing."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from aigc_course.kit.datasets.chorales import load_chorales
from aigc_course.kit.runtime import data_folder
from aigc_course.sound import chorale_model, chorales
from aigc_course.sound.chorale_model import ChoraleModel, losses_of, told, write_chorale, write_chorales
from aigc_course.sound.chorales import END, HOLD_TOKEN, LEAD, PAD, REST_TOKEN, counted, row_batches, row_of, tokens_of
from aigc_course.sound.scores import Score, sounding


@pytest.fixture(scope="module")
def bach():
    return [Score(each.grid, each.begin) for each in load_chorales().test[:4]]


@pytest.fixture(scope="module")
def tiny():
    torch.manual_seed(0)
    model = ChoraleModel(num_steps=16, width=16, num_layers=2, num_heads=2).eval()
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.2 * torch.randn(weight.shape))
    return model


@pytest.fixture(scope="module")
def shipped():
    return chorale_model.load_chorale_model(data_folder() / "models" / "chorale_model")


def test_rows_and_scores_are_the_same_music(bach):
    for score in bach:
        row = row_of(score, 0, len(score.grid) + 2)
        assert row[0] == chorales.HEADER + score.begin
        assert row[1:LEAD].tolist() == [REST_TOKEN] * 4
        assert row[LEAD + score.grid.size] == END
        assert (row[LEAD + score.grid.size + 1 :] == PAD).all()
        tokens = row[LEAD:][: score.grid.size].reshape(-1, 4)
        assert (chorales.score_from(tokens, score.begin).grid == score.grid).all()
        assert row_of(score, 9, 8)[1:LEAD].tolist() == sounding(score)[8].tolist()


def test_what_stands_beside_tokens_is_what_the_score_says(bach):
    score = bach[0]
    about = told(torch.from_numpy(row_of(score, 0, 32)[None]))
    now = sounding(score)
    for step, voice in ((0, 0), (3, 2), (17, 3), (31, 1)):
        at = LEAD + 4 * step + voice  # place of the token (step, voice); the one before it predicts it
        assert about.place[0, at - 1] == 4 * ((score.begin + step) % 16) + voice
        assert about.sounds[0, at, : voice + 1].tolist() == now[step, : voice + 1].tolist()
        if step:
            assert about.sounds[0, at, voice + 1 :].tolist() == now[step - 1, voice + 1 :].tolist()
    starts = np.maximum.accumulate(np.where(score.grid[:, 3] != -1, np.arange(len(score.grid)), 0))
    for step in range(1, 32):
        assert about.held[0, LEAD + 4 * step + 2] == min(step - starts[step - 1], chorale_model.MOST_HELD)


def test_no_look_into_the_future(tiny, bach):
    rows = torch.from_numpy(np.stack([row_of(bach[0], 0, 16), row_of(bach[1], 8, 16)]))
    logits = tiny(rows)
    for at in (LEAD, 20, 41, 60):
        changed = rows.clone()
        changed[:, at:] = torch.where(rows[:, at:] == HOLD_TOKEN, 60, HOLD_TOKEN)
        assert torch.allclose(tiny(changed)[:, :at], logits[:, :at], atol=1e-5)
        assert not torch.allclose(tiny(changed)[:, at:], logits[:, at:], atol=1e-3)


def test_padding_counts_for_nothing(tiny, bach):
    steps = len(bach[0].grid)
    row = torch.from_numpy(row_of(bach[0], steps - 6, 16)[None])
    learned = counted(row[:, 1:])
    assert learned.sum() == 6 * 4 + 1  # the notes and the end
    assert not learned[:, : LEAD - 1].any()

    def gradient(padding):
        other = torch.where(row == PAD, padding, row)
        losses = F.cross_entropy(tiny(other[:, :-1]).transpose(1, 2), row[:, 1:], reduction="none")
        tiny.zero_grad()
        (losses * learned).sum().backward()
        return torch.cat([weight.grad.flatten() for weight in tiny.parameters()])

    assert torch.allclose(gradient(PAD), gradient(64), atol=1e-5)  # whatever stands where the padding is
    assert gradient(PAD).abs().max() > 0


def test_each_note_of_a_piece_is_judged_once(tiny, bach):
    for score in bach:
        losses = losses_of(tiny, score, 16)
        assert len(losses.nats) == score.grid.size
        assert losses.onset.sum() == (score.grid > 0).sum()
    short = Score(bach[0].grid[:10], bach[0].begin)
    row = torch.from_numpy(row_of(short, 0, 16)[None])
    by_hand = F.cross_entropy(tiny(row)[0, LEAD - 1 : LEAD + 39], row[0, LEAD : LEAD + 40], reduction="none")
    assert losses_of(tiny, short, 16).nats == pytest.approx(by_hand.detach().numpy(), abs=1e-5)


def test_batches_are_windows_in_keys_within_range(bach):
    batch_at = row_batches(bach, 16, 32, seed=1)
    assert torch.equal(batch_at(3), batch_at(3))
    assert not torch.equal(batch_at(3), batch_at(4))
    for row in batch_at(0).numpy():
        for voice, (low, high) in enumerate(chorales.VOICE_RANGES):
            pitches = row[1 + voice :: 4][row[1 + voice :: 4] >= chorales.LOW]
            assert not len(pitches) or low <= pitches.min() <= pitches.max() <= high
    assert 0 in chorales.shifts_of(bach[0])
    assert chorales.shifts_of(Score(np.array([[81, 74, 48, 36]]))) == [0]


def test_writing_is_reading_one_by_one(tiny):
    score = write_chorale(tiny, seed=5, num_steps=14, temperature=0)
    row = torch.from_numpy(row_of(score, 0, 16)[None])
    logits = tiny(row)[0]
    for at in range(LEAD, LEAD + score.grid.size):
        best = logits[at - 1].clone()
        best[PAD] = best[4 : chorales.LOW] = best[END] = -torch.inf
        if at < LEAD + 4:
            best[HOLD_TOKEN] = -torch.inf
        assert best.argmax() == row[0, at]


def test_pieces_go_on_beyond_the_context_and_from_an_opening(tiny, bach):
    first, second = write_chorales(tiny, 2, 0, num_steps=40)
    assert len(first.grid) >= chorale_model.SHORTEST
    assert not np.array_equal(first.grid, second.grid)
    opening = Score(bach[0].grid[:8], bach[0].begin)
    more = write_chorale(tiny, 1, 40, opening=opening)
    assert (more.grid[:8] == opening.grid).all()
    assert more.begin == opening.begin


@pytest.mark.parametrize(
    "settings",
    [{"temperature": wrong} for wrong in (-1, float("nan"), 1e-300, 2**70)] + [{"num_steps": 0}, {"begin": 16}],
)
def test_settings_out_of_range_are_told(tiny, settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        write_chorale(tiny, 0, **settings)


def test_the_shipped_model_knows_chorales(shipped, bach):
    nats = np.concatenate([losses_of(shipped, score).nats for score in bach])
    assert nats.mean() < 0.6
    assert sum(weights.numel() for weights in shipped.parameters()) < 500_000


def test_the_split_keeps_tunes_apart_and_damage_is_told(tmp_path, monkeypatch):
    found = load_chorales()
    tunes = [{tuple(np.diff(each.grid[:, 0][each.grid[:, 0] > 0].astype(int))[:16]) for each in part} for part in found]
    assert not tunes[0] & tunes[2]
    assert not tunes[0] & tunes[1]
    assert min(map(len, found)) >= 20
    for each in found.training:
        assert chorales.shifts_of(Score(each.grid, each.begin))
        tokens_of(Score(each.grid, each.begin))
    monkeypatch.setattr("aigc_course.kit.datasets.course_files.data_folder", lambda: tmp_path)
    with pytest.raises(FileNotFoundError, match="git checkout"):
        load_chorales()
    (tmp_path / "chorales.npz").write_bytes(b"PK")
    with pytest.raises(ValueError, match=r"damaged|已损坏"):
        load_chorales()
