"""GPT-2 written out. It writes through decoding and beam_search; gpt_files reads stored ones, gpt_checks checks ids.

Names of parts are those in GPT-2's files: wte and wpe are the embeddings of tokens and positions, h the blocks, ln a
layer norm, c_... a linear layer. Source: Radford et al. 2019; the layout is that of OpenAI's program.
"""

import math
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aigc_course.gpt.files import check_weights, read_settings, read_weights
from aigc_course.gpt.inputs import check_ids, check_prompt
from aigc_course.text.beam_search import beam_search
from aigc_course.text.decoding import check_whole, chooser, cure


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
        for name in ("vocab_size", "context_length", "embedding_dim", "num_layers", "num_heads"):
            check_whole(name, getattr(self, name), "it is a size of the network")
        if self.embedding_dim % self.num_heads:
            raise ValueError(f"embedding_dim {self.embedding_dim} cannot be shared by {self.num_heads} heads evenly")


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


class Cache:
    """Keys and values of the tokens that one layer has read, so that none is computed twice."""

    def __init__(self, config: GPTConfig, batch: int, length: int, like: Tensor):
        shape = (2, batch, config.num_heads, length, config.embedding_dim // config.num_heads)
        self.stored, self.length = like.new_empty(shape), 0

    def append(self, keys: Tensor, values: Tensor) -> Tensor:
        """Store those of new tokens, (batch, heads, new, d) each; return those of all, (2, batch, heads, length, d)."""
        begin, self.length = self.length, self.length + keys.shape[2]
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

    def forward(self, x: Tensor, cache: Cache | None = None) -> Tensor:
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

    def forward(self, x: Tensor, cache: Cache | None = None) -> Tensor:
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

    def read(self, ids: Tensor, caches: list[Cache] | None = None) -> Tensor:
        begin = caches[0].length if caches else 0
        x = self.wte(ids) + self.wpe.weight[begin : begin + ids.shape[1]]  # (batch, length, dim)
        for block, cache in zip(self.h, caches or [None] * len(self.h), strict=True):
            x = block(x, cache)
        return self.ln_f(x)

    def forward(self, ids: Tensor) -> Tensor:
        return self.read(ids) @ self.wte.weight.T  # the table that reads tokens also writes them: a tied head


@torch.no_grad()
def write(model, ids, max_new_tokens, choose, end_token=None) -> Tensor:
    """Append tokens one by one; `choose(logits (batch, vocab), ids)` gives the next of each row."""
    caches = [Cache(model.config, len(ids), ids.shape[1] + max_new_tokens, model.wte.weight) for _ in model.h]
    ended = torch.zeros(len(ids), dtype=torch.bool, device=ids.device)
    new = ids
    for _ in range(max_new_tokens):
        tokens = choose(model.next_logits(new, caches), ids)  # (batch,)
        if end_token is not None:
            tokens = tokens.masked_fill(ended, end_token)  # what has ended stays so
            ended |= tokens == end_token
        new = tokens[:, None]  # the rest is in the caches
        ids = torch.cat([ids, new], dim=1)
        if ended.all():
            break
    return ids


class Beams:
    """A model as `beam_search` asks for it: its caches follow the beams."""

    def __init__(self, model, ids, max_new_tokens, cured):
        length = ids.shape[1] + max_new_tokens
        self.caches = [Cache(model.config, 1, length, model.wte.weight) for _ in model.h]
        self.model, self.new, self.ids, self.cured = model, ids, ids[:, :-1], cured

    def __call__(self, tokens: Tensor, parents: Tensor | None) -> Tensor:
        if parents is not None:
            for cache in self.caches:
                cache.reorder(parents)
            self.ids, self.new = self.ids[parents], tokens[:, None]
        self.ids = torch.cat([self.ids, tokens[:, None]], dim=1)
        log_probs = self.model.next_logits(self.new, self.caches).float().log_softmax(-1)
        return self.cured(log_probs, self.ids)  # (beams, vocab)


class GPT(Transformer):
    """A GPT-2 with what one does with it: read a stored one, train it, look into it, let it write."""

    def __init__(self, config: GPTConfig):
        super().__init__(config)
        self.config = config
        self._head: tuple = (None, None)

    @classmethod
    def from_pretrained(cls, folder: str | Path) -> "GPT":
        """The GPT-2 that lies in `folder` (config.json, model.safetensors), in float32, on the CPU.

        Raises FileNotFoundError where a file is missing, ValueError for a pickle, a damaged file, other shapes or
        another kind of model.
        """
        with torch.device("meta"):  # no numbers yet
            model = cls(GPTConfig(**read_settings(folder)))
        weights = read_weights(folder)
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
        x, maps = self.wte(ids) + self.wpe.weight[: ids.shape[1]], []
        for block in self.h:
            queries, keys, _ = block.attn.heads(block.ln_1(x))
            maps.append(attention_weights(queries, keys))
            x = block(x)
        return torch.stack(maps)

    def train(self, mode: bool = True) -> "GPT":
        """As torch's; what was prepared for writing is dropped."""
        self._head = (None, None)
        return super().train(mode)

    def next_logits(self, new: Tensor, caches: list[Cache]) -> Tensor:
        """Logits (batch, vocab) after the last of the new tokens (batch, new), which are added to `caches`."""
        return self.read(new, caches)[:, -1] @ self.head()

    def head(self) -> Tensor:
        """wte transposed, (dim, vocab): twice as fast for one token. Copied again when wte has changed."""
        weight = self.wte.weight
        version = 0 if weight.is_inference() else weight._version
        state = (weight.data_ptr(), version, weight.dtype, weight.device)
        if self._head[0] != state:
            self._head = (state, weight.detach().T.contiguous())
        return self._head[1]

    def generate(
        self,
        ids: Tensor,
        max_new_tokens: int,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        *,
        num_beams: int = 1,
        length_penalty: float = 1.0,
        repetition_penalty: float = 1.0,
        no_repeat_ngram: int = 0,
        seed: int | None = None,
        generator: torch.Generator | None = None,
    ) -> Tensor:
        """Prompt and continuation, (batch, length + new); rows that end earlier are filled up with the end token.

        ids:         (batch, length) the prompts, all of one length
        temperature: 0 takes the likeliest token, 1 draws from the model's distribution; top_k, top_p: `decoding`
        num_beams:   above 1, beam search: nothing is drawn, temperature, top_k and top_p must not be set
        seed:        of the draws; or hand a generator over; neither: torch's own
        It stops at the end token, after max_new_tokens, and where the context is full, whichever comes first.
        Raises ValueError for a setting out of range, and for prompts that leave no room (TypeError: not whole numbers).
        """
        check_prompt(ids, self.config, max_new_tokens)
        check_whole("num_beams", num_beams, "1 does without beam search")
        room = min(max_new_tokens, self.config.context_length - ids.shape[1])
        if num_beams > 1:
            if temperature not in (0, 1) or top_k is not None or top_p is not None:
                raise ValueError("beam search draws nothing; leave temperature, top_k and top_p out, or num_beams")
            cured = cure(repetition_penalty, no_repeat_ngram)
            return self.beams(ids, room, num_beams, length_penalty, cured)
        if seed is not None:
            if generator is not None:
                raise ValueError("seed and generator are both given; leave one out")
            generator = torch.Generator(ids.device).manual_seed(seed)
        cures = {"repetition_penalty": repetition_penalty, "no_repeat_ngram": no_repeat_ngram}
        choose = chooser(temperature, top_k, top_p, **cures, generator=generator)
        return write(self, ids, room, choose, self.config.end_token)

    @torch.no_grad()
    def beams(self, ids: Tensor, room: int, num_beams: int, length_penalty: float, cured) -> Tensor:
        """The best sequence of a beam search for each prompt."""
        end, found = self.config.end_token, []
        for prompt in ids[:, None]:  # (1, length)
            reader = Beams(self, prompt, room, cured)
            found.append(beam_search(reader, prompt[0, -1], num_beams, room, end, length_penalty)[0].tokens)
        longest = max(map(len, found))
        rows = [tokens + [end] * (longest - len(tokens)) for tokens in found]
        return torch.cat([ids, torch.tensor(rows, device=ids.device)], dim=1)
