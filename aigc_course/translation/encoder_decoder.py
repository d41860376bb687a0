"""An encoder-decoder of GRUs, with or without attention: model, training and greedy decoding for task.py."""

import math
import numbers
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
    """A table of random rows with a standard deviation of 0.3 instead of 1."""
    table = nn.Embedding(num_tokens, dim, padding_idx=PAD)  # the padding row is 0 and stays 0
    with torch.no_grad():
        table.weight.mul_(0.3)
    return table


class Encoder(nn.Module):
    """Reads the source in both directions: one state per word, and one vector for the whole.

    source: (batch, keys) ids    mask: (batch, keys)
    returns memory (batch, keys, 2 dim) and summary (1, batch, dim)
    """

    def __init__(self, num_tokens: int, dim: int):
        super().__init__()
        self.embedding = small_embedding(num_tokens, dim)
        self.gru = nn.GRU(dim, dim, batch_first=True, bidirectional=True)
        self.bridge = nn.Linear(2 * dim, dim)

    def forward(self, source, mask):
        words = self.embedding(source)  # (batch, keys, dim)
        lengths = mask.sum(dim=1).cpu()
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


def check_model(num_sources: int, num_targets: int, dim: int, attention: str | None) -> None:
    """ValueError for sizes that make no network, and for an attention that is not known."""
    for name, value in {"num_sources": num_sources, "num_targets": num_targets, "dim": dim}.items():
        check_count(name, value)
    if attention not in (None, *ATTENTIONS):
        raise ValueError(f'attention={attention!r} is not known; allowed: None, "dot", "additive"')


def check_count(name: str, value: int) -> None:
    """ValueError unless `value` is a whole number of at least 1."""
    if not isinstance(value, numbers.Integral) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{name} {value!r} is not a whole number of at least 1")


class EncoderDecoder(nn.Module):
    """Both together; attention: None (only the summary passes), "dot" or "additive"."""

    def __init__(self, num_sources: int, num_targets: int, dim: int = 64, attention: str | None = None):
        super().__init__()
        check_model(num_sources, num_targets, dim, attention)
        self.encoder = Encoder(num_sources, dim)
        self.decoder = Decoder(num_targets, dim, attention)

    def forward(self, source: Tensor, mask: Tensor, target: Tensor) -> Tensor:
        """Logits (batch, length, num_targets) of what follows each target token: teacher forcing."""
        memory, state = self.encoder(source, mask)
        return self.decoder(target, state, memory, mask)[0]


@dataclass(frozen=True)
class TrainingConfig:
    """Settings of a training; ValueError for those that make no sense."""

    num_epochs: int = 4  # passes over the pairs
    batch_size: int = 128  # pairs a step
    learning_rate: float = 0.01  # the highest of the one cycle
    max_grad_norm: float = 1.0  # a longer gradient is cut to this length

    def __post_init__(self) -> None:
        check_count("num_epochs", self.num_epochs)
        check_count("batch_size", self.batch_size)
        if not 0 < self.learning_rate < math.inf or not self.max_grad_norm > 0:
            raise ValueError(
                f"learning_rate={self.learning_rate}, max_grad_norm={self.max_grad_norm}: expected numbers above 0"
            )


def translation_loss(model: EncoderDecoder, batch: Batch) -> Tensor:
    """-log p(next token), mean over the tokens of all targets; padding does not count."""
    logits = model(batch.source, batch.mask, batch.target[:, :-1])  # (batch, length, num_targets)
    return F.cross_entropy(logits.flatten(0, 1), batch.target[:, 1:].flatten(), ignore_index=PAD)


def training_steps(model: EncoderDecoder, encoded: Sequence, config: TrainingConfig, seed: int) -> Iterator[dict]:
    """Train in place on encoded pairs; yield {"loss", "learning_rate"} after each step."""
    optimizer = torch.optim.Adam(model.parameters(), lr=config.learning_rate)
    num_steps = num_training_steps(encoded, config)
    rng = random.Random(seed)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, config.learning_rate, num_steps, pct_start=0.2)
    for _ in range(config.num_epochs):
        for batch in batches(encoded, config.batch_size, rng):
            loss = translation_loss(model, batch)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), config.max_grad_norm)
            optimizer.step()
            learning_rate = schedule.get_last_lr()[0]
            schedule.step()
            yield {"loss": loss.item(), "learning_rate": learning_rate}


def num_training_steps(encoded: Sequence, config: TrainingConfig) -> int:
    """One step for each batch of each epoch."""
    if not encoded:
        raise ValueError("there is nothing to train on: give at least one encoded pair")
    return config.num_epochs * -(-len(encoded) // config.batch_size)


def check_decoding(model: nn.Module, longest: int) -> None:
    """ValueError for no room to write in, and for weights that are NaN or infinite: argmax would take token 0."""
    check_count("longest", longest)
    if not all(weight.isfinite().all() for weight in model.parameters()):
        raise ValueError("the model's weights are NaN or infinite: train it again, with a smaller learning rate")


@torch.no_grad()
def greedy_decode(model: EncoderDecoder, source: Tensor, mask: Tensor, longest: int = LONGEST):
    """The most likely token at each step: ids (batch, length), attention's weights (batch, length, keys) or None."""
    check_decoding(model, longest)
    memory, state = model.encoder(source, mask)
    token = torch.full_like(source[:, :1], START)  # (batch, 1)
    ended = torch.zeros_like(token, dtype=torch.bool)
    written, maps = [], []
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
    check_count("batch_size", batch_size)
    encoded = encode_pairs(pairs, sources, targets)
    translations = [""] * len(pairs)
    order = sorted(range(len(pairs)), key=lambda i: len(encoded[i][0]))  # like lengths together
    for start in range(0, len(order), batch_size):
        places = order[start : start + batch_size]
        batch = make_batch([encoded[i] for i in places])
        ids, _ = greedy_decode(model, batch.source, batch.mask)
        for i, row in zip(places, ids, strict=True):
            translations[i] = targets.decode(row)
    return translations
