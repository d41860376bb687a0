"""WEAT equals a computation word by word, its p-value SciPy's permutation test; planted bias is found."""

import numpy as np
import pytest
from scipy.stats import permutation_test

from aigc_course.trust.bias import association, weat

NAMES = [f"w{i}" for i in range(20)]


def vectors(seed, shift=0.0, dim=12):
    rng = np.random.default_rng(seed)
    found = {name: rng.normal(size=dim) for name in NAMES}
    for name in (*NAMES[:5], *NAMES[10:15]):  # X and A
        found[name][0] += shift
    for name in (*NAMES[5:10], *NAMES[15:]):  # Y and B
        found[name][0] -= shift
    return found


GROUPS = NAMES[:5], NAMES[5:10], NAMES[10:15], NAMES[15:]


def cosine(a, b):
    return sum(p * q for p, q in zip(a, b, strict=True)) / (sum(p * p for p in a) * sum(q * q for q in b)) ** 0.5


@pytest.mark.parametrize("seed", range(4))
def test_equals_a_computation_word_by_word_and_scipys_permutation_test(seed):
    v, (x, y, a, b) = vectors(seed, 0.3), GROUPS
    s = {w: np.mean([cosine(v[w], v[n]) for n in a]) - np.mean([cosine(v[w], v[n]) for n in b]) for w in x + y}
    np.testing.assert_allclose(association(v, x + y, a, b), list(s.values()))
    found = weat(v, *GROUPS)
    sx, sy = [s[w] for w in x], [s[w] for w in y]
    assert found.effect == pytest.approx((np.mean(sx) - np.mean(sy)) / np.std(sx + sy, ddof=1))
    theirs = permutation_test((sx, sy), lambda p, q: np.mean(p) - np.mean(q), alternative="greater", n_resamples=np.inf)
    assert found.p_value == pytest.approx(theirs.pvalue) and found.num_divisions == 252


def test_random_divisions_come_near_to_all():
    v = vectors(0, 0.3)
    all_of_them, some = weat(v, *GROUPS), weat(v, *GROUPS, most_divisions=250)
    assert some.num_divisions == 250 and some.effect == all_of_them.effect
    assert abs(some.p_value - all_of_them.p_value) < 0.1


def test_planted_bias_is_found_and_its_mirror_image():
    v, (x, y, a, b) = vectors(1, 3.0), GROUPS
    found, mirrored = weat(v, x, y, a, b), weat(v, y, x, a, b)
    assert found.effect > 1.5 and found.p_value == pytest.approx(1 / 252)
    assert mirrored.effect == pytest.approx(-found.effect) and mirrored.p_value == 1


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ((NAMES[:4], NAMES[5:10], *GROUPS[2:]), "4 and 5 target words"),
        ((NAMES[:1], NAMES[5:6], *GROUPS[2:]), "at least 2"),
        ((NAMES[:2], NAMES[1:3], *GROUPS[2:]), "w1: twice"),
        ((["w1", "nobody"], NAMES[5:7], *GROUPS[2:]), "no vector for nobody"),
        ((NAMES[:2], NAMES[5:7], [], NAMES[15:]), "at least one word"),
        ((NAMES[:2], NAMES[5:7], "w1", NAMES[15:]), "'w1': expected a list"),
    ],
)
def test_bad_input(groups, message):
    with pytest.raises(ValueError, match=message):
        weat(vectors(0), *groups)


def test_vectors_that_have_no_direction():
    v = vectors(0) | {"w3": np.zeros(12)}
    with pytest.raises(ValueError, match="vector of w3 is 0"):
        weat(v, *GROUPS)
    same = {name: np.ones(12) for name in NAMES}
    with pytest.raises(ValueError, match="nothing to compare"):
        weat(same, *GROUPS)
