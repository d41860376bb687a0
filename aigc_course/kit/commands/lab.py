"""Start JupyterLab for a learner: the right folder, first page and language, on this machine only, no question asked.

Nothing of the learner's own Jupyter settings is touched: ours lie in a temporary folder, and theirs come before them.
"""

import json
import os
import secrets
import sys
import tempfile
from pathlib import Path
from urllib.parse import quote

FIRST_PAGE = "00_start_here.ipynb"
INTERFACE = {"zh": "zh_CN", "en": "en"}  # JupyterLab's name of its own interface language
MESSAGES = {
    "zh": {
        "running": "JupyterLab已启动。请在浏览器中打开这个地址：",
        "opening": "JupyterLab已启动，浏览器即将打开；如果没有，请自行打开这个地址：",
        "tunnel": "您通过SSH连接了这台机器：请先在自己的电脑上执行",
        "stop": "结束：在本窗口按Ctrl-C。",
    },
    "en": {
        "running": "JupyterLab is running. Open this address in your browser:",
        "opening": "JupyterLab is running and a browser opens; if it does not, open this address:",
        "tunnel": "You are connected to this machine through SSH: first run, on your own computer,",
        "stop": "To stop: press Ctrl-C in this window.",
    },
}


class CannotStart(Exception):
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


def interface_settings(language: str) -> dict[str, dict[str, object]]:
    """JupyterLab's defaults for the course: its interface language, no question about news, updates or the kernel."""
    return {
        "@jupyterlab/translation-extension:plugin": {"locale": INTERFACE[language]},
        "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
        "@jupyterlab/notebook-extension:tracker": {"autoStartDefaultKernel": True},  # else asked on a slow machine
    }


def run(language: str, port: int = 8888, browser: bool | None = None) -> None:
    """Serve the notebooks and return when the learner ends it with Ctrl-C.

    language:  "zh" or "en", which edition opens and what JupyterLab's menus are written in
    port:      the first one tried; a free one near it is taken if it is not free
    browser:   open one; None decides by whether this machine has a screen
    Raises CannotStart when JupyterLab or the notebooks are missing.
    """
    try:
        from jupyterlab.labapp import LabApp
    except ImportError as error:
        raise CannotStart(f'JupyterLab is not installed ({error}): pip install "aigc_course[lab]"') from error
    folder = notebooks_folder()
    first = f"{language}/{FIRST_PAGE}" if (folder / language / FIRST_PAGE).is_file() else language
    page = f"/lab/tree/{quote(first)}"
    browser = can_open_browser() if browser is None else browser
    token = secrets.token_hex(24)
    with tempfile.TemporaryDirectory(prefix="aigc_course-lab-") as settings:
        Path(settings, "overrides.json").write_text(json.dumps(interface_settings(language)), encoding="utf-8")
        options = {
            "ServerApp.root_dir": folder,
            "ServerApp.ip": "127.0.0.1",
            "ServerApp.port": port,
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
        server.io_loop.add_callback(announce, language, address, browser, server.port)
        server.start()


def announce(language: str, address: str, browser: bool, port: int) -> None:
    """Print where JupyterLab can be found and how it is ended."""
    say = MESSAGES[language]
    print(f"\n{say['opening' if browser else 'running']}\n\n    {address}\n")
    if os.environ.get("SSH_CONNECTION"):
        print(f"{say['tunnel']}\n\n    ssh -L {port}:127.0.0.1:{port} {os.uname().nodename}\n")
    print(say["stop"], flush=True)
