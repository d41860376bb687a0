"""What makes a GPT-2, and what one can read and continue: sizes, token ids and prompts are checked."""

import math
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from aigc_course.text.arguments import check_whole, is_number, is_whole

SIZES = ("vocab_size", "context_length", "embedding_dim", "num_layers", "num_heads")


def check_config(config: Any) -> None:
    """ValueError unless the fields of a GPTConfig make a network."""
    for name in SIZES:
        check_whole(name, getattr(config, name), "it is a size of the network")
    if config.hidden_dim is not None:
        check_whole("hidden_dim", config.hidden_dim, "None is four times embedding_dim")
    if config.embedding_dim % config.num_heads:
        raise ValueError(f"embedding_dim {config.embedding_dim} cannot be shared by {config.num_heads} heads evenly")
    epsilon, end = config.layer_norm_epsilon, config.end_token
    if not is_number(epsilon) or not 0 <= epsilon < math.inf:
        raise ValueError(f"layer_norm_epsilon {epsilon!r} is not a finite number of at least 0; 1e-5 is usual")
    if end is not None and not (is_whole(end) and 0 <= end < config.vocab_size):
        raise ValueError(f"end_token {end!r} is not in 0 .. {config.vocab_size - 1}; None writes on without an end")


def check_num_layers(config: Any, weights: dict[str, Tensor], folder: str | Path) -> None:
    """ValueError if config.json asks for more layers than the file has weights for; then none of them is built."""
    layers = {name.split(".")[1] for name in weights if name.startswith("h.")}
    if config.num_layers > len(layers):
        raise ValueError(
            f"{folder}: config.json says {config.num_layers} layers, model.safetensors holds {len(layers)}: "
            f"missing: h.{len(layers)}"
        )


def check_ids(ids: Tensor, config: Any, longest: int | None = None) -> None:
    """TypeError unless `ids` is a tensor of whole numbers; ValueError unless a model of this config can read it."""
    limit: int = longest or config.context_length
    if not isinstance(ids, Tensor) or ids.dtype != torch.int64:
        kind = ids.dtype if isinstance(ids, Tensor) else type(ids).__name__
        raise TypeError(f"ids must be a tensor of whole numbers (torch.long), not {kind}: torch.tensor([[...]])")
    if ids.ndim != 2 or not ids.numel():
        raise ValueError(
            f"ids {tuple(ids.shape)}: expected (batch, length) with at least one token each; for one prompt of "
            "tokens, torch.tensor([tokens]). To start from nothing, give the end token"
        )
    if ids.shape[1] > limit:
        raise ValueError(
            f"{ids.shape[1]} tokens are more than the context of {limit}; keep the last ones: ids[:, -{limit}:]"
        )
    smallest, largest = ids.min().item(), ids.max().item()
    if smallest < 0 or largest >= config.vocab_size:
        wrong = smallest if smallest < 0 else largest
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
