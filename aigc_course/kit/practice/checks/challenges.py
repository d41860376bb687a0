"""Checks of the exercises on privacy and watermarks: few false alarms, clipping, green tokens; the private training."""

import math

import numpy as np

from aigc_course.kit.practice.answers import call, number
from aigc_course.kit.practice.checks import Function, check_cases
from aigc_course.kit.practice.exercises import Wrong

MOST_EPSILON, DELTA, MOST_LOOKS, NUM_EXAMPLES = 3.0, 5e-4, 40_000, 1000
SETTINGS = ("num_steps", "batch_size", "noise_multiplier", "max_norm", "learning_rate")


def check_tpr(yours: Function) -> None:
    """`yours(member_scores, other_scores, fpr)` is the largest share of members at so few false alarms."""
    rng = np.random.default_rng(8)
    cases = []
    for members, others, fpr in ((9, 10, 0.25), (20, 25, 0.1), (30, 40, 0.05), (12, 5, 0.4), (15, 10, 0.3)):
        scores = np.round(rng.normal(0.8, 1, members), 1), np.round(rng.normal(0, 1, others), 1)
        cases.append((*scores, fpr))
    cases.append((np.array([1.0, 2.0, 2.0, 3.0]), np.array([0.0, 2.0, 3.0, 1.0]), 0.5))  # equal scores on both sides
    cases.append((np.array([0.0, 1.0]), np.array([2.0, 3.0]), 0.1))  # none can be found
    check_cases("08.tpr", yours, cases)


def check_clip(yours: Function) -> None:
    """`yours(gradients, max_norm, batch_size)` is the sum of the clipped rows by the batch size."""
    rng = np.random.default_rng(9)
    cases = []
    for rows, weights, max_norm, batch_size in ((3, 2, 1.0, 4), (5, 4, 0.5, 5), (6, 3, 2.0, 10), (4, 7, 1.5, 3)):
        gradients = rng.normal(size=(rows, weights)) * rng.lognormal(0, 1, (rows, 1))
        gradients[0] *= 0.3 * max_norm / np.linalg.norm(gradients[0])  # one that is short enough
        cases.append((gradients, max_norm, batch_size))
    check_cases("08.clip", yours, cases)


def check_z(yours: Function) -> None:
    """`yours(tokens, green, share)` is z of the green tokens."""
    rng = np.random.default_rng(10)
    cases = []
    for length, vocab, share in ((6, 4, 0.5), (20, 8, 0.25), (60, 10, 0.3), (9, 5, 0.4)):
        size = round(vocab * share)
        green = {token: set(rng.choice(vocab, size, replace=False).tolist()) for token in range(vocab)}
        cases.append((rng.integers(vocab, size=length).tolist(), green, share))
    check_cases("08.z", yours, cases)


def score_private(yours: Function) -> float:
    """Accuracy on unseen digits of a network that was trained privately with the settings of `yours()`."""
    import torch
    import torch.nn.functional as F
    from torch import nn

    from aigc_course.kit.datasets.mnist import bundled_sample
    from aigc_course.trust.private_training import PrivateConfig, epsilon, train_privately

    given = call(yours)
    if not isinstance(given, dict) or set(given) != set(SETTINGS):
        raise Wrong("keys", keys=", ".join(SETTINGS))
    read = {name: number(given[name]) for name in SETTINGS}
    for name in ("num_steps", "batch_size"):
        read[name] = int(read[name])
    if not 1 <= read["batch_size"] <= NUM_EXAMPLES or read["num_steps"] * read["batch_size"] > MOST_LOOKS:
        raise Wrong("looks", looks=read["num_steps"] * read["batch_size"])
    try:
        config = PrivateConfig(**read)  # pyright: ignore[reportArgumentType]
    except ValueError as error:
        raise Wrong("settings", error=error) from error
    spent = epsilon(config.noise_multiplier, config.batch_size / NUM_EXAMPLES, config.num_steps, DELTA)
    if spent > MOST_EPSILON:
        raise Wrong("epsilon", spent=spent if math.isfinite(spent) else "∞")
    digits = bundled_sample("train")  # the same digits, and so the same score, for everybody
    images = torch.as_tensor(digits.images[:4000]).float().flatten(1) / 255
    classes = torch.as_tensor(digits.labels[:4000]).long()
    with torch.random.fork_rng():
        torch.manual_seed(8)
        model = nn.Sequential(nn.Linear(784, 32), nn.Tanh(), nn.Linear(32, 10))
    for _ in train_privately(model, F.cross_entropy, images[:NUM_EXAMPLES], classes[:NUM_EXAMPLES], config, seed=8):
        pass
    with torch.no_grad():
        return float((model(images[2000:]).argmax(1) == classes[2000:]).float().mean())
