"""Beam search: keep the few likeliest beginnings, extend each by every token, keep the few likeliest again.

One loop for every model that writes token by token: the model comes in as a function. It finds what transformers'
`generate(num_beams=..., early_stopping=False)` finds.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from aigc_course.text.arguments import check_whole, is_number

MOST_PENALTY = 10  # length ** 10 is a number for every length there is


class Hypothesis(NamedTuple):
    """One finished sequence."""

    tokens: list[int]  # what was written after the start; the end token, if it came, is the last
    log_prob: float  # log p(tokens): the sum over the tokens
    score: float  # log_prob / len(tokens)^length_penalty: what the search ranks by


def beam_search(
    next_log_probs: Callable[[Tensor, Tensor | None], Tensor],
    start: int | Tensor,
    num_beams: int,
    max_new_tokens: int,
    end_token: int | None = None,
    length_penalty: float = 1.0,
) -> list[Hypothesis]:
    """Up to `num_beams` finished sequences, the best first. Source: Wu et al. 2016, section 7; transformers 5.

    next_log_probs(tokens, parents): gives the log-probabilities (beams, vocab) of what follows. tokens (beams,) are the
                    last tokens; parents (beams,) say which beam of the call before each of them continues, so a model
                    with a cache reorders that first. The first call has one beam, the start, and parents None; the
                    second has up to `num_beams`, all with parent 0.
    start:          the token before the first new one: an int, or a tensor of one element on the model's device
    length_penalty: 1 ranks by the mean log-probability of a token, 0 by the sum, more than 1 favors long sequences;
                    from -10 to 10
    Raises ValueError for a setting out of range, for log-probabilities that are NaN, and when no beam can go on.
    """
    check_search(num_beams, max_new_tokens, length_penalty)
    tokens = torch.as_tensor(start).reshape(1)
    parents = None
    beams = [[]]  # the tokens of each beam after the start
    totals = torch.zeros(1, device=tokens.device)  # log p of each beam
    finished: list[Hypothesis] = []
    for length in range(1, max_new_tokens + 1):
        log_probs = totals[:, None] + next_log_probs(tokens, parents)  # (beams, vocab), of the whole sequences
        totals, parents, tokens = likeliest(log_probs, 2 * num_beams)  # twice as many: one of each beam may end
        beams = [[*beams[p], t] for p, t in zip(parents.tolist(), tokens.tolist(), strict=True)]
        ended = torch.full_like(tokens, length == max_new_tokens, dtype=torch.bool)
        if end_token is not None:
            ended |= tokens == end_token
        scores = totals / length**length_penalty
        finished += hypotheses(num_beams, beams, totals, scores, ended)
        finished = sorted(finished, key=lambda hypothesis: hypothesis.score, reverse=True)[:num_beams]
        going_on = (~ended).nonzero()[:num_beams, 0]
        if not len(going_on) or (len(finished) == num_beams and scores[going_on[0]] <= finished[-1].score):
            break  # the best that goes on does not reach the worst that is kept
        beams = [beams[i] for i in going_on.tolist()]
        totals = totals[going_on]
        parents = parents[going_on]
        tokens = tokens[going_on]
    if not finished:
        raise ValueError("every continuation has probability 0; forbid fewer tokens, or keep more beams")
    return finished


def check_search(num_beams: int, max_new_tokens: int, length_penalty: float) -> None:
    """ValueError for what cannot be meant, with the way out."""
    check_whole("num_beams", num_beams, "1 is greedy search")
    check_whole("max_new_tokens", max_new_tokens, "it counts the tokens to write after the start")
    if not is_number(length_penalty) or not -MOST_PENALTY <= length_penalty <= MOST_PENALTY:
        allowed = f"a number from {-MOST_PENALTY} to {MOST_PENALTY}"
        raise ValueError(f"length_penalty {length_penalty!r} is not {allowed}; 1 ranks by the mean, 0 by the sum")


def likeliest(log_probs: Tensor, count: int) -> tuple[Tensor, Tensor, Tensor]:
    """The `count` largest of (beams, vocab), in falling order: their values, rows (beams) and columns (tokens)."""
    if log_probs.isnan().any():
        raise ValueError("next_log_probs gives NaN: the model's weights or its input are not finite")
    top = log_probs.flatten().topk(min(count, log_probs.numel()))
    return top.values, top.indices // log_probs.shape[1], top.indices % log_probs.shape[1]


def hypotheses(count: int, beams: list[list[int]], totals: Tensor, scores: Tensor, ended: Tensor) -> list[Hypothesis]:
    """Those of the first `count` beams that ended, but for the impossible ones."""
    rows = list(zip(beams, totals.tolist(), scores.tolist(), ended.tolist(), strict=True))[:count]
    return [Hypothesis(tokens, total, score) for tokens, total, score, over in rows if over and total > -math.inf]
