"""Checks of the exercises on word vectors: context mean, loss of negative sampling, rank correlation, neighbours."""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.stats import rankdata

from aigc_course.kit.practice.checks import Wrong, call, close, number, numbers

TEXTS = [
    [["the", "cat", "drinks", "cold", "milk"], ["a", "dog", "drinks", "the", "water"], ["the", "cat", "the", "cat"]],
    [["one", "two", "three", "four", "five", "six", "two", "one", "one"], ["six", "five", "two"], ["alone"]],
]


def check_context_mean(yours: Callable[[str, list[list[str]], dict[str, tuple[float, ...]], int], np.ndarray]) -> None:
    """`yours(word, sentences, context, window)` is the mean of context[c] over the words c near `word`; else zeros."""
    rng = np.random.default_rng(1)
    for sentences, window in ((TEXTS[0], 2), (TEXTS[0], 1), (TEXTS[1], 2), (TEXTS[1], 3)):
        words = list(dict.fromkeys(w for sentence in sentences for w in sentence))
        context = {w: tuple(rng.normal(size=4)) for w in words}
        for word in words:
            near = [c for group in neighbours(word, sentences, window) for c in group]
            expected = _mean(near, context)
            got = numbers(call(yours, word, sentences, context, window), (4,))
            if not close(got, expected):
                cause = _cause_of_context_mean(got, word, sentences, context, window)
                raise Wrong(cause, word=word, window=window, context=near, expected=expected.round(3), got=got.round(3))


def neighbours(word: str, sentences: list[list[str]], window: int) -> list[list[str]]:
    """The context words of each occurrence of `word`."""
    places = [(s, i) for s in sentences for i, w in enumerate(s) if w == word]
    return [s[max(0, i - window) : i] + s[i + 1 : i + 1 + window] for s, i in places]


def _mean(words: list[str], context: dict[str, tuple[float, ...]]) -> np.ndarray:
    return np.mean([context[c] for c in words], axis=0) if words else np.zeros(4)


def _cause_of_context_mean(
    got: np.ndarray, word: str, sentences: list[list[str]], context: dict[str, tuple[float, ...]], window: int
) -> str:
    groups = neighbours(word, sentences, window)
    near = [c for group in groups for c in group]
    if not near:
        return "alone"
    total, text = np.sum([context[c] for c in near], axis=0), [w for s in sentences for w in s]
    places = [(s, i) for s in sentences for i, w in enumerate(s) if w == word]
    others = {
        "itself": near + [word] * len(groups),
        "each_once": list(dict.fromkeys(near)),
        "first_only": groups[0],
        "last_only": groups[-1],
        "left_only": [c for s, i in places for c in s[max(0, i - window) : i]],
        "right_only": [c for s, i in places for c in s[i + 1 : i + 1 + window]],
        "short_right": [c for s, i in places for c in s[max(0, i - window) : i] + s[i + 1 : i + window]],
        "negative_start": [c for s, i in places for c in _slice(s, i - window, i) + s[i + 1 : i + 1 + window]],
        "across": [c for group in neighbours(word, [text], window) for c in group],
    }
    means = {name: _mean(words, context) for name, words in others.items()}
    means |= {
        "sum": total,
        "full_window": total / (2 * window * len(groups)),
        "per_occurrence": total / len(groups),
        "mean_of_means": np.mean([_mean(group, context) for group in groups if group], axis=0),
    }
    same = {
        "last_only": "first_only",
        "left_only": "one_side",
        "right_only": "one_side",
        "per_occurrence": "full_window",
    }
    cause = next((name for name, value in means.items() if close(got, value)), "value")
    return same.get(cause, cause)


def _slice(sentence: list[str], start: int, stop: int) -> list[str]:
    """Python's own slice, in which a negative start counts from the end."""
    return sentence[start:stop]


def check_loss(yours: Callable[[np.ndarray, np.ndarray, np.ndarray], float]) -> None:
    """`yours(v, u, noise)` is -log σ(u·v) - sum of log σ(-n·v) over the rows n of `noise`; finite for large scores."""
    rng = np.random.default_rng(2)
    for dim, num_noise in ((3, 5), (10, 2), (4, 1)):
        v, u, noise = rng.normal(size=dim), rng.normal(size=dim), rng.normal(size=(num_noise, dim))
        expected = pair_loss(u @ v, noise @ v)
        got = number(call(yours, v, u, noise))
        if not close(got, expected):
            cause = _cause_of_loss(got, u @ v, noise @ v)
            raise Wrong(cause, num_noise=num_noise, expected=expected, got=got)
    v, u, noise = np.array([40.0, 0.0]), np.array([-30.0, 1.0]), np.array([[25.0, 2.0], [-50.0, 0.0]])
    expected, got = pair_loss(u @ v, noise @ v), number(call(yours, v, u, noise))
    if not close(got, expected):
        raise Wrong("large", expected=expected, got=got)


def pair_loss(true: float, noise: np.ndarray) -> float:
    """The loss of a pair with this product and noise words with those."""
    return float(np.logaddexp(0, -true) + np.logaddexp(0, noise).sum())


