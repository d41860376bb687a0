"""Checks of the exercises on sound and film: frequencies of notes, parallel fifths, bouncing, the F1 score of cuts."""

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
        (np.array([69, 71, 73]), np.array([60, 62, 64])),  # sixths
        (np.array([67, 79]), np.array([60, 60])),  # one voice stays
        (np.array([67, 68]), np.array([60, 61])),
        (np.array([61, 63]), np.array([30, 32])),
    ]
    for _ in range(4):
        lower = rng.integers(40, 60, 40)
        upper = lower + rng.choice([7, 7, 19, 12, 4, 5], 40)
        cases.append((upper.repeat(2), lower.repeat(2)))
    check_cases("06_3.fifths", yours, cases)


def check_reflected(yours: Function) -> None:
    """`yours(start, velocity, room, num_frames)` are the places of something that bounces between 0 and `room`."""
    cases = [(2.0, 1.5, 10.0, 4), (8.0, 1.5, 10.0, 5), (3.0, -2.0, 10.0, 6), (5.0, 4.0, 9.0, 12), (1.0, -0.75, 6.5, 30)]
    check_cases("06_3.reflected", yours, cases)


def check_cut_f1(yours: Function) -> None:
    """`yours(found, true_cuts, slack)` is the F1 score, each true cut hit at most once."""
    cases = [
        ([30, 70], [30, 70], 0),
        ([31, 70, 95], [30, 70], 2),
        ([30], [30, 70, 110], 2),
        ([29, 31, 70], [30, 70], 2),
        ([10, 52, 90, 120], [12, 50, 93, 121, 160], 2),
        ([10, 52, 90, 120], [12, 50, 93, 121, 160], 3),
        ([5], [50], 1),
        ([80], [30], 2),
        ([70, 70], [30, 70], 2),
    ]
    check_cases("06_3.cut_f1", yours, cases)
