"""DPO: a model learns which of two answers is wanted, from pairs, without a model of rewards.

Source: Rafailov et al. 2023, "Direct Preference Optimization". The loss of one pair is -log sigmoid(beta * margin),
where the margin says by how much more than a frozen copy, the reference, the model prefers the wanted answer. At the
first step model and reference are the same, so the margin is 0 and the loss log 2.
"""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aigc_course.gpt.training import token_losses
from aigc_course.text.arguments import is_number


class Pairs(NamedTuple):
    """Wanted and unwanted answers to the same prompts, each a batch of rows."""

    wanted: Tensor  # (batch, length) token ids: prompt, answer, then anything
    wanted_mask: Tensor  # (batch, length) True where a token belongs to the answer
    unwanted: Tensor  # (batch, length of its own)
    unwanted_mask: Tensor


def log_prob_of_answers(model: nn.Module, ids: Tensor, mask: Tensor) -> Tensor:
    """log P(answer | prompt), natural, summed over the answer's tokens: (batch, length) and its mask -> (batch,).

    Raises ValueError where mask and ids differ in shape, where a row has no answer, or one that begins at token 0:
    a model gives no probability to its first token.
    """
    if mask.shape != ids.shape or mask.dtype != torch.bool:
        raise ValueError(f"mask {tuple(mask.shape)} {mask.dtype}: expected {tuple(ids.shape)} torch.bool, as the ids")
    if mask[:, 0].any() or not mask.any(dim=1).all():
        raise ValueError("mask: every row needs a prompt of at least one token and an answer of at least one")
    return -(token_losses(model, ids) * mask[:, 1:]).sum(dim=1)


def preference_margins(model: nn.Module, reference: nn.Module, pairs: Pairs) -> Tensor:
    """log p(wanted) / p_ref(wanted) - log p(unwanted) / p_ref(unwanted), (batch,); the reference gets no gradient."""
    with torch.no_grad():
        before = log_prob_of_answers(reference, pairs.wanted, pairs.wanted_mask)
        before -= log_prob_of_answers(reference, pairs.unwanted, pairs.unwanted_mask)
    after = log_prob_of_answers(model, pairs.wanted, pairs.wanted_mask)
    after = after - log_prob_of_answers(model, pairs.unwanted, pairs.unwanted_mask)
    return after - before


def dpo_loss(margins: Tensor, beta: float = 0.1) -> Tensor:
    """Mean of -log sigmoid(beta * margin); beta: how dearly a distance from the reference is paid, above 0."""
    if not is_number(beta) or not 0 < beta < math.inf:
        raise ValueError(f"beta {beta}: expected a number above 0")
    return -F.logsigmoid(beta * margins).mean()


def anchored_dpo_loss(margins: Tensor, wanted_log_probs: Tensor, lengths: Tensor, beta: float, anchor: float) -> Tensor:
    """The DPO loss plus `anchor` times the mean loss a token of the wanted answers.

    DPO alone only asks for a distance: the wanted answer may become less likely too, as long as the unwanted one falls
    faster. The anchor holds it. Source: Pang et al. 2024, "Iterative Reasoning Preference Optimization".
    wanted_log_probs, lengths: (batch,) log-probability and number of tokens of each wanted answer
    """
    if not is_number(anchor) or not 0 <= anchor < math.inf:
        raise ValueError(f"anchor {anchor}: expected 0 or more")
    return dpo_loss(margins, beta) - anchor * (wanted_log_probs / lengths).mean()
