"""Start JupyterLab as a learner does, with `make learn`, for the tests that look at it."""

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import psutil

from tools.nbval_table import cpu_seconds

ROOT = Path(__file__).resolve().parents[2]
WAIT_SECONDS = 120  # for the address, on a machine that does other things as well


class Lab(NamedTuple):
    """A running JupyterLab."""

    address: str  # with the token
    cpu_seconds: float  # that `make learn` and its children computed until the address was there
    output: str
    process: psutil.Process
    notebooks: Path

    @property
    def server(self) -> str:
        return "http://" + urlsplit(self.address).netloc


@contextmanager
def make_learn(folder: Path, *words: str) -> Iterator[Lab]:
    """Run `make learn` on a copy of the notebooks, with nobody to answer a question and no screen."""
    notebooks = shutil.copytree(ROOT / "notebooks", folder / "notebooks")
    ours = {"AIGC_NOTEBOOKS": str(notebooks), "AIGC_PROGRESS": str(folder / "progress.json"), "PYTHONUNBUFFERED": "1"}
    ours |= {f"JUPYTER_{name}_DIR": str(folder / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")}
    ours |= {"JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"), "IPYTHONDIR": str(folder / "ipython")}
    without = ("DISPLAY", "WAYLAND_DISPLAY", "MAKEFLAGS", "MAKEOVERRIDES", "MFLAGS", "LANGUAGE")
    environment = {name: value for name, value in os.environ.items() if name not in without} | ours
    log = folder / "output.txt"
    with log.open("wb") as output:
        make = subprocess.Popen(
            ["make", "learn", *words],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        give_up = time.monotonic() + WAIT_SECONDS
        while not (found := re.search(r"http://127\.\S+", log.read_text("utf-8"))):
            said = log.read_text("utf-8")
            assert make.poll() is None, f"make learn ended:\n{said}"
            assert time.monotonic() < give_up, f"no address after {WAIT_SECONDS} s:\n{said}"
            time.sleep(0.05)
        yield Lab(found[0], cpu_seconds(make.pid), log.read_text("utf-8"), psutil.Process(make.pid), notebooks)
    finally:
        os.killpg(make.pid, signal.SIGTERM)
        try:
            make.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(make.pid, signal.SIGKILL)
            make.wait()
