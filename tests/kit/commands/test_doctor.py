"""The doctor sees what is wrong with a machine, and says what to do."""

import http.server
import os
import re
import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from aigc_course.kit import runtime
from aigc_course.kit.commands import doctor
from aigc_course.kit.commands.doctor import course, machine, requirements
from aigc_course.kit.runtime import data_folder

ROOT = Path(__file__).resolve().parents[3]
STATES = ("ok", "hint", "problem")


@pytest.fixture(autouse=True)
def english(monkeypatch):
    monkeypatch.setitem(runtime._facts, "language", "en")


def one(part) -> doctor.Check:
    """The only line of one part of the table."""
    (check,) = doctor.look(part)
    return check


def test_this_machine_can_run_the_course(monkeypatch):
    """The other frameworks are at work in test_learners_path."""
    monkeypatch.setenv("AIGC_OFFLINE", "1")
    monkeypatch.setattr(machine, "PROBES", {"NumPy": machine.PROBES["NumPy"]})
    checks = doctor.report()
    assert {check.state for check in checks} <= set(STATES)
    assert not [check for check in checks if check.state == "problem"]
    assert all(check.advice for check in checks if check.state != "ok")


def test_both_languages_have_the_same_lines(monkeypatch):
    monkeypatch.setenv("AIGC_OFFLINE", "1")
    monkeypatch.setattr(machine, "PROBES", {"NumPy": machine.PROBES["NumPy"]})
    en = doctor.report()
    monkeypatch.setitem(runtime._facts, "language", "zh")
    zh = doctor.report()
    assert [check.state for check in zh] == [check.state for check in en]
    assert any(re.search("[一-鿿]", check.value) for check in zh)
    assert not any(re.search("[一-鿿]", "".join(check[:2])) for check in en)


def test_a_python_that_is_too_old(monkeypatch):
    monkeypatch.setattr(machine, "OLDEST_PYTHON", (3, 99))
    monkeypatch.setattr(machine, "NEWEST_PYTHON", (3, 99))
    assert one(machine.python).state == "problem"


def test_a_python_that_is_newer_than_those_tested(monkeypatch):
    monkeypatch.setattr(machine, "NEWEST_PYTHON", (3, 2))
    check = one(machine.python)
    assert check.state == "hint"
    assert "use Python 3.13" in check.advice


@pytest.mark.parametrize(
    ("program", "named"),
    [
        ("raise ImportError('libcudart.so.12: cannot open shared object file')", "libcudart.so.12"),
        ("import os; os.abort()", "exit status -6"),
    ],
)
def test_a_broken_framework_is_reported_and_ends_nothing(program, named, monkeypatch):
    monkeypatch.setattr(machine, "PROBES", {"PyTorch": program})
    check = one(machine.frameworks)
    assert check.state == "problem"
    assert named in check.value
    assert check.advice


@pytest.mark.parametrize("name", ["cuda", "mps"])
def test_a_device_that_no_framework_sees(name, monkeypatch):
    monkeypatch.setattr(machine, "PROBES", {"NumPy": "print('2.1')", "PyTorch": "print('2.9, cpu')"})
    assert [check.state for check in machine.frameworks()] == ["ok", "ok"]
    monkeypatch.setenv("AIGC_DEVICE", name)
    well, amiss = machine.frameworks()
    assert (well.state, amiss.state) == ("ok", "problem")
    assert f"AIGC_DEVICE={name}, but PyTorch does not see it" in amiss.advice
    monkeypatch.setattr(machine, "PROBES", {"PyTorch": f"print('2.9, {name}')"})
    assert machine.frameworks()[0].state == "ok"


def test_a_part_that_cannot_be_looked_at_is_a_line(monkeypatch):
    def puzzling():
        raise RuntimeError("nobody knows")

    check = one(puzzling)
    assert (check.name, check.state) == ("puzzling", "problem")
    assert check.value == "cannot be checked: nobody knows"


