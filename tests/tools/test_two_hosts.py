"""Two hosts by network namespaces, one killed in the middle; where they cannot be had, it is said why."""

import json

import pytest

from aigc_course.kit import data_folder
from tools import two_hosts

WHY_NOT = two_hosts.obstacle()


@pytest.mark.slow
@pytest.mark.skipif(bool(WHY_NOT), reason=f"two hosts were NOT tried: {WHY_NOT}")
def test_a_killed_host_and_the_restart_end_with_the_weights_of_the_undisturbed_run():
    seen = two_hosts.experiment()
    assert seen["equal"]
    assert seen["killed"]["statuses"]["B"] == -9
    assert seen["killed"]["statuses"]["A"] not in (0, None)
    assert two_hosts.SAVE_EVERY < seen["killed"]["reached"] < two_hosts.NUM_STEPS


def test_what_was_recorded_is_a_killed_host_and_an_equal_end():
    seen = json.loads((data_folder() / "two_hosts.json").read_text(encoding="utf-8"))
    assert seen["equal"]
    assert seen["killed"]["statuses"]["B"] == -9
    steps = [int(step) for step, _ in seen["resumed"]["losses"]]
    reached = seen["killed"]["reached"]
    assert steps == [*range(1, reached + 1), *range(two_hosts.SAVE_EVERY + 1, two_hosts.NUM_STEPS + 1)]
    calm = dict(map(tuple, seen["undisturbed"]["losses"]))
    assert all(calm[step] == loss for step, loss in map(tuple, seen["resumed"]["losses"]))


def test_without_root_it_is_said(monkeypatch):
    monkeypatch.setattr(two_hosts.os, "geteuid", lambda: 1000, raising=False)
    monkeypatch.setattr(two_hosts.sys, "platform", "linux")
    assert "needs root" in two_hosts.obstacle()
    monkeypatch.setattr(two_hosts.sys, "platform", "win32")
    assert "Linux only" in two_hosts.obstacle()
