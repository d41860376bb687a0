"""A plugin of pytest that makes rows of tests: a fault, what became of it, and what was said.

Tests in tests/faults tell it themselves (the fixture `withstood`). Of tests elsewhere, reused.py says which fault they
make; what was said is overheard: the messages of expected errors and warnings, and what was printed.
"""

import re
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from tools.faults import reused

MARKED = "faults"


class Row(NamedTuple):
    """One fault."""

    mark: str  # "healed": nothing to do; "told  ": with a way out; "BROKEN": lost, or nothing said
    fault: str
    became: str
    message: str
    test: str


class Table:
    """Chooses the tests, listens to them and keeps the rows."""

    def __init__(self, store: Callable[[list[Row]], None] = lambda rows: None) -> None:
        self.store = store  # called after each test, so that a run that is stopped leaves what it has
        self.heard: list[str] = []
        self.found: dict[str, list[Row]] = {}
        self.skipped: list[str] = []
        self.undo: list[Callable[[], None]] = []

    def rows(self) -> list[Row]:
        """Of each fault one, a broken one if there is any."""
        kept: dict[str, Row] = {}
        for row in [row for rows in self.found.values() for row in rows]:
            if row.fault not in kept or row.mark == "BROKEN":
                kept[row.fault] = row
        return list(kept.values())

    def not_run(self) -> list[str]:
        """Tests that this machine cannot run."""
        return sorted(set(self.skipped))

    def pytest_configure(self, config: pytest.Config) -> None:
        import subprocess

        import typer.testing

        self.listen(pytest.RaisesExc, "__exit__", lambda result, args: str(args[2]) if result else "")
        self.listen(
            pytest.WarningsRecorder, "__exit__", lambda _, args: "\n".join(str(w.message) for w in args[0].list)
        )
        self.listen(pytest.CaptureFixture, "readouterr", lambda result, _: f"{result.out}\n{result.err}")
        self.listen(typer.testing.CliRunner, "invoke", lambda result, _: f"{result.output}\n{result.stderr}")
        self.listen(subprocess.Popen, "communicate", lambda result, _: "\n".join(map(text_of, result)))

    def pytest_unconfigure(self) -> None:
        for undo in self.undo:
            undo()

    def listen(self, kind: type, name: str, said: Callable[[Any, tuple], str]) -> None:
        """Let a method note what it gives, beside doing what it does."""
        method = getattr(kind, name)

        def noted(*args: Any, **more: Any) -> Any:
            result = method(*args, **more)
            self.heard.append(said(result, (*args, None, None, None)))
            return result

        setattr(kind, name, noted)
        self.undo.append(lambda: setattr(kind, name, method))

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        chosen = [item for item in items if item.get_closest_marker(MARKED) or reused.of(item.nodeid)]
        config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
        items[:] = chosen

    def pytest_runtest_setup(self) -> None:
        self.heard.clear()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo):
        report = yield
        if report.skipped:
            self.skipped.append(item.nodeid.partition("[")[0].rpartition("::")[2])
        elif report.when == "call" or report.failed:
            self.found[item.nodeid] = self.rows_of(item, report)
            self.store(self.rows())
        return report

    def rows_of(self, item: pytest.Item, report: pytest.TestReport) -> list[Row]:
        told = []
        for name, value in item.user_properties:
            if name == MARKED and isinstance(value, tuple):
                mark, fault, became, message = value
                told.append(Row(mark, fault, became, message, item.nodeid))
        if known := reused.of(item.nodeid):
            told.append(self.row_of(known, item.nodeid))
        if report.failed:
            problem = (str(report.longrepr).strip().splitlines() or [""])[-1]
            return [*told, Row("BROKEN", item.name, problem, "", item.nodeid)]
        return told or [Row("BROKEN", item.name, "the test tells no fault", "", item.nodeid)]

    def row_of(self, known: reused.Fault, nodeid: str) -> Row:
        said = "\n".join(self.heard)
        fault = known.fault.format(case=reused.case_of(nodeid))
        if not known.way_out:
            return Row("healed", fault, known.became, "", nodeid)
        line = next((line for line in said.splitlines() if re.search(known.way_out, line)), "")
        if not line:  # a message over several lines
            line = " ".join(said.split()) if re.search(known.way_out, " ".join(said.split())) else ""
        if not line:
            return Row("BROKEN", fault, f"no message says {known.way_out}", " ".join(said.split())[:300], nodeid)
        return Row("told  ", fault, known.became, line.strip(), nodeid)


def text_of(output: Any) -> str:
    """What a process wrote."""
    return output.decode("utf-8", "replace") if isinstance(output, bytes) else str(output or "")
