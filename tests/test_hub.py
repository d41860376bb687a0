"""The hub of deploy/hub: two learners sign in over HTTP; neither reads the other's files; strangers stay outside."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from aigc_course import frameworks
from tools.authoring.notebooks import ROOT

HUB = ROOT / "deploy" / "hub"
PASSWORDS = {"aigchuba": "correct horse a", "aigchubb": "correct horse b"}
PATIENCE_S = 300
NEEDED = ("jupyterhub", "firstuseauthenticator", "configurable_http_proxy", "jupyterhub_idle_culler")
MISSING = [name for name in NEEDED if importlib.util.find_spec(name) is None]
SYSTEM = f"/usr/bin/python3.{sys.version_info.minor}"  # where ours lies in a folder that learners may not read
NOT_ROOT = getattr(os, "geteuid", lambda: 1)() != 0 or not shutil.which("useradd")
WHY_NOT = f"not installed: {', '.join(MISSING)} (pip install -e .[hub])" if MISSING else ""
WHY_NOT = WHY_NOT or ("it needs root, to make users of the system" if NOT_ROOT else "")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(WHY_NOT), reason=f"the hub was NOT tried: {WHY_NOT}"),
]


class Visitor:
    """A browser: cookies, and the token that the hub wants back with every form."""

    def __init__(self, address: str) -> None:
        self.web = httpx.Client(base_url=address, follow_redirects=True, timeout=120)

    def sign_in(self, name: str, password: str) -> httpx.Response:
        """What the form of the sign-in page does."""
        self.web.get("/hub/login")
        token = self.web.cookies.get("_xsrf", path="/hub/")
        form = {"username": name, "password": password, "_xsrf": token}
        return self.web.post("/hub/login", params={"_xsrf": token}, data=form)

    def start_server(self, name: str) -> None:
        """Ask for the own server, and wait for it."""
        end = time.monotonic() + PATIENCE_S
        page = self.web.get("/hub/spawn")
        while page.status_code != 200 or not page.url.path.startswith(f"/user/{name}/lab"):  # signs in there, too
            assert time.monotonic() < end, f"the server of {name} did not start: {page.status_code} at {page.url}"
            time.sleep(1)
            page = self.web.get(f"/user/{name}/lab")

    def contents(self, name: str, path: str) -> httpx.Response:
        """A file on the server of `name`."""
        return self.web.get(f"/user/{name}/api/contents/{path}", headers=self.token(name))

    def write(self, name: str, path: str, text: str) -> httpx.Response:
        """Make a file on the server of `name`."""
        body = {"type": "file", "format": "text", "content": text}
        where = f"/user/{name}/api/contents/{path}"
        return self.web.put(where, content=json.dumps(body), headers=self.token(name))

    def token(self, name: str) -> dict[str, str]:
        """The header that a page of JupyterLab sends with each request."""
        found = [
            cookie.value for cookie in self.web.cookies.jar if (cookie.name, cookie.path) == ("_xsrf", f"/user/{name}/")
        ]
        return {"X-XSRFToken": found[0] or ""} if found else {}


def readable(program: str) -> bool:
    """Whether a user without rights can run a program."""
    try:
        return subprocess.run([program, "-c", ""], user="nobody", capture_output=True).returncode == 0
    except OSError:
        return False


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """A hub with two learners, started as README.md says; gone afterward, its users too."""
    folder = tmp_path_factory.mktemp("class")
    (folder / "learners.txt").write_text("\n".join(PASSWORDS) + "\n")
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
            [sys.executable, "-m", "jupyterhub", "-f", str(HUB / "jupyterhub_config.py")],
            cwd=folder, env=os.environ | settings, stdout=log, stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        end = time.monotonic() + PATIENCE_S
        while True:
            with suppress(httpx.HTTPError):
                if httpx.get(f"{settings['CLASS_URL']}/hub/health").status_code == 200:
                    break
            assert hub.poll() is None and time.monotonic() < end, (folder / "hub.log").read_text()[-3000:]
            time.sleep(0.5)
        yield settings["CLASS_URL"]
    finally:
        frameworks.end_tree(hub)
        for name in PASSWORDS:
            subprocess.run(["userdel", "--remove", name], capture_output=True)


def test_who_is_not_on_the_list_does_not_enter(address):
    answer = Visitor(address).sign_in("stranger", "a long password")
    assert answer.status_code == 403
    assert Visitor(address).web.get("/hub/home").url.path == "/hub/login"
    assert subprocess.run(["id", "stranger"], capture_output=True).returncode != 0


def test_two_learners_work_and_neither_reads_the_others_files(address):
    visitors = {}
    for name, password in PASSWORDS.items():
        visitors[name] = Visitor(address)
        assert visitors[name].sign_in(name, password).status_code == 200
        visitors[name].start_server(name)
        assert visitors[name].write(name, "mine.txt", f"of {name}").status_code == 201
        assert visitors[name].contents(name, "mine.txt").json()["content"] == f"of {name}"
    a, b = PASSWORDS
    assert visitors[b].contents(a, "mine.txt").status_code == 403
    assert Visitor(address).contents(a, "mine.txt").status_code in (302, 403) or "login" in str(
        Visitor(address).contents(a, "mine.txt").url
    )
    path = Path("/home", a, "mine.txt")
    assert path.owner() == a
    read = subprocess.run(["cat", str(path)], user=b, capture_output=True, text=True)
    assert read.returncode != 0
    assert "Permission denied" in read.stderr
    assert subprocess.run(["cat", str(path)], user=a, capture_output=True, text=True).stdout == f"of {a}"


def test_the_first_password_is_the_only_one(address):
    name, password = next(iter(PASSWORDS.items()))
    Visitor(address).sign_in(name, password)
    assert Visitor(address).sign_in(name, "another password").status_code == 403
    assert Visitor(address).sign_in(name, password).status_code == 200
