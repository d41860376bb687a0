"""Pictures and captions in one space: two encoders, trained so that a picture and its own caption lie close together.

Sources: Radford et al. 2021 (CLIP), figure 3; van den Oord et al. 2018 (InfoNCE).
"""

import re
from collections.abc import Iterable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WORD = re.compile(r"[a-z]+|[0-9]|[\u4e00-\u9fff]")  # an English word, a digit, a Chinese character
LENGTH = 16  # words of a text that are read; the longest caption has 12
PADDING, UNKNOWN = 0, 1  # numbers that are no word


def words_of(text: str) -> list[str]:
    """The words of a text in Chinese or English, in order; a Chinese character counts as a word."""
    return WORD.findall(text.lower())


def vocabulary_of(texts: Iterable[str]) -> dict[str, int]:
    """A number from 2 on for every word that occurs; 0 pads, 1 is an unknown word."""
    return {word: 2 + number for number, word in enumerate(sorted({word for text in texts for word in words_of(text)}))}


def numbers_of(texts: Sequence[str], vocabulary: dict[str, int]) -> Tensor:
    """The words of each text as numbers, padded in front, so that the last word stands last; (n, LENGTH).

    ValueError for a text without words or with more than LENGTH of them.
    """
    rows = [[vocabulary.get(word, UNKNOWN) for word in words_of(text)] for text in texts]
    for text, row in zip(texts, rows, strict=True):
        if not 1 <= len(row) <= LENGTH:
            raise ValueError(f'"{text[:40]}" has {len(row)} words: expected 1 to {LENGTH}')
    padded = [[PADDING] * (LENGTH - len(row)) + row for row in rows]
    return torch.tensor(padded, dtype=torch.long).reshape(-1, LENGTH)


class TextEncoder(nn.Module):
    """Words (batch, LENGTH) of `numbers_of` -> (batch, dim), vectors of length 1."""

    def __init__(self, num_words: int, dim: int = 32) -> None:
        super().__init__()
        self.words = nn.Embedding(num_words + 2, 32, padding_idx=0)  # the two: padding, an unknown word
        self.read = nn.GRU(32, 64, batch_first=True)  # one word after the other: it could tell their order
        self.place = nn.Linear(64, dim)

    def forward(self, words: Tensor) -> Tensor:
        _, state = self.read(self.words(words))  # (1, batch, 64), after the last word
        return F.normalize(self.place(state[0]), dim=1)


class PictureEncoder(nn.Module):
    """Images (batch, 28, 28) uint8 -> (batch, dim), vectors of length 1."""

    def __init__(self, dim: int = 32) -> None:
        super().__init__()
        self.see = nn.Sequential(
            *(nn.Conv2d(1, 16, 5, stride=2, padding=2), nn.ReLU()),  # 14 x 14
            *(nn.Conv2d(16, 32, 5, stride=2, padding=2), nn.ReLU(), nn.Flatten()),  # 7 x 7
            *(nn.Linear(32 * 7 * 7, 128), nn.ReLU(), nn.Linear(128, dim)),
        )

    def forward(self, images: Tensor) -> Tensor:
        return F.normalize(self.see(images[:, None].float() / 127.5 - 1), dim=1)


def contrastive_loss(pictures: Tensor, texts: Tensor, scale: Tensor | float) -> Tensor:
    """The symmetric InfoNCE loss, (): each picture picks its text among all, and each text its picture.

    pictures, texts: (batch, dim) vectors of length 1, pairs in the same row;  scale: multiplies the similarities
    ValueError for shapes that differ, and for fewer than 2 pairs: one has nothing to be told from.
    """
    check_pairs(pictures, texts)
    logits = scale * pictures @ texts.T  # (batch, batch)
    own = torch.arange(len(logits), device=logits.device)
    return (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2


def recall_at_1(queries: Tensor, answers: Tensor) -> float:
    """The share of queries whose nearest answer is their own, the one in the same row; both (n, dim), length 1."""
    check_pairs(queries, answers)
    return float(((queries @ answers.T).argmax(dim=1) == torch.arange(len(queries))).float().mean())


def check_pairs(first: Tensor, second: Tensor) -> None:
    """ValueError unless there are at least 2 pairs of vectors."""
    if first.shape != second.shape or first.dim() != 2 or len(first) < 2:
        raise ValueError(f"{tuple(first.shape)} and {tuple(second.shape)}: expected (n, dim) twice, n at least 2")
