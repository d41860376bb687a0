"""Occupations and generative AI: measures of exposure, how far they agree, and what a described job is like.

The tables lie in data/jobs; data/README.md says where each column comes from. An empty cell is NaN: not known, not 0.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import stats

from aigc_course.storage.tables import ADVICE, read_rows

MEASURES = {  # short name: column of occupations.csv
    "human": "human_beta",
    "gpt4": "gpt4_beta",
    "abilities": "aioe",
    "use": "ms_ai_applicability",
    "ilo": "ilo_score_2025",
}
TEXTS = ("soc_code", "occupation_en", "occupation_zh", "major_group_en", "major_group_zh")
NUMBERS = (
    *MEASURES.values(), "human_alpha", "human_zeta", "gpt4_alpha", "gpt4_zeta", "content_creation",
    "us_employment_2022_thousand", "us_projected_change_2022_32_pct", "us_median_wage_2022_usd",
)  # fmt: skip
LONGEST = 20_000  # characters of a description; a life's work fits on a few pages
HAN = re.compile(r"[\u3400-\u9fff]+")
ENDINGS = ("ingly", "ations", "ation", "ings", "ing", "ers", "ors", "ies", "ed", "er", "or", "es", "s", "y", "e")
STOPWORDS = frozenset({
    "a", "an", "and", "are", "as", "at", "by", "do", "for", "from", "has", "have", "help", "i", "in", "into", "is",
    "it", "its", "make", "my", "of", "on", "or", "our", "that", "the", "their", "them", "they", "this", "to", "up",
    "use", "we", "with", "work", "you", "your",
})  # fmt: skip


def read_table(path: Path, texts: Iterable[str], numbers: Iterable[str] = ()) -> dict[str, np.ndarray]:
    """The named columns of a CSV file: texts as they are, numbers as float64 with NaN for an empty cell, (rows,) each.

    Raises FileNotFoundError for a missing file, and ValueError that names the place for a file without rows, a missing
    column, a row of another length and a cell that is no number; nothing is returned of such a file.
    """
    texts, numbers = list(texts), list(numbers)
    _, rows = read_rows(path, (*texts, *numbers))
    if not rows:
        raise ValueError(f"{path.name} holds no rows; {ADVICE}")
    table = {name: np.array([row[name] for row in rows]) for name in texts}
    for name in numbers:
        places = (f"{path.name}, line {line}, {name}" for line in range(2, len(rows) + 2))
        table[name] = np.array([_number(row[name], place) for row, place in zip(rows, places, strict=True)])
    return table


def _number(cell: str, place: str) -> float:
    if not cell.strip():
        return float("nan")
    try:
        value = float(cell)
    except ValueError as error:
        raise ValueError(f"{place}: {cell!r} is no number") from error
    if not np.isfinite(value):
        raise ValueError(f"{place}: {cell!r} is not a usable number; leave a cell empty if not known")
    return value


def read_occupations(folder: Path) -> dict[str, np.ndarray]:
    """occupations.csv with the tasks of tasks.csv, (120,) a column; `tasks_en` and `tasks_zh` were written by us."""
    occupations = read_table(folder / "occupations.csv", TEXTS, NUMBERS)
    tasks = read_table(folder / "tasks.csv", ("soc_code", "tasks_en", "tasks_zh"))
    if not np.array_equal(occupations["soc_code"], tasks["soc_code"]):
        raise ValueError("tasks.csv and occupations.csv do not list the same occupations in the same order")
    return occupations | {name: tasks[name] for name in ("tasks_en", "tasks_zh")}


def rank_correlation(
    a: np.ndarray, b: np.ndarray, seed: int = 0, num_resamples: int = 2000
) -> tuple[float, float, float]:
    """Spearman's rho of two measures where both are known, with its 95 % bootstrap interval: (rho, low, high).

    a, b: (n,) with NaN for not known. ValueError if fewer than 3 rows are known in both, or all values are the same.
    The percentile interval of `intervals.bootstrap_interval`, all resamples ranked in one call.
    Source: Spearman, The proof and measurement of association between two things (1904).
    """
    known = ~(np.isnan(a) | np.isnan(b))
    if known.sum() < 3:
        raise ValueError(f"{known.sum()} rows are known in both; a rank correlation needs at least 3")
    a, b = a[known], b[known]
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        raise ValueError("all values of one measure are the same; they have no order")
    drawn = np.random.default_rng(seed).integers(len(a), size=(num_resamples, len(a)))
    found = _correlation_of_ranks(a[drawn], b[drawn])
    low, high = np.nanquantile(found, [0.025, 0.975])  # NaN: a resample of equal values, which has no order
    return float(_correlation_of_ranks(a, b)), float(low), float(high)


def _correlation_of_ranks(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Spearman's rho along the last axis; NaN where all values are equal."""
    ranks = [stats.rankdata(values, axis=-1) for values in (a, b)]
    x, y = (rank - rank.mean(axis=-1, keepdims=True) for rank in ranks)
    with np.errstate(invalid="ignore"):
        return (x * y).sum(-1) / np.sqrt((x**2).sum(-1) * (y**2).sum(-1))


