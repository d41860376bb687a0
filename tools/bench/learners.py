"""What one learner needs of a machine: CPU time and memory of each notebook's kernel, and of the server beside it.

    python -m tools.bench.learners [CHAPTER ...]      writes data/learner_load.csv, a row a chapter; others stay

Memory is read twice a second. Two kernels on one machine share the pages of files that both have mapped, above all the
frameworks' libraries, and no others: so "private" and "shared" are counted apart, when their sum is largest.
"""

import argparse
import subprocess
import sys
import tempfile
import threading
import time
from datetime import date
from pathlib import Path
from typing import Any, cast

import psutil

from aigc_course.frameworks import end_tree
from aigc_course.storage.tables import kept_rows, write_rows
from tools.authoring.bands import machine
from tools.authoring.execute import client_of, environment
from tools.authoring.notebooks import ROOT, find, path_of, read
from tools.nbval_table import cpu_seconds

PATH = ROOT / "data" / "learner_load.csv"
COLUMNS = ("chapter", "cpu_seconds", "private_mib", "shared_mib", "date", "machine")
SERVER = "server"  # the row of the Jupyter server that runs beside a learner's kernel
EVERY_S, SETTLED_S, CELL_SECONDS = 0.5, 20, 900


def memory(pid: int) -> tuple[float, float]:
    """Private and shared resident memory of a process (its children are left out), MiB."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    kib = {line.split(":")[0]: int(line.split()[1]) for line in status.splitlines() if line.startswith("Rss")}
    return kib["RssAnon"] / 1024, (kib["RssFile"] + kib["RssShmem"]) / 1024


class Watch(threading.Thread):
    """Reads memory and CPU time of a kernel until it is told to stop."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid, self.most, self.cpu, self.ended = pid, (0.0, 0.0), 0.0, threading.Event()

    def run(self) -> None:
        """Look, wait, look again."""
        while not self.ended.wait(EVERY_S) and psutil.pid_exists(self.pid):
            self.most = max(self.most, memory(self.pid), key=sum)
            self.cpu = cpu_seconds(self.pid) or self.cpu


def of_notebook(path: Path) -> tuple[float, float, float]:
    """CPU seconds, private and shared MiB of a notebook's kernel, all cells run once."""
    nb = read(path)
    client = client_of(nb, path.parent, CELL_SECONDS)
    with tempfile.TemporaryDirectory() as scratch, client.setup_kernel(env=environment(f"{scratch}/progress.json")):
        watch = Watch(cast(Any, client.km).provisioner.pid)
        watch.start()
        for index, cell in enumerate(nb.cells):
            client.execute_cell(cell, index)
        watch.ended.set()
        watch.join()
    return watch.cpu, *watch.most


def of_server() -> tuple[float, float, float]:
    """The same of a Jupyter server that has started and waits."""
    words = ["-m", "jupyterlab", "--no-browser", "--allow-root", "--ServerApp.open_browser=False", "--port=0"]
    with tempfile.TemporaryDirectory() as folder:
        server = subprocess.Popen(
            [sys.executable, *words], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            before = -1.0
            while (used := cpu_seconds(server.pid) or 0.0) - before > 0.2:  # until it has come to rest
                before = used
                time.sleep(SETTLED_S)
            return used, *memory(server.pid)
        finally:
            end_tree(server)


def main() -> None:
    parser = argparse.ArgumentParser(description="CPU time and memory of notebooks.")
    parser.add_argument("chapters", nargs="*", default=["01", "04_1", "05_1", "05_2", "05_3", "10"])
    rows = {row["chapter"]: row for row in kept_rows(PATH)}
    for chapter in [SERVER, *find(parser.parse_args().chapters)]:
        measured = of_server() if chapter == SERVER else of_notebook(path_of(chapter, "en"))
        told = [f"{number:.1f}" for number in measured]
        rows[chapter] = dict(zip(COLUMNS, (chapter, *told, date.today().isoformat(), machine()), strict=True))
        print(rows[chapter], flush=True)
        write_rows(PATH, rows.values(), COLUMNS)


if __name__ == "__main__":
    main()
