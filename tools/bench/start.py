"""CPU seconds of a second start: `learn` until the address is printed, beside a bare JupyterLab in the same run.

    python -m tools.bench.start [--runs 3]

The first start, which installs and downloads, is not measured. Both start in a folder of their own, without a browser.
"""

import argparse
import math
import subprocess
import sys
import tempfile
from statistics import median

import psutil

from tools.authoring.notebooks import ROOT
from tools.nbval_table import cpu_seconds
from tools.performance.figures import speed

STARTS = {
    "bare JupyterLab": ["jupyterlab", "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1"],
    "learn": ["aigc_course", "learn", "--no-browser"],
}


def seconds_to_start(words: list[str]) -> float:
    """CPU seconds of a program and its children until it has printed an address on this machine."""
    with tempfile.TemporaryDirectory() as folder:
        program = subprocess.Popen(
            [sys.executable, "-m", *words],
            cwd=folder if words[0] != "aigc_course" else ROOT,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        try:
            said = []
            for line in program.stdout or []:
                said.append(line)
                if "http://127." in line:
                    return cpu_seconds(program.pid) or math.nan
            raise RuntimeError(f"it ended without an address:\n{''.join(said)}")
        finally:
            for process in [*psutil.Process(program.pid).children(recursive=True), program]:
                process.kill()
            program.wait()


def main() -> None:
    """Print the median of each, and their ratio."""
    parser = argparse.ArgumentParser(description="CPU seconds of a second start.")
    parser.add_argument("--runs", type=int, default=3)
    runs = parser.parse_args().runs
    measured = {name: [] for name in STARTS}
    for _ in range(runs):  # in turn, so that what else runs disturbs both
        for name, words in STARTS.items():
            measured[name].append(seconds_to_start(words))
    speed("start.jupyterlab", measured["learn"], measured["bare JupyterLab"], "s")
    for name, seconds in measured.items():
        print(f"{name:16} {median(seconds):6.2f} CPU s, median of {runs}")
    print(f"{'ratio':16} {median(measured['learn']) / median(measured['bare JupyterLab']):6.2f}")


if __name__ == "__main__":
    main()
