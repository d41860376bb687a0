"""Speculative decoding: a cheap guess of several tokens, which the model checks in one call.

Greedy: the text is the one that the model writes alone, token for token; only the number of calls is smaller.
Source: Leviathan et al. 2023 (with a small model that guesses); guesses copied from the text itself: Saxena 2023,
"prompt lookup decoding".
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from aigc_course.gpt.inputs import check_prompt
from aigc_course.gpt.model import GPT, KVCache
from aigc_course.text.arguments import check_whole

Guess = Callable[[list[int], int], list[int]]  # tokens so far, how many are wanted -> at most so many tokens


class Written(NamedTuple):
    """A greedy text and what it cost."""

    ids: Tensor  # (1, length) prompt and continuation
    num_calls: int  # of the network
    num_guessed: int  # tokens that were guessed ...
    num_accepted: int  # ... and of these, how many the model would have written itself


def guess_from_the_text(ids: list[int], count: int, longest: int = 3) -> list[int]:
    """What followed the last `longest` tokens (else fewer) where they stood before: at most `count` tokens, perhaps [].

    The latest place counts.
    """
    for size in range(min(longest, len(ids) - 1), 0, -1):
        end = ids[-size:]
        for begin in range(len(ids) - size - 1, -1, -1):
            if ids[begin : begin + size] == end:
                return ids[begin + size : begin + size + count]
    return []


@torch.no_grad()
def write_speculatively(
    model: GPT, ids: Tensor, max_new_tokens: int, guess: Guess = guess_from_the_text, num_guessed: int = 8
) -> Written:
    """The model's greedy continuation of one prompt, with guesses that it checks several at a time.

    ids: (1, length) the prompt;  guess: gives the guesses, from the tokens so far;  num_guessed: at most so many a call
    It stops where `GPT.generate` stops. Raises ValueError for more than one prompt and what `generate` raises.
    """
    check_prompt(ids, model.config, max_new_tokens)
    check_whole("num_guessed", num_guessed, "it is the number of tokens that are guessed at a time")
    if len(ids) != 1:
        raise ValueError(f"ids {tuple(ids.shape)}: one prompt at a time, ids (1, length)")
    room = min(max_new_tokens, model.config.context_length - ids.shape[1])
    tokens, last = ids[0].tolist(), ids.shape[1] + room
    caches = [KVCache(model.config, 1, last + num_guessed, model.wte.weight) for _ in model.h]
    read, calls, guessed, accepted = 0, 0, 0, 0
    while len(tokens) < last:
        guesses = guess(tokens, min(num_guessed, last - len(tokens) - 1))
        new = torch.tensor([tokens[read:] + guesses], device=ids.device)
        logits = (
            model.read(new, caches)[0, -len(guesses) - 1 :] @ model.wte.weight.T
        )  # after the last token, each guess
        own = logits.argmax(-1).tolist()  # what the model writes after each, if all guesses before are right
        right = next((place for place, token in enumerate(guesses) if token != own[place]), len(guesses))
        kept = own[: right + 1]  # the right guesses, and one token more
        if model.config.end_token in kept:
            kept = kept[: kept.index(model.config.end_token) + 1]
        calls, guessed, accepted = calls + 1, guessed + len(guesses), accepted + min(right, len(kept))
        tokens += kept
        read = len(tokens) - 1  # the last token of all is new to the network; what was guessed wrong is forgotten
        for cache in caches:
            cache.length = read
        if kept[-1] == model.config.end_token:
            break
    return Written(torch.tensor([tokens], device=ids.device), calls, guessed, accepted)
