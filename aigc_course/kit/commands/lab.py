"""Start JupyterLab for a learner: the right folder, first page and language, on this machine only, no question asked.

Nothing of the learner's own Jupyter settings is touched: ours lie in a temporary folder, and theirs come before them.
"""

import json
import os
import secrets
import socket
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from aigc_course.kit.runtime import language, say

FIRST_PAGE = "00_start_here.ipynb"
PORTS_TRIED = 50


class CannotStart(RuntimeError):
    """JupyterLab cannot be started; the message says why and what to do."""


def notebooks_folder() -> Path:
    """The folder with the editions: AIGC_NOTEBOOKS (a copy to work on, say), else `notebooks/` of the checkout."""
    folder = Path(os.environ.get("AIGC_NOTEBOOKS") or Path(__file__).resolve().parents[3] / "notebooks").expanduser()
    if not folder.is_dir():
        raise CannotStart(
            f"there is no folder {folder}. The notebooks come with the repository, not with the installed package: "
            "clone it and run `make learn` there, or set AIGC_NOTEBOOKS to the folder that holds zh/ and en/."
        )
    return folder


def can_open_browser() -> bool:
    """False where a browser would open on nobody's screen: over SSH, or on Linux without a display."""
    if os.environ.get("SSH_CONNECTION") or os.environ.get("SSH_TTY"):
        return False
    if sys.platform.startswith("linux"):
        return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    return True


def interface_settings() -> dict[str, dict[str, object]]:
    """JupyterLab's defaults for the course: its interface language, no question about news, updates or the kernel."""
    return {
        "@jupyterlab/translation-extension:plugin": {"locale": say("zh_CN", "en")},
        "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
        "@jupyterlab/notebook-extension:tracker": {"autoStartDefaultKernel": True},  # else asked on a slow machine
    }


def check_runtime_folder() -> None:
    """CannotStart where Jupyter cannot keep its notes on running servers, as in a home folder that is read-only."""
    from jupyter_core.paths import jupyter_runtime_dir

    folder = jupyter_runtime_dir()
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise CannotStart(
            f"Jupyter cannot write to {folder} ({error.strerror}); set JUPYTER_RUNTIME_DIR to a folder of your own"
        ) from error


def free_port(first: int) -> int:
    """The port `first`, or the next one after it that no program uses; CannotStart when there is none near it."""
    last = min(first + PORTS_TRIED, 2**16) - 1
    for port in range(first, last + 1):
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise CannotStart(f"none of the ports {first} to {last} is free; choose another one with --port")


def run(port: int = 8888, browser: bool | None = None) -> None:
    """Serve the notebooks in the reader's language and return when the learner ends it with Ctrl-C.

    port:      the first one tried; a free one after it is taken if it is not free
    browser:   open one; None decides by whether this machine has a screen
    Raises CannotStart when JupyterLab or the notebooks are missing, a folder is read-only or no port is free.
    """
    try:
        from jupyterlab.labapp import LabApp
    except ImportError as error:
        raise CannotStart(f'JupyterLab is not installed ({error}): pip install "aigc_course[lab]"') from error
    check_runtime_folder()
    folder = notebooks_folder()
    first = f"{language()}/{FIRST_PAGE}" if (folder / language() / FIRST_PAGE).is_file() else language()
    page = f"/lab/tree/{quote(first)}"
    browser = can_open_browser() if browser is None else browser
    token = secrets.token_hex(24)
    with tempfile.TemporaryDirectory(prefix="aigc_course-lab-") as settings:
        Path(settings, "overrides.json").write_text(json.dumps(interface_settings()), encoding="utf-8")
        options = {
            "ServerApp.root_dir": folder,
            "ServerApp.ip": "127.0.0.1",
            "ServerApp.port": free_port(port),
            "ServerApp.port_retries": 0,
            "ServerApp.open_browser": browser,
            "ServerApp.allow_root": getattr(os, "geteuid", lambda: 1)() == 0,  # containers
            "ServerApp.answer_yes": True,
            "Application.log_level": "WARN",
            "ServerApp.default_url": page,
            "IdentityProvider.token": token,
            "LabApp.default_url": page,
            "LabApp.app_settings_dir": settings,
        }
        server = LabApp.initialize_server([f"--{name}={value}" for name, value in options.items()])
        address = f"http://127.0.0.1:{server.port}{page}?token={token}"
        # The server listens only once its loop runs, by a callback that is queued already: ours comes after that one.
        server.io_loop.add_callback(announce, address, browser, server.port)
        server.start()


def announce(address: str, browser: bool, port: int) -> None:
    """Print where JupyterLab can be found and how it is ended."""
    running = say(
        "JupyterLab已启动。请在浏览器中打开这个地址：", "JupyterLab is running. Open this address in your browser:"
    )
    opening = say(
        "JupyterLab已启动，浏览器即将打开；如果没有，请自行打开这个地址：",
        "JupyterLab is running and a browser opens; if it does not, open this address:",
    )
    print(f"\n{opening if browser else running}\n\n    {address}\n")
    if os.environ.get("SSH_CONNECTION"):
        print(
            say(
                "你通过SSH连接了这台机器：请先在自己的电脑上执行",
                "You are connected to this machine through SSH: first run, on your own computer,",
            )
        )
        print(f"\n    ssh -L {port}:127.0.0.1:{port} {os.uname().nodename}\n")
    print(say("结束：在本窗口按Ctrl-C。", "To stop: press Ctrl-C in this window."), flush=True)
