"""From logits to the next token: temperature, top-k, top-p, measures against repetition, and the draw.

Each step is a function of the logits (batch, vocab) that returns new ones; -inf forbids a token. Order and edge cases
are those of transformers: repetition first, then temperature, top-k, top-p. A `Sampler` puts them together.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from aigc_course.text.arguments import check_whole, is_number, is_whole

SMALLEST_TEMPERATURE = 1e-6  # below it, float32 overflows

LogitsProcessor = Callable[[Tensor, Tensor], Tensor]  # logits (batch, vocab), ids (batch, length) -> logits


def with_temperature(logits: Tensor, temperature: float) -> Tensor:
    """logits / T: T < 1 sharpens the distribution, T > 1 flattens it."""
    return logits / temperature


def keep_top_k(logits: Tensor, top_k: int) -> Tensor:
    """Forbid all but the `top_k` most likely tokens; ties with the last one stay too. Source: Fan et al. 2018."""
    largest = logits.topk(min(top_k, logits.shape[-1])).values  # (batch, top_k), descending
    return logits.masked_fill(logits < largest[..., -1:], -math.inf)


def keep_top_p(logits: Tensor, top_p: float) -> Tensor:
    """Keep the most likely tokens that together reach `top_p`, at least one. Source: Holtzman et al. 2020."""
    rising, order = logits.sort(dim=-1)
    forbidden = rising.softmax(-1).cumsum(-1) <= 1 - top_p  # the tail, which has at most 1 - top_p in all
    forbidden[..., -1] = False
    return logits.masked_fill(forbidden.scatter(-1, order, forbidden), -math.inf)


def penalize_repetition(logits: Tensor, ids: Tensor, penalty: float) -> Tensor:
    """Divide the logits of tokens already in `ids` (batch, length) by `penalty`, or multiply those below 0.

    Source: Keskar et al. 2019 (CTRL).
    """
    seen = logits.gather(-1, ids)
    return logits.scatter(-1, ids, torch.where(seen < 0, seen * penalty, seen / penalty))


def forbid_repeated_ngrams(logits: Tensor, ids: Tensor, size: int) -> Tensor:
    """Forbid every token that would write a run of `size` tokens a second time in `ids` (batch, length)."""
    if ids.shape[1] < size:
        return logits
    runs = ids.unfold(1, size, 1)  # (batch, places, size)
    end = ids[:, ids.shape[1] - size + 1 :]  # (batch, size - 1), what the next token would complete
    rows, places = (runs[..., :-1] == end[:, None]).all(-1).nonzero(as_tuple=True)
    forbidden = torch.zeros_like(logits, dtype=torch.bool)
    forbidden[rows, runs[rows, places, -1]] = True
    return logits.masked_fill(forbidden, -math.inf)


def sample(logits: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Draw a token from softmax(logits): (batch, vocab) -> (batch,). ValueError where nothing is possible, or NaN."""
    check_logits(logits)
    return torch.multinomial(logits.softmax(-1), 1, generator=generator)[:, 0]


def likeliest(logits: Tensor) -> Tensor:
    """The token with the largest logit: (batch, vocab) -> (batch,). ValueError where nothing is possible, or NaN."""
    check_logits(logits)
    return logits.argmax(-1)


def restricted(logits: Tensor, temperature: float, top_k: int | None, top_p: float | None) -> Tensor:
    """The logits that are drawn from; softmax gives the distribution. Settings as in `Sampler`, temperature above 0."""
    logits = with_temperature(logits, temperature)
    if top_k is not None:
        logits = keep_top_k(logits, top_k)
    if top_p is not None and top_p < 1:
        logits = keep_top_p(logits, top_p)
    return logits


def discourage_repetition(
    logits: Tensor, ids: Tensor, repetition_penalty: float = 1.0, no_repeat_ngram: int = 0
) -> Tensor:
    """Both measures against text that goes in circles; 1 and 0 change nothing."""
    if repetition_penalty != 1:
        logits = penalize_repetition(logits, ids, repetition_penalty)
    if no_repeat_ngram:
        logits = forbid_repeated_ngrams(logits, ids, no_repeat_ngram)
    return logits


def logits_processor(repetition_penalty: float = 1.0, no_repeat_ngram: int = 0) -> LogitsProcessor:
    """`discourage_repetition` with these settings, (logits, ids) -> logits. ValueError for a setting out of range."""
    check_repetition(repetition_penalty, no_repeat_ngram)
    return partial(discourage_repetition, repetition_penalty=repetition_penalty, no_repeat_ngram=no_repeat_ngram)


@dataclass(frozen=True)
class Sampler:
    """How the next token is taken; ValueError for a setting out of range.

    Call it: (logits (batch, vocab), ids (batch, length) so far) -> the next tokens (batch,).
    """

    temperature: float = 1.0  # 0 takes the likeliest token (greedy), 1 draws from the model's own distribution
    top_k: int | None = None  # draw from so many of the likeliest tokens; None: from all
    top_p: float | None = None  # draw from the likeliest that together reach this probability; None: from all
    repetition_penalty: float = 1.0  # divides the logits of tokens that are there already; 1 changes nothing
    no_repeat_ngram: int = 0  # no run of so many tokens comes twice; 0 forbids nothing

    def __post_init__(self) -> None:
        check_sampling(self.temperature, self.top_k, self.top_p)
        check_repetition(self.repetition_penalty, self.no_repeat_ngram)

    def __call__(self, logits: Tensor, ids: Tensor, generator: torch.Generator | None = None) -> Tensor:
        logits = discourage_repetition(logits, ids, self.repetition_penalty, self.no_repeat_ngram)
        if self.temperature == 0:
            return likeliest(logits)
        return sample(restricted(logits, self.temperature, self.top_k, self.top_p), generator)


def check_logits(logits: Tensor) -> None:
    """ValueError unless every row of the logits leaves a token to take."""
    if not math.isfinite(logits.amax(-1).sum().item()):  # one row that is not makes the sum so
        raise ValueError("logits are NaN or infinite, or forbid every token: look at the weights and the settings")


def check_sampling(temperature: float, top_k: int | None, top_p: float | None) -> None:
    """ValueError for what cannot be meant, with the way out."""
    if not is_number(temperature) or not (temperature == 0 or SMALLEST_TEMPERATURE <= temperature < math.inf):
        raise ValueError(
            f"temperature {temperature!r} is neither 0 (always the most likely token) nor a finite number of at least "
            f"{SMALLEST_TEMPERATURE:g}; usual are 0.7 to 1"
        )
    if top_k is not None:
        check_whole("top_k", top_k, "None draws from all tokens")
    if top_p is not None and not (is_number(top_p) and 0 < top_p <= 1):
        raise ValueError(f"top_p {top_p!r} is not in (0, 1]; 1 keeps every token, 0.9 the most likely nine tenths")


def check_repetition(repetition_penalty: float, no_repeat_ngram: int) -> None:
    """ValueError for what cannot be meant, with the way out."""
    if not is_number(repetition_penalty) or not 0 < repetition_penalty < math.inf:
        raise ValueError(
            f"repetition_penalty {repetition_penalty!r} is not a finite number above 0; 1 changes nothing, 1.2 is usual"
        )
    if not is_whole(no_repeat_ngram) or no_repeat_ngram != 0:
        check_whole("no_repeat_ngram", no_repeat_ngram, "0 forbids nothing, 3 every repeated run of three tokens")
