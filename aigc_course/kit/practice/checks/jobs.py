"""Checks of the exercises on jobs: percentiles, shares of people, a fact-checker; the score of the challenge."""

import csv
from types import SimpleNamespace
from typing import Any

import numpy as np

from aigc_course import jobs
from aigc_course.kit.practice.answers import call, number
from aigc_course.kit.practice.checks import Function, check_cases, close
from aigc_course.kit.practice.exercises import Wrong
from aigc_course.kit.runtime import data_folder


def check_percentiles(yours: Function) -> None:
    """`yours(values)` is each value's share of the known values that are not above it, NaN where it is not known."""
    rng = np.random.default_rng(10)
    cases = []
    for n, unknown, decimals in ((7, 0, 1), (12, 3, 1), (30, 5, 2), (4, 2, 0)):
        values = np.round(rng.random(n), decimals)
        values[rng.choice(n, unknown, replace=False)] = np.nan
        cases.append((values,))
    cases.append((np.array([-1.0, 2.0, 2.0, np.nan, -3.5]),))

    def guess(its: SimpleNamespace) -> dict[str, Any]:
        known = ~np.isnan(its.values)
        return {"nan": known.any() and close(its.got[known], its.expected[known])}

    check_cases("10.percentiles", yours, cases, guess=guess)


def check_share(yours: Function) -> None:
    """`yours(scores, people, threshold)` is the share of people in occupations with a score above the threshold."""
    rng = np.random.default_rng(11)
    cases = []
    for n, unknown, threshold in ((6, 0, 0.5), (15, 2, 0.3), (40, 6, 0.6), (9, 1, 0.4)):
        scores, people = np.round(rng.random(n), 1), np.round(rng.lognormal(3, 1, n), 1)
        scores[0], scores[1] = threshold, threshold + 0.1
        for column in (scores, people):
            column[rng.choice(np.arange(2, n), unknown, replace=False)] = np.nan
        cases.append((scores, people, threshold))
    check_cases("10.share", yours, cases, guess=lambda its: {"nan": np.isnan(its.got).all()})


def check_facts(yours: Function) -> None:
    """`yours(quote, source)` says whether a quote is right in value, unit, cause and kind."""
    survey = {"value": 92.0, "unit": "jobs", "cause": "all trends", "kind": "gross"}
    spans = {"value": 47.0, "value_high": 56.0, "unit": "tasks", "cause": "AI", "kind": "gross"}
    slower = {"value": -18.0, "unit": "% of time", "cause": "AI", "kind": "net"}
    cases = [
        (survey | {"cause": "AI"}, survey),
        (survey | {"value": 97.0}, survey),
        (survey | {"value": 92.4}, survey),
        (survey | {"value": 93.0}, survey),
        (spans | {"value": 50.0}, spans),
        (spans | {"value": 56.3}, spans),
        (spans | {"value": 60.0, "unit": "jobs"}, spans),
        (dict(slower), slower),
        (slower | {"value": 18.0, "kind": "gross"}, slower),
        (slower | {"value": -18.1, "unit": "% of jobs", "cause": "all trends"}, slower),
        (survey | {"value": 9.0, "unit": "people", "cause": "AI", "kind": "net"}, survey),
        *((survey | {"value": value}, survey | {"value": 100.0}) for value in (99.0, 101.0, 98.995, 101.005)),  # ends
        ({name: value for name, value in spans.items() if name != "value_high"} | {"value": 50.0}, spans),
    ]
    check_cases("10.facts", yours, cases)


def score_find(yours: Function) -> float:
    """Share of the 40 descriptions for which `yours(description, occupations)` names a person's choice."""
    folder = data_folder() / "jobs"
    table = jobs.read_occupations(folder)
    columns = ("occupation_en", "occupation_zh", "tasks_en", "tasks_zh")
    texts = [" . ".join(row) for row in zip(*(table[name].tolist() for name in columns), strict=True)]
    with (folder / "descriptions.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    hits = []
    for row in rows:
        got = number(call(yours, row["description"], texts))
        if got not in range(len(texts)):
            raise Wrong("no_number", got=got)
        hits.append(table["soc_code"][int(got)] == row["soc_code"])
    return float(np.mean(hits))
