"""What `make lint` checks: style (ruff), spelling (typos), who imports whom (import-linter), types (basedpyright).

    python -m tools.lint                        says what is wrong; changes nothing
    python -m tools.lint --write-baseline       takes today's type errors as known: after some were mended

Type errors that .basedpyright/baseline.json lists are known and pass; every other one is reported.
"""

import argparse
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BASELINE = ROOT / ".basedpyright" / "baseline.json"
LINT_IMPORTS = shutil.which("lint-imports", path=sysconfig.get_path("scripts")) or "lint-imports"
TYPES = [sys.executable, "-m", "basedpyright", "--project", ".", "--level", "error", "--pythonpath", sys.executable]
STEPS = {
    "ruff check": [sys.executable, "-m", "ruff", "check", "."],
    "ruff format": [sys.executable, "-m", "ruff", "format", "--check", "."],
    "spelling": [sys.executable, "-m", "tools.spelling"],
    "import-linter": [LINT_IMPORTS, "--no-logo", "--no-cache"],
}


def main(arguments: list[str] | None = None) -> int:
    """Run every step, even when one fails; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tools.lint", description="Check style, spelling, imports, types.")
    parser.add_argument("--write-baseline", action="store_true", help="take today's type errors as known")
    if parser.parse_args(arguments).write_baseline:
        BASELINE.unlink(missing_ok=True)  # else what is known already keeps its old place
        run([*TYPES, "--writebaseline"])  # its exit status says that there are errors
        return 0
    failed = [name for name, command in STEPS.items() if run(command)]
    if types():
        failed.append("basedpyright")
    if failed:
        print(f"lint failed in: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def types() -> int:
    """The exit status of the type checker; it may shorten its baseline, so it gets a copy."""
    if not BASELINE.is_file():  # no error is known
        return run(TYPES)
    with tempfile.TemporaryDirectory(prefix="aigc_course-lint-") as scratch:
        command = [*TYPES, "--baselinefile", shutil.copy(BASELINE, scratch)]
        return run([*command, "--baselinemode", "discard"])  # its default where CI is set fails on mended errors


def run(command: list[str]) -> int:
    """Run one tool in the repository's root; its exit status."""
    return subprocess.run(command, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