def percentiles(values: np.ndarray) -> np.ndarray:
    """For each value the share of the known ones that are not above it, 0..1; NaN stays NaN. (n,) -> (n,)"""
    known = values[~np.isnan(values)]
    shares = np.array([np.mean(known <= value) if len(known) else np.nan for value in values])
    return np.where(np.isnan(values), np.nan, shares)


def terms(text: str) -> list[str]:
    """What two descriptions are compared by: word stems, and of Chinese single characters and pairs of them."""
    plain = unicodedata.normalize("NFKD", text).lower()  # full-width letters, and accents apart from their letters
    words = re.findall(r"[a-z]+", "".join(letter for letter in plain if not unicodedata.combining(letter)))
    found = [_stem(word) for word in words if word not in STOPWORDS]
    for run in HAN.findall(text):
        found += [*run, *(run[i : i + 2] for i in range(len(run) - 1))]
    return found


def _stem(word: str) -> str:
    """A rough stem, the same for teach, teaches, teaching and teachers."""
    for ending in ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word


@dataclass(frozen=True)
class Answer:
    """What is said of a description: the occupations that are most like it, and the span of each measure over them."""

    nearest: np.ndarray  # (n,) rows of the table, the most similar first
    similarity: np.ndarray  # (n,) cosine, 0..1
    spans: dict[str, tuple[float, float, float]]  # measure: lowest, middle and highest percentile, 0..1
    is_recognized: bool  # False: nothing in the text was understood, and `nearest` is every occupation


class Matcher:
    """Finds the occupations that a description in Chinese or English is most like, by tf-idf vectors (chapter 2)."""

    def __init__(self, occupations: dict[str, np.ndarray]) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer

        columns = ("occupation_en", "occupation_zh", "tasks_en", "tasks_zh")
        texts = [" . ".join(row) for row in zip(*(occupations[name] for name in columns), strict=True)]
        self.vectorizer = TfidfVectorizer(analyzer=terms, sublinear_tf=True)
        self.vectors = self.vectorizer.fit_transform(texts)  # (occupations, terms), rows of length 1
        self.percentiles = {name: percentiles(occupations[column]) for name, column in MEASURES.items()}

    def answer(self, description: str, count: int = 5) -> Answer:
        """The `count` nearest occupations, and over them the span of each measure.

        A text of which nothing is understood (an empty one, emoji) is answered with all occupations and their spans.
        Raises TypeError for something else than a text, ValueError for one over 20,000 characters and a count below 1.
        """
        if not isinstance(description, str):
            raise TypeError(f"describe the job in a string, not in a {type(description).__name__}")
        if len(description) > LONGEST:
            raise ValueError(f"{len(description):,} characters; describe the job in at most {LONGEST:,}")
        if count < 1:
            raise ValueError(f"count {count}: ask for at least one occupation, 5 is usual")
        similarity = np.asarray((self.vectors @ self.vectorizer.transform([description]).T).todense()).ravel()
        order = np.argsort(-similarity, kind="stable")
        is_recognized = bool(similarity.max() > 0)
        nearest = order
        if is_recognized:
            matched = order[: min(count, int((similarity > 0).sum()))]
            like_the_first = np.asarray((self.vectors @ self.vectors[matched[0]].T).todense()).ravel()
            others = [row for row in np.argsort(-like_the_first, kind="stable") if row not in matched]
            nearest = np.array([*matched, *others[: count - len(matched)]])  # one word may fit a single occupation
        spans = {name: _span(values[nearest]) for name, values in self.percentiles.items()}
        return Answer(nearest, similarity[nearest], spans, is_recognized)

    def shared(self, description: str, row: int, most: int = 4) -> list[str]:
        """The terms that a description has in common with an occupation, those that weigh most first."""
        both = self.vectorizer.transform([description]).multiply(self.vectors[row]).tocoo()
        names = self.vectorizer.get_feature_names_out()
        return [str(names[both.col[i]]) for i in np.argsort(-both.data, kind="stable")[:most]]


def _span(values: np.ndarray) -> tuple[float, float, float]:
    known = values[~np.isnan(values)]
    if not len(known):
        return float("nan"), float("nan"), float("nan")
    return float(known.min()), float(np.median(known)), float(known.max())
