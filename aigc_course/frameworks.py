"""What chapters 7 and 11 run programs with: in processes of their own; and the table of the tools' state.

TensorFlow and torch do not share a process, and peak memory belongs to a process: so each framework's program is run
apart, on the same arrays. Several processes of one program are started together and end together: none is left over.
The programs themselves stand in the chapters.
"""

import io
import os
import re
import socket
import subprocess
import sys
import time
import tokenize
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import psutil

from aigc_course.storage.tables import ADVICE, read_rows

FRAME = """
import os
import sys
import time
import numpy

def peak_mib():
    try:
        with open("/proc/self/status", encoding="utf-8") as status:
            return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))
    except OSError:
        import psutil
        memory = psutil.Process().memory_info()
        return getattr(memory, "peak_wset", memory.rss) / 2**20

program, given, taken = sys.argv[1:]
taken = taken.replace("RANK", os.environ.get("RANK", "0"))
with numpy.load(given) as arrays:
    names = dict(arrays)
with open(program, encoding="utf-8") as file:
    exec(compile(file.read(), "program", "exec"), names)
if "results" not in names:
    sys.exit("the program must bind `results`")
facts = {"cpu_seconds": time.process_time(), "peak_mib": peak_mib()}
numpy.savez(taken, **{f"result_{name}": value for name, value in names["results"].items()}, **facts)
"""
ENVIRONMENT = {  # one thread and the processor, so that programs can be compared; a network this small needs no GPU
    "CUDA_VISIBLE_DEVICES": "-1",
    "MKL_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONIOENCODING": "utf-8",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
}
MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")
DAY = re.compile(r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])")
KINDS = ("framework", "language", "gan", "stylegan", "image")


@dataclass(frozen=True)
class Run:
    """What a program that ran apart has left."""

    results: dict[str, np.ndarray]  # what it put into its dictionary `results`
    printed: str
    cpu_seconds: float  # of the whole process, imports included
    peak_mib: float  # the most resident memory that it had


def run_apart(program: str, arrays: dict[str, np.ndarray], *, seconds: float = 240) -> Run:
    """Run Python source in a process of its own; the arrays are its variables, its dictionary `results` comes back.

    program: must bind `results`, names -> arrays or numbers
    Raises RuntimeError when it fails, with the last line of the error, or is killed; TimeoutError when it takes longer
    than `seconds`.
    """
    return run_together(program, arrays, seconds=seconds)[0]


def run_together(
    program: str,
    arrays: dict[str, np.ndarray],
    environments: Sequence[Mapping[str, str]] = ({},),
    *,
    launcher: Sequence[str] = (),
    seconds: float = 240,
) -> list[Run]:
    """Run Python source in one process per environment, all at once; what each of them has left.

    environments: variables beside those of this process, for example {"RANK": "0", ...}, {"RANK": "1", ...}
    launcher:     what stands between `python` and the program, such as ("-m", "torch.distributed.run", ...); a launcher
                  starts processes itself, each with a RANK of its own, and all of them are returned, by rank
    Raises as run_apart. When one fails or time is over, all are ended, and those that they have started.
    """
    with TemporaryDirectory() as folder:
        source, frame, given = (Path(folder) / name for name in ("program.py", "frame.py", "given.npz"))
        source.write_text(program, encoding="utf-8")
        frame.write_text(FRAME, encoding="utf-8")
        np.savez(given, **arrays)  # pyright: ignore[reportArgumentType]
        started: list[subprocess.Popen] = []
        try:
            for place, environment in enumerate(environments):
                taken = Path(folder) / f"taken.{place}.RANK.npz"
                command = [sys.executable, *launcher, *map(str, (frame, source, given, taken))]
                with (
                    (Path(folder) / f"{place}.out").open("wb") as out,
                    (Path(folder) / f"{place}.err").open("wb") as err,
                ):
                    settings = os.environ | ENVIRONMENT | dict(environment)
                    started.append(subprocess.Popen(command, stdout=out, stderr=err, env=settings))
            failed = wait_for(started, seconds)
        finally:
            for process in started:
                end_tree(process)
        if failed is not None:
            code = started[failed].returncode
            said = (Path(folder) / f"{failed}.err").read_text("utf-8", errors="replace").strip().splitlines()
            if code < 0:
                words = f" after saying: {said[-1]:.300}" if said else ""
                raise RuntimeError(
                    f"the program was ended by signal {-code}{words}; if memory ran out (signal 9), close other "
                    "programs, or make its arrays smaller"
                )
            said = said or [f"exit status {code}"]
            raise RuntimeError(f"the program failed: {said[-1]:.300}")
        return [read_run(path) for path in sorted(Path(folder).glob("taken.*.npz"))]


