"""An encoder-decoder of GRUs, with or without attention: model, training and greedy decoding for translation.py."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from aigc_course.translation.attention import AdditiveAttention, DotAttention
from aigc_course.translation.task import END, PAD, START, Batch, Pair, Vocabulary, batches, encode_pairs, make_batch

ATTENTIONS = {"dot": DotAttention, "additive": AdditiveAttention}
LONGEST = 24  # tokens of a target: two dates and a stroke are 21


def small_embedding(num_tokens: int, dim: int) -> nn.Embedding:
    """A table of random rows with standard deviation 0.3, not 1: what is learnt soon outweighs where they began."""
    table = nn.Embedding(num_tokens, dim, padding_idx=PAD)  # the row of padding is 0 and stays so
    with torch.no_grad():
        table.weight.mul_(0.3)
    return table


class Encoder(nn.Module):
    """Reads the source in both directions: a state for each word, and one vector for the whole.

    source: (batch, keys) ids    mask: (batch, keys)
    returns memory (batch, keys, 2 dim) and summary (1, batch, dim)
    """

    def __init__(self, num_tokens: int, dim: int):
        super().__init__()
        self.embedding = small_embedding(num_tokens, dim)
        self.gru = nn.GRU(dim, dim, batch_first=True, bidirectional=True)
        self.bridge = nn.Linear(2 * dim, dim)

    def forward(self, source, mask):
        words, lengths = self.embedding(source), mask.sum(dim=1).cpu()
        packed = pack_padded_sequence(words, lengths, batch_first=True, enforce_sorted=False)  # the GRU skips padding
        states, last = self.gru(packed)  # last: (2, batch, dim), one for each direction
        memory, _ = pad_packed_sequence(states, batch_first=True, total_length=source.shape[1])
        return memory, torch.tanh(self.bridge(torch.cat([*last], dim=-1)))[None]


class Decoder(nn.Module):
    """From target tokens (batch, length) to the logits of what follows each, the new state, and attention's weights."""

    def __init__(self, num_tokens: int, dim: int, attention: str | None):
        super().__init__()
        self.embedding = nn.Embedding(num_tokens, dim, padding_idx=PAD)
        self.gru = nn.GRU(dim, dim, batch_first=True)
        self.attention = ATTENTIONS[attention](dim, 2 * dim) if attention else None
        self.combine = nn.Linear(2 * dim if attention else dim, dim)
        self.output = nn.Linear(dim, num_tokens)

    def forward(self, target, state, memory, mask):
        hidden, state = self.gru(self.embedding(target), state)  # (batch, length, dim)
        weights = None
        if self.attention:
            context, weights = self.attention(hidden, memory, mask)  # (batch, length, dim), (batch, length, keys)
            hidden = torch.cat([hidden, context], dim=-1)
        return self.output(torch.tanh(self.combine(hidden))), state, weights


class EncoderDecoder(nn.Module):
    """Both together; attention: None (only the summary passes), "dot" or "additive"."""

    def __init__(self, num_sources: int, num_targets: int, dim: int = 64, attention: str | None = None):
        super().__init__()
        if attention not in (None, *ATTENTIONS):
            raise ValueError(f'attention={attention!r} is not known; allowed: None, "dot", "additive"')
        self.encoder, self.decoder = Encoder(num_sources, dim), Decoder(num_targets, dim, attention)

    def forward(self, source: Tensor, mask: Tensor, target: Tensor) -> Tensor:
        """Logits (batch, length, num_targets) of what follows each target token: teacher forcing."""
        memory, state = self.encoder(source, mask)
        return self.decoder(target, state, memory, mask)[0]


@dataclass(frozen=True)
class TrainingConfig:
    num_epochs: int = 4
    batch_size: int = 128
    learning_rate: float = 0.01  # the highest of the one cycle
    clip: float = 1.0  # the longest gradient


def translation_loss(model: EncoderDecoder, batch: Batch) -> Tensor:
    """-log p(next token), mean over the tokens of all targets; padding does not count."""
    logits = model(batch.source, batch.mask, batch.target[:, :-1])  # (batch, length, num_targets)
    return F.cross_entropy(logits.flatten(0, 1), batch.target[:, 1:].flatten(), ignore_index=PAD)


def training_steps(model: EncoderDecoder, encoded: Sequence, config: TrainingConfig, seed: int) -> Iterator[dict]:
    """Train in place on encoded pairs; yield {"loss", "learning_rate"} after each step."""
    optimizer = torch.optim.Adam(model.parameters(), lr=config.learning_rate)
    num_steps, rng = num_training_steps(encoded, config), random.Random(seed)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, config.learning_rate, num_steps, pct_start=0.2)
    for _ in range(config.num_epochs):
        for batch in batches(encoded, config.batch_size, rng):
            loss = translation_loss(model, batch)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), config.clip)
            optimizer.step()
            learning_rate = schedule.get_last_lr()[0]
            schedule.step()
            yield {"loss": loss.item(), "learning_rate": learning_rate}


def num_training_steps(encoded: Sequence, config: TrainingConfig) -> int:
    """One step for each batch of each epoch."""
    if not encoded:
        raise ValueError("there is nothing to train on: give at least one encoded pair")
    return config.num_epochs * -(-len(encoded) // config.batch_size)


@torch.no_grad()
def greedy_decode(model: EncoderDecoder, source: Tensor, mask: Tensor, longest: int = LONGEST):
    """The likeliest token at each step: ids (batch, length), attention's weights (batch, length, keys) or None."""
    memory, state = model.encoder(source, mask)
    token, written, maps = torch.full_like(source[:, :1], START), [], []
    ended = torch.zeros_like(token, dtype=torch.bool)
    while len(written) < longest and not ended.all():
        logits, state, weights = model.decoder(token, state, memory, mask)  # (batch, 1, num_targets)
        token = logits.argmax(dim=-1)  # (batch, 1)
        ended |= token == END
        written.append(token)
        maps.append(weights)
    return torch.cat(written, dim=1), None if maps[0] is None else torch.cat(maps, dim=1)


def translate_pairs(
    model: EncoderDecoder, pairs: Sequence[Pair], sources: Vocabulary, targets: Vocabulary, batch_size: int = 500
) -> list[str]:
    """Greedy translations of the pairs' sources, in their order."""
    encoded, found = encode_pairs(pairs, sources, targets), {}
    order = sorted(range(len(pairs)), key=lambda i: len(encoded[i][0]))  # like lengths together
    for start in range(0, len(order), batch_size):
        some = order[start : start + batch_size]
        batch = make_batch([encoded[i] for i in some])
        ids, _ = greedy_decode(model, batch.source, batch.mask)
        found |= {i: targets.decode(row) for i, row in zip(some, ids, strict=True)}
    return [found[i] for i in range(len(pairs))]
