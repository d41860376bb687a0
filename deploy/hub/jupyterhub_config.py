"""JupyterHub for a class on one machine; README.md says how to start it. Works with JupyterHub 5.2 to 6.

Each learner is a real user of the system, with a home folder that nobody else may read: the system's permissions keep
learners apart, not this file. Who may enter stands in learners.txt; at the first sign-in everybody chooses a password.
"""

import os
import sys
from pathlib import Path

from firstuseauthenticator import FirstUseAuthenticator
from jupyterhub.auth import LocalAuthenticator

c = get_config()  # noqa: F821  jupyterhub gives it to this file

HERE = Path(__file__).resolve().parent
STATE = Path(os.environ.get("CLASS_STATE", "/srv/class"))  # passwords (hashed), database, secrets: root's alone
LEARNERS = Path(os.environ.get("CLASS_LEARNERS", HERE / "learners.txt"))  # a name a line; # begins a remark
STATE.mkdir(parents=True, exist_ok=True)
STATE.chmod(0o700)


class ClassAuthenticator(FirstUseAuthenticator, LocalAuthenticator):
    """First-use passwords for the names of learners.txt, which become users of the system when the hub starts."""


def names_in(path: Path) -> set[str]:
    """The names of a list; SystemExit where there is none, or one that is no user name."""
    if not path.is_file():
        sys.exit(f"{path} is not there: write the learners' names into it, one a line (see learners.example.txt)")
    lines = (line.partition("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
    names = {line for line in lines if line}
    if wrong := [name for name in names if not (name.isascii() and name.islower() and name.isalnum())]:
        sys.exit(f"{path}: {wrong[0]!r} cannot be a user name; use lower-case letters and digits, a letter among them")
    return names


# Who may enter
c.JupyterHub.authenticator_class = ClassAuthenticator
c.Authenticator.allowed_users = names_in(LEARNERS)
c.Authenticator.admin_users = set(filter(None, os.environ.get("CLASS_TEACHERS", "").split(",")))
c.FirstUseAuthenticator.create_users = False  # nobody else, whatever the password
c.FirstUseAuthenticator.dbm_path = str(STATE / "passwords.dbm")
c.FirstUseAuthenticator.min_password_length = 10
c.LocalAuthenticator.create_system_users = True
c.LocalAuthenticator.add_user_cmd = ["useradd", "--create-home", "--shell", "/bin/bash", "--key", "HOME_MODE=0700"]

# Where it listens. Put TLS in front of it before anybody signs in over a network: see README.md.
c.JupyterHub.bind_url = os.environ.get("CLASS_URL", "http://127.0.0.1:8000")
c.JupyterHub.hub_port = int(os.environ.get("CLASS_HUB_PORT", "8081"))
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{os.environ.get('CLASS_PROXY_PORT', '8001')}"
c.ConfigurableHTTPProxy.command = [sys.executable, "-c", "from configurable_http_proxy.cli import main; main()"]
c.ConfigurableHTTPProxy.pid_file = str(STATE / "proxy.pid")
c.JupyterHub.cookie_secret_file = str(STATE / "cookie_secret")
c.JupyterHub.db_url = f"sqlite:///{STATE / 'jupyterhub.sqlite'}"

# What everybody gets: a process of their own in their home folder. LocalProcessSpawner can set no limit of memory:
# SystemdSpawner can (mem_limit), and Kubernetes; README.md has the lines.
c.JupyterHub.spawner_class = "jupyterhub.spawner.LocalProcessSpawner"
# The hub's own Python, if learners may read it: one that lies in /root they may not.
c.Spawner.cmd = [os.environ.get("CLASS_PYTHON", sys.executable), "-m", "jupyterhub.singleuser"]
c.Spawner.notebook_dir = "~"
c.Spawner.default_url = "/lab"
c.Spawner.start_timeout = c.Spawner.http_timeout = 300
c.Spawner.environment = {"AIGC_THREADS": "1", "OMP_NUM_THREADS": "1"}
c.Spawner.env_keep = ["PATH", "PYTHONPATH", "LANG", "LC_ALL", "VIRTUAL_ENV", "JUPYTER_PATH", "JUPYTER_CONFIG_PATH"]
# A class signs in all at once: above a limit the hub answers 429, try again, to the rest. So no limit, and patience.
c.JupyterHub.concurrent_spawn_limit = 0

# Servers that nobody has used for half an hour are stopped.
c.JupyterHub.load_roles = [
    {
        "name": "idle-culler",
        "scopes": ["list:users", "read:users:activity", "read:servers", "delete:servers"],
        "services": ["idle-culler"],
    }
]
c.JupyterHub.services = [
    {"name": "idle-culler", "command": [sys.executable, "-m", "jupyterhub_idle_culler", "--timeout=1800"]}
]
