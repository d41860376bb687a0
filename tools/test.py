"""What `make test` runs: lint, unit tests, then every notebook of both editions with nbval.

    python -m tools.test [CHAPTER]      CHAPTER, for example 05_1: only the notebooks that begin so
        --slow                          also the tests marked so, which only add cases
        --no-notebooks                  lint and unit tests alone, as CI runs them on macOS and Windows

Of each chapter one edition runs on the full data and the other on the bundled sample, without a network, as a learner
has it whose network fails: of the first chapter the Chinese one has the sample, of the second the English one, and so
on. All parts run even when one fails; the exit status is 1 if any did. pytest's own summary comes last.
"""

import argparse
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
# These need a shell, signals or links of POSIX; Windows does without them.
POSIX = [
    "tests/gan/test_training.py",
    "tests/gpt/test_training.py",
    "tests/kit/commands/test_lab.py",
    "tests/kit/datasets/test_datasets.py",
    "tests/kit/datasets/test_network.py",
    "tests/kit/practice/test_progress.py",
    "tests/kit/test_downloads.py",
    "tests/storage/test_checkpoints.py",
    "tests/tools/test_install.py",
]
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


def main(chapter: str = "", *, slow: bool = False, with_notebooks: bool = True) -> int:
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
            chosen = [*UNIT, *([] if slow else QUICK)]
            apart = [f"--ignore={file}" for file in [*TENSORFLOW, *(POSIX if os.name == "nt" else [])]]
            settings = {"AIGC_PROGRESS": progress, "OMP_NUM_THREADS": "1"}
            failed += run("unit tests", ["pytest", "-n", "2", *chosen, *apart], **settings)
            failed += run("unit tests with TensorFlow", ["pytest", *chosen, *TENSORFLOW], **settings)
            if not any(map(shutil.which, CHROMIUMS)):
                print(
                    "\nThe browser test was not run: no Chromium found. Debian: sudo apt install chromium", flush=True
                )
        if with_notebooks:
            settings = {"AIGC_PROGRESS": progress, "AIGC_THREADS": "1", "AIGC_STRICT": "1"}
            alone = {"AIGC_OFFLINE": "1", "AIGC_CACHE": str(Path(scratch) / "no data"), "HF_HUB_OFFLINE": "1"}
            full, sample = on_full_and_sample(notebooks)
            failed += run("notebooks, full data", ["pytest", *NBVAL, *full], **settings)
            failed += run("notebooks, bundled sample", ["pytest", *NBVAL, *sample], **settings, **alone)
    if failed:
        print(f"\nmake test failed in: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def on_full_and_sample(notebooks: list[Path]) -> tuple[list[str], list[str]]:
    """The notebooks to run on the full data, and those to run on the sample: of each chapter one edition."""
    chapters = sorted({path.stem for path in ROOT.glob("notebooks/*/*.ipynb")})
    parts: tuple[list[str], list[str]] = [], []
    for path in notebooks:
        takes_sample = (chapters.index(path.stem) + (path.parent.name == "en")) % 2 == 0
        parts[takes_sample].append(path.relative_to(ROOT).as_posix())
    return parts


def run(name: str, command: list[str], **settings: str) -> list[str]:
    """Run one tool of this environment in the repository's root; return [name] if it failed, else []."""
    print(f"\n=== {name} ===", flush=True)
    module, *arguments = command
    result = subprocess.run(
        [sys.executable, "-m", module, *arguments], cwd=ROOT, env=os.environ | settings, check=False
    )
    return [name] if result.returncode else []


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tools.test", description="Lint, unit tests, notebooks.")
    parser.add_argument("chapter", nargs="?", default="", help="only the notebooks whose names begin so")
    parser.add_argument("--slow", action="store_true", help="also the tests marked slow")
    parser.add_argument("--no-notebooks", action="store_true", help="lint and unit tests alone")
    asked = parser.parse_args()
    sys.exit(main(asked.chapter, slow=asked.slow, with_notebooks=not asked.no_notebooks))
