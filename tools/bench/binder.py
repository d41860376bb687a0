"""Memory of JupyterLab and one notebook that is run whole in it, against the 2 GiB that Binder gives.

    python -m tools.bench.binder [--chapter 05_1] [--language en]

The server is the one that Binder starts; the notebook's kernel is started by it and runs every cell. Measured is
the sum of their proportional set sizes (PSS), sampled five times a second, and the part of it that the server has.
Without --chapter, 05_1: its kernel, with TensorFlow, takes the most memory when the notebooks are tested.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

import psutil

from tools.authoring.notebooks import EDITIONS, ROOT, code_cells, find, path_of, read

HUNGRIEST = "05_1"
LIMIT = 2048  # MiB
MIB = 2**20


class Watch(threading.Thread):
    """The largest sum of memory of a program and all it started, and of the program alone at that moment, MiB."""

    def __init__(self, program: int):
        super().__init__(daemon=True)
        self.program = psutil.Process(program)
        self.most, self.server, self.going = 0.0, 0.0, True

    def run(self) -> None:
        while self.going:
            own = pss(self.program)
            total = own + sum(map(pss, self.program.children(recursive=True)))
            if total > self.most:
                self.most, self.server = total, own
            time.sleep(0.2)


def pss(process: psutil.Process) -> float:
    """Memory of a process in MiB, what it shares counted in parts; 0 for one that has ended."""
    try:
        return process.memory_full_info().pss / MIB
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return 0.0


def asked(address: str, path: str, data: dict | None = None) -> dict:
    """What the server answers."""
    body = None if data is None else json.dumps(data).encode()
    request = urllib.request.Request(f"{address}{path}", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def run_cells(notebook: Path, connection: str) -> int:
    """Run the cells of a notebook in the kernel with this connection file; how many raised an error."""
    from jupyter_client.blocking.client import BlockingKernelClient

    client = BlockingKernelClient(connection_file=connection)
    client.load_connection_file()
    client.start_channels()
    client.wait_for_ready(timeout=60)
    failed = 0
    for cell in code_cells(read(notebook)):
        reply = client.execute_interactive(cell.source, output_hook=lambda _: None, timeout=600, allow_stdin=False)
        failed += reply["content"]["status"] != "ok"
    client.stop_channels()
    return failed


def measure(stem: str, edition: str) -> tuple[Watch, int]:
    """Start the server, run the notebook in it; the memory, and how many cells failed."""
    from jupyter_core.paths import jupyter_runtime_dir

    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1"]
    command += ["--ServerApp.token=", "--ServerApp.disable_check_xsrf=True", f"--ServerApp.root_dir={ROOT}"]
    with tempfile.TemporaryFile("w+") as log:
        server = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT)
        watch = Watch(server.pid)
        watch.start()
        try:
            listed = Path(jupyter_runtime_dir()) / f"jpserver-{server.pid}.json"
            until = time.monotonic() + 120
            while not listed.is_file():
                if server.poll() is not None or time.monotonic() > until:
                    log.seek(0)
                    raise RuntimeError(f"JupyterLab did not start:\n{log.read()[-2000:]}")
                time.sleep(0.5)
            address = json.loads(listed.read_text(encoding="utf-8"))["url"].rstrip("/")
            path = path_of(stem, edition)
            name = path.relative_to(ROOT).as_posix()
            wanted = {"path": name, "name": path.name, "type": "notebook", "kernel": {"name": "python3"}}
            asked(address, f"/api/contents/{name}")  # as an opened page asks for it
            kernel = asked(address, "/api/sessions", wanted)["kernel"]["id"]
            failed = run_cells(path, str(Path(jupyter_runtime_dir()) / f"kernel-{kernel}.json"))
            return watch, failed
        finally:
            watch.going = False
            for process in [*psutil.Process(server.pid).children(recursive=True), server]:
                process.kill()
            server.wait()


def main() -> int:
    """Print the memory of each notebook asked for; the exit status: 1 where one does not fit."""
    parser = argparse.ArgumentParser(description="Memory of JupyterLab with a notebook in it.")
    parser.add_argument("--chapter", nargs="*", default=[HUNGRIEST], help="05_1, for example")
    parser.add_argument("--language", choices=EDITIONS, default="en")
    options = parser.parse_args()
    worst = 0.0
    for stem in find(options.chapter):
        watch, failed = measure(stem, options.language)
        said = f", {failed} cells failed" if failed else ""
        print(f"{stem:32} {watch.most:6.0f} MiB together, server {watch.server:4.0f}, of {LIMIT}{said}", flush=True)
        worst = max(worst, watch.most)
    return int(worst > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
