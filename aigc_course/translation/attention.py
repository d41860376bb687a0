"""Attention written out: scaled dot-product, multi-head, additive. Masks are True where a query may look.

Equal to torch.nn.functional.scaled_dot_product_attention and nn.MultiheadAttention with the same weights.
"""

import math

import torch
from torch import Tensor, nn


def check_attention(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> None:
    """Refuse shapes that do not fit and masks under which a query sees nothing: its softmax would be NaN.

    Raises ValueError for shapes, TypeError for a mask that is not boolean. Under torch.compile nothing is checked.
    """
    if torch.compiler.is_compiling():
        return
    if query.shape[-1] != key.shape[-1] or key.shape[-2] != value.shape[-2]:
        raise ValueError(
            f"query {tuple(query.shape)}, key {tuple(key.shape)}, value {tuple(value.shape)}: expected "
            "(..., queries, d), (..., keys, d), (..., keys, d_v); is one of them transposed?"
        )
    if mask is not None:
        check_mask(mask, key.shape[-2])


def check_mask(mask: Tensor, num_keys: int) -> None:
    """TypeError for a mask that is not boolean; ValueError for other keys, or a query that sees none of them."""
    if mask.dtype != torch.bool:
        raise TypeError(f"the mask must be boolean, True where a query may look, not {mask.dtype}; compare: ids != PAD")
    if mask.shape[-1] != num_keys:
        raise ValueError(f"mask {tuple(mask.shape)} does not fit {num_keys} keys; its last axis must be the keys")
    if not mask.any(dim=-1).all():
        raise ValueError("the mask hides every key from some query; let it see at least one")


def check_memory_mask(memory: Tensor, mask: Tensor) -> None:
    """As `check_mask`; ValueError too unless the mask is (batch, keys), as memory (batch, keys, memory_dim) is."""
    if torch.compiler.is_compiling():
        return
    if mask.shape != memory.shape[:2]:
        raise ValueError(f"mask {tuple(mask.shape)}: expected (batch, keys), here {tuple(memory.shape[:2])}")
    check_mask(mask, memory.shape[1])


def check_head_mask(query: Tensor, key: Tensor, mask: Tensor | None) -> None:
    """ValueError unless the mask is (batch, 1 or queries, keys): with fewer axes it would be laid on the heads."""
    if torch.compiler.is_compiling() or mask is None:
        return
    batch, queries = query.shape[:2]
    if mask.ndim != 3 or mask.shape[0] not in (1, batch) or mask.shape[1] not in (1, queries):
        expected = f"expected (batch, 1 or queries, keys), here {(batch, queries, key.shape[1])}"
        hint = "; one of keys alone becomes mask[:, None]" if mask.ndim == 2 else ""
        raise ValueError(f"mask {tuple(mask.shape)}: {expected}{hint}")


def scaled_dot_product_attention(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """softmax(Q Kᵀ / √d) V, and the weights of the average. Source: Vaswani et al. 2017, equation 1.

    query: (..., queries, d)    key: (..., keys, d)    value: (..., keys, d_v)
    mask:  broadcastable to (..., queries, keys), True where a query may look
    returns (..., queries, d_v) and (..., queries, keys), rows of weights that sum to 1
    """
    check_attention(query, key, value, mask)
    scores = query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])  # (..., queries, keys)
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf)  # exp(-inf) = 0: no weight
    weights = scores.softmax(dim=-1)
    return weights @ value, weights


def check_heads(dim: int, num_heads: int) -> None:
    """ValueError unless `dim` can be shared out evenly."""
    if num_heads < 1 or dim % num_heads:
        divisors = ", ".join(str(n) for n in range(1, dim + 1) if dim % n == 0)
        raise ValueError(f"dim {dim} cannot be divided among {num_heads} heads; allowed: {divisors}")


class MultiHeadAttention(nn.Module):
    """Several attentions side by side, each with its own projections. Source: Vaswani et al. 2017, section 3.2.2.

    query: (batch, queries, dim)    key, value: (batch, keys, dim)    mask: (batch, 1 or queries, keys)
    returns (batch, queries, dim) and the weights of each head, (batch, heads, queries, keys)
    """

    def __init__(self, dim: int, num_heads: int):
        super().__init__()
        check_heads(dim, num_heads)
        self.num_heads = num_heads
        self.W_q, self.W_k, self.W_v, self.W_o = (nn.Linear(dim, dim) for _ in range(4))

    def forward(self, query, key, value, mask=None):
        check_head_mask(query, key, mask)
        q, k, v = (x.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)  # (batch, heads, length, dim / heads)
                   for x in (self.W_q(query), self.W_k(key), self.W_v(value)))  # fmt: skip
        out, weights = scaled_dot_product_attention(q, k, v, None if mask is None else mask[:, None])
        return self.W_o(out.transpose(1, 2).flatten(2)), weights


class DotAttention(nn.Module):
    """Scaled dot-product attention over an encoder's output; keys and values are projections of it.

    query: (batch, queries, dim)    memory: (batch, keys, memory_dim)    mask: (batch, keys)
    returns (batch, queries, dim) and (batch, queries, keys)
    """

    def __init__(self, dim: int, memory_dim: int):
        super().__init__()
        self.W_k = nn.Linear(memory_dim, dim, bias=False)
        self.W_v = nn.Linear(memory_dim, dim, bias=False)

    def forward(self, query, memory, mask):
        check_memory_mask(memory, mask)
        return scaled_dot_product_attention(query, self.W_k(memory), self.W_v(memory), mask[:, None])


class AdditiveAttention(nn.Module):
    """Attention with the scores vᵀ tanh(W q + U k); shapes as in DotAttention. Source: Bahdanau et al. 2014."""

    def __init__(self, dim: int, memory_dim: int):
        super().__init__()
        self.W = nn.Linear(dim, dim, bias=False)
        self.U = nn.Linear(memory_dim, dim)
        self.v = nn.Linear(dim, 1, bias=False)
        self.W_v = nn.Linear(memory_dim, dim, bias=False)

    def forward(self, query, memory, mask):
        check_memory_mask(memory, mask)
        q = self.W(query)[:, :, None]  # (batch, queries, 1, dim)
        k = self.U(memory)[:, None]  # (batch, 1, keys, dim)
        scores = self.v(torch.tanh(q + k)).squeeze(-1)  # (batch, queries, keys)
        weights = scores.masked_fill(~mask[:, None], -math.inf).softmax(dim=-1)
        return weights @ self.W_v(memory), weights
