"""DPO: the first loss is log 2, margins are what the formula says, training widens them, bad masks are refused."""

import copy
import math

import pytest
import torch

from aigc_course.gpt.model import GPT, GPTConfig
from aigc_course.gpt.preferences import (
    Pairs,
    anchored_dpo_loss,
    dpo_loss,
    log_prob_of_answers,
    preference_margins,
)

CONFIG = GPTConfig(vocab_size=20, context_length=12, embedding_dim=16, num_layers=1, num_heads=2)


def model_of(seed):
    torch.manual_seed(seed)
    return GPT(CONFIG)


def pairs_of(batch=6):
    generator = torch.Generator().manual_seed(3)
    wanted, unwanted = (torch.randint(0, 20, (batch, length), generator=generator) for length in (8, 10))
    places = torch.arange(8), torch.arange(10)
    masks = [((place >= 3) & (place < len(place) - 1)).expand(batch, -1) for place in places]
    return Pairs(wanted, masks[0], unwanted, masks[1])


def test_log_probabilities_are_those_of_the_answers_tokens_alone():
    model, pairs = model_of(0), pairs_of()
    logs = model(pairs.wanted).log_softmax(-1)
    for row, ids in enumerate(pairs.wanted):
        expected = sum(logs[row, place - 1, ids[place]] for place in range(3, 7))
        assert torch.isclose(log_prob_of_answers(model, pairs.wanted, pairs.wanted_mask)[row], expected, atol=1e-5)


def test_the_first_loss_is_log_2_whatever_beta():
    model, pairs = model_of(0), pairs_of()
    margins = preference_margins(model, copy.deepcopy(model), pairs)
    for beta in (0.05, 0.1, 1.0):
        assert dpo_loss(margins, beta).item() == pytest.approx(math.log(2), abs=1e-4)


def test_margins_and_loss_are_the_formula():
    model, reference, pairs = model_of(0), model_of(1), pairs_of()
    logs = [
        log_prob_of_answers(network, ids, mask)
        for network in (model, reference)
        for ids, mask in ((pairs.wanted, pairs.wanted_mask), (pairs.unwanted, pairs.unwanted_mask))
    ]
    expected = (logs[0] - logs[2]) - (logs[1] - logs[3])
    margins = preference_margins(model, reference, pairs)
    assert torch.allclose(margins, expected, atol=1e-4)
    assert torch.isclose(dpo_loss(margins, 0.3), -torch.log(1 / (1 + torch.exp(-0.3 * expected))).mean())


def test_training_widens_the_margins_and_leaves_the_reference_alone():
    model, pairs = model_of(0), pairs_of()
    reference = copy.deepcopy(model)
    before = copy.deepcopy(reference.state_dict())
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)
    for _ in range(20):
        optimizer.zero_grad()
        dpo_loss(preference_margins(model, reference, pairs)).backward()
        optimizer.step()
    assert (preference_margins(model, reference, pairs) > 0).all()
    assert all(torch.equal(weight, before[name]) for name, weight in reference.state_dict().items())
    assert all(weight.grad is None for weight in reference.parameters())


def test_the_anchor_adds_the_loss_of_the_wanted_answers():
    margins, logs, lengths = torch.tensor([0.5, -1.0]), torch.tensor([-4.0, -6.0]), torch.tensor([4, 3])
    assert torch.isclose(anchored_dpo_loss(margins, logs, lengths, 0.1, 0.0), dpo_loss(margins, 0.1))
    assert torch.isclose(anchored_dpo_loss(margins, logs, lengths, 0.1, 2.0), dpo_loss(margins, 0.1) + 2 * 1.5)


@pytest.mark.parametrize("bad", [0.0, -1.0, math.nan, math.inf, 2**63])
def test_a_beta_and_an_anchor_out_of_range_are_refused(bad):
    with pytest.raises(ValueError, match="beta"):
        dpo_loss(torch.zeros(2), bad)
    if bad:
        with pytest.raises(ValueError, match="anchor"):
            anchored_dpo_loss(torch.zeros(2), torch.zeros(2), torch.ones(2), 0.1, bad)


def test_masks_that_fit_no_answer_are_refused():
    model, pairs = model_of(0), pairs_of()
    for mask in (pairs.wanted_mask[:, 1:], pairs.wanted_mask.float(), ~pairs.wanted_mask, pairs.wanted_mask & False):
        with pytest.raises(ValueError, match="mask"):
            log_prob_of_answers(model, pairs.wanted, mask)
