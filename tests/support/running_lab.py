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

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 10  # a second start, which installs nothing


class Lab(NamedTuple):
    """A running JupyterLab."""

    address: str  # with the token
    seconds: float  # from `make learn` to the address
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
    started = time.monotonic()
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
        while not (found := re.search(r"http://127\.\S+", log.read_text("utf-8"))):
            said = log.read_text("utf-8")
            assert make.poll() is None, f"make learn ended:\n{said}"
            assert time.monotonic() - started < 6 * START_SECONDS, f"no address after {6 * START_SECONDS} s:\n{said}"
            time.sleep(0.05)
        seconds = time.monotonic() - started
        yield Lab(found[0], seconds, log.read_text("utf-8"), psutil.Process(make.pid), notebooks)
    finally:
        os.killpg(make.pid, signal.SIGTERM)
        try:
            make.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(make.pid, signal.SIGKILL)
            make.wait()
