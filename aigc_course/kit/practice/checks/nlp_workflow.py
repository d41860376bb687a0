"""Checks of the exercises on translation: attention with a mask, greedy decoding, a loss without padding."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from aigc_course.kit.practice.checks import Wrong, array, call, close, number, numbers

END = 2


def softmax(scores: np.ndarray, axis: int = -1) -> np.ndarray:
    """exp(scores) / sum of exp(scores), without overflow."""
    e = np.exp(scores - scores.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def check_attention(yours: Callable[..., np.ndarray]) -> None:
    """`yours(Q, K, V, mask)` is softmax(Q Kᵀ / √d) V with no weight where the mask is False."""
    rng = np.random.default_rng(1)
    for queries, keys, d, hidden in ((3, 5, 4, 0.4), (2, 2, 9, 0.0), (4, 6, 16, 0.5)):
        Q, K, V = rng.normal(size=(queries, d)), rng.normal(size=(keys, d)), rng.normal(size=(keys, 3))
        mask = rng.random((queries, keys)) >= hidden
        mask[:, 0] = True
        raw = Q @ K.T
        scores = raw / np.sqrt(d)
        expected = softmax(np.where(mask, scores, -np.inf)) @ V
        got = numbers(call(yours, Q, K, V, mask), expected.shape)
        if close(got, expected):
            continue
        causes = {
            "no_mask": softmax(scores) @ V,
            "turned_mask": softmax(np.where(mask, -1e30, scores)) @ V,
            "mask_afterwards": (softmax(scores) * mask) @ V,
            "zero_scores": softmax(scores * mask) @ V,
            "no_scale": softmax(np.where(mask, raw, -np.inf)) @ V,
            "scale_d": softmax(np.where(mask, raw / d, -np.inf)) @ V,
            "wrong_axis": softmax(np.where(mask, scores, -1e30), axis=0) @ V,
            "no_softmax": np.where(mask, scores, 0) @ V,
        }
        row = int(np.abs(got - expected).max(axis=1).argmax())
        raise Wrong(_cause(got, causes), row=row, expected=expected[row], got=got[row])
    Q, K, V = np.full((1, 4), 60.0), np.array([[60.0] * 4, [-60.0] * 4]), np.array([[1.0], [2.0]])
    got = numbers(call(yours, Q, K, V, np.ones((1, 2), dtype=bool)), (1, 1))
    if not close(got, [[1.0]]):
        raise Wrong("overflow", got=got[0, 0])


@dataclass
class Model:
    """A made-up model: probabilities of 7 tokens that depend on everything written so far."""

    seed: int
    calls: int = field(default=0, compare=False)

    def __call__(self, tokens: list[int]) -> np.ndarray:
        self.calls += 1
        if self.calls > 200:
            raise RuntimeError("next_probs was called 200 times for one sentence; the loop does not stop")
        probs = np.random.default_rng([self.seed, *map(int, tokens)]).random(7)
        probs[END] = 2.0 if len(tokens) == 5 + self.seed % 3 else 0.0
        return probs / probs.sum()


def greedy(next_probs: Callable[[list[int]], np.ndarray], longest: int, whole: bool = True) -> list[int]:
    """The likeliest token at each step; whole=False: the model sees the last token alone."""
    tokens = [1]
    while len(tokens) <= longest:
        tokens.append(int(np.argmax(next_probs(tokens if whole else tokens[-1:]))))
        if tokens[-1] == END:
            break
    return tokens[1:]


def check_greedy(yours: Callable[..., list[int]]) -> None:
    """`yours(next_probs, start, end, longest)` lists the likeliest token at each step, up to and with the end."""
    for seed, longest in ((1, 20), (2, 20), (3, 3), (5, 20)):
        expected = greedy(Model(seed), longest)
        returned = call(yours, Model(seed), 1, END, longest)
        if array(returned).ndim != 1:
            raise Wrong("not_list", kind=type(returned).__name__)
        got = [int(token) for token in array(returned)]
        if got == expected:
            continue
        causes = {
            "start": [1, *expected],
            "without_end": [token for token in expected if token != END],
            "last_only": greedy(Model(seed), longest, whole=False),
            "ignores_longest": greedy(Model(seed), 20),
            "one_too_many": greedy(Model(seed), longest + 1),
            "one_too_few": greedy(Model(seed), longest - 1),
        }
        cause = next((key for key, value in causes.items() if value == got), "value")
        if cause == "value" and END in got[:-1]:
            cause = "goes_on"
        raise Wrong(cause, expected=expected, got=got, longest=longest)


def check_masked_loss(yours: Callable[..., float]) -> None:
    """`yours(log_probs, target, pad)` is the mean of -log p(target) over the tokens that are not padding."""
    rng = np.random.default_rng(4)
    for lengths, pad in (((4, 2, 1), 0), ((3, 3), 0), ((5, 1), 6)):
        longest = max(lengths)
        log_probs = np.log(softmax(rng.normal(size=(len(lengths), longest, 7))))
        target = rng.integers(1, 6, size=(len(lengths), longest))
        real = np.arange(longest) < np.array(lengths)[:, None]
        target[~real] = pad
        losses = -np.take_along_axis(log_probs, target[..., None], axis=2)[..., 0]
        expected, got = losses[real].mean(), number(call(yours, log_probs, target, pad))
        if close(got, expected):
            continue
        causes = {
            "with_padding": losses.mean(),
            "zeros_counted": (losses * real).mean(),
            "sum": losses[real].sum(),
            "sign": -expected,
            "per_sentence": ((losses * real).sum(axis=1) / real.sum(axis=1)).mean(),
            "likeliest": -log_probs.max(axis=2)[real].mean(),
            "per_batch": losses[real].sum() / len(lengths),
        }
        if pad != 0 and close(got, losses[target != 0].mean()):
            raise Wrong("pad_is_zero", pad=pad, expected=expected, got=got)
        raise Wrong(_cause(got, causes), expected=expected, got=got)


def _cause(got: Any, causes: dict[str, Any]) -> str:
    """The first cause whose value is what was got, else "value"."""
    return next((key for key, value in causes.items() if close(got, value)), "value")
