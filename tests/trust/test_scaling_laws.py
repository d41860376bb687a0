"""A planted law is found again; a size that was held out falls into the interval as often as it says."""

import numpy as np
import pytest

from aigc_course.trust.scaling_laws import PowerLaw, fit_power_law, predict

SIZES = np.array([1e3, 3e3, 1e4, 3e4, 1e5])
LAW = PowerLaw(12.0, 0.35, 1.5)


@pytest.mark.parametrize("law", [LAW, PowerLaw(300.0, 0.8, 0.2), PowerLaw(2.0, 0.1, 3.0)])
def test_a_law_without_noise_is_found_exactly(law):
    assert fit_power_law(SIZES, law.loss(SIZES)) == pytest.approx(law, rel=1e-3)
    assert fit_power_law(SIZES, law.loss(SIZES), floor=law.floor) == pytest.approx(law, rel=1e-3)


def test_a_known_floor_is_kept():
    noisy = LAW.loss(SIZES)[:, None] + np.random.default_rng(0).normal(0, 0.01, (5, 3))
    assert fit_power_law(SIZES, noisy, floor=1.4).floor == 1.4


def test_a_floor_may_lie_above_a_single_unlucky_run_and_is_kept_when_runs_are_drawn_again():
    losses = LAW.loss(SIZES)[:, None] + np.random.default_rng(0).normal(0, 0.3, (5, 4))
    floor = losses.mean(axis=1).min() - 1e-3
    assert losses.min() < floor
    assert fit_power_law(SIZES, losses, floor).floor == floor
    found = predict(SIZES, losses, 1e6, floor, num_resamples=40)  # of some draws every mean is below the floor
    assert found.low < found.loss < found.high


def test_the_interval_holds_a_run_of_a_larger_size():
    inside = 0
    for trial in range(25):
        rng = np.random.default_rng(trial)
        losses = LAW.loss(SIZES)[:, None] + rng.normal(0, 0.02, (5, 5))
        found = predict(SIZES, losses, 3e5, floor=1.5, num_resamples=40, seed=trial)
        inside += found.low <= LAW.loss(3e5) + rng.normal(0, 0.02) <= found.high
        assert found.low < found.loss < found.high
    assert inside >= 20  # 95 % asked, of 40 draws a little less: fewer than 20 of 25 has probability 0.01


def test_a_floor_that_must_be_found_widens_the_interval():
    losses = LAW.loss(SIZES)[:, None] + np.random.default_rng(0).normal(0, 0.02, (5, 5))
    known, found = (predict(SIZES, losses, 3e6, floor, num_resamples=60) for floor in (1.5, None))
    assert found.high - found.low > 1.2 * (known.high - known.low)


def test_a_line_that_ends_is_not_predicted_beyond_its_end():
    losses = np.maximum(LAW.loss(SIZES), LAW.loss(1e4))[:, None] + np.zeros((5, 2))
    law = fit_power_law(SIZES, losses)
    assert np.abs(law.loss(SIZES) - losses[:, 0]).max() > 0.02  # and the residuals say so


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: fit_power_law([1, 2, 3], [3, 2, 1]), "3 different sizes"),
        (lambda: fit_power_law([1, 2], [3, 2], floor=1), "2 different sizes"),
        (lambda: fit_power_law([1, 1, 2, 3], [3, 2, 1, 1]), "3 different sizes"),
        (lambda: fit_power_law([0, 1, 2, 3], [3, 2, 1, 1]), "positive"),
        (lambda: fit_power_law(SIZES, [1, 2]), "expected"),
        (lambda: fit_power_law(SIZES, [1, 2, 3, 4, np.nan]), "finite"),
        (lambda: fit_power_law(SIZES, [5, 4, 3, 2, 0]), "above 0"),
        (lambda: predict(SIZES, LAW.loss(SIZES), 1e6), "2 or more"),
        *(
            (lambda floor=floor: fit_power_law(SIZES, LAW.loss(SIZES), floor), "give one in this range, or None")
            for floor in (LAW.loss(SIZES).min(), 3.0, np.inf, np.nan, -0.1)
        ),
        (lambda: predict(SIZES, np.repeat(LAW.loss(SIZES)[:, None], 2, 1), 1e6, floor=1.8), r"1\.8 .* below 1\.713"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()
