"""The hub of deploy/hub, started as its README says and gone afterward, its users too."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path

import httpx

from aigc_course import frameworks
from tools.authoring.notebooks import ROOT

CONFIG = ROOT / "deploy" / "hub" / "jupyterhub_config.py"
PATIENCE_S = 300
NEEDED = ("jupyterhub", "firstuseauthenticator", "configurable_http_proxy", "jupyterhub_idle_culler")
SYSTEM = f"/usr/bin/python3.{sys.version_info.minor}"  # where ours lies in a folder that learners may not read


def why_not() -> str:
    """What keeps a hub from running here; empty where nothing does."""
    if missing := [name for name in NEEDED if find_spec(name) is None]:
        return f"not installed: {', '.join(missing)} (pip install -e .[hub])"
    not_root = getattr(os, "geteuid", lambda: 1)() != 0 or not shutil.which("useradd")
    return "it needs root, to make users of the system" if not_root else ""


def readable(program: str) -> bool:
    """Whether a user without rights can run a program."""
    try:
        return subprocess.run([program, "-c", ""], user="nobody", capture_output=True).returncode == 0
    except OSError:
        return False


@contextmanager
def running_hub(folder: Path, names: Iterable[str]) -> Iterator[str]:
    """A hub with these learners; its address. Its log is hub.log in `folder`."""
    (folder / "learners.txt").write_text("\n".join(names) + "\n", encoding="utf-8")
    python = sys.executable if readable(sys.executable) else SYSTEM
    modules = os.pathsep.join(path for path in sys.path if path and Path(path).is_dir())
    ports = [frameworks.free_port() for _ in range(3)]
    settings = {
        "CLASS_PYTHON": python, "PYTHONPATH": modules if python == SYSTEM else os.environ.get("PYTHONPATH", ""),
        "JUPYTER_CONFIG_PATH": f"{sys.prefix}/etc/jupyter", "JUPYTER_PATH": f"{sys.prefix}/share/jupyter",
        "CLASS_STATE": str(folder / "state"), "CLASS_LEARNERS": str(folder / "learners.txt"),
        "CLASS_URL": f"http://127.0.0.1:{ports[0]}", "CLASS_HUB_PORT": str(ports[1]), "CLASS_PROXY_PORT": str(ports[2]),
    }  # fmt: skip
    with (folder / "hub.log").open("wb") as log:
        hub = subprocess.Popen(
            [sys.executable, "-m", "jupyterhub", "-f", str(CONFIG)],
            cwd=folder, env=os.environ | settings, stdout=log, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        end = time.monotonic() + PATIENCE_S
        while True:
            with suppress(httpx.HTTPError):
                if httpx.get(f"{settings['CLASS_URL']}/hub/health").status_code == 200:
                    break
            if hub.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"the hub did not start:\n{(folder / 'hub.log').read_text()[-3000:]}")
            time.sleep(0.5)
        yield settings["CLASS_URL"]
    finally:
        frameworks.end_tree(hub)
        for name in names:
            subprocess.run(["pkill", "-KILL", "-u", name], capture_output=True)
            subprocess.run(["userdel", "--remove", name], capture_output=True)
