"""The commands of `python -m aigc_course`, and what `make` makes of them."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from aigc_course import __main__ as cli
from aigc_course.kit import datasets, runtime
from aigc_course.kit.commands import console
from aigc_course.kit.commands import progress as table

ROOT = Path(__file__).resolve().parents[3]
LOCALE = ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")


@pytest.fixture
def no_locale(monkeypatch):
    for name in LOCALE:
        monkeypatch.delenv(name, raising=False)
    return monkeypatch


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_TW.UTF-8", "LC_ALL": "en_GB.UTF-8"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_MESSAGES": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANGUAGE": "zh_CN:en", "LANG": "de_DE.UTF-8"}, "zh"),
        ({"LANGUAGE": "de:zh_CN", "LANG": "de_DE.UTF-8"}, "zh"),
        ({"LANGUAGE": "de", "LANG": "zh_CN.UTF-8"}, "en"),
        ({"LANGUAGE": "", "LANG": "zh_CN.UTF-8"}, "zh"),
    ],
)
def test_language_comes_from_the_locale_as_gettext_reads_it(environment, expected, no_locale):
    for name, value in environment.items():
        no_locale.setenv(name, value)
    assert console.system_language() == expected


def test_a_language_that_was_said_wins(no_locale):
    no_locale.setenv("LANG", "zh_CN.UTF-8")
    assert run("progress", "--language", "en").exit_code == 0
    assert runtime.language() == "en"
    assert run("progress").exit_code == 0
    assert runtime.language() == "zh"


def run(*words: str):
    return CliRunner().invoke(cli.app, words)


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["learn", "--language", "fr"], "'fr' is not one of 'zh', 'en'"),
        (["learn", "--port", "99999"], "--port"),
        (["dance"], "No such command 'dance'"),
        (["data", "--all"], "No such option"),
    ],
)
def test_a_bad_argument_is_named_and_exits_with_2(words, named):
    result = run(*words)
    assert result.exit_code == 2
    assert named in result.output


def test_help_names_every_command_in_both_languages():
    result = run("--help")
    assert result.exit_code == 0
    for word in ("learn", "data", "doctor", "progress", "启动", "下载", "检查", "进度"):
        assert word in result.output


@pytest.mark.parametrize(
    ("found", "language", "shown", "exit_code"),
    [
        (("MNIST", "cache", True, ""), "en", "complete", 0),
        (("MNIST", "cache", True, ""), "zh", "完整", 0),
        (("MNIST", "sample", False, "no network"), "en", "using the bundled sample", 0),
        (("MNIST", "sample", False, "没有网络"), "zh", "以自带样本代替", 0),
        (("Voices", "none", False, "the disk is full"), "en", "missing", 1),
    ],
)
def test_data_says_what_is_there_and_fails_only_where_nothing_stands_in(found, language, shown, exit_code, monkeypatch):
    monkeypatch.setattr(datasets, "fetch_all", lambda: [found])
    result = run("data", "--language", language)
    assert shown in result.output
    assert found[3] in result.output
    assert result.exit_code == exit_code


@pytest.mark.parametrize(("language", "columns"), [("zh", ("章", "已完成")), ("en", ("chapter", "done"))])
def test_progress_shows_one_row_a_chapter(language, columns, monkeypatch):
    monkeypatch.setattr(table, "summary", lambda: [("05_1", "MNIST", 2, 3)])
    result = run("progress", "--language", language)
    assert result.exit_code == 0
    assert all(column in result.output for column in columns)
    assert re.search(r"05_1\s+MNIST\s+2\s+3", result.output)


@pytest.mark.parametrize(
    ("setting", "words", "said"),
    [
        ("AIGC_SCALE=x", ["data"], "AIGC_SCALE=x is not known"),
        ("AIGC_SCALE=x", ["learn"], "AIGC_SCALE=x is not known"),
        ("AIGC_SCALE=x", ["sample", "gpt"], "AIGC_SCALE=x is not known"),
        ("AIGC_THREADS=1000000", ["sample", "gan", "--out", "a.npy"], "AIGC_THREADS=1000000 is not a whole number"),
        ("AIGC_DEVICE=abacus", ["sample", "gan-unconditional", "--out", "a.npy"], "AIGC_DEVICE=abacus is not known"),
        (
            "AIGC_DEVICE=mps",
            ["sample", "article-gan", "--out", "a.npy"],
            "AIGC_DEVICE=mps, but the framework sees",
        ),
        ("AIGC_NOTEBOOKS=/no/where", ["learn"], "there is no folder /no/where"),
    ],
)
@pytest.mark.skipif(sys.platform == "darwin", reason="a Mac may have the device mps")
def test_a_setting_that_cannot_be_is_one_line_and_exits_with_1(setting, words, said, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AIGC_OFFLINE", "1")
    monkeypatch.setenv(*setting.split("="))
    result = run(*words)
    assert isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == 1
    assert said in result.stderr
    assert result.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("error", "exit_code", "said"),
    [
        (ValueError("top_k 0"), 2, "top_k 0"),
        (OSError(28, "No space left on device", "a.txt"), 1, "[Errno 28] No space left on device: 'a.txt'"),
        (RuntimeError("no such device"), 1, "no such device"),
        (MemoryError(), 1, "MemoryError"),
    ],
)
def test_whatever_goes_wrong_is_one_line(error, exit_code, said, monkeypatch):
    def fails():
        raise error

    monkeypatch.setattr(table, "show", fails)
    result = run("progress")
    assert (result.exit_code, result.stderr) == (exit_code, f"{said}\n")


def test_output_in_a_pipe_is_whole_lines_of_utf_8_and_survives_a_terminal_that_knows_no_chinese():
    command = [sys.executable, "-m", "aigc_course", "data", "--language", "zh"]
    settings = {"AIGC_OFFLINE": "1", "COLUMNS": "40"}
    result = subprocess.run(command, capture_output=True, env=os.environ | settings, cwd=ROOT, check=True)
    assert "数据" in result.stdout.decode("utf-8")
    assert b"\x1b[" not in result.stdout
    settings["PYTHONIOENCODING"] = "ascii"
    result = subprocess.run(command, capture_output=True, env=os.environ | settings, cwd=ROOT, check=True)
    assert b"MNIST" in result.stdout


def would_run(*words: str, **environment: str) -> str:
    settings = {name: value for name, value in os.environ.items() if name not in (*LOCALE, "MAKEFLAGS")} | environment
    make = [shutil.which("make"), "--dry-run", "--assume-old=.venv/.installed", *words]
    return subprocess.run(make, cwd=ROOT, capture_output=True, text=True, env=settings, check=True).stdout


def test_make_passes_a_language_on_only_when_it_was_said():
    assert '--language "zh"' in would_run("learn", "LANGUAGE=zh")
    assert '--language "fr"' in would_run("learn", "LANGUAGE=fr")  # which the command then refuses
    assert "--language" not in would_run("learn", LANGUAGE="de:en")


def test_make_help_names_every_target():
    named = would_run("help")
    text = subprocess.run(["make", "-s", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "sed" in named
    for target in [
        "learn",
        "test",
        "lint",
        "execute",
        "editions",
        "chapter",
        "badges",
        "bench",
        "bands",
        "faults",
        "fuzz",
        "clean",
    ]:
        assert f"make {target}" in text


def test_make_test_narrowed_to_a_chapter_that_is_not_there_fails():
    result = subprocess.run(
        [sys.executable, "-m", "tools.test", "99_9"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 1
    assert "99_9" in result.stderr