def test_it_works_without_any_framework(tmp_path):
    for name in ("numpy", "torch", "tensorflow", "matplotlib", "psutil"):
        (tmp_path / f"{name}.py").write_text(f"raise ModuleNotFoundError(\"No module named '{name}'\")")
    settings = {"PYTHONPATH": str(tmp_path), "AIGC_OFFLINE": "1"}
    result = subprocess.run(
        [sys.executable, "-m", "aigc_course", "doctor", "--language", "en"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env=os.environ | settings,
        check=False,
    )
    assert result.returncode == 1, result.stderr
    assert re.search(r"✗\s+PyTorch at work\s+.*No module named 'torch'", result.stdout)
    assert re.search(r"!\s+mnist\s+cannot be checked: No module named 'numpy'", result.stdout)
    assert "The course cannot run yet" in result.stdout


@pytest.mark.parametrize(
    ("version", "extra", "state"),
    [("2.1", "", "ok"), ("3.0", "", "hint"), ("1.9", "", "problem"), (None, "", "problem"), (None, "lab", "hint")],
)
def test_a_package_against_its_tested_range(version, extra, state, monkeypatch):
    monkeypatch.setattr(requirements, "installed", lambda name: version)
    check = requirements.one(requirements.Need("numpy", ">=2,<3", extra))
    assert check.state == state
    assert check.advice == ("" if state == "ok" else 'pip install "numpy>=2,<3"')


def test_both_wheels_of_tensorflow(monkeypatch):
    monkeypatch.setattr(requirements, "installed", lambda name: "2.21.0")
    check = requirements.tensorflow(requirements.needs())
    assert check.state == "problem"
    assert "pip uninstall -y tensorflow tensorflow-cpu" in check.advice


def test_needs_are_the_same_from_metadata_and_checkout(monkeypatch):
    from_metadata = requirements.needs()
    monkeypatch.setattr(requirements.importlib.metadata, "requires", lambda name: requirements._from_checkout())
    names = {canonicalize_name(need.name) for need in requirements.needs()}
    assert names == {canonicalize_name(need.name) for need in from_metadata}
    assert {"numpy", "torch", "jupyterlab"} <= names


@pytest.mark.parametrize("name", ["AIGC_SCALE", "AIGC_DEVICE", "AIGC_THREADS", "AIGC_SEED"])
def test_a_wrong_setting(name, monkeypatch):
    monkeypatch.setenv(name, "fast")
    check = one(machine.settings)
    assert check.state == "problem"
    assert f"{name}=fast" in check.value


def test_the_memory_of_a_container(tmp_path, monkeypatch):
    limit, used = tmp_path / "memory.max", tmp_path / "memory.current"
    monkeypatch.setattr(machine, "CGROUP_LIMITS", ((str(limit), str(used)),))
    limit.write_text(f"{2**30}\n")
    used.write_text(f"{2**29}\n")
    check = one(machine.memory)
    assert check.value == "0.5 GiB free of 1.0 GiB (limit of the container)"
    assert check.state == "hint"
    limit.write_text("max\n")
    assert "container" not in one(machine.memory).value


def test_a_full_disk(monkeypatch):
    monkeypatch.setattr(machine, "FREE_DISK_GIB", 10**6)
    assert one(machine.disk).state == "hint"


def test_mnist_is_complete_a_sample_or_damaged(tmp_path, monkeypatch):
    monkeypatch.setenv("AIGC_CACHE", str(tmp_path))
    check = one(course.mnist)
    assert (check.state, check.advice) == ("hint", "python -m aigc_course data")
    assert "5,000" in check.value
    damaged = tmp_path / "MNIST" / "raw" / "train-labels-idx1-ubyte"
    damaged.parent.mkdir(parents=True)
    damaged.write_bytes(b"<html>")
    check = one(course.mnist)
    assert check.state == "problem"
    assert damaged.name in check.value
    monkeypatch.setattr(course, "find_spec", lambda name: None)
    damaged.unlink()
    assert one(course.mnist).state == "problem"


def test_a_damaged_file_of_the_course(tmp_path, monkeypatch):
    copy = shutil.copytree(data_folder(), tmp_path / "data", ignore=shutil.ignore_patterns("cache"))
    monkeypatch.setattr(course, "data_folder", lambda: copy)
    assert one(course.course_files).state == "ok"
    listed = course.LISTED.findall((copy / "README.md").read_text(encoding="utf-8"))
    assert listed, "data/README.md lists no file with its SHA-256"
    with (copy / listed[0][0]).open("ab") as file:
        file.write(b"!")
    check = one(course.course_files)
    assert check.state == "problem"
    assert listed[0][0] in check.value


@pytest.fixture
def online(monkeypatch):
    for name in ("AIGC_OFFLINE", "HF_HUB_OFFLINE", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


def test_the_hub_that_hf_endpoint_names_is_asked(online):
    server = http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    online.setenv("HF_ENDPOINT", address := f"http://127.0.0.1:{server.server_port}")
    check = one(course.hub)
    server.shutdown()
    server.server_close()
    assert (check.state, check.value) == ("ok", f"{address} answers")


@pytest.mark.timeout(60)
def test_a_silent_hub_is_given_up_after_at_most_three_seconds(online):
    assert course.HUB_SECONDS <= 3
    online.setattr(course, "HUB_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes the connection and never says a word
        online.setenv("HF_ENDPOINT", f"http://127.0.0.1:{silent.getsockname()[1]}")
        check = one(course.hub)
        connection, _ = silent.accept()
        with connection:
            while connection.recv(4096):  # what was asked, and then the end: nobody waits for an answer any more
                pass
    assert check.state == "hint"
    assert "HF_ENDPOINT" in check.advice


def test_offline_asks_nobody(monkeypatch):
    monkeypatch.setenv("AIGC_OFFLINE", "1")
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert one(course.hub).state == "ok"


def test_show_is_a_table_without_the_path_of_anyones_home(monkeypatch):
    import IPython.display

    checks = [
        doctor.Check("disk <1>", "9 GiB free in data/cache"),
        doctor.Check("MNIST", "a sample", "hint", "fetch it"),
    ]
    monkeypatch.setattr(doctor, "report", lambda: checks)
    shown = []
    monkeypatch.setattr("IPython.core.interactiveshell.InteractiveShell.initialized", lambda: True)
    monkeypatch.setattr(IPython.display, "display", lambda content, raw: shown.append(content))
    doctor.show()
    (content,) = shown
    assert content["text/html"].count("<tr>") == 2
    assert "disk &lt;1&gt;" in content["text/html"]
    assert "! MNIST: a sample  -> fetch it" in content["text/plain"]


def test_paths_are_shown_without_what_lies_above(tmp_path, monkeypatch):
    from aigc_course.kit.commands.doctor.check import shown

    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    assert shown(ROOT / "data" / "cache") == "data/cache"
    assert shown(tmp_path / ".cache" / "aigc_course") == "~/.cache/aigc_course"
    assert shown(Path("/srv/shared")) == "/srv/shared"


def test_a_user_without_a_home_is_told_and_no_check_stops(monkeypatch):
    from jupyter_client.kernelspec import KernelSpecManager

    from aigc_course.kit.commands.doctor import check, machine

    def homeless(*arguments):
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(check.Path, "home", homeless)
    monkeypatch.setattr(KernelSpecManager, "get_kernel_spec", homeless)
    found = [machine.disk(), machine.kernel()]
    assert "problem" not in [each.state for each in found]
    assert found[1].advice == "export HOME=/tmp"
