"""A learner's browser, in imitation: cookies and tokens over HTTP, a kernel's messages over a websocket."""

import json
import subprocess
import time
import uuid
from typing import Any

import httpx
import websocket

from tools.hub.running import PATIENCE_S


class KernelDied(Exception):
    """The kernel ended while a cell ran in it."""


class Visitor:
    """A browser: cookies, and the token that the hub wants back with every form."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.web = httpx.Client(base_url=address, follow_redirects=True, timeout=PATIENCE_S)

    def sign_in(self, name: str, password: str) -> httpx.Response:
        """What the form of the sign-in page does."""
        self.web.get("/hub/login")
        token = self.web.cookies.get("_xsrf", path="/hub/")
        form = {"username": name, "password": password, "_xsrf": token}
        return self.web.post("/hub/login", params={"_xsrf": token}, data=form)

    def start_server(self, name: str) -> None:
        """Ask for the own server, and wait for it; TimeoutError if it does not come."""
        end = time.monotonic() + PATIENCE_S
        page = self.web.get("/hub/spawn")
        while page.status_code != 200 or not page.url.path.startswith(f"/user/{name}/lab"):  # signs in there, too
            if time.monotonic() > end:
                raise TimeoutError(f"the server of {name} did not start: {page.status_code} at {page.url}")
            time.sleep(1)
            page = self.web.get(f"/user/{name}/lab")

    def contents(self, name: str, path: str) -> httpx.Response:
        """A file on the server of `name`."""
        return self.web.get(f"/user/{name}/api/contents/{path}", headers=self.token(name))

    def write(self, name: str, path: str, text: str) -> httpx.Response:
        """Make a file on the server of `name`."""
        return self.ask("PUT", name, f"contents/{path}", {"type": "file", "format": "text", "content": text})

    def open_notebook(self, name: str, path: str) -> str:
        """Start a kernel for a notebook in the home folder, as JupyterLab does; its number."""
        session = {"path": path, "name": path, "type": "notebook", "kernel": {"name": "python3"}}
        answer = self.ask("POST", name, "sessions", session)
        answer.raise_for_status()
        return answer.json()["kernel"]["id"]

    def ask(self, method: str, name: str, what: str, body: dict[str, Any]) -> httpx.Response:
        """Send JSON to the server of `name`."""
        return self.web.request(method, f"/user/{name}/api/{what}", content=json.dumps(body), headers=self.token(name))

    def token(self, name: str) -> dict[str, str]:
        """The header that a page of JupyterLab sends with each request."""
        found = [
            cookie.value for cookie in self.web.cookies.jar if (cookie.name, cookie.path) == ("_xsrf", f"/user/{name}/")
        ]
        return {"X-XSRFToken": found[0] or ""} if found else {}

    def channels(self, name: str, kernel: str) -> "Channels":
        """The websocket to a kernel on the server of `name`; websocket's exception where that is refused."""
        where = f"/user/{name}/api/kernels/{kernel}/channels"
        cookies = self.web.build_request("GET", where).headers.get("cookie", "")
        url = self.address.replace("http", "ws", 1) + where
        return Channels(websocket.create_connection(url, timeout=PATIENCE_S, cookie=cookies, origin=self.address))


class Channels:
    """What JupyterLab says to a kernel and hears from it, one cell at a time."""

    def __init__(self, socket: websocket.WebSocket) -> None:
        self.socket, self.session = socket, uuid.uuid4().hex

    def run(self, code: str) -> str:
        """The text that a cell prints; RuntimeError with its last line when it fails, KernelDied when the kernel does.

        A kernel that starts again tells it on the same websocket.
        """
        number = uuid.uuid4().hex
        header = {"msg_id": number, "session": self.session, "username": "", "msg_type": "execute_request"}
        content = {"code": code, "silent": False, "store_history": True, "allow_stdin": False, "stop_on_error": True}
        message = {"header": header | {"version": "5.4"}, "parent_header": {}, "metadata": {}, "content": content}
        self.socket.send(json.dumps(message | {"channel": "shell", "buffers": []}))
        printed, failed, replied, idle = "", "", False, False
        while not (replied and idle):  # the two come on channels of their own, in either order
            heard = json.loads(self.socket.recv())
            kind, said = heard["header"]["msg_type"], heard["content"]
            if kind == "status" and said["execution_state"] in ("restarting", "dead"):
                raise KernelDied(said["execution_state"])
            if heard["parent_header"].get("msg_id") != number:
                continue
            replied |= kind == "execute_reply"
            idle |= kind == "status" and said["execution_state"] == "idle"
            printed += said["text"] if kind == "stream" else ""
            failed = f"{said['ename']}: {said['evalue']}" if kind == "error" else failed
        if failed:
            raise RuntimeError(failed)
        return printed

    def close(self) -> None:
        """Hang up."""
        self.socket.close()


def kernels_of(user: str) -> list[int]:
    """The process ids of a user's kernels."""
    found = subprocess.run(["pgrep", "-u", user, "-f", "ipykernel"], capture_output=True, text=True, check=False)
    return [int(pid) for pid in found.stdout.split()]