def wait_for(started: list[subprocess.Popen], seconds: float) -> int | None:
    """Wait until all have ended well, or one has not: its place. TimeoutError when that takes longer than `seconds`."""
    end = time.monotonic() + seconds
    while True:
        codes = [process.poll() for process in started]
        if wrong := [place for place, code in enumerate(codes) if code]:
            return wrong[0]
        if None not in codes:
            return None
        if time.monotonic() > end:
            raise TimeoutError(f"the program has not finished in {seconds:g} seconds")
        time.sleep(0.05)


def end_tree(process: subprocess.Popen) -> None:
    """End a process at once, if it still runs, and all that it has started."""
    if process.poll() is not None:
        return
    with suppress(psutil.NoSuchProcess):
        family = psutil.Process(process.pid)
        for member in [*family.children(recursive=True), family]:
            with suppress(psutil.NoSuchProcess):
                member.kill()
    process.wait()


def read_run(path: Path) -> Run:
    """What the frame has written for one process."""
    with np.load(path) as file:
        stored = dict(file)
    results = {name.removeprefix("result_"): value for name, value in stored.items() if name.startswith("result_")}
    printed = path.with_name(f"{path.name.split('.')[1]}.out").read_text("utf-8", errors="replace")
    return Run(results, printed, float(stored["cpu_seconds"]), float(stored["peak_mib"]))


def free_port() -> int:
    """A port of this machine on which nobody listens just now."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def count_lines(program: str) -> int:
    """How many lines of a program hold code: neither empty nor only a comment. ValueError for what is no Python."""
    silent = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    lines: set[int] = set()
    try:
        for token in tokenize.generate_tokens(io.StringIO(program).readline):
            if token.type not in silent:
                lines.update(range(token.start[0], token.end[0] + 1))
    except (tokenize.TokenError, SyntaxError) as error:
        raise ValueError(f"the program is no Python ({error}); give it whole, as it runs") from error
    return len(lines)


def read_tools(path: str | os.PathLike) -> list[dict[str, str]]:
    """The rows of data/tools.csv: a tool each; an empty field was not found. ValueError for what cannot be right."""
    _, rows = read_rows(Path(path), ("kind", "last_release", "checked_on"))
    for number, row in enumerate(rows, start=2):
        if row["kind"] not in KINDS:
            raise ValueError(f"line {number}: kind {row['kind']!r} is none of {', '.join(KINDS)}; {ADVICE}")
        if row["last_release"] and not MONTH.fullmatch(row["last_release"]):
            raise ValueError(
                f"line {number}: last_release {row['last_release']!r} is no month such as 2026-03; {ADVICE}"
            )
        if not DAY.fullmatch(row["checked_on"]):
            raise ValueError(f"line {number}: checked_on {row['checked_on']!r} is no day such as 2026-11-28; {ADVICE}")
    return rows


def months_before(month: str, day: str) -> int:
    """How many months before `day` ("2026-11-28") a `month` ("2021-09") was."""
    (year, number), (last_year, last_number) = (map(int, text.split("-")[:2]) for text in (month, day))
    return 12 * (last_year - year) + last_number - number
