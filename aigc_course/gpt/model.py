"""GPT-2 written out. It writes through text.decoding and text.beam_search; gpt.files reads stored ones.

Names of parts are those in GPT-2's files: wte and wpe are the embeddings of tokens and positions, h the blocks, ln a
layer norm, c_... a linear layer. Source: Radford et al. 2019; the layout is that of OpenAI's program. Longer than other
files: chapter 5.2 types it from top to bottom, and what writes shares the caches of what reads.
"""

import math
import operator
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aigc_course.gpt.files import check_weights, read_settings, read_weights
from aigc_course.gpt.inputs import check_config, check_ids, check_num_layers, check_prompt
from aigc_course.text.beam_search import Hypothesis, beam_search
from aigc_course.text.decoding import LogitsProcessor, Sampler, logits_processor


@dataclass(frozen=True)
class GPTConfig:
    """The size of a GPT-2; the defaults are those of the smallest published one, with 124 million parameters."""

    vocab_size: int = 50257  # different tokens
    context_length: int = 1024  # tokens it can look back on
    embedding_dim: int = 768  # numbers that stand for one token
    num_layers: int = 12  # blocks, one after the other
    num_heads: int = 12  # parts of the embedding that look back separately
    hidden_dim: int | None = None  # neurons between the two layers of an MLP; None: 4 * embedding_dim
    layer_norm_epsilon: float = 1e-5  # keeps a layer norm from dividing by 0
    end_token: int | None = None  # the token after which nothing more is written

    def __post_init__(self) -> None:
        check_config(self)


class Linear(nn.Module):
    """x W + b. W is stored (in, out) as in GPT-2's files: for one token at a time that is the faster order."""

    def __init__(self, in_dim: int, out_dim: int, std: float = 0.02):
        super().__init__()
        self.weight = nn.Parameter(std * torch.randn(in_dim, out_dim))
        self.bias = nn.Parameter(torch.zeros(out_dim))

    def forward(self, x: Tensor) -> Tensor:
        rows = torch.addmm(self.bias, x.flatten(0, -2), self.weight)  # (batch * length, out_dim)
        return rows.view(*x.shape[:-1], -1)  # (batch, length, out_dim)


def attention_weights(queries: Tensor, keys: Tensor) -> Tensor:
    """softmax(Q K^T / sqrt(d)): how much each token takes from itself and from each token before it.

    queries: (..., new, d)       of the last `new` tokens
    keys:    (..., length, d)    of all tokens
    returns: (..., new, length)  each row sums to 1, what lies in the future gets 0
    """
    scores = queries @ keys.transpose(-2, -1) / math.sqrt(keys.shape[-1])
    new, length = scores.shape[-2:]
    if new > 1:
        future = torch.ones(new, length, dtype=torch.bool, device=scores.device).triu(length - new + 1)
        scores = scores.masked_fill(future, -math.inf)
    return scores.softmax(-1)


