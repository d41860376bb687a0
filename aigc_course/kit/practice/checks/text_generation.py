"""Checks of the exercises on text generation: top-p, perplexity, one merge of byte-pair encoding, the causal mask."""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from aigc_course.kit.practice.checks import Wrong, array, call, close, number, numbers


def nucleus(probs: np.ndarray, top_p: float, extra: int = 0) -> np.ndarray:
    """The fewest likeliest probabilities that reach top_p (and `extra` more), divided by their sum."""
    order = np.argsort(-probs, kind="stable")
    count = int(np.searchsorted(np.cumsum(probs[order]), top_p - 1e-9) + 1 + extra)
    kept = np.zeros_like(probs)
    kept[order[: max(count, 0)]] = probs[order[: max(count, 0)]]
    return kept


def check_top_p(yours: Callable[[np.ndarray, float], np.ndarray]) -> None:
    """`yours(probs, top_p)` keeps the fewest likeliest tokens that reach top_p, and sums to 1."""
    cases = [
        (np.array([0.1, 0.4, 0.05, 0.25, 0.2]), 0.6),
        (np.array([0.08, 0.02, 0.9]), 0.5),
        (np.array([0.3, 0.1, 0.25, 0.35]), 1.0),
        (np.array([0.15, 0.45, 0.4]), 0.8),
    ]
    for probs, top_p in cases:
        kept = nucleus(probs, top_p)
        expected, got = kept / kept.sum(), numbers(call(yours, probs, top_p), probs.shape)
        if close(got, expected):
            continue
        fewer, above = nucleus(probs, top_p, -1), np.where(probs >= top_p, probs, 0)
        in_place = np.where(np.cumsum(probs) <= top_p + 1e-9, probs, 0)
        causes = {
            "not_divided": kept,
            "stops_early": fewer / max(fewer.sum(), 1e-12),
            "stops_early_not_divided": fewer,
            "threshold": above / max(above.sum(), 1e-12),
            "not_sorted": in_place / max(in_place.sum(), 1e-12),
            "order": np.sort(expected)[::-1],
        }
        values = {"probs": tuple(probs), "top_p": top_p, "expected": tuple(expected), "got": tuple(got)}
        raise Wrong(_cause(got, causes), **values)


def check_perplexity(yours: Callable[[Sequence[Sequence[float]]], float]) -> None:
    """`yours(log_probs)` is the perplexity over all tokens of texts of different lengths."""
    rng = np.random.default_rng(1)
    even = [[-math.log(8)] * 3, [-math.log(8)] * 5]
    for texts in (even, [np.log(rng.uniform(0.05, 1, size=size)).tolist() for size in (2, 9, 4)]):
        together = np.concatenate(texts)
        got, expected = number(call(yours, texts)), np.exp(-together.mean())
        if close(got, expected):
            continue
        causes = {
            "mean_of_texts": np.exp(-np.mean([np.mean(text) for text in texts])),
            "mean_of_perplexities": np.mean([np.exp(-np.mean(text)) for text in texts]),
            "sign": np.exp(together.mean()),
            "no_exponential": -together.mean(),
            "sum": np.exp(-together.sum()),
            "base_2": 2 ** (-together.mean()),
            "mean_of_probabilities": 1 / np.exp(together).mean(),
        }
        raise Wrong(_cause(got, causes), expected=expected, got=got)


def merged(symbols: Sequence[str], pair: tuple[str, str]) -> list[str]:
    """Each occurrence of the pair, from left to right, made one."""
    joined, i = [], 0
    while i < len(symbols):
        found = tuple(symbols[i : i + 2]) == pair
        joined.append("".join(pair) if found else symbols[i])
        i += 2 if found else 1
    return joined


def check_merge(yours: Callable[[list[str], tuple[str, str]], list[str]]) -> None:
    """`yours(symbols, pair)` merges each occurrence of the pair."""
    cases = [
        ("l o w l o", "l o"),
        ("a b c a b a b", "a b"),
        ("b a n a n a", "n a"),
        ("x y z", "y x"),
        ("a a a a a", "a a"),
        ("t h e th e", "th e"),
        ("ab c a bc", "a bc"),
        ("ab c b c", "b c"),
    ]
    for written, wanted in cases:
        symbols, pair = written.split(), tuple(wanted.split())
        expected, result = merged(symbols, pair), call(yours, symbols, pair)
        if not isinstance(result, list | tuple) or not all(isinstance(each, str) for each in result):
            raise Wrong("not_symbols", kind=type(result).__name__)
        got = list(result)
        if got == expected:
            continue
        at = next((i for i, each in enumerate(pairwise(symbols)) if each == pair), len(symbols))
        first = [*symbols[:at], "".join(pair), *symbols[at + 2 :]] if at < len(symbols) else symbols
        causes = {"first_only": first, "unmerged": symbols}
        cause = next((key for key, value in causes.items() if got == value), "value")
        if cause == "value" and "".join(got) != "".join(symbols):
            cause = "letters"
        values = {"symbols": symbols, "pair": pair, "expected": expected, "got": got}
        raise Wrong(cause, **{name: " ".join(value) for name, value in values.items()})


def softmax(scores: np.ndarray) -> np.ndarray:
    """Over the last axis, without overflow."""
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def check_mask(yours: Callable[[np.ndarray], np.ndarray]) -> None:
    """`yours(scores)` is the softmax of each row over itself and the past, exactly 0 on the future."""
    rng = np.random.default_rng(2)
    for length in (4, 1, 6):
        scores = rng.normal(0, 2, size=(length, length))
        past = np.tril(np.ones((length, length), dtype=bool))
        expected = softmax(np.where(past, scores, -np.inf))
        got = numbers(call(yours, scores), (length, length))
        if close(got, expected):
            continue
        strictly = np.tril(np.ones((length, length), dtype=bool), -1)
        causes = {
            "no_mask": softmax(scores),
            "after": softmax(scores) * past,
            "zeros": softmax(np.where(past, scores, 0)),
            "past_hidden": softmax(np.where(past.T, scores, -np.inf)),
            "columns": softmax(np.where(past, scores, -np.inf).T).T,
        }
        with np.errstate(all="ignore"):
            causes["self_hidden"] = softmax(np.where(strictly, scores, -np.inf))
        at = int(np.nan_to_num(np.abs(got - expected), nan=9).max(axis=1).argmax())
        raise Wrong(_cause(got, causes), row=at, expected=tuple(expected[at]), got=tuple(got[at]))
    large = np.array([[900.0, 0.0], [800.0, 1000.0]])
    got = array(call(yours, large))
    if not close(got, [[1, 0], [0, 1]]):
        raise Wrong("overflow", got=got)


def _cause(got: Any, causes: dict[str, Any]) -> str:
    """The first cause whose value is what was got, else "value"."""
    return next((key for key, value in causes.items() if close(got, value)), "value")
