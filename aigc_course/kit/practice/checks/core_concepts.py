"""Checks of the exercises on the five core concepts: a chain's fate, hinges, marked negation, edge strength."""

from types import SimpleNamespace
from typing import Any

import numpy as np

from aigc_course.kit.practice.answers import texts
from aigc_course.kit.practice.checks import Function, Wrong, call, check_cases, close
from aigc_course.synthetic import reviews

UNSEEN = 77_001  # seed of the reviews that the challenge trains on; the ones after it are tested


def check_stationary(yours: Function) -> None:
    """`yours(P)` is the distribution that the transition matrix P (rows sum to 1) leaves as it is."""
    flip = np.array([[0.0, 1.0], [0.5, 0.5]])
    ring = np.roll(np.eye(3), 1, axis=1)  # goes round for ever: no power of it settles
    slow = np.array([[0.99, 0.01], [0.005, 0.995]])  # its other eigenvalue is 0.985
    cases = [(P,) for P in (flip, np.random.default_rng(2).dirichlet(np.ones(5), size=5), ring, slow)]

    def guess(its: SimpleNamespace) -> dict[str, Any]:
        total = its.got.sum()
        return {
            "not_finite": not np.isfinite(its.got).all(),
            "never_settles": np.array_equal(its.P, ring),
            "not_scaled": abs(total - 1) > 1e-4 and abs(total) > 1e-9 and close(its.got / total, its.expected),
            "sum": abs(total - 1) > 1e-4,
            "negative": (its.got < -1e-6).any(),
        }

    check_cases(
        "02.stationary", yours, cases, show=lambda its: {"next": its.got @ its.P, "total": its.got.sum()}, guess=guess
    )


def check_bends(yours: Function) -> None:
    """`yours(w, b, low, high)` are the places in (low, high) where the units max(0, w x + b) bend, ascending."""
    rng = np.random.default_rng(3)
    cases = [
        (np.array([2.0, -1.0, 0.5]), np.array([-1.0, 0.3, 0.4]), -1.0, 1.0),
        (rng.normal(size=12), rng.normal(size=12), -1.0, 1.0),
        (np.array([1.0, 0.0, -2.0]), np.array([0.5, 0.7, 0.5]), -1.0, 1.0),
        (np.array([1.0, 2.0, -1.0, 1.0, 4.0]), np.array([1.99, 4.02, 2.99, -3.01, -2.0]), -2.0, 3.0),  # near the ends
        (rng.normal(size=9), rng.normal(size=9), 0.25, 8.0),
        (np.array([2.0, -1.0, 4.0, -0.5]), np.array([0.0, 1.5, 1.0, -2.0]), -4.0, 1.5),  # at 0, and on both ends
        (np.array([1.0, 2.0, -1.0]), np.array([-0.5, 0.0, 3.0]), 0.0, 4.0),
        (np.array([1.0, 2.0, -1.0]), np.array([0.5, 0.0, -3.0]), -4.0, 0.0),
    ]

    def guess(its: SimpleNamespace) -> dict[str, Any]:
        with np.errstate(divide="ignore"):
            everywhere = -its.b / its.w
        return {
            "flat_unit": (its.w == 0).any() and not np.isfinite(its.got).all(),
            "order": close(np.sort(its.got), its.expected),
            "outside": close(np.sort(its.got), np.sort(everywhere)),
            "count": len(its.got) != len(its.expected),
        }

    check_cases("02.bends", yours, cases, guess=guess, any_length=True)


def check_negation(yours: Function) -> None:
    """`yours(tokens)` puts NOT_ before every token between "not" or "never" and the next period."""
    sentences = (
        "the plot was not dull . the tea was fresh .",
        "it was never at all comfy . really fresh tea .",
        "very good .",
        "not good",
        "not . never mind the tea .",
        "it was not not dull .",
        "not warm , not cold .",
    )
    check_cases(
        "02.negation",
        yours,
        [(sentence.split(),) for sentence in sentences],
        about=lambda its: {"given": " ".join(its.tokens)},
        show=lambda its: {"expected": " ".join(its.expected), "got": " ".join(its.got)},
        guess=_causes_of_negation,
        form="not_tokens",
    )


def _causes_of_negation(its: SimpleNamespace) -> dict[str, Any]:
    """By which tokens are marked too much and too little."""
    if len(its.got) != len(its.tokens):
        return {"length": True}
    pairs = list(zip(its.tokens, its.got, its.expected, strict=True))
    extra = [token for token, got, expected in pairs if got.startswith("NOT_") and got != expected]
    missing = [i for i, (_, got, expected) in enumerate(pairs) if expected.startswith("NOT_") and got != expected]
    negators = ("not", "never")
    return {
        "unmarked": its.got == its.tokens and "never" not in its.tokens,
        "stop_marked": "NOT_." in its.got,
        "negator_marked": extra and all(token in negators for token in extra),
        "too_far": extra,
        "one_only": missing and all(its.tokens[i - 1] not in negators for i in missing),
        "never_missing": missing,
    }


def check_edges(yours: Function) -> None:
    """`yours(image)` is the length of the two Sobel answers at every place where the window fits: (h - 2, w - 2)."""
    rng = np.random.default_rng(5)
    check_cases(
        "02.edges",
        yours,
        [(rng.uniform(size=(6, 9)),), (rng.uniform(size=(7, 5)) - 3,), (np.eye(6),)],
        show=lambda its: {"got": its.got.max(), "expected": its.expected.max()},
        form="same_size",
    )


def score_negation_rule(yours: Function) -> float:
    """Share of unseen reviews that naive Bayes judges right on the tokens of `yours(text)`: mean over shares negated.

    200 reviews to learn from, two opinions in ten negated; 300 to test on for each share from none to all.
    """
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.naive_bayes import MultinomialNB

    def tokens(text: str) -> list[str]:
        result = call(yours, text)
        try:
            return texts(result)
        except Wrong as unreadable:
            raise Wrong("not_tokens", text=text, kind=type(result).__name__) from unreadable

    lessons = reviews.write(200, UNSEEN)
    cut = [tokens(review.text) for review in lessons]
    if not any(cut):
        raise Wrong("no_tokens")
    vectorizer = CountVectorizer(analyzer=list)
    judge = MultinomialNB().fit(vectorizer.fit_transform(cut), [review.good for review in lessons])
    shares = []
    for seed, negation in enumerate((0, 0.2, 0.4, 0.6, 0.8, 1), start=UNSEEN + 1):
        exam = reviews.write(300, seed, negation=negation)
        counts = vectorizer.transform([tokens(review.text) for review in exam])
        shares.append(judge.score(counts, [review.good for review in exam]))
    return float(np.mean(shares))
