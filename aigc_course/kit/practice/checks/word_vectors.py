"""Checks of the exercises on word vectors: context mean, loss, rank correlation, neighbors, F1 of a segmentation.

And the score of the challenge: better vectors from the same text.
"""

import io
from contextlib import redirect_stdout
from functools import cache
from typing import Any

import numpy as np

from aigc_course.kit.datasets import load_wikipedia_sentences, load_word_similarity
from aigc_course.kit.practice.checks import Function, Wrong, check_cases
from aigc_course.text.word_vectors import WordVectors, build_vocabulary, evaluate_similarity

TEXTS = [
    [["the", "cat", "drinks", "cold", "milk"], ["a", "dog", "drinks", "the", "water"], ["the", "cat", "the", "cat"]],
    [["one", "two", "three", "four", "five", "six", "two", "one", "one"], ["six", "five", "two"], ["alone"]],
]


def check_context_mean(yours: Function) -> None:
    """`yours(word, sentences, context, window)` is the mean of context[c] over the words c near `word`; else zeros."""
    rng = np.random.default_rng(1)
    cases = []
    for sentences, window, dim in ((TEXTS[0], 2, 4), (TEXTS[0], 1, 4), (TEXTS[1], 2, 4), (TEXTS[1], 3, 3)):
        words = list(dict.fromkeys(w for sentence in sentences for w in sentence))
        context = {w: tuple(rng.normal(size=dim)) for w in words}
        cases += [(word, sentences, context, window) for word in words]
    check_cases(
        "04_2.context_mean",
        yours,
        cases,
        about=lambda its: {"context": _neighbors(its.word, its.sentences, its.window)},
        show=lambda its: {"expected": its.expected.round(3), "got": its.got.round(3)},
        guess=lambda its: {"alone": not _neighbors(its.word, its.sentences, its.window)},
    )


def _neighbors(word: str, sentences: list[list[str]], window: int) -> list[str]:
    """The words at most `window` places from an occurrence of `word`."""
    places = [(s, i) for s in sentences for i, w in enumerate(s) if w == word]
    return [c for s, i in places for c in s[max(0, i - window) : i] + s[i + 1 : i + 1 + window]]


def check_loss(yours: Function) -> None:
    """`yours(v, u, noise)` is -log σ(u·v) - sum of log σ(-n·v) over the rows n of `noise`; finite for large scores."""
    rng = np.random.default_rng(2)
    cases = [(rng.normal(size=d), rng.normal(size=d), rng.normal(size=(n, d))) for d, n in ((3, 5), (10, 2), (4, 1))]
    cases.append((np.array([40.0, 0.0]), np.array([-30.0, 1.0]), np.array([[25.0, 2.0], [-50.0, 0.0]])))
    check_cases("04_2.loss", yours, cases, guess=lambda its: {"large": np.abs(its.v).max() > 30})


def check_spearman(yours: Function) -> None:
    """`yours(x, y)` is Spearman's rank correlation, ties given the mean of their ranks."""
    rng = np.random.default_rng(3)
    cases = []
    for n, tied in ((9, False), (30, False), (12, True), (40, True)):
        x = rng.normal(size=n)
        y = np.exp(2 * x) + rng.normal(size=n)
        cases.append((np.round(x), np.round(y)) if tied else (x, y))
    check_cases("04_2.spearman", yours, cases, guess=lambda its: {"ties_value": len(np.unique(its.x)) < len(its.x)})


def check_nearest(yours: Function) -> None:
    """`yours(word, words, vectors, k)` is the list of the `k` other words with the largest cosine, largest first."""
    rng = np.random.default_rng(4)
    cases = []
    for n, dim, k in ((8, 2, 3), (20, 5, 4), (12, 3, 11)):
        words = [f"word{i}" for i in rng.permutation(n)]
        vectors = rng.normal(size=(n, dim)) * rng.uniform(0.2, 5, size=(n, 1))
        cases += [(words[place], words, vectors, k) for place in (0, n // 2, n - 1)]
    twins = vectors.copy()
    twins[2] = 2 * twins[7]  # another word that points the same way
    cases.append((words[7], words, twins, 3))

    check_cases(
        "04_2.nearest",
        yours,
        cases,
        show=lambda its: {"count": len(its.got)},
        guess=lambda its: {"itself": its.word in its.got, "count": len(its.got) != its.k},
        form="not_words",
    )


def check_cut_f1(yours: Function) -> None:
    """`yours(found, truth)` is the F1 of one way to cut a text into words against another; 0 if no word is right."""
    cuts = (
        ("南京 市长 江 大桥", "南京市 长江大桥"),
        ("我 说 苹果 派出 门 前", "我 说 苹果派 出 门前"),
        ("大 大小小 的 大 小 东西", "大大小小 的 大小 东西"),
        ("樱桃 酥 和 樱桃 酥", "樱桃酥 和 樱桃酥"),
        ("南京市 长江大桥", "南京市 长江大桥"),
        ("上海 海 上", "上 海 海上"),
    )
    check_cases(
        "04_2.cut_f1",
        yours,
        [(found.split(), truth.split()) for found, truth in cuts],
        show=lambda its: {
            "found": " ".join(its.found),
            "truth": " ".join(its.truth),
            "expected": round(float(its.expected), 3),
            "got": np.round(its.got, 3),
        },
        guess=lambda its: {"none": its.expected == 0},
    )


def score_vectors(yours: Any) -> float:
    """Mean of Spearman's correlations with the halves of WordSim-353 and SimLex-999 that the learner leaves alone."""
    words, tests = _hidden()
    if not (hasattr(yours, "words") and hasattr(yours, "vectors")):
        raise Wrong("not_vectors", kind=type(yours).__name__)
    given = WordVectors(list(yours.words), np.asarray(yours.vectors, dtype=np.float64))
    if missing := [word for word in words if word not in given]:
        raise Wrong("missing", n=len(missing), words=", ".join(missing[:3]))
    rows = given.vectors[[given.ids[word] for word in words]]
    if unknown := [word for word, row in zip(words, rows, strict=True) if not np.isfinite(row).all()]:
        raise Wrong("not_finite", n=len(unknown), words=", ".join(unknown[:3]))
    known = WordVectors(words, rows)
    if any(np.ptp([known.similarity(a, b) for a, b, _ in test]) < 1e-9 for test in tests):
        raise Wrong("constant")
    return float(np.mean([evaluate_similarity(known, test).spearman for test in tests]))


@cache
def _hidden() -> tuple[list[str], list[list[tuple[str, str, float]]]]:
    """The chapter's vocabulary, and every second pair of either test whose words are in it."""
    with redirect_stdout(io.StringIO()):  # what is loaded was said in the chapter
        words = build_vocabulary(load_wikipedia_sentences(), min_count=5).words
        pairs = [load_word_similarity(name)[1::2] for name in ("wordsim353", "simlex999")]
    known = set(words)
    return words, [[pair for pair in test if pair[0] in known and pair[1] in known] for test in pairs]
