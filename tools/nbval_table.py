"""The table at the end of `pytest --nbval-lax`: what each notebook used, how long it took, what its kernel needed.

A plugin: `pytest -p tools.nbval_table --nbval-lax ...`. Facts come from the kernel itself (`runtime.record` writes them
to AIGC_FACTS/<process id>.json) and travel with the cells' reports, so that pytest-xdist loses none of them.

A notebook whose cells all ran and passed with AIGC_STRICT=1 leaves its row in build/verified/, with the machine, the
versions and the date; `python -m tools.verified` merges these rows into the list that the web book shows.
"""

import json
import os
import sys
import tempfile
from pathlib import Path

import psutil
import pytest

from tools import verified

MAX_MEMORY_MIB = 1638  # 1.6 GiB, for Binder gives 2 GiB to everything; more is marked OVER
# One machine holds up to 280 MiB more of PyTorch's library for the same notebook, in pages it can drop: what fails is
# what Binder's 2,048 MiB could not hold beside JupyterLab (100 MiB and more) and a reserve.
FAIL_MEMORY_MIB = 1792
# The limits count the kernel's CPU time: other programs on the machine make a notebook wait, but hardly compute.
MAX_CPU_SECONDS = 60  # a notebook at quick scale; more is marked OVER
FAIL_CPU_SECONDS = 240  # without AVX-512 and bfloat16 a processor needs up to three times as long: only this fails

COLUMNS = ("notebook", "edition", "device", "scale", "data", "seconds", "CPU s", "peak MiB", "result")
SCRATCH = pytest.StashKey[tempfile.TemporaryDirectory]()


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("nbval", False) or config.getoption("nbval_lax", False):
        scratch = config.stash[SCRATCH] = tempfile.TemporaryDirectory(prefix="aigc_course-")
        os.environ["AIGC_FACTS"] = scratch.name
        os.environ.setdefault("AIGC_PROGRESS", str(Path(scratch.name) / "progress.json"))  # not the learner's own
        if not hasattr(config, "workerinput"):  # pytest-xdist's workers send their reports to the process that prints
            config.pluginmanager.register(Table(), "notebooks-table")


def pytest_unconfigure(config: pytest.Config) -> None:
    if SCRATCH in config.stash:
        config.stash[SCRATCH].cleanup()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item):
    """After each cell, whether it failed or not, look at its kernel."""
    try:
        return (yield)
    finally:
        manager = getattr(getattr(item.parent, "kernel", None), "km", None)
        if manager is not None:
            item.user_properties.append(("kernel", kernel_facts(manager.provisioner.pid)))


def kernel_facts(pid: int) -> dict:
    """What the kernel with this process id recorded, and what it has used: "CPU s" and "peak MiB", if it still runs."""
    recorded = Path(os.environ["AIGC_FACTS"]) / f"{pid}.json"
    facts = json.loads(recorded.read_text(encoding="utf-8")) if recorded.exists() else {}
    used = {"CPU s": cpu_seconds(pid), "peak MiB": peak_memory_mib(pid)}
    return facts | {name: value for name, value in used.items() if value is not None}


def cpu_seconds(pid: int) -> float | None:
    """CPU time of a process and of all that it started, in user and system mode; None if it died."""
    try:
        process = psutil.Process(pid)
        running = [process, *process.children(recursive=True)]
    except psutil.Error:
        return None
    return sum(map(own_cpu_seconds, running))


def own_cpu_seconds(process: psutil.Process) -> float:
    """CPU time of one process and of its children that have ended; 0 if it has ended meanwhile itself."""
    try:
        times = process.cpu_times()
    except psutil.Error:
        return 0.0
    return times.user + times.system + times.children_user + times.children_system


def peak_memory_mib(pid: int) -> float | None:
    """Peak resident memory of a process, its present memory on systems that keep no peak (macOS); None if it died."""
    try:
        if sys.platform == "linux":
            status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
            return next((int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM")), None)
        memory = psutil.Process(pid).memory_info()
        return getattr(memory, "peak_wset", memory.rss) / 2**20
    except (OSError, psutil.Error):
        return None


class Table:
    """Collects the cells' reports into one row a notebook, prints them, and fails the run for what is over a limit."""

    def __init__(self) -> None:
        self.rows: dict[str, dict] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        path = report.nodeid.split("::")[0]
        if not path.endswith(".ipynb"):
            return
        new = {
            "notebook": Path(path).stem,
            "edition": Path(path).parent.name,
            "seconds": 0.0,
            "CPU s": 0.0,
            "peak MiB": 0.0,
            "failed": 0,
            "cells": 0,
        }
        row = self.rows.setdefault(path, new)
        row["seconds"] += report.duration  # the first cell's set-up holds the start of the kernel
        row["failed"] += report.failed
        row["cells"] += report.when == "call" and report.passed
        for kind, facts in report.user_properties:
            if kind == "kernel" and isinstance(facts, dict):
                highest = {name: max(row[name], facts.get(name, 0.0)) for name in ("CPU s", "peak MiB")}
                row.update(facts | highest)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if session.exitstatus == pytest.ExitCode.OK and any(map(reasons_to_fail, self.rows.values())):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED
        if os.environ.get("AIGC_STRICT") == "1":  # else a result outside its band is only told
            for path, row in self.rows.items():
                if not row["failed"] and not reasons_to_fail(row):
                    verified.leave(row, session.config.rootpath / path, session.config.rootpath)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if not self.rows:
            return
        lines = [COLUMNS, *(cells(self.rows[path]) for path in sorted(self.rows))]
        widths = [max(len(line[column]) for line in lines) for column in range(len(COLUMNS))]
        terminalreporter.section("notebooks")
        for line in lines:
            text = "  ".join(field.ljust(width) for field, width in zip(line, widths, strict=True)).rstrip()
            terminalreporter.write_line(text, red="OVER" in text or "failed" in text)
        for path in sorted(self.rows):
            for reason in reasons_to_fail(self.rows[path]):
                terminalreporter.write_line(f"FAILED {path}: {reason}", red=True)


def cells(row: dict) -> tuple[str, ...]:
    """One row of the table as text."""
    facts = [row.get(name, "-") for name in ("device", "scale", "data")]
    slow = is_quick(row) and row["CPU s"] > MAX_CPU_SECONDS
    cpu = f"{row['CPU s']:.1f}{' OVER' if slow else ''}"
    memory = f"{row['peak MiB']:.0f}{' OVER' if row['peak MiB'] > MAX_MEMORY_MIB else ''}"
    result = f"{row['failed']} failed" if row["failed"] else "passed"
    return row["notebook"], row["edition"], *facts, f"{row['seconds']:.1f}", cpu, memory, result


def is_quick(row: dict) -> bool:
    """Whether the notebook ran at quick scale, the default."""
    return row.get("scale", "quick") == "quick"


def reasons_to_fail(row: dict) -> list[str]:
    """Why a notebook whose cells all passed fails the run all the same."""
    found = []
    if row["peak MiB"] > FAIL_MEMORY_MIB:
        found.append(f"its kernel needed {row['peak MiB']:.0f} MiB; at most {MAX_MEMORY_MIB}, for Binder has 2,048")
    if is_quick(row) and row["CPU s"] > FAIL_CPU_SECONDS:
        found.append(f"its kernel computed for {row['CPU s']:.0f} s at quick scale; at most {MAX_CPU_SECONDS}")
    return found
