"""Curves equal scikit-learn's; scores that know nothing are at 0.5; what a shadow attack plants, it finds."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score, roc_curve

from aigc_course.trust.membership import attack, likelihood_ratios, log_odds, most_allowed


@pytest.mark.parametrize("shift", [0, 1, 5])
@pytest.mark.parametrize("digits", [1, 12])  # rounded scores have ties
def test_equals_scikit_learn(shift, digits):
    rng = np.random.default_rng(shift)
    members, others = rng.normal(shift, 1, 300).round(digits), rng.normal(0, 1, 200).round(digits)
    found = attack(members, others)
    truth, scores = np.r_[np.ones(300), np.zeros(200)], np.r_[members, others]
    fpr, tpr, _ = roc_curve(truth, scores, drop_intermediate=False)
    np.testing.assert_allclose(found.fpr, fpr)
    np.testing.assert_allclose(found.tpr, tpr)
    assert found.auc == pytest.approx(roc_auc_score(truth, scores))
    assert found.tpr_at(0.05) == pytest.approx(tpr[fpr <= 0.05].max())


def test_extremes():
    assert attack([2, 3], [0, 1]).auc == 1
    assert attack([0, 1], [2, 3]).auc == 0
    assert attack([1, 1], [1, 1]).auc == 0.5
    assert attack([1, 1], [1, 1]).tpr_at(0.5) == 0


def test_log_odds_stay_exact_where_a_model_is_sure():
    probs = np.array([[1 - 1e-9, 1e-9], [0.5, 0.5], [1.0, 0.0]])
    found = log_odds(probs, np.array([0, 1, 0]))
    assert found[:2] == pytest.approx([np.log(1e9), 0], abs=1e-6)
    assert np.isfinite(found).all() and found[2] > 600


def simulated(num_models, effect, seed, n=400):
    """Log-odds of models whose members are `effect` better known, over examples of very different difficulty."""
    rng = np.random.default_rng(seed)
    hard = rng.normal(0, 5, n)
    inside = rng.random((num_models, n)) < 0.5
    inside[0], inside[1] = True, False
    mine = rng.random(n) < 0.5
    shadow = hard + effect * inside + rng.normal(0, 1, inside.shape)
    return hard + effect * mine + rng.normal(0, 1, n), shadow, inside, mine


def test_shadow_models_find_what_the_loss_alone_does_not():
    x, shadow, inside, mine = simulated(32, 2.0, 0)
    ratios = likelihood_ratios(x, shadow, inside)
    with_shadows, alone = attack(ratios[mine], ratios[~mine]), attack(x[mine], x[~mine])
    assert with_shadows.auc > 0.85  # two normals 2 apart: 0.92
    assert alone.auc < 0.7
    assert with_shadows.tpr_at(0.01) > 3 * alone.tpr_at(0.01)


def test_nothing_planted_nothing_found():
    x, shadow, inside, mine = simulated(32, 0.0, 1)
    ratios = likelihood_ratios(x, shadow, inside)
    assert abs(attack(ratios[mine], ratios[~mine]).auc - 0.5) < 0.09  # 3 standard deviations


def test_the_bound_of_privacy():
    fpr = np.linspace(0, 1, 101)
    np.testing.assert_allclose(most_allowed(fpr, 0, 0), fpr, atol=1e-12)
    assert most_allowed(0.01, 1.0, 1e-5) == pytest.approx(0.01 * np.e + 1e-5)
    assert (most_allowed(fpr, np.inf, 0) == 1).all()
    # the mechanism that tells the truth with probability e^eps / (1 + e^eps) lies on the bound
    eps = 1.3
    truth = np.exp(eps) / (1 + np.exp(eps))
    assert most_allowed(1 - truth, eps, 0) == pytest.approx(truth)
    assert (np.diff(most_allowed(fpr, eps, 1e-3)) >= 0).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: attack([], [1]), "at least one number"),
        (lambda: attack([float("nan")], [1]), "NaN"),
        (lambda: attack([1], [0]).tpr_at(2), "not a share"),
        (lambda: log_odds([[0.5, 0.1]], [0]), "sum to 1"),
        (lambda: log_odds([[0.5, 0.5]], [0, 1]), "expected"),
        (lambda: likelihood_ratios([0.0], [[0.0], [1.0]], [[True], [True]]), "not in others"),
        (lambda: likelihood_ratios([0.0], [[0.0]], [[1]]), "bool"),
        (lambda: most_allowed(0.1, -1, 0), "epsilon -1"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
