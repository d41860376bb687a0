"""A class on the hub of deploy/hub at once: all sign in, start a server, open a chapter and run all its cells.

    python -m tools.bench.hub [--learners 20] [--chapter 10_jobs]       as root, with the extra `hub`

Over real HTTP and websockets, each learner a user of the system. Of the first learner the kernel is killed in the
middle; it comes back, and the learner runs the chapter from the top. At the end each learner asks for the notebook and
for the kernel of the next, and somebody without an account asks, too. Everyone must reach the chapter's last result,
nobody may get what is another's. Writes data/hub_load.csv; exit status 1 if anything of this fails.
"""

import argparse
import os
import signal
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import psutil
import websocket

from aigc_course.storage.tables import write_rows
from tools.authoring.bands import machine
from tools.authoring.notebooks import ROOT, find, path_of, read
from tools.bench.learners import memory
from tools.hub.running import running_hub, why_not
from tools.hub.visitor import Channels, KernelDied, Visitor, kernels_of

PATH = ROOT / "data" / "hub_load.csv"
COLUMNS = (
    "learners", "chapter", "reached", "refused", "asked", "disturbed", "server_seconds", "result_seconds",
    "slowest_seconds", "private_mib", "shared_mib", "cores", "date", "machine",
)  # fmt: skip
EVERY_S = 1.0
KILL_AFTER = 3  # cells of the first learner


@dataclass
class Learner:
    """One of the class, and what happened."""

    name: str
    password: str
    visitor: Visitor
    kernel: str = ""
    server_s: float = 0.0  # from signing in until the server answers
    result_s: float = 0.0  # from opening the notebook until its last cell has run
    printed: str = ""  # by the last cell that printed
    deaths: int = 0
    errors: list[str] = field(default_factory=list)


class Watch(threading.Thread):
    """The most memory that all processes of some users had together: private and shared MiB."""

    def __init__(self, users: set[str]) -> None:
        super().__init__(daemon=True)
        self.users, self.most, self.ended = users, (0.0, 0.0), threading.Event()

    def run(self) -> None:
        while not self.ended.wait(EVERY_S):
            found = []
            for process in psutil.process_iter(["username"]):
                if process.info["username"] in self.users:
                    try:
                        found.append(memory(process.pid))
                    except (OSError, KeyError):
                        continue  # it ended meanwhile
            private = sum(part for part, _ in found)
            self.most = max(self.most, (private, max((part for _, part in found), default=0.0)))


def run_notebook(learner: Learner, cells: list[str], after_cell: Callable[[int], None]) -> None:
    """All cells from the top; once more when the kernel dies."""
    channels = learner.visitor.channels(learner.name, learner.kernel)
    try:
        for number, code in enumerate(cells):
            learner.printed = channels.run(code) or learner.printed
            after_cell(number)
    except KernelDied:
        learner.deaths += 1
        if learner.deaths > 1:
            raise
        run_notebook(learner, cells, lambda number: None)
    finally:
        channels.close()


def study(learner: Learner, text: str, cells: list[str], start: threading.Barrier, killed: bool) -> None:
    """Sign in, start a server, upload the notebook, run it."""
    start.wait()
    try:
        began = time.monotonic()
        answer = learner.visitor.sign_in(learner.name, learner.password)
        if answer.status_code != 200:
            raise RuntimeError(f"sign-in: {answer.status_code}")
        learner.visitor.start_server(learner.name)
        learner.server_s = time.monotonic() - began
        learner.visitor.write(learner.name, "chapter.ipynb", text).raise_for_status()
        began = time.monotonic()
        learner.kernel = learner.visitor.open_notebook(learner.name, "chapter.ipynb")
        run_notebook(learner, cells, lambda number: kill(learner) if killed and number == KILL_AFTER else None)
        learner.result_s = time.monotonic() - began
    except Exception as error:  # of whatever kind: it is counted and told
        learner.errors.append(f"{type(error).__name__}: {error}")


