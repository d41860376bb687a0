"""Ten thousand inputs for each family of public functions: only documented exceptions; a row when a family is done.

    make fuzz                  or: python -m tools.fuzz [--inputs 10000] [--again] [NAME ...]

The families are the tests with hypothesis in tests/test_families.py and tests/families. One process, one thread, hours
on a busy machine: each row goes to build/fuzz.csv at once, and families with enough inputs there are not run again,
unless --again is given. NAME narrows, as pytest's -k does. A failure is shown as pytest shows it; exit status 1 then.
"""

import argparse
import csv
import os
import re
import sys
import time
from pathlib import Path

import pytest

from aigc_course.storage.tables import kept_rows

ROOT = Path(__file__).resolve().parent.parent
FAMILIES = ["tests/families", "tests/test_families.py"]
FILE = ROOT / "build" / "fuzz.csv"
COLUMNS = ("family", "inputs", "invalid", "seconds", "outcome", "why it stopped")
EXAMPLES = re.compile(r"(\d+) passing, (\d+) failing, and (\d+) invalid")


def counted(statistics: str) -> tuple[int, int, str]:
    """Inputs that the test ran on, those that it set aside, and why it stopped, as hypothesis reports them."""
    found = [tuple(map(int, numbers)) for numbers in EXAMPLES.findall(statistics)]
    stopped = re.search(r"Stopped because (.+)", statistics)
    return sum(a + b for a, b, _ in found), sum(c for *_, c in found), stopped[1] if stopped else ""


def done(wanted: int) -> set[str]:
    """The families of which the table says that they passed on so many inputs, or on all that there are."""
    return {
        row["family"]
        for row in kept_rows(FILE)
        if row["outcome"] == "passed" and (int(row["inputs"]) >= wanted or row["why it stopped"].startswith("nothing"))
    }


class Table:
    """A plugin of pytest: leaves out what is done, prints and stores a row for each family."""

    def __init__(self, wanted: int, *, again: bool) -> None:
        self.passed = set() if again else done(wanted)
        self.began, self.outcomes = {}, {}
        FILE.parent.mkdir(exist_ok=True)

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        left_out = [item for item in items if item.name in self.passed]
        items[:] = [item for item in items if item.name not in self.passed]
        config.hook.pytest_deselected(items=left_out)

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        self.began[item.name] = time.process_time()

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo):
        report = yield
        if report.when == "call":
            self.outcomes[item.name] = report.outcome
        if report.when == "teardown":
            inputs, invalid, stopped = counted(getattr(item, "hypothesis_statistics", ""))
            seconds = time.process_time() - self.began[item.name]
            outcome = self.outcomes.get(item.name, report.outcome)
            row = (item.name, inputs, invalid, f"{seconds:.0f}", outcome, stopped)
            print(f"\n{inputs:>7,} inputs {seconds:6.0f} s  {outcome}  {item.name}", flush=True)
            is_new = not FILE.is_file()
            with FILE.open("a", encoding="utf-8", newline="") as file:
                csv.writer(file, lineterminator="\n").writerows(([COLUMNS] if is_new else []) + [row])
        return report


def main(arguments: list[str] | None = None) -> int:
    """Run the families; the exit status is pytest's."""
    parser = argparse.ArgumentParser(prog="python -m tools.fuzz", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--inputs", type=int, default=10_000, help="for each family")
    parser.add_argument("--again", action="store_true", help="also the families that are done")
    parser.add_argument("name", nargs="*", help="only families whose names hold one of these")
    options = parser.parse_args(arguments)
    os.environ["OMP_NUM_THREADS"] = "1"
    os.environ["AIGC_FUZZ_INPUTS"] = str(options.inputs)
    chosen = ["-k", " or ".join(options.name)] if options.name else []
    command = [*FAMILIES, "--hypothesis-profile=fuzz", "-q", "-s", "-p", "no:cacheprovider", *chosen]
    return int(pytest.main([*command, f"--rootdir={ROOT}"], plugins=[Table(options.inputs, again=options.again)]))


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(main())
