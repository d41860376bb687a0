"""Intervals against values from books, closed forms, and how often they hold the truth."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

from aigc_course.intervals import bootstrap_interval, mean_interval, share_interval


def test_the_mean_of_students_sleep_data():
    """Student 1908, hours of sleep gained with the second drug and the first; R's t.test gives these bounds."""
    gained = [1.2, 2.4, 1.3, 1.3, 0.0, 1.0, 1.8, 0.8, 4.6, 1.4]
    assert mean_interval(gained) == pytest.approx((1.58, 0.7001142, 2.4598858), abs=1e-6)


def test_the_mean_agrees_with_the_t_distribution_at_any_level():
    values = [3.0, 4.5, 5.0, 6.5, 8.0]
    for level in (0.5, 0.95, 0.99):
        low, high = stats.t.interval(level, 4, loc=np.mean(values), scale=stats.sem(values))
        assert mean_interval(values, level) == pytest.approx((np.mean(values), low, high))
    assert mean_interval(torch.tensor(values)) == mean_interval(values)
    assert mean_interval([0.25, 0.25, 0.25]) == (0.25, 0.25, 0.25), "no spread, no width, no warning"


def test_a_share_agrees_with_wilsons_formula():
    for successes, count, z in ((0, 10, 1.959964), (7, 10, 1.959964), (9780, 10_000, 2.575829)):
        share = successes / count
        middle = (share + z**2 / (2 * count)) / (1 + z**2 / count)
        half = z / (1 + z**2 / count) * math.sqrt(share * (1 - share) / count + z**2 / (4 * count**2))
        level = stats.norm.cdf(z) - stats.norm.cdf(-z)
        assert share_interval(successes, count, level) == pytest.approx((share, middle - half, middle + half))


def test_a_share_known_from_a_paper():
    """Newcombe 1998, Table I: 81 of 263 gives 0.2553 to 0.3662, 0 of 20 gives 0 to 0.1611."""
    assert share_interval(81, 263) == pytest.approx((81 / 263, 0.2553, 0.3662), abs=5e-5)
    assert share_interval(0, 20) == pytest.approx((0, 0, 0.1611), abs=5e-5)
    assert share_interval(np.int64(3), torch.tensor(4)) == share_interval(3, 4)


def test_the_bootstrap_of_a_mean_is_close_to_its_t_interval_and_repeats():
    values = np.random.default_rng(0).normal(3, 2, size=400)
    _, low, high = mean_interval(values)
    found = bootstrap_interval(np.mean, values)
    assert found == pytest.approx((values.mean(), low, high), abs=0.02)
    assert found == bootstrap_interval(np.mean, values)
    assert found != bootstrap_interval(np.mean, values, seed=1)


def test_the_bootstrap_draws_paired_rows_together():
    rng = np.random.default_rng(1)
    counts = rng.integers(50, 200, size=300)
    sums = 2.5 * counts  # the ratio of the sums is 2.5 in every resample, if the rows stay together
    assert bootstrap_interval(lambda s, c: s.sum() / c.sum(), sums, counts) == pytest.approx((2.5, 2.5, 2.5))


def test_19_of_20_intervals_hold_the_truth():
    rng = np.random.default_rng(2)
    means = [mean_interval(rng.normal(5, 3, size=6)) for _ in range(1000)]
    assert np.mean([low <= 5 <= high for _, low, high in means]) == pytest.approx(0.95, abs=0.02)
    shares = [share_interval(rng.binomial(200, 0.9), 200) for _ in range(1000)]
    assert np.mean([low <= 0.9 <= high for _, low, high in shares]) == pytest.approx(0.95, abs=0.025)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mean_interval([1.0]), "at least 2 numbers"),
        (lambda: mean_interval([]), "at least 2 numbers"),
        (lambda: mean_interval([[1.0, 2.0]]), "at least 2 numbers"),
        (lambda: mean_interval([1.0, math.nan, math.inf]), "2 of 3 numbers are NaN or infinite"),
        (lambda: mean_interval([1.0, 2.0], level=95), "level 95 is not between 0 and 1"),
        (lambda: share_interval(11, 10), "11 of 10 is not a share"),
        (lambda: share_interval(-1, 10), "-1 of 10 is not a share"),
        (lambda: share_interval(0, 0), "0 of 0 is not a share"),
        (lambda: share_interval(0.5, 10), "0.5 of 10 is not a share"),
        (lambda: share_interval(math.nan, 10), "nan of 10 is not a share"),
        (lambda: share_interval(1, math.inf), "1 of inf is not a share"),
        (lambda: share_interval(1, 10, level=1), "level 1 is not between"),
        (lambda: bootstrap_interval(np.mean, [1.0]), "sample 1 of shape"),
        (lambda: bootstrap_interval(np.mean, [1.0, math.nan]), "sample 1: 1 of 2 numbers are NaN"),
        (lambda: bootstrap_interval(np.mean), "at least one"),
        (lambda: bootstrap_interval(np.mean, [1.0, 2.0], [1.0, 2.0, 3.0]), "all of the same length"),
    ],
)
def test_what_gives_no_interval_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
