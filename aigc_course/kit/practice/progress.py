"""Which exercises are done: one JSON file that belongs to the learner.

It lies at AIGC_PROGRESS, else ~/.aigc_course/progress.json, and can be read, copied, edited or thrown away:

    {"version": 1, "exercises": {"05_1.loss": "2025-03-01T10:15:00+08:00"}}

Writing it never stops a notebook: what goes wrong is said in one line.
"""

import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any

from aigc_course.kit.practice import questions
from aigc_course.kit.runtime import language
from aigc_course.storage.files import write

LOCK_SECONDS = 10  # how long another notebook may be writing before this one gives up
MESSAGES = {
    "damaged": {
        "zh": "学习进度文件{path}已损坏（{reason}），已原样改名为{aside}保留；现在从一份新的记录开始。",
        "en": "The progress file {path} is damaged ({reason}). It is kept as {aside}; a new one begins now.",
    },
    "unreadable": {
        "zh": "学习进度文件{path}读不出来（{reason}），暂且当作空的。",
        "en": "The progress file {path} cannot be read ({reason}); it counts as empty for now.",
    },
    "unwritable": {
        "zh": "学习进度无法写入{path}（{reason}），这次不作记录，notebook照常运行。可以用AIGC_PROGRESS另指定一个文件。",
        "en": "Progress cannot be written to {path} ({reason}), so it is not recorded; the notebook goes on. "
        "Set AIGC_PROGRESS to another file.",
    },
    "busy": {
        "zh": "另一个程序锁住了它超过{seconds}秒",
        "en": "another program has locked it for more than {seconds} s",
    },
}


class Damaged(ValueError):
    """The file is not a record of progress."""


def path() -> Path:
    """Where the learner's record lies; a symbolic link is followed."""
    wanted = os.environ.get("AIGC_PROGRESS") or "~/.aigc_course/progress.json"
    return Path(os.path.realpath(Path(wanted).expanduser()))


def passed(name: str) -> tuple[int, int]:
    """Record that the exercise `name` passed (its first time counts); return (done, total) of its chapter.

    A damaged file is set aside under another name. A file that cannot be written is a printed message, no error.
    """
    from filelock import FileLock, Timeout

    file = path()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{file}.lock", timeout=LOCK_SECONDS):
            record = _read_or_set_aside(file)
            if name not in record["exercises"]:
                record["exercises"][name] = datetime.now().astimezone().isoformat(timespec="seconds")
                _write(file, record)
    except Timeout:
        _say("unwritable", path=file, reason=MESSAGES["busy"][language()].format(seconds=LOCK_SECONDS))
    except OSError as error:
        _say("unwritable", path=file, reason=error.strerror or error)
    return _count(name.partition(".")[0], {**_known(file), name: ""})


def done() -> dict[str, str]:
    """Exercise to the time at which it first passed; empty when there is no record or it cannot be read."""
    file = path()
    try:
        return _read(file)["exercises"]
    except (OSError, Damaged) as error:
        _say("unreadable", path=file, reason=getattr(error, "strerror", None) or error)
        return {}


def summary() -> list[tuple[str, str, int, int]]:
    """(chapter, title, done, total) for each chapter with questions, titles in the reader's language."""
    passed_ones = done()
    rows = []
    for number, file in questions.files().items():
        title = questions.chapter(number).get("title", {}).get(language(), file.stem)
        rows.append((number, title, *_count(number, passed_ones)))
    return rows


def _count(number: str, passed_ones: dict[str, str]) -> tuple[int, int]:
    names = [f"{number}.{slug}" for slug in questions.chapter(number).get("exercises", {})]
    return sum(name in passed_ones for name in names), len(names)


def _read(file: Path) -> dict[str, Any]:
    """The record, an empty one where there is no file yet; Damaged when it is something else."""
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {"version": 1, "exercises": {}}
    except (ValueError, RecursionError) as error:  # no JSON, or no UTF-8
        raise Damaged(f"{type(error).__name__}: {error}") from error
    exercises = record.get("exercises") if isinstance(record, dict) else None
    if not isinstance(exercises, dict) or not all(isinstance(time, str) for time in exercises.values()):
        raise Damaged('no table "exercises" of names and times')
    return record


def _known(file: Path) -> dict[str, str]:
    try:
        return _read(file)["exercises"]
    except (OSError, Damaged):  # what is wrong with the file was said when it should have been written
        return {}


def _read_or_set_aside(file: Path) -> dict[str, Any]:
    try:
        return _read(file)
    except Damaged as error:
        stamp = datetime.now().strftime("%Y%m%d-%H%M%S-%f")
        aside = file.with_name(f"{file.stem}.damaged-{stamp}{file.suffix}")
        file.rename(aside)
        _say("damaged", path=file, reason=error, aside=aside.name)
        return _read(file)


def _write(file: Path, record: dict[str, Any]) -> None:
    """Replace the file in one step; if the disk is full, the old one stays."""
    text = f"{json.dumps(record, ensure_ascii=False, indent=1, sort_keys=True)}\n"
    write(file, text.encode(errors="backslashreplace"))  # half of a surrogate pair becomes what JSON writes for it


def _say(message: str, **values: Any) -> None:
    print(MESSAGES[message][language()].format(**values))
