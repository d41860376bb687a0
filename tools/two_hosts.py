"""Two hosts for real, one of which is killed while both train: python -m tools.two_hosts [--record]

Needs Linux, root and `ip` (Debian: iproute2). Each namespace has an address of its own and sees the other one only
through the network; torchrun runs in each and is told the address of the first. Three trainings of the same model: one
undisturbed; one in which host B is killed; the same again with --resume. The last one must end with the weights of the
first, bit for bit. With --record, what was seen is written to data/two_hosts.json, which chapter 11 shows.
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from aigc_course.frameworks import ENVIRONMENT, end_tree
from aigc_course.kit.commands.training import LOSSES, MODEL, SAVE_EVERY
from aigc_course.storage.files import write
from tools.authoring.bands import machine
from tools.authoring.notebooks import ROOT

ADDRESSES = {"A": "10.77.0.1", "B": "10.77.0.2"}
PORT = 29511
NUM_STEPS = 2 * SAVE_EVERY
KILLED_AFTER = SAVE_EVERY + 20  # the last checkpoint is 20 steps old by then
PATIENCE_S = 900
TRAINING = ["train", "gpt", "--steps", str(NUM_STEPS), "--language", "en", "--resume"]


def obstacle() -> str:
    """Why two hosts cannot be had here; empty where they can."""
    if sys.platform != "linux":
        return "network namespaces exist on Linux only"
    if os.geteuid() != 0:
        return "making a network namespace needs root"
    if not shutil.which("ip"):
        return "there is no `ip`; Debian: apt install iproute2"
    tried = subprocess.run(["ip", "netns", "add", "aigc-try"], capture_output=True, text=True)
    subprocess.run(["ip", "netns", "del", "aigc-try"], capture_output=True)
    return f"ip netns add: {tried.stderr.strip()}" if tried.returncode else ""


def ip(*words: str) -> None:
    """One command of `ip`; CalledProcessError when it fails."""
    subprocess.run(["ip", *words], check=True)


def space(host: str) -> str:
    """The namespace of a host; of this process alone, so that two runs do not meet."""
    return f"aigc-{os.getpid()}-{host}"


@contextmanager
def two_hosts():
    """Two namespaces, joined by a virtual cable; gone afterward."""
    with ExitStack() as cleaning:
        for host in ADDRESSES:
            ip("netns", "add", space(host))
            cleaning.callback(ip, "netns", "del", space(host))
        ip("link", "add", "eth0", "netns", space("A"), "type", "veth", "peer", "name", "eth0", "netns", space("B"))
        for host, address in ADDRESSES.items():
            ip("-n", space(host), "address", "add", f"{address}/24", "dev", "eth0")
            ip("-n", space(host), "link", "set", "eth0", "up")
            ip("-n", space(host), "link", "set", "lo", "up")
        yield


def command_on(host: str, out: Path) -> list[str]:
    """What a person types on that host."""
    rank = list(ADDRESSES).index(host)
    launcher = ["--nnodes", "2", "--node-rank", str(rank), "--nproc-per-node", "1"]
    meeting = ["--master-addr", ADDRESSES["A"], "--master-port", str(PORT)]
    return ["torchrun", *launcher, *meeting, "-m", "aigc_course", *TRAINING, "--out", str(out)]


def start(host: str, out: Path) -> subprocess.Popen:
    """Run the command on a host; its output goes to OUT.HOST.txt."""
    words = [sys.executable, "-m", "torch.distributed.run", *command_on(host, out)[1:]]
    with out.with_suffix(f".{host}.txt").open("ab") as said:
        return subprocess.Popen(
            ["ip", "netns", "exec", space(host), *words],
            stdout=said, stderr=subprocess.STDOUT, cwd=ROOT,
            env=os.environ | ENVIRONMENT | {"GLOO_SOCKET_IFNAME": "eth0"},
        )  # fmt: skip


def run_both(out: Path, kill_b_after: int | None = None) -> tuple[dict[str, int], float]:
    """Train on both hosts; their exit statuses, and the seconds it took. After so many steps, host B is killed."""
    began, running = time.monotonic(), {host: start(host, out) for host in ADDRESSES}
    try:
        while any(process.poll() is None for process in running.values()):
            if time.monotonic() - began > PATIENCE_S:
                raise TimeoutError(f"the hosts have not finished in {PATIENCE_S} s; see {out}.*.txt")
            if kill_b_after and steps_in(out) >= kill_b_after:
                end_tree(running["B"])
                kill_b_after = None
            time.sleep(0.05)
    finally:
        for process in running.values():
            end_tree(process)
    return {host: process.returncode for host, process in running.items()}, time.monotonic() - began


def last_words(path: Path) -> str:
    """The error with which a process ended, without what comes before it."""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    errors = [line.strip() for line in lines if "peer" in line or "gloo" in line]
    return errors[0].rpartition("] ")[2].split(". ")[0] if errors else " / ".join(lines)[-2000:]


def losses_in(folder: Path) -> list[list[float]]:
    """The lines of losses.csv: step and loss."""
    return [[float(part) for part in line.split(",")] for line in (folder / LOSSES).read_text().splitlines()]


def steps_in(folder: Path) -> int:
    """How many lines losses.csv has by now."""
    path = folder / LOSSES
    return path.read_text().count("\n") if path.exists() else 0


def experiment() -> dict[str, Any]:
    """All three trainings; what was seen. RuntimeError where one does not end as it must."""
    with TemporaryDirectory() as scratch, two_hosts():
        calm, killed = Path(scratch) / "calm", Path(scratch) / "killed"
        statuses, seconds = run_both(calm)
        if any(statuses.values()):
            raise RuntimeError(
                f"the undisturbed training ended with {statuses}: {last_words(calm.with_suffix('.A.txt'))}"
            )
        broken, broken_seconds = run_both(killed, kill_b_after=KILLED_AFTER)
        if not all(broken.values()) or (killed / MODEL).exists():
            raise RuntimeError(f"host B was killed, yet the hosts ended with {broken}")
        error = last_words(killed.with_suffix(".A.txt"))
        reached = int(losses_in(killed)[-1][0])
        again, again_seconds = run_both(killed)
        if any(again.values()):
            raise RuntimeError(f"the resumed training ended with {again}: {last_words(killed.with_suffix('.A.txt'))}")
        return {
            "date": date.today().isoformat(),
            "machine": f"{machine()}, two network namespaces",
            "versions": f"Python {platform.python_version()}, torch {torch.__version__}",
            "commands": {host: " ".join(command_on(host, Path("FOLDER"))) for host in ADDRESSES},
            "undisturbed": {"statuses": statuses, "seconds": round(seconds, 1), "losses": losses_in(calm)},
            "killed": {"statuses": broken, "seconds": round(broken_seconds, 1), "reached": reached, "error": error},
            "resumed": {"statuses": again, "seconds": round(again_seconds, 1), "losses": losses_in(killed)},
            "equal": (calm / MODEL).read_bytes() == (killed / MODEL).read_bytes(),
        }


def main() -> None:
    parser = argparse.ArgumentParser(description="A training on two hosts, one of which is killed.")
    parser.add_argument("--record", action="store_true", help="write data/two_hosts.json")
    options = parser.parse_args()
    if why := obstacle():
        raise SystemExit(f"two hosts cannot be had here: {why}")
    seen = experiment()
    if options.record:
        write(ROOT / "data" / "two_hosts.json", f"{json.dumps(seen, indent=1, ensure_ascii=False)}\n".encode())
    print(json.dumps({key: value for key, value in seen.items() if key not in ("undisturbed", "resumed")}, indent=1))
    if not seen["equal"]:
        raise SystemExit("the resumed training ended with other weights than the undisturbed one")


if __name__ == "__main__":
    main()
