"""The hub of deploy/hub: learners sign in over HTTP and work; nobody gets what is another's; strangers stay outside."""

import subprocess
from pathlib import Path

import pytest

from tools.bench import hub
from tools.hub.running import running_hub, why_not
from tools.hub.visitor import Visitor

PASSWORDS = {"aigchuba": "correct horse a", "aigchubb": "correct horse b"}
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(why_not()), reason=f"the hub was NOT tried: {why_not()}"),
]


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """A hub with two learners, started as README.md says; gone afterward, its users too."""
    with running_hub(tmp_path_factory.mktemp("class"), list(PASSWORDS)) as found:
        yield found


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


def test_a_kernel_answers_its_learner_and_nobody_else_and_says_when_it_dies(address):
    a, b = (hub.Learner(name, password, Visitor(address)) for name, password in PASSWORDS.items())
    for learner in (a, b):
        learner.visitor.sign_in(learner.name, learner.password)
        learner.visitor.start_server(learner.name)
    a.visitor.write(a.name, "chapter.ipynb", '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}')
    a.kernel = a.visitor.open_notebook(a.name, "chapter.ipynb")
    assert hub.refused(a.visitor, a) == [False, False]
    assert hub.refused(b.visitor, a) == [True, True]
    assert hub.refused(Visitor(address), a) == [True, True]
    done = []
    hub.run_notebook(a, ["n = 20", "print(n + 1)"], lambda number: done.append(hub.kill(a) if number == 0 else None))
    assert (a.printed, a.deaths, len(done)) == ("21\n", 1, 1)  # it ran from the top again
    with pytest.raises(RuntimeError, match="ZeroDivisionError: division by zero"):
        hub.run_notebook(a, ["1 / 0"], lambda number: None)
