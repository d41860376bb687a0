"""Membership inference: was this example in the training data? An attack looks at how well a model knows it.

Sources: Yeom et al. 2018 (the attack by the loss); Carlini et al. 2022, "Membership Inference Attacks From First
Principles" (shadow models, and why true positives at few false alarms say more than the area).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats
from scipy.integrate import trapezoid


class Attack(NamedTuple):
    """How an attack does at every threshold; both arrays rise from 0 to 1."""

    fpr: np.ndarray  # (thresholds,) share of others that it takes for members
    tpr: np.ndarray  # (thresholds,) share of members that it finds

    @property
    def auc(self) -> float:
        """The area under the curve: P(a member scores above another example); 0.5 is guessing."""
        return float(trapezoid(self.tpr, self.fpr))

    def tpr_at(self, fpr: float) -> float:
        """The share of members found with at most this share of false alarms."""
        if not 0 <= fpr <= 1:
            raise ValueError(f"fpr {fpr} is not a share; 0.01 is usual")
        return float(self.tpr[self.fpr <= fpr].max())


def attack(member_scores: ArrayLike, other_scores: ArrayLike) -> Attack:
    """Call an example a member if its score reaches a threshold, for every threshold; such as minus the loss.

    member_scores, other_scores: (n,), (m,) numbers, the larger, the more like a member;  ValueError for NaN or none.
    """
    members, others = (_scores(scores) for scores in (member_scores, other_scores))
    thresholds = np.unique(np.concatenate([members, others]))[::-1]
    tpr, fpr = (
        (len(scores) - np.searchsorted(np.sort(scores), thresholds, side="left")) / len(scores)
        for scores in (members, others)
    )
    return Attack(np.concatenate([[0.0], fpr]), np.concatenate([[0.0], tpr]))


def log_odds(probs: ArrayLike, labels: ArrayLike) -> np.ndarray:
    """log(p / (1 - p)) of the true class, (n,); nearly normal, where the loss is not.

    probs: (n, classes) rows that sum to 1;  labels: (n,) whole numbers
    """
    probs, labels = np.asarray(probs, dtype=np.float64), np.asarray(labels)
    if probs.ndim != 2 or labels.shape != probs.shape[:1]:
        raise ValueError(f"probs {probs.shape} and labels {labels.shape}: expected (n, classes) and (n,)")
    if not np.allclose(probs.sum(axis=1), 1, atol=1e-3):
        raise ValueError("the rows of probs do not sum to 1; give probabilities, not logits")
    own = probs[np.arange(len(labels)), labels]
    rest = np.where(np.arange(probs.shape[1]) == labels[:, None], 0, probs).sum(axis=1)  # exact where own is nearly 1
    least = np.finfo(np.float64).tiny
    return np.log(np.maximum(own, least)) - np.log(np.maximum(rest, least))


def likelihood_ratios(log_odds: ArrayLike, shadow_log_odds: ArrayLike, was_member: ArrayLike) -> np.ndarray:
    """How much likelier each example's log-odds are if it was trained on: log N(x; in) - log N(x; out), (n,).

    log_odds:         (n,) of the attacked model
    shadow_log_odds:  (models, n) of models that the attacker trained on random parts of similar data
    was_member:       (models, n) True where that model was trained on that example
    Each example has its own two means; the two variances are shared by all, as few models say little about a variance.
    ValueError for shapes that do not fit, and where an example was in all or in none of the models.
    """
    x, shadow, inside = np.asarray(log_odds, float), np.asarray(shadow_log_odds, float), np.asarray(was_member)
    if x.ndim != 1 or shadow.shape != inside.shape or shadow.shape[1:] != x.shape or inside.dtype != bool:
        raise ValueError(
            f"log_odds {x.shape}, shadow_log_odds {shadow.shape}, was_member {inside.shape} {inside.dtype}: expected "
            "(n,), (models, n), (models, n) bool"
        )
    if inside.all(axis=0).any() or not inside.any(axis=0).all():
        raise ValueError("every example must be in some shadow models and not in others; train more of them")
    logs = []
    for member in (inside, ~inside):
        mean = np.where(member, shadow, 0).sum(axis=0) / member.sum(axis=0)
        residuals = (shadow - mean)[member]
        freedom = max(1, residuals.size - shadow.shape[1])  # one mean an example was fitted
        spread = max(float(np.sqrt((residuals**2).sum() / freedom)), 1e-6)
        logs.append(stats.norm.logpdf(x, mean, spread))
    return logs[0] - logs[1]


def most_allowed(fpr: ArrayLike, epsilon: float, delta: float) -> np.ndarray:
    """The largest share of members that any attack finds at these false alarms if training was (eps, delta)-private.

    TPR <= e^eps FPR + delta, and the same with the roles changed: 1 - FPR <= e^eps (1 - TPR) + delta.
    Source: Kairouz et al. 2015; epsilon infinity allows everything.
    """
    fpr = np.asarray(fpr, dtype=np.float64)
    if not (epsilon >= 0 and 0 <= delta <= 1):
        raise ValueError(f"epsilon {epsilon}, delta {delta}: expected epsilon of 0 or more and delta in [0, 1]")
    if np.isinf(epsilon):
        return np.ones_like(fpr)
    epsilon = min(epsilon, 700.0)  # a larger one has no exponential
    return np.clip(np.minimum(np.exp(epsilon) * fpr + delta, 1 - np.exp(-epsilon) * (1 - fpr - delta)), 0, 1)


def _scores(scores: ArrayLike) -> np.ndarray:
    numbers = np.asarray(scores, dtype=np.float64)
    if numbers.ndim != 1 or not len(numbers) or np.isnan(numbers).any():
        raise ValueError(f"scores of shape {numbers.shape}: expected a list of at least one number, none of them NaN")
    return numbers
