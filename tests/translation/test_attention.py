"""Attention against torch's own, layer by layer, and what a mask must do."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from aigc_course.translation.attention import (
    AdditiveAttention,
    DotAttention,
    MultiHeadAttention,
    scaled_dot_product_attention,
)


def random(*shape, seed=0, dtype=torch.float32):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def some_mask(*shape):
    mask = torch.rand(shape, generator=torch.Generator().manual_seed(9)) < 0.6
    mask[..., 0] = True
    return mask


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("masked", [None, "keys", "each query"])
@pytest.mark.parametrize("shape", [(4, 7, 5, 8, 3), (1, 1, 1, 1, 1), (2, 3, 30, 64, 64)])
def test_scaled_dot_product_attention_equals_torch(shape, masked, dtype):
    batch, queries, keys, d, d_v = shape
    q, k, v = (
        random(batch, n, m, seed=s, dtype=dtype) for s, (n, m) in enumerate([(queries, d), (keys, d), (keys, d_v)])
    )
    mask = {None: None, "keys": some_mask(batch, 1, keys), "each query": some_mask(batch, queries, keys)}[masked]
    ours, weights = scaled_dot_product_attention(q, k, v, mask)
    torch.testing.assert_close(ours, F.scaled_dot_product_attention(q, k, v, attn_mask=mask), rtol=0, atol=1e-6)
    torch.testing.assert_close(weights.sum(dim=-1), torch.ones(batch, queries, dtype=dtype))
    if mask is not None:
        assert (weights[~mask.expand_as(weights)] == 0).all()


def same_weights(ours: MultiHeadAttention, dim: int, heads: int) -> nn.MultiheadAttention:
    peer = nn.MultiheadAttention(dim, heads, batch_first=True, dtype=ours.W_q.weight.dtype)
    layers = (ours.W_q, ours.W_k, ours.W_v)
    with torch.no_grad():
        peer.in_proj_weight.copy_(torch.cat([layer.weight for layer in layers]))
        peer.in_proj_bias.copy_(torch.cat([layer.bias for layer in layers]))
        peer.out_proj.weight.copy_(ours.W_o.weight)
        peer.out_proj.bias.copy_(ours.W_o.bias)
    return peer


@pytest.mark.parametrize(("dim", "heads"), [(16, 4), (64, 8), (12, 1), (6, 6)])
@pytest.mark.parametrize("masked", [None, "keys", "each query"])
def test_multi_head_attention_equals_torch_with_the_same_weights(dim, heads, masked):
    torch.manual_seed(0)
    ours = MultiHeadAttention(dim, heads)
    peer = same_weights(ours, dim, heads)
    query, memory = random(3, 5, dim), random(3, 9, dim, seed=1)
    keys, each = some_mask(3, 1, 9), some_mask(3, 5, 9)
    mask = {None: None, "keys": keys, "each query": each}[masked]
    theirs = {}  # torch's masks are True where a query may NOT look
    if masked == "keys":
        theirs = {"key_padding_mask": ~keys[:, 0]}
    elif masked:
        theirs = {"attn_mask": (~each).repeat_interleave(heads, dim=0)}
    out, weights = ours(query, memory, memory, mask)
    expected, expected_weights = peer(query, memory, memory, average_attn_weights=False, **theirs)
    torch.testing.assert_close(out, expected, rtol=0, atol=1e-6)
    torch.testing.assert_close(weights, expected_weights, rtol=0, atol=1e-6)


def test_gradients_equal_torchs():
    q, k, v = (random(2, 4, 8, seed=s, dtype=torch.float64).requires_grad_() for s in range(3))
    mask = some_mask(2, 4, 4)
    ours = torch.autograd.grad(scaled_dot_product_attention(q, k, v, mask)[0].square().sum(), (q, k, v))
    theirs = torch.autograd.grad(F.scaled_dot_product_attention(q, k, v, mask).square().sum(), (q, k, v))
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-6)


@pytest.mark.parametrize("d", [16, 64, 256])
def test_the_scale_keeps_the_weights_as_even_in_many_dimensions_as_in_few(d):
    """Scores of variance 1 over n keys leave an entropy of log n - 1/2; unscaled ones choose a single key."""

    def mean_entropy(query):
        weights = scaled_dot_product_attention(query, key, key)[1]
        return torch.special.entr(weights).sum(dim=-1).mean().item()

    query, key = random(1, 400, d), random(1, 400, d, seed=1)
    assert mean_entropy(query) == pytest.approx(math.log(400) - 1 / 2, abs=0.1)
    assert mean_entropy(query * math.sqrt(d)) < math.log(400) - 2


def test_equal_keys_share_the_weight_evenly():
    weights = scaled_dot_product_attention(random(1, 2, 4), torch.ones(1, 5, 4), random(1, 5, 3))[1]
    torch.testing.assert_close(weights, torch.full((1, 2, 5), 0.2))


@pytest.mark.parametrize("kind", [DotAttention, AdditiveAttention])
def test_padding_changes_nothing(kind):
    torch.manual_seed(0)
    layer, query, memory = kind(8, 12), random(2, 3, 8), random(2, 5, 12, seed=1)
    alone, weights = layer(query, memory, torch.ones(2, 5, dtype=torch.bool))
    longer = torch.cat([memory, 100 * random(2, 4, 12, seed=2)], dim=1)
    mask = torch.arange(9).expand(2, 9) < 5
    padded, padded_weights = layer(query, longer, mask)
    torch.testing.assert_close(padded, alone)
    torch.testing.assert_close(padded_weights[..., :5], weights)
    assert (padded_weights[..., 5:] == 0).all()


def test_additive_attention_by_its_formula():
    torch.manual_seed(0)
    layer, query, memory = AdditiveAttention(4, 6), random(1, 2, 4), random(1, 3, 6, seed=1)
    out, weights = layer(query, memory, torch.ones(1, 3, dtype=torch.bool))
    for i in range(2):
        q = layer.W.weight @ query[0, i]
        scores = [layer.v.weight[0] @ torch.tanh(q + layer.U.weight @ memory[0, j] + layer.U.bias) for j in range(3)]
        expected = torch.stack(scores).softmax(dim=0)
        torch.testing.assert_close(weights[0, i], expected)
        torch.testing.assert_close(
            out[0, i], sum(w * (layer.W_v.weight @ memory[0, j]) for j, w in enumerate(expected))
        )


@pytest.mark.parametrize(
    ("shapes", "mask", "error", "said"),
    [
        (((2, 3, 4), (2, 5, 6), (2, 5, 4)), None, ValueError, "transposed"),
        (((2, 3, 4), (2, 5, 4), (2, 6, 4)), None, ValueError, "transposed"),
        (((2, 3, 4), (2, 5, 4), (2, 5, 4)), torch.ones(2, 3, 4, dtype=torch.bool), ValueError, "last axis"),
        (((2, 3, 4), (2, 5, 4), (2, 5, 4)), torch.ones(2, 3, 5), TypeError, "boolean"),
        (((2, 3, 4), (2, 5, 4), (2, 5, 4)), torch.zeros(2, 3, 5, dtype=torch.bool), ValueError, "hides every key"),
    ],
)
def test_bad_input_is_told_the_way_out(shapes, mask, error, said):
    with pytest.raises(error, match=said):
        scaled_dot_product_attention(*(random(*shape) for shape in shapes), mask)


@pytest.mark.parametrize("heads", [0, -1, 3, 16])
def test_heads_that_do_not_divide_are_refused(heads):
    with pytest.raises(ValueError, match="allowed: 1, 2, 4, 8"):
        MultiHeadAttention(8, heads)


@pytest.mark.parametrize("batch", [2, 3])  # as many as the heads, or another number
def test_a_mask_that_would_be_laid_on_the_heads_is_refused(batch):
    attention, x = MultiHeadAttention(8, 2), random(batch, 5, 8)
    with pytest.raises(ValueError, match=r"expected \(batch, 1 or queries, keys\).*becomes mask\[:, None\]"):
        attention(x, x, x, some_mask(batch, 5))
    for shape in ((batch, 2, 5), (batch + 1, 1, 5), (batch, 1, 1, 5)):
        with pytest.raises(ValueError, match=r"expected \(batch, 1 or queries, keys\)"):
            attention(x, x, x, some_mask(*shape))
    assert attention(x, x, x, some_mask(batch, 5)[:, None])[0].isfinite().all()


@pytest.mark.parametrize("kind", [DotAttention, AdditiveAttention])
def test_both_attentions_to_a_memory_refuse_the_same_masks(kind):
    layer, query, memory = kind(8, 12), random(2, 3, 8), random(2, 5, 12)
    hidden = torch.tensor([[True] * 5, [False] * 5])
    for mask, error, said in (
        (hidden, ValueError, "hides every key"),
        (torch.ones(2, 5), TypeError, "boolean"),
        (some_mask(2, 4), ValueError, r"mask \(2, 4\): expected \(batch, keys\), here \(2, 5\)"),
        (some_mask(2, 1, 5), ValueError, r"mask \(2, 1, 5\)"),
        (some_mask(5), ValueError, r"mask \(5,\)"),
    ):
        with pytest.raises(error, match=said):
            layer(query, memory, mask)
