"""What the chorale model is held against: the recurrent network of a well-known textbook, and counts of pairs.

The network is that of Géron, Hands-On Machine Learning (chapter on recurrent networks, exercise on Bach chorales): an
embedding of 5 numbers, four causal convolutions of 32 to 96 channels, each with batch normalization, an LSTM of 256.
It reads the same rows as the chorale model and sees what that sees as tokens; voice, beat and what sounds it has to
work out itself. With `told_too` it is told them as the chorale model is.
"""

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aigc_course.sound.chorale_model import MOST_HELD, told
from aigc_course.sound.chorales import HOLD_TOKEN, LOW, NUM_VOICES, REST_TOKEN, VOCAB_SIZE, tokens_of
from aigc_course.sound.scores import BAR, Score, sounding

CHANNELS = (32, 48, 64, 96)
EMBEDDING_DIM, LSTM_DIM = 5, 256


class RecurrentModel(nn.Module):
    """Rows of tokens (batch, length) -> logits (batch, length, vocab) of the token after each."""

    def __init__(self, told_too: bool = False):
        super().__init__()
        dim = 32 if told_too else EMBEDDING_DIM
        self.token = nn.Embedding(VOCAB_SIZE, dim)
        self.about = nn.ModuleList(
            nn.Embedding(count, dim) for count in (BAR * NUM_VOICES, MOST_HELD + 1, NUM_VOICES * VOCAB_SIZE)
        )
        if not told_too:
            self.about = None
        sizes = (dim, *CHANNELS)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(sizes[i], sizes[i + 1], 2, dilation=2**i) for i in range(len(CHANNELS))
        )
        self.norms = nn.ModuleList(nn.BatchNorm1d(size) for size in CHANNELS)
        self.lstm = nn.LSTM(CHANNELS[-1], LSTM_DIM, batch_first=True)
        self.head = nn.Linear(LSTM_DIM, VOCAB_SIZE)

    def forward(self, ids: Tensor) -> Tensor:
        x = self.token(ids)
        if self.about is not None:
            place, held, sounds = told(ids)
            voices = VOCAB_SIZE * torch.arange(NUM_VOICES)
            x = x + self.about[0](place) + self.about[1](held) + self.about[2](sounds + voices).sum(2)
        x = x.transpose(1, 2)  # (batch, channels, length)
        for number, (convolution, norm) in enumerate(zip(self.convolutions, self.norms, strict=True)):
            x = norm(F.relu(convolution(F.pad(x, (2**number, 0)))))  # padded on the left: nothing of the future
        return self.head(self.lstm(x.transpose(1, 2))[0])


class Bigram:
    """P(token | voice, what sounds in it), by counting; `smoothing` is added to every count."""

    def __init__(self, scores: Sequence[Score], smoothing: float):
        self.counts = np.full((NUM_VOICES, VOCAB_SIZE, VOCAB_SIZE), smoothing)
        for score in scores:
            before, tokens = self._pairs(score)
            np.add.at(self.counts, (np.arange(NUM_VOICES)[None], before, tokens), 1)
        allowed = [HOLD_TOKEN, REST_TOKEN, *range(LOW, VOCAB_SIZE)]  # END, which every piece has once, is left out
        self.log_probs = np.log(self.counts / self.counts[..., allowed].sum(-1, keepdims=True))

    @staticmethod
    def _pairs(score: Score) -> tuple[np.ndarray, np.ndarray]:
        now = sounding(score)
        before = np.concatenate([np.zeros_like(now[:1]), now[:-1]])
        return np.where(before >= LOW, before, REST_TOKEN), tokens_of(score)

    def nats(self, score: Score) -> np.ndarray:
        """(4 steps,): -log P of each token, in the order of the rows."""
        before, tokens = self._pairs(score)
        return -self.log_probs[np.arange(NUM_VOICES)[None], before, tokens].ravel()
