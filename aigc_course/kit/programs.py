"""Run a program that may hang or start others, such as npm, so that none of them outlives its time."""

import os
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from aigc_course.kit.downloads import DownloadError
from aigc_course.storage.files import tidied


def run(command: list[str], folder: Path, seconds: float, quiet: float = float("inf")) -> None:
    """Run a program that may hang or start others; at the end of its time, or of ours, all of them are ended.

    seconds: how long it may take
    quiet:   how long it may go on while nothing in `folder` grows
    Raises DownloadError, with the first line that it says, when it cannot be run, fails or takes too long.
    """
    options: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    try:
        process = subprocess.Popen(command, cwd=folder, start_new_session=True, **options)
    except OSError as error:
        raise DownloadError(f"{command[0]} cannot be run: {error.strerror or error}") from error

    def end() -> None:
        with suppress(OSError):
            if hasattr(os, "killpg"):
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()

    with process, tidied(end):
        try:
            said = _last_words(process, folder, seconds, quiet).decode(errors="replace").strip().splitlines()
        except subprocess.TimeoutExpired as error:
            end()
            raise DownloadError(f"{command[0]} has not finished in {error.timeout:g} seconds") from error
        except BaseException:
            end()
            raise
    if process.returncode:
        raise DownloadError(f"{command[0]} failed ({said[0]:.160})" if said else f"{command[0]} failed")


def _last_words(process: subprocess.Popen, folder: Path, seconds: float, quiet: float) -> bytes:
    """What a process has written to its stderr when it ends; TimeoutExpired when it takes too long."""
    begin = grown = time.monotonic()
    size = -1
    while True:
        with suppress(subprocess.TimeoutExpired):
            return process.communicate(timeout=min(0.25, seconds))[1]
        now, before, size = time.monotonic(), size, _bytes_in(folder)
        grown = grown if size == before else now
        if now - begin >= seconds or now - grown >= quiet:
            raise subprocess.TimeoutExpired(process.args, round(now - begin))


def _bytes_in(folder: Path) -> int:
    total = 0
    with suppress(OSError):  # files come and go
        total += sum(file.stat().st_size for file in folder.rglob("*"))
    return total
