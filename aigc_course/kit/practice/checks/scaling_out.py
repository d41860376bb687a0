"""Checks of the exercises on scaling out: what a ring sends, how much several workers gain, how many machines."""

from aigc_course.kit.practice.checks import Function, check_cases


def check_sent(yours: Function) -> None:
    """`yours(num_weights, num_workers)` are the bytes that each worker of a ring sends."""
    check_cases("11.sent", yours, [(1000, 4), (407_050, 2), (640, 64), (1000, 1), (900, 3), (3200, 16)])


def check_speed(yours: Function) -> None:
    """`yours(fixed_ms, shared_ms, message_ms, num_workers)` is the speed-up over one worker."""
    cases = [(2.0, 40.0, 3.0, 4), (0.5, 100.0, 8.0, 2), (5.0, 20.0, 0.0, 10), (1.0, 30.0, 6.0, 1), (0.0, 64.0, 1.0, 64)]
    check_cases("11.speed", yours, [*cases, (2.0, 6.0, 9.0, 3), (1.0, 25.0, 2.0, 4)])


def check_machines(yours: Function) -> None:
    """`yours(num_learners, at_once, learner_mib, machine_mib)` are the machines that a class needs."""
    cases = [(30, 0.5, 2000, 16_000), (300, 0.5, 2000, 64_000), (3000, 0.4, 1500, 131_072), (31, 0.5, 1000, 16_128)]
    cases += [(31, 0.5, 8000, 16_000), (32, 0.5, 1000, 16_127), (32, 0.5, 1000, 16_000)]
    check_cases("11.machines", yours, [*cases, (100, 0.55, 3000, 8000), (2, 1.0, 1000, 4000)])
