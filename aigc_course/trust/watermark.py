"""A watermark in text: after each token, a part of the vocabulary is green, and the writer prefers green tokens.

Which tokens are green follows from a secret key and the token before. Who has the key counts green tokens: in a text
that was written without the key, the share of green ones is that of the vocabulary. Source: Kirchenbauer et al. 2023,
"A Watermark for Large Language Models". The choice is that of transformers ("lefthash", one token of context), so that
each finds the other's marks.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from scipy import stats
from torch import Tensor

from aigc_course.text.arguments import check_whole, is_number, is_whole
from aigc_course.text.decoding import Sampler

MOST = 2**64 - 1  # a generator's seed is below it


class Found(NamedTuple):
    """What a search for a watermark found."""

    num_tokens: int  # tokens that follow another one
    num_green: int
    z: float  # standard deviations above what chance gives
    p_value: float  # P(so many green tokens or more) in a text without this mark, by the binomial distribution


class Watermark:
    """A mark for texts of one vocabulary.

    vocab_size: 2 or more;  key: the secret, a whole number of 1 or more
    share:      of the vocabulary that is green after each token, between 0 and 1
    bias:       what is added to the logits of green tokens, above 0: the larger, the clearer the mark and the less
                the text is the model's own
    Raises ValueError for another value.
    """

    def __init__(self, vocab_size: int, key: int = 15_485_863, share: float = 0.25, bias: float = 2.0) -> None:
        check_whole("vocab_size", vocab_size, "it is the number of tokens that the model knows")
        check_whole("key", key, "it is the secret from which the green tokens follow")
        if not is_number(share) or not 0 < share < 1 or not int(share * vocab_size):
            raise ValueError(f"share {share!r}: expected a number between 0 and 1 that leaves a token of {vocab_size}")
        if not is_number(bias) or not 0 < bias < math.inf:
            raise ValueError(f"bias {bias!r}: expected a number above 0; 2 is usual")
        self.vocab_size, self.key, self.share, self.bias = int(vocab_size), int(key), float(share), float(bias)
        self.masks: dict[int, Tensor] = {}  # the green tokens after each token, as far as they were asked for

    def green(self, token: int) -> Tensor:
        """(vocab,) True for the tokens that are green after this one."""
        if token not in self.masks:
            generator = torch.Generator().manual_seed(self.key * token % MOST)
            order = torch.randperm(self.vocab_size, generator=generator)
            mask = torch.zeros(self.vocab_size, dtype=torch.bool)
            mask[order[: int(self.vocab_size * self.share)]] = True
            self.masks[token] = mask
        return self.masks[token]

    def prefer_green(self, logits: Tensor, ids: Tensor) -> Tensor:
        """The logits (batch, vocab) of what follows ids (batch, length), with `bias` added to green tokens.

        ValueError for other shapes, and for ids of no token.
        """
        if ids.dim() != 2 or not ids.numel() or logits.shape != (len(ids), self.vocab_size):
            raise ValueError(
                f"logits {tuple(logits.shape)}, ids {tuple(ids.shape)}: expected (batch, {self.vocab_size}), "
                f"as the mark is for a vocabulary of {self.vocab_size} tokens, and (batch, length)"
            )
        masks = torch.stack([self.green(token) for token in ids[:, -1].tolist()])
        return logits + self.bias * masks.to(logits)

    def marked(self, sampler: Sampler) -> "MarkedSampler":
        """The sampler with the mark: for `GPT.generate`, in place of the sampler."""
        return MarkedSampler(self, sampler)

    def find(self, *texts: Sequence[int] | Tensor, repeated: bool = True) -> Found:
        """Count the green tokens of one or more texts by one writer.

        texts:    (length,) token ids each, without the prompt
        repeated: whether a pair of tokens counts each time; False counts it once, since a text that repeats itself
                  repeats its luck, and the p-value then holds
        ValueError without a pair of tokens, or for a token outside the vocabulary.
        """
        pairs: list[tuple[int, int]] = []
        for text in texts:
            tokens = text.tolist() if isinstance(text, Tensor) else list(text)
            if not all(is_whole(token) and 0 <= token < self.vocab_size for token in tokens):
                raise ValueError(f"token ids of a text lie in 0 to {self.vocab_size - 1}; another tokenizer's text?")
            pairs += pairwise(tokens)
        if not repeated:
            pairs = list(dict.fromkeys(pairs))
        if not pairs:
            raise ValueError("a text of fewer than 2 tokens cannot show a mark: each token is judged by the one before")
        count, num_green = len(pairs), sum(bool(self.green(token)[following]) for token, following in pairs)
        return Found(count, num_green, z_score(num_green, count, self.share), p_value(num_green, count, self.share))


class MarkedSampler:
    """A sampler that prefers the green tokens of a mark."""

    def __init__(self, mark: Watermark, sampler: Sampler) -> None:
        self.mark, self.sampler = mark, sampler

    def __call__(self, logits: Tensor, ids: Tensor, generator: torch.Generator | None = None) -> Tensor:
        return self.sampler(self.mark.prefer_green(logits, ids), ids, generator)


def z_score(num_green: int, num_tokens: int, share: float) -> float:
    """(green - share * n) / sqrt(n * share * (1 - share))."""
    return (num_green - share * num_tokens) / math.sqrt(num_tokens * share * (1 - share))


def p_value(num_green: int, num_tokens: int, share: float) -> float:
    """P(at least so many green tokens), if each is green with probability `share`, independently."""
    return float(stats.binom.sf(num_green - 1, num_tokens, share))
