"""Checks of the exercises on sound: frequencies of notes, parallel fifths."""

import numpy as np

from aigc_course.kit.practice.checks import Function, check_cases


def check_frequencies(yours: Function) -> None:
    """`yours(pitches, tuning)` are the frequencies of MIDI numbers when the A is tuned so."""
    cases = [
        (np.array([69, 81, 57]), 440.0),
        (np.array([60, 64, 67, 72]), 440.0),
        (np.array([69, 60, 43]), 415.0),
        (np.array([48, 71]), 442.0),
    ]
    check_cases("06_3.frequencies", yours, cases)


def check_fifths(yours: Function) -> None:
    """`yours(upper, lower)` is the number of parallel fifths of two voices."""
    rng = np.random.default_rng(63)
    cases = [
        (np.array([67, 69, 71]), np.array([60, 62, 64])),
        (np.array([67, 67, 67, 69]), np.array([60, 60, 60, 62])),
        (np.array([79, 81, 79]), np.array([60, 62, 48])),
        (np.array([67, 79, 72]), np.array([60, 48, 53])),
        (np.array([72, 74, 76, 67]), np.array([60, 62, 69, 60])),
        (np.array([72, 74]), np.array([60, 62])),
        (np.array([69, 67, 65, 64]), np.array([62, 60, 60, 57])),
    ]
    for _ in range(4):
        lower = rng.integers(40, 60, 40)
        upper = lower + rng.choice([7, 7, 19, 12, 4, 5], 40)
        cases.append((upper.repeat(2), lower.repeat(2)))
    check_cases("06_3.fifths", yours, cases)