class KVCache:
    """Keys and values of the tokens that one layer has read, so that none is computed twice."""

    def __init__(self, config: GPTConfig, batch: int, length: int, like: Tensor):
        shape = (2, batch, config.num_heads, length, config.embedding_dim // config.num_heads)
        self.stored = like.new_empty(shape)
        self.length = 0  # tokens read so far

    def append(self, keys: Tensor, values: Tensor) -> Tensor:
        """Store those of new tokens, (batch, heads, new, d) each; return those of all, (2, batch, heads, length, d)."""
        begin = self.length
        self.length += keys.shape[2]
        self.stored[0, :, :, begin : self.length] = keys
        self.stored[1, :, :, begin : self.length] = values
        return self.stored[:, :, :, : self.length]

    def reorder(self, parents: Tensor) -> None:
        """Go on with these rows of the batch."""
        self.stored = self.stored[:, parents]


class Attention(nn.Module):
    """softmax(Q K^T / sqrt(d)) V, for every head at once."""

    def __init__(self, config: GPTConfig):
        super().__init__()
        dim, self.num_heads = config.embedding_dim, config.num_heads
        self.c_attn = Linear(dim, 3 * dim)  # to queries, keys and values
        self.c_proj = Linear(dim, dim, 0.02 / math.sqrt(2 * config.num_layers))

    def heads(self, x: Tensor) -> Tensor:
        parts = self.c_attn(x).unflatten(-1, (3, self.num_heads, -1))  # (batch, length, 3, heads, d)
        return parts.permute(2, 0, 3, 1, 4)  # (3, batch, heads, length, d)

    def forward(self, x: Tensor, cache: KVCache | None = None) -> Tensor:
        queries, keys, values = self.heads(x)
        if cache is not None:
            keys, values = cache.append(keys, values)
        taken = attention_weights(queries, keys) @ values  # (batch, heads, new, d)
        return self.c_proj(taken.transpose(1, 2).flatten(2))  # (batch, new, dim)


class MLP(nn.Module):
    """Two layers that treat every token by itself."""

    def __init__(self, config: GPTConfig):
        super().__init__()
        dim, hidden_dim = config.embedding_dim, config.hidden_dim or 4 * config.embedding_dim
        self.c_fc = Linear(dim, hidden_dim)
        self.c_proj = Linear(hidden_dim, dim, 0.02 / math.sqrt(2 * config.num_layers))

    def forward(self, x: Tensor) -> Tensor:
        return self.c_proj(F.gelu(self.c_fc(x), approximate="tanh"))


class Block(nn.Module):
    """Look back, then think: each adds to the stream x, which runs through all blocks."""

    def __init__(self, config: GPTConfig):
        super().__init__()
        self.ln_1 = nn.LayerNorm(config.embedding_dim, config.layer_norm_epsilon)
        self.attn = Attention(config)
        self.ln_2 = nn.LayerNorm(config.embedding_dim, config.layer_norm_epsilon)
        self.mlp = MLP(config)

    def forward(self, x: Tensor, cache: KVCache | None = None) -> Tensor:
        x = x + self.attn(self.ln_1(x), cache)  # (batch, length, dim)
        return x + self.mlp(self.ln_2(x))


def embedding(count: int, dim: int) -> nn.Embedding:
    """A table with a row of `dim` small random numbers for each of `count` things."""
    return nn.Embedding.from_pretrained(0.02 * torch.randn(count, dim), freeze=False)


class Transformer(nn.Module):
    """The network: ids (batch, length) -> logits (batch, length, vocab) of the token after each."""

    def __init__(self, config: GPTConfig):
        super().__init__()
        self.wte = embedding(config.vocab_size, config.embedding_dim)  # what the token is
        self.wpe = embedding(config.context_length, config.embedding_dim)  # where it stands
        self.h = nn.ModuleList(Block(config) for _ in range(config.num_layers))
        self.ln_f = nn.LayerNorm(config.embedding_dim, config.layer_norm_epsilon)

    def read(self, ids: Tensor, caches: list[KVCache] | None = None) -> Tensor:
        begin = caches[0].length if caches else 0
        x = self.wte(ids) + self.wpe.weight[begin : begin + ids.shape[1]]  # (batch, length, dim)
        for block, cache in zip(self.h, caches or [None] * len(self.h), strict=True):
            x = block(x, cache)
        return self.ln_f(x)

    def forward(self, ids: Tensor) -> Tensor:
        return self.read(ids) @ self.wte.weight.T  # the table that reads tokens also writes them: a tied head


@torch.no_grad()
def write(model, ids, max_new_tokens, sampler, end_token=None) -> Tensor:
    """Append tokens one by one; `sampler(logits (batch, vocab), ids)` gives the next of each row."""
    length = ids.shape[1] + max_new_tokens
    caches = [KVCache(model.config, len(ids), length, model.wte.weight) for _ in model.h]
    head = model.wte.weight.T.contiguous()  # (dim, vocab), copied once: twice as fast for one token at a time
    ended = torch.zeros(len(ids), dtype=torch.bool, device=ids.device)
    new = ids
    for _ in range(max_new_tokens):
        logits = model.read(new, caches)[:, -1] @ head  # (batch, vocab), of what follows the last token
        tokens = sampler(logits, ids)  # (batch,)
        if end_token is not None:
            tokens = tokens.masked_fill(ended, end_token)  # what has ended stays so
            ended |= tokens == end_token
        new = tokens[:, None]  # the rest is in the caches
        ids = torch.cat([ids, new], dim=1)
        if ended.all():
            break
    return ids


class BeamReader:
    """What `text.beam_search` calls: it reads one more token of each beam, with caches that follow the beams."""

    def __init__(self, model: "GPT", prompt: Tensor, max_new_tokens: int, processor: LogitsProcessor):
        length = prompt.shape[1] + max_new_tokens
        self.model = model
        self.processor = processor
        self.caches = [KVCache(model.config, 1, length, model.wte.weight) for _ in model.h]
        self.head = model.wte.weight.T.contiguous()  # (dim, vocab), as in `write`
        self.sequences = prompt  # (beams, length), all tokens of each beam; there is one beam at first

    def __call__(self, tokens: Tensor, parents: Tensor | None) -> Tensor:
        """Log-probabilities (beams, vocab) of what follows; the first call reads the prompt, whose end `tokens` are."""
        new = self.sequences
        if parents is not None:
            new = tokens[:, None]  # (beams, 1)
            self.sequences = torch.cat([self.sequences[parents], new], dim=1)
            for cache in self.caches:
                cache.reorder(parents)
        logits = self.model.read(new, self.caches)[:, -1] @ self.head
        return self.processor(logits.float().log_softmax(-1), self.sequences)


def generator_of(seed: int | torch.Generator | None, device: torch.device) -> torch.Generator | None:
    """A generator with this seed; one that is given, or None, is returned as it is."""
    if seed is None or isinstance(seed, torch.Generator):
        return seed
    return torch.Generator(device).manual_seed(operator.index(seed))


class GPT(Transformer):
    """A GPT-2 with what one does with it: read a stored one, train it, look into it, let it write."""

    def __init__(self, config: GPTConfig):
        super().__init__(config)
        self.config = config

    @classmethod
    def from_pretrained(cls, folder: str | Path) -> "GPT":
        """The GPT-2 that lies in `folder` (config.json, model.safetensors), in float32, on the CPU.

        Raises FileNotFoundError where a file is missing, ValueError for a pickle, a damaged file, other shapes or
        another kind of model.
        """
        config = GPTConfig(**read_settings(folder))
        weights = read_weights(folder)
        check_num_layers(config, weights, folder)
        with torch.device("meta"):  # no numbers yet
            model = cls(config)
        check_weights(weights, model.state_dict(), folder)
        model.load_state_dict(weights, assign=True)
        return model.eval()

    def forward(self, ids: Tensor) -> Tensor:
        """Logits (batch, length, vocab) of the token after each of `ids` (batch, length). Errors as `check_ids`."""
        check_ids(ids, self.config)
        return super().forward(ids)

    def loss(self, ids: Tensor) -> Tensor:
        """-E[log p(token | tokens before it)] over ids (batch, length), in nats; length 2 to context_length + 1."""
        check_ids(ids, self.config, self.config.context_length + 1)
        if ids.shape[1] < 2:
            raise ValueError(f"ids {tuple(ids.shape)}: a loss needs at least 2 tokens, one to read and one to guess")
        return F.cross_entropy(super().forward(ids[:, :-1]).flatten(0, 1), ids[:, 1:].flatten())

    @torch.no_grad()
    def attention(self, ids: Tensor) -> Tensor:
        """How much each token takes from each: (layers, batch, heads, length, length) for ids (batch, length)."""
        check_ids(ids, self.config)
        x = self.wte(ids) + self.wpe.weight[: ids.shape[1]]
        maps = []
        for block in cast(Iterable[Block], self.h):
            queries, keys, _ = block.attn.heads(block.ln_1(x))
            maps.append(attention_weights(queries, keys))
            x = block(x)
        return torch.stack(maps)

    def generate(
        self, ids: Tensor, max_new_tokens: int, sampler: Sampler, seed: int | torch.Generator | None = None
    ) -> Tensor:
        """Prompt and continuation, (batch, length + new); rows that end earlier are filled up with the end token.

        ids:     (batch, length) the prompts, all of one length
        sampler: how each token is taken, such as Sampler(temperature=0.8, top_p=0.9); Sampler(0): always the likeliest
        seed:    of the draws, or a generator to draw from; None: torch's own
        It stops at the end token, after max_new_tokens, and where the context is full, whichever comes first.
        Raises ValueError for prompts that leave no room (TypeError: not whole numbers).
        """
        check_prompt(ids, self.config, max_new_tokens)
        generator = generator_of(seed, ids.device)
        room = min(max_new_tokens, self.config.context_length - ids.shape[1])
        return write(self, ids, room, partial(sampler, generator=generator), self.config.end_token)

    @torch.no_grad()
    def beam_search(
        self,
        ids: Tensor,
        max_new_tokens: int,
        num_beams: int,
        *,
        length_penalty: float = 1.0,
        repetition_penalty: float = 1.0,
        no_repeat_ngram: int = 0,
    ) -> list[Hypothesis]:
        """The `num_beams` best continuations that a beam search finds for one prompt, the best first; nothing is drawn.

        ids: (1, length) the prompt;  length_penalty: as in `text.beam_search`;  the others: as in `Sampler`
        It stops where `generate` stops, and raises what it raises, also for a setting out of range.
        """
        check_prompt(ids, self.config, max_new_tokens)
        if len(ids) != 1:
            raise ValueError(f"ids {tuple(ids.shape)}: beam search continues one prompt at a time, ids (1, length)")
        processor = logits_processor(repetition_penalty, no_repeat_ngram)
        room = min(max_new_tokens, self.config.context_length - ids.shape[1])
        reader = BeamReader(self, ids, room, processor)
        return beam_search(reader, ids[0, -1], num_beams, room, self.config.end_token, length_penalty)
