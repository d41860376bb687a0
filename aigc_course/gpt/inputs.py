"""What a GPT-2 can read and continue: token ids and prompts are checked, with whole numbers as in decoding."""

from typing import Any

import torch
from torch import Tensor

from aigc_course.text.decoding import check_whole


def check_ids(ids: Tensor, config: Any, longest: int | None = None) -> None:
    """TypeError unless `ids` is a tensor of whole numbers; ValueError unless a model of this config can read it."""
    longest = longest or config.context_length
    if not isinstance(ids, Tensor) or ids.dtype != torch.int64:
        kind = ids.dtype if isinstance(ids, Tensor) else type(ids).__name__
        raise TypeError(f"ids must be a tensor of whole numbers (torch.long), not {kind}: torch.tensor([[...]])")
    if ids.ndim != 2 or not ids.numel():
        raise ValueError(
            f"ids {tuple(ids.shape)}: expected (batch, length) with at least one token each; for one prompt of "
            "tokens, torch.tensor([tokens]). To start from nothing, give the end token"
        )
    if ids.shape[1] > longest:
        raise ValueError(
            f"{ids.shape[1]} tokens are more than the context of {longest}; keep the last ones: ids[:, -{longest}:]"
        )
    low, high = ids.min().item(), ids.max().item()
    if low < 0 or high >= config.vocab_size:
        wrong = low if low < 0 else high
        raise ValueError(
            f"token {wrong} is not in 0 .. {config.vocab_size - 1}, the vocabulary of this model; "
            "take the tokenizer that belongs to it"
        )


def check_prompt(ids: Tensor, config: Any, max_new_tokens: int) -> None:
    """ValueError or TypeError for what a model of this config cannot continue."""
    check_whole("max_new_tokens", max_new_tokens, "it counts the tokens to write after the prompt")
    check_ids(ids, config)
    if ids.shape[1] == config.context_length:
        raise ValueError(
            f"the prompt fills the context of {config.context_length} tokens and leaves no room; "
            "shorten it, for example to its last half"
        )
