"""What `make test` runs: lint, unit tests, then every notebook of both editions with nbval.

    python -m tools.test [--slow] [CHAPTER]     CHAPTER, for example 05_1: only the notebooks that begin so
                                                --slow: also the tests marked so, which only add cases

All parts run even when one fails; the exit status is 1 if any did. pytest's own summary comes last.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# These load TensorFlow, beside which torch's compiler crashes: they get a process of their own.
TENSORFLOW = ["tests/test_autograd_gradients.py", "tests/images/test_classifier.py"]
UNIT = ["--durations=20"]
QUICK = ["-m", "not slow"]
NBVAL = [
    "-p",
    "tools.nbval_table",
    "--nbval-lax",
    "--nbval-current-env",
    "--nbval-cell-timeout=300",
    "-n",
    "2",
    "--dist",
    "loadfile",
]


def main(chapter: str = "", *, slow: bool = False) -> int:
    """Run the parts one after the other; return the exit status."""
    notebooks = sorted(ROOT.glob(f"notebooks/*/{chapter}*.ipynb"))
    if not notebooks:
        print(f"No notebook begins with {chapter!r} in notebooks/zh or notebooks/en.", file=sys.stderr)
        return 1
    failed = []
    with tempfile.TemporaryDirectory(prefix="aigc_course-test-") as scratch:
        progress = str(Path(scratch) / "progress.json")  # the learner's own record stays out of it
        if not chapter:
            failed += run("lint", ["tools.lint"])
            apart = [f"--ignore={file}" for file in TENSORFLOW]
            settings = {"AIGC_PROGRESS": progress, "OMP_NUM_THREADS": "1"}
            failed += run("unit tests", ["pytest", "-n", "2", *chosen, *apart], **settings)
            failed += run("unit tests with TensorFlow", ["pytest", *chosen, *TENSORFLOW], **settings)
            if not any(map(shutil.which, CHROMIUMS)):
                print(
                    "\nThe browser test was not run: no Chromium found. Debian: sudo apt install chromium", flush=True
                )
        paths = [str(path.relative_to(ROOT)) for path in notebooks]
        settings = {"AIGC_PROGRESS": progress, "AIGC_THREADS": "1", "AIGC_STRICT": "1"}
        failed += run("notebooks", ["pytest", *NBVAL, *paths], **settings)
    if failed:
        print(f"\nmake test failed in: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def run(name: str, command: list[str], **settings: str) -> list[str]:
    """Run one tool of this environment in the repository's root; return [name] if it failed, else []."""
    print(f"\n=== {name} ===", flush=True)
    module, *arguments = command
    result = subprocess.run(
        [sys.executable, "-m", module, *arguments], cwd=ROOT, env=os.environ | settings, check=False
    )
    return [name] if result.returncode else []


if __name__ == "__main__":
    chapters = [word for word in sys.argv[1:] if word != "--slow"]
    sys.exit(main(*chapters[:1], slow="--slow" in sys.argv))
