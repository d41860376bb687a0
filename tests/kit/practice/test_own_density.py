"""The challenge of chapter 3.3: what a generator may not do, and what it is told."""

import pytest
import torch

from aigc_course.kit.practice.checks.gan_workflow import MOST_DRAWN, score_own_density
from aigc_course.kit.practice.exercises import Crashed, Wrong


def kept_points(draw_real):
    points = draw_real(4000)
    return lambda z: points


def drawn_too_often(draw_real):
    for _ in range(MOST_DRAWN // 64 + 1):
        draw_real(64)
    return lambda z: z


@pytest.mark.parametrize(
    ("answer", "key"),
    [
        (kept_points, "copied"),
        (drawn_too_often, "too_many"),
        (lambda draw_real: 3, "no_generator"),
        (lambda draw_real: lambda z: z[:5], "shape"),
        (lambda draw_real: lambda z: z.tolist(), "shape"),
        (lambda draw_real: lambda z: z / 0, "diverged"),
    ],
)
def test_what_a_generator_may_not_do(answer, key):
    with pytest.raises(Wrong) as wrong:
        score_own_density(answer)
    assert wrong.value.key == key


def test_no_real_points_after_the_training():
    with pytest.raises(Crashed) as crash:
        score_own_density(lambda draw_real: lambda z: draw_real(len(z)))
    assert "training is over" in str(crash.value.error)


def test_points_at_the_centers_score_better_than_noise():
    def nearest(draw_real):
        line = torch.tensor([-1.6, 0.0, 1.6])
        centers = torch.cartesian_prod(line, line)
        return lambda z: centers[torch.cdist(z, centers).argmin(dim=1)] + 0.1 * z

    assert score_own_density(nearest) < 1 < score_own_density(lambda draw_real: lambda z: z)


def test_the_learners_random_numbers_are_left_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    score_own_density(lambda draw_real: lambda z: z)
    assert torch.equal(torch.rand(3), expected)
