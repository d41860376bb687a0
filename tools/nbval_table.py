"""The table at the end of `pytest --nbval-lax`: what each notebook used, how long it took, how much memory it needed.

A plugin: `pytest -p tools.nbval_table --nbval-lax ...`. Facts come from the kernel itself (`runtime.record` writes them
to AIGC_FACTS/<process id>.json) and travel with the cells' reports, so that pytest-xdist loses none of them.
"""

import json
import os
import sys
import tempfile
from pathlib import Path

import psutil
import pytest

MAX_MEMORY_MIB = 1740  # 1.7 GiB, for Binder gives 2 GiB to everything; more fails the run
MAX_SECONDS = 60  # a notebook at quick scale; more is marked OVER
FAIL_SECONDS = 120  # machines are noisy: only this fails the run

COLUMNS = ("notebook", "edition", "device", "scale", "data", "seconds", "peak MiB", "result")
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
    """What the kernel with this process id recorded, and under "peak MiB" its memory, where the system still knows."""
    recorded = Path(os.environ["AIGC_FACTS"]) / f"{pid}.json"
    facts = json.loads(recorded.read_text(encoding="utf-8")) if recorded.exists() else {}
    peak = peak_memory_mib(pid)
    return facts if peak is None else {**facts, "peak MiB": peak}


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
            "peak MiB": 0.0,
            "failed": 0,
        }
        row = self.rows.setdefault(path, new)
        row["seconds"] += report.duration  # the first cell's set-up holds the start of the kernel
        row["failed"] += report.failed
        for facts in [value for name, value in report.user_properties if name == "kernel"]:
            row.update({**facts, "peak MiB": max(row["peak MiB"], facts.get("peak MiB", 0.0))})

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if session.exitstatus == pytest.ExitCode.OK and any(map(reasons_to_fail, self.rows.values())):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

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
    slow = is_quick(row) and row["seconds"] > MAX_SECONDS
    seconds = f"{row['seconds']:.1f}{' OVER' if slow else ''}"
    memory = f"{row['peak MiB']:.0f}{' OVER' if row['peak MiB'] > MAX_MEMORY_MIB else ''}"
    result = f"{row['failed']} failed" if row["failed"] else "passed"
    return row["notebook"], row["edition"], *facts, seconds, memory, result


def is_quick(row: dict) -> bool:
    """Whether the notebook ran at quick scale, the default."""
    return row.get("scale", "quick") == "quick"


def reasons_to_fail(row: dict) -> list[str]:
    """Why a notebook whose cells all passed fails the run all the same."""
    found = []
    if row["peak MiB"] > MAX_MEMORY_MIB:
        found.append(f"its kernel needed {row['peak MiB']:.0f} MiB; at most {MAX_MEMORY_MIB}, Binder has no more")
    if is_quick(row) and row["seconds"] > FAIL_SECONDS:
        found.append(f"it took {row['seconds']:.0f} s at quick scale; at most {MAX_SECONDS} on two free cores")
    return found
