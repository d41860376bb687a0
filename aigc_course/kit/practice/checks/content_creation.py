"""Checks of the exercises on content creation: merged LoRA, the DPO loss, a judge's consistency; the challenge."""

from types import SimpleNamespace
from typing import Any

import numpy as np

from aigc_course.kit.practice.answers import call, number
from aigc_course.kit.practice.checks import Function, check_cases
from aigc_course.kit.practice.exercises import Wrong
from aigc_course.synthetic.genres import GENRES, HELD_OUT, Sheet, tell, write

NUM_HIDDEN, FIRST_HIDDEN = 60, HELD_OUT + 6_100_000  # pairs a language, of the challenge


def check_merge(yours: Function) -> None:
    """`yours(W, A, B, alpha)` is W + (alpha / rank) A B."""
    rng = np.random.default_rng(61)
    cases = []
    for in_dim, rank, out_dim, alpha in ((3, 1, 4, 2.0), (4, 2, 3, 1.0), (5, 3, 5, 8.0), (2, 4, 2, 6.0)):
        shapes = (in_dim, out_dim), (in_dim, rank), (rank, out_dim)
        cases.append((*(np.round(rng.normal(size=shape), 2) for shape in shapes), alpha))
    check_cases("06_1.merge", yours, cases)


def check_dpo_loss(yours: Function) -> None:
    """`yours(wanted, unwanted, wanted_ref, unwanted_ref, beta)` is the mean of -log sigmoid(beta * margin)."""
    rng = np.random.default_rng(62)
    cases = []
    for n, beta in ((4, 0.1), (1, 0.5), (7, 1.0), (5, 0.05)):
        cases.append((*(np.round(-rng.uniform(20, 60, n), 1) for _ in range(4)), beta))
    check_cases("06_1.dpo_loss", yours, cases)


def check_flips(yours: Function) -> None:
    """`yours(shown_ab, shown_ba)` is (share of pairs whose winner flips, share of verdicts for A)."""
    rng = np.random.default_rng(63)
    cases = [(rng.integers(2, size=n), rng.integers(2, size=n)) for n in (5, 8, 13, 30)]
    cases.append((np.array([0, 0, 1, 0]), np.array([1, 1, 0, 1])))  # A always wins but once; nothing flips

    def show(its: SimpleNamespace) -> dict[str, Any]:
        return {name: np.round(getattr(its, name), 3).tolist() for name in ("expected", "got")}

    check_cases("06_1.flips", yours, cases, show=show)


def hidden_pairs() -> list[tuple[str, str, str]]:
    """(sheet, true text, text of a changed sheet) for the challenge, in four genres and two languages."""
    pairs = []
    for language in ("zh", "en"):
        for place in range(NUM_HIDDEN):
            genre = GENRES[place % len(GENRES)]
            told = tell(FIRST_HIDDEN + place, genre, language)
            other = tell(FIRST_HIDDEN + 1000 + place, genre, language).sheet
            facts = dict(told.sheet.facts)
            if place // len(GENRES) % 2:  # every value is there still, but somebody else's
                facts["hero"], facts["friend"] = facts["friend"], facts["hero"]
            else:
                facts |= {name: other.facts[name] for name in ("colour", "month", "trait") if name in facts}
            wrong = write(Sheet(genre, language, facts), place)
            if facts != told.sheet.facts:
                pairs.append((str(told.sheet), told.text, wrong))
    return pairs


def score_judge(yours: Function) -> float:
    """The share of right picks of `yours(sheet, one, other)`, each pair in both orders."""
    right = []
    for sheet, true, wrong in hidden_pairs():
        for expected, pair in enumerate(((true, wrong), (wrong, true))):
            got = number(call(yours, sheet, *pair))
            if got not in (0, 1):
                raise Wrong("no_place", got=got)
            right.append(got == expected)
    return float(np.mean(right))
