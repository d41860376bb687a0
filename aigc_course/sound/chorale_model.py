"""A small transformer that writes chorales: the blocks of gpt.model, told voice, beat and what sounds at the moment.

Source of the task: Boulanger-Lewandowski, Bengio, Vincent 2012; of the grid of sixteenths with a "hold" token:
Hadjeres, Pachet, Nielsen 2017 (DeepBach).
"""

import math
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aigc_course.gpt.model import Block, GPTConfig, KVCache, Linear, embedding
from aigc_course.sound.chorales import (
    END,
    HEADER,
    HOLD_TOKEN,
    LEAD,
    LOW,
    NUM_VOICES,
    PAD,
    REST_TOKEN,
    VOCAB_SIZE,
    row_of,
    score_from,
    tokens_of,
    windows,
)  # fmt: skip
from aigc_course.sound.scores import BAR, Score
from aigc_course.storage.networks import load_network, save_network

SHORTEST = 32  # steps of a piece: two bars
MOST_HELD = 16  # steps: a note that has sounded longer is not told apart


class Told(NamedTuple):
    """What stands beside each token of a row, (batch, length) each, about the token that comes next."""

    place: Tensor  # 4 * sixteenth of the bar + voice
    held: Tensor  # steps that the note of that voice has sounded, at most MOST_HELD
    sounds: Tensor  # (batch, length, 4): token of the pitch that sounds in each voice