def kill(learner: Learner) -> None:
    """The learner's kernel, as the system does when memory is short."""
    for pid in kernels_of(learner.name):
        os.kill(pid, signal.SIGKILL)


def refused(visitor: Visitor, owner: Learner) -> list[bool]:
    """Whether the owner's notebook, and the websocket of the owner's kernel, are kept from a visitor."""
    answer = visitor.contents(owner.name, "chapter.ipynb")
    found = [answer.status_code in (403, 404) or "/hub/login" in str(answer.url)]
    try:
        channels: Channels = visitor.channels(owner.name, owner.kernel)
    except websocket.WebSocketException:  # another answer than that a websocket opens: 403, or the way to sign in
        return [*found, True]
    channels.close()
    return [*found, False]


def main() -> int:
    parser = argparse.ArgumentParser(description="A class on the hub at once.")
    parser.add_argument("--learners", type=int, default=20)
    parser.add_argument("--chapter", default="10_jobs")
    options = parser.parse_args()
    if reason := why_not():
        parser.error(f"no hub can be started here: {reason}")
    (chapter,) = find([options.chapter])
    path = path_of(chapter, "en")
    cells = [cell.source for cell in read(path).cells if cell.cell_type == "code"]
    names = [f"aigcload{number:02}" for number in range(options.learners)]
    with tempfile.TemporaryDirectory() as scratch, running_hub(Path(scratch), names) as address:
        learners = [Learner(name, f"a long password of {name}", Visitor(address)) for name in names]
        watch, start = Watch(set(names)), threading.Barrier(len(names))
        watch.start()
        text = path.read_text(encoding="utf-8")
        with ThreadPoolExecutor(len(names)) as pool:
            waiting = [
                pool.submit(study, learner, text, cells, start, number == 0) for number, learner in enumerate(learners)
            ]
            for one in waiting:
                one.result()
        watch.ended.set()
        watch.join()
        for learner in learners:
            print(f"{learner.name}  server {learner.server_s:6.1f} s  result {learner.result_s:6.1f} s  ", end="")
            print("; ".join(learner.errors) or learner.printed.strip().splitlines()[-1][:80], flush=True)
        kept = [
            answer
            for learner, other in zip(learners, learners[1:] + learners[:1], strict=True)
            for visitor in (learner.visitor, Visitor(address))
            for answer in refused(visitor, other)
        ]
    return told(chapter, learners, kept, watch.most)


def told(chapter: str, learners: list[Learner], kept: list[bool], most: tuple[float, float]) -> int:
    """Print and store what happened; 0 if everything went as it must."""
    expected = max((learner.printed for learner in learners), key=[each.printed for each in learners].count)
    reached = [not learner.errors and learner.printed == expected for learner in learners]
    disturbed = sum(learner.deaths for learner in learners[1:]) + sum(bool(learner.errors) for learner in learners[1:])
    row = {
        "learners": len(learners), "chapter": chapter, "reached": sum(reached), "refused": sum(kept),
        "asked": len(kept), "disturbed": disturbed,
        "server_seconds": f"{statistics.median(learner.server_s for learner in learners):.1f}",
        "result_seconds": f"{statistics.median(learner.result_s for learner in learners):.1f}",
        "slowest_seconds": f"{max(learner.result_s for learner in learners):.1f}",
        "private_mib": f"{most[0]:.0f}", "shared_mib": f"{most[1]:.0f}", "cores": os.cpu_count(),
        "date": date.today().isoformat(), "machine": machine(),
    }  # fmt: skip
    print("\n".join(f"{name:16} {value}" for name, value in row.items()))
    print(f"the first learner's kernel was killed and came back {learners[0].deaths} time")
    if not (all(reached) and all(kept) and learners[0].deaths == 1 and disturbed == 0):
        print("NOT as it must be")
        return 1
    write_rows(PATH, [row], COLUMNS)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