def _cause_of_loss(got: float, true: float, noise: np.ndarray) -> str:
    positive, negative = np.logaddexp(0, -true), np.logaddexp(0, noise)
    sigmoid = 1 / (1 + np.exp(-np.append(true, noise)))
    causes: dict[str, list[Any]] = {
        "sign": [-positive - negative.sum()],
        "noise_sign": [positive + np.logaddexp(0, -noise).sum()],
        "true_sign": [np.logaddexp(0, true) + negative.sum()],
        "noise_mean": [positive + negative.mean(), (positive + negative.sum()) / (len(noise) + 1)],
        "no_noise": [positive],
        "no_true": [negative.sum()],
        "subtracted": [positive - negative.sum()],
        "softmax": [np.logaddexp.reduce(np.append(true, noise)) - true],
        "no_sigmoid": [noise.sum() - true],
        "no_log": [-sigmoid[0] - (1 - sigmoid[1:]).sum(), sigmoid[0] + (1 - sigmoid[1:]).sum()],
    }
    return next((key for key, values in causes.items() if any(close(got, value) for value in values)), "value")


def check_spearman(yours: Callable[[np.ndarray, np.ndarray], float]) -> None:
    """`yours(x, y)` is Spearman's rank correlation, ties given the mean of their ranks."""
    rng = np.random.default_rng(3)
    for n, tied in ((9, False), (30, False), (12, True), (40, True)):
        x = rng.normal(size=n)
        y = np.exp(2 * x) + rng.normal(size=n)
        if tied:
            x, y = np.round(x), np.round(y)
        expected = correlation(rankdata(x), rankdata(y))
        got = number(call(yours, x, y))
        if not close(got, expected):
            raise Wrong(_cause_of_spearman(got, x, y, tied), n=n, expected=expected, got=got)


def correlation(x: np.ndarray, y: np.ndarray) -> float:
    """Pearson's correlation."""
    return float(np.corrcoef(x, y)[0, 1])


def _cause_of_spearman(got: float, x: np.ndarray, y: np.ndarray, tied: bool) -> str:
    n, spearman = len(x), correlation(rankdata(x), rankdata(y))
    order = [np.argsort(values, kind="stable") for values in (x, y)]
    places = [np.argsort(places, kind="stable") for places in order]
    other_ties = [correlation(rankdata(x, how), rankdata(y, how)) for how in ("min", "max", "dense")]
    squares = np.sum((rankdata(x) - rankdata(y)) ** 2)
    causes: dict[str, list[Any]] = {
        "sign": [-spearman],
        "pearson": [correlation(x, y)],
        "argsort": [correlation(*order)],
        "covariance": [np.cov(rankdata(x), rankdata(y))[0, 1], np.cov(rankdata(x), rankdata(y), ddof=0)[0, 1]],
        "squared": [spearman**2],
    }
    if tied:
        in_order = 1 - 6 * np.sum((places[0] - places[1]) ** 2) / (n * (n**2 - 1))
        shortcut = 1 - 6 * squares / (n * (n**2 - 1))
        causes |= {"ties": [correlation(*places), in_order, *other_ties], "shortcut": [shortcut]}
    cause = next((key for key, values in causes.items() if any(close(got, value) for value in values)), "value")
    return "ties_value" if cause == "value" and tied else cause


def check_nearest(yours: Callable[[str, list[str], np.ndarray, int], list[str]]) -> None:
    """`yours(word, words, vectors, k)` is the list of the `k` other words with the largest cosine, largest first."""
    rng = np.random.default_rng(4)
    for n, dim, k in ((8, 2, 3), (20, 5, 4), (12, 3, 11)):
        words = [f"word{i}" for i in rng.permutation(n)]
        vectors = rng.normal(size=(n, dim)) * rng.uniform(0.2, 5, size=(n, 1))
        for place in (0, n // 2, n - 1):
            got = _words(call(yours, words[place], words, vectors, k), words)
            order = _orders(vectors, place)
            names = {how: [words[i] for i in found] for how, found in order.items()}
            if got == names["cosine"][:k]:
                continue
            causes = {
                "farthest": [names["cosine"][::-1][:k], [words[place], *names["cosine"]][::-1][:k]],
                "dot": [names["dot"][:k], names["dot_with_itself"][:k]],
                "distance": [names["distance"][:k]],
                "one_length": [names["one_length"][:k]],
                "absolute": [names["absolute"][:k]],
                "reversed": [names["cosine"][:k][::-1]],
            }
            cause = next((key for key, values in causes.items() if got in values), "")
            cause = cause or ("itself" if words[place] in got else "count" if len(got) != k else "value")
            raise Wrong(cause, word=words[place], k=k, count=len(got), expected=names["cosine"][:k], got=got)


def _words(result: Any, words: list[str]) -> list[str]:
    """The result as a list of words; Wrong("not_words") when it is something else."""
    found = result.tolist() if isinstance(result, np.ndarray) else result
    if not isinstance(found, list | tuple) or not found or not all(isinstance(f, str) and f in words for f in found):
        raise Wrong(
            "not_words", got=result if isinstance(result, str | int | float | list | tuple) else type(result).__name__
        )
    return [str(f) for f in found]


def _orders(vectors: np.ndarray, place: int) -> dict[str, list[int]]:
    """All other rows from the nearest to the farthest, by several measures."""
    lengths = np.linalg.norm(vectors, axis=1)
    dots = vectors @ vectors[place]
    by = {
        "cosine": dots / lengths,
        "dot": dots,
        "dot_with_itself": dots,
        "distance": -np.linalg.norm(vectors - vectors[place], axis=1),
        "one_length": dots / lengths**2,
        "absolute": np.abs(dots / lengths),
    }
    order = {how: [int(i) for i in np.argsort(-values, kind="stable")] for how, values in by.items()}
    return {how: found if how.endswith("itself") else [i for i in found if i != place] for how, found in order.items()}