def told(ids: Tensor) -> Told:
    """Read off rows (batch, length) what a musician would see: whose turn it is, on which beat, what sounds."""
    batch, length = ids.shape
    after = torch.arange(length, device=ids.device)  # number of the next token, without the header
    begin = (ids[:, :1] - HEADER) % BAR
    place = 4 * ((begin + after // NUM_VOICES - 1) % BAR) + after % NUM_VOICES  # the lead's row is the step before
    body = F.pad(ids[:, 1:], (0, -(length - 1) % NUM_VOICES), value=HOLD_TOKEN).view(batch, -1, NUM_VOICES)
    number = torch.arange(body.shape[1], device=ids.device)[None, :, None].expand_as(body)
    since = torch.where(body == HOLD_TOKEN, 0, number).cummax(1).values  # the step in which each last began
    last = body.gather(1, since)  # (batch, steps, 4)
    flat = torch.arange(1, length, device=ids.device)[:, None] - 1  # number of each token behind the header
    voice = torch.arange(NUM_VOICES, device=ids.device)
    row = flat // NUM_VOICES - (voice > flat % NUM_VOICES).long()  # later voices still sound as in the step before
    row = row.clamp(min=0)  # (length - 1, 4)
    sounds = F.pad(last[:, row, voice], (0, 0, 1, 0), value=PAD)  # (batch, length, 4)
    sounds[:, : LEAD - 1] = PAD  # the lead is still being read
    own = (after - NUM_VOICES).clamp(min=0)
    held = (own // NUM_VOICES - since[:, own // NUM_VOICES, own % NUM_VOICES]).clamp(0, MOST_HELD - 1) + 1
    return Told(place, held, sounds)


class ChoraleModel(nn.Module):
    """Rows of tokens (batch, length) -> logits (batch, length, vocab) of the token after each."""

    settings = ("num_steps", "width", "num_layers", "num_heads")

    def __init__(self, num_steps: int = 64, width: int = 96, num_layers: int = 3, num_heads: int = 4):
        super().__init__()
        self.num_steps, self.width, self.num_layers, self.num_heads = num_steps, width, num_layers, num_heads
        self.config = GPTConfig(VOCAB_SIZE, LEAD + NUM_VOICES * num_steps, width, num_layers, num_heads)
        self.token = embedding(VOCAB_SIZE, width)
        self.position = embedding(self.config.context_length, width)  # in the row
        self.place = embedding(BAR * NUM_VOICES, width)  # in the bar, and whose turn it is
        self.held = embedding(MOST_HELD + 1, width)
        self.sounds = embedding(NUM_VOICES * VOCAB_SIZE, width)
        self.blocks = nn.ModuleList(Block(self.config) for _ in range(num_layers))
        self.norm = nn.LayerNorm(width)
        self.head = Linear(width, VOCAB_SIZE)

    def forward(self, ids: Tensor, caches: list[KVCache] | None = None) -> Tensor:
        begin = caches[0].length if caches else 0  # with caches: only what comes after what was read
        about = told(ids)
        voices = VOCAB_SIZE * torch.arange(NUM_VOICES, device=ids.device)
        x = self.token(ids) + self.position.weight[: ids.shape[1]] + self.place(about.place) + self.held(about.held)
        x = (x + self.sounds(about.sounds + voices).sum(2))[:, begin:]  # (batch, new, width)
        for block, cache in zip(self.blocks, caches or [None] * self.num_layers, strict=True):
            x = block(x, cache)
        return self.head(self.norm(x))


class Losses(NamedTuple):
    """-log P of each token of a piece, in nats, and what it was."""

    nats: np.ndarray  # (n,) one for each voice and step
    onset: np.ndarray  # (n,) bool: a note begins there


@torch.no_grad()
def losses_of(model: nn.Module, score: Score, num_steps: int = 64) -> Losses:
    """What a model of rows loses on a piece, token by token; each is judged once, none of the padding."""
    rows, new = (torch.from_numpy(np.stack(part)) for part in zip(*windows(score, num_steps), strict=True))
    nats = F.cross_entropy(model(rows[:, :-1]).transpose(1, 2).float(), rows[:, 1:], reduction="none")
    judged = new[:, 1:]
    return Losses(nats[judged].double().numpy(), (rows[:, 1:][judged] >= LOW).numpy())


def load_chorale_model(folder: str | Path) -> ChoraleModel:
    """The model that lies in `folder`, in eval mode; errors as of `storage.networks.load_network`."""
    model = load_network(folder, {"ChoraleModel": ChoraleModel})
    assert isinstance(model, ChoraleModel)
    return model


def save_chorale_model(model: ChoraleModel, folder: str | Path) -> None:
    """Write config.json and model.safetensors to a folder, each of them whole or not at all."""
    save_network(model, folder, ChoraleModel.settings)


def write_chorale(
    model: ChoraleModel,
    seed: int,
    num_steps: int = 128,
    temperature: float = 1.0,
    begin: int = 12,
    opening: Score | None = None,
) -> Score:
    """One new chorale; arguments and errors as of `write_chorales`."""
    return write_chorales(model, 1, seed, num_steps, temperature, begin, opening)[0]


@torch.no_grad()
def write_chorales(
    model: ChoraleModel,
    count: int,
    seed: int,
    num_steps: int = 128,
    temperature: float = 1.0,
    begin: int = 12,
    opening: Score | None = None,
) -> list[Score]:
    """`count` new chorales of at most `num_steps` sixteenths, side by side; each ends where the model ends it.

    temperature: 1 draws as learned, lower is safer, 0 takes always the likeliest
    opening: music to go on from, at its own sixteenth of the bar; else each begins on sixteenth `begin`
    None ends before SHORTEST sixteenths. Raises ValueError for settings out of range.
    """
    if not (temperature == 0 or 1e-6 <= temperature <= 1e6):  # beyond, float32 overflows
        raise ValueError(
            f"temperature {temperature}: expected 0 (always the likeliest) or 0.000001 to 1,000,000; 1 draws as learned"
        )
    if count < 1 or not 1 <= num_steps <= 4096 or not 0 <= begin < BAR:
        raise ValueError(
            f"count {count}, num_steps {num_steps}, begin {begin}: expected at least 1, 1 to 4096, and 0 to {BAR - 1}"
        )
    generator = torch.Generator().manual_seed(seed)
    begin = begin if opening is None else opening.begin
    given = torch.zeros(0, dtype=torch.long) if opening is None else torch.from_numpy(tokens_of(opening).ravel())
    tokens = given.repeat(count, 1)  # (count, written)
    ids, caches = torch.zeros(count, 0, dtype=torch.long), []
    ends = torch.full((count,), num_steps)
    while tokens.shape[1] < NUM_VOICES * num_steps and (ends == num_steps).any():
        if not caches or ids.shape[1] >= model.config.context_length:  # a new row, half of which is known
            ids = torch.stack([_row_to_go_on(row, begin, model.num_steps) for row in tokens.numpy()])
            caches = [KVCache(model.config, count, model.config.context_length, ids.float()) for _ in model.blocks]
        choice = _choose(model(ids, caches)[:, -1], temperature, tokens.shape[1], generator)  # (count,)
        ends = torch.where((choice == END) & (ends == num_steps), tokens.shape[1] // NUM_VOICES, ends)
        choice = torch.where(choice == END, HOLD_TOKEN, choice)[:, None]  # what comes behind an end is cut off below
        tokens, ids = torch.cat([tokens, choice], dim=1), torch.cat([ids, choice], dim=1)
    grids = tokens[:, : tokens.shape[1] // NUM_VOICES * NUM_VOICES].unflatten(1, (-1, NUM_VOICES)).numpy()
    return [score_from(grid[:end], begin) for grid, end in zip(grids, ends.tolist(), strict=True)]


def _row_to_go_on(tokens: np.ndarray, begin: int, num_steps: int) -> Tensor:
    """A row that ends with what has been written, at most half of its steps."""
    if not len(tokens):
        return torch.tensor([HEADER + begin, *[REST_TOKEN] * NUM_VOICES])
    whole = np.pad(tokens, (0, -len(tokens) % NUM_VOICES), constant_values=HOLD_TOKEN).reshape(-1, NUM_VOICES)
    first = max(len(whole) - num_steps // 2, 0)
    row = row_of(score_from(whole, begin), first, num_steps)
    return torch.from_numpy(row[: LEAD + len(tokens) - NUM_VOICES * first])


def _choose(logits: Tensor, temperature: float, written: int, generator: torch.Generator) -> Tensor:
    """One token for each row (count, vocab), of those that may stand here."""
    allowed = logits.clone()
    allowed[:, PAD] = allowed[:, HEADER:LOW] = -math.inf
    if written < NUM_VOICES:
        allowed[:, HOLD_TOKEN] = -math.inf  # nothing sounds yet that could be held
    if written % NUM_VOICES or written < NUM_VOICES * SHORTEST:
        allowed[:, END] = -math.inf  # a piece ends for all voices
    if temperature == 0:
        return allowed.argmax(1)
    return torch.multinomial((allowed / temperature).softmax(-1), 1, generator=generator)[:, 0]
