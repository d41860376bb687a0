"""Which exercises are done, what was guessed, the best scores: one JSON file that belongs to the learner.

It lies at AIGC_PROGRESS, else ~/.aigc_course/progress.json, and can be read, copied, edited or thrown away:

    {"version": 1, "exercises": {"05_1.loss": "2025-03-01T10:15:00+08:00"},
     "guesses": {"05_1.batch_time": "b"}, "best": {"05_1.few_labels": 0.931}}

Writing it never stops a notebook: what goes wrong is said once, in one line. Only a regular file is read or replaced;
where something else has its place, such as /dev/null, nothing is recorded.
"""

import itertools
import json
import os
from contextlib import suppress
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from aigc_course.kit.practice import questions
from aigc_course.kit.runtime import language, say
from aigc_course.storage.files import write

LOCK_SECONDS = 10  # how long another notebook may be writing before this one gives up


def path() -> Path:
    """Where the learner's record lies; a symbolic link is followed.

    Raises OSError where something else than a regular file has its place, RuntimeError for the home of nobody.
    """
    file = Path(os.path.realpath(Path(_wanted()).expanduser()))
    if file.exists() and not file.is_file():
        raise OSError(say("那里不是普通文件", "something other than a regular file is there"))
    return file


def passed(name: str) -> tuple[int, int]:
    """Record that the exercise `name` passed (its first time counts); return (done, total) of its chapter.

    A damaged file is set aside under another name. A file that cannot be written is a printed message, no error.
    """
    _update("exercises", name, datetime.now().astimezone().isoformat(timespec="seconds"), first=True)
    known = {name: ""}
    with suppress(OSError, RuntimeError, ValueError):  # what is wrong with the file has been said
        known |= read(path())["exercises"]
    return count(name.partition(".")[0], known)


def done() -> dict[str, str]:
    """Exercise to the time at which it first passed; empty when there is no record or it cannot be read."""
    return noted("exercises")


def note(table: str, name: str, value: str | float) -> None:
    """Record `value` for `name` in one of the other tables, "guesses" or "best"; the newest counts."""
    _update(table, name, value)


def noted(table: str) -> dict[str, Any]:
    """Name to what was recorded for it; empty when there is no record or it cannot be read."""
    try:
        return read(path()).get(table, {})
    except (OSError, RuntimeError, ValueError) as error:
        zh = f"学习进度文件{_wanted()}读不出来（{error}），暂且当作空的。"
        _print_once(say(zh, f"The progress file {_wanted()} cannot be read ({error}); it counts as empty for now."))
        return {}


def summary() -> list[tuple[str, str, int, int]]:
    """(chapter, title, done, total) for each chapter with questions, titles in the reader's language."""
    known = done()
    rows = []
    for number, file in questions.files().items():
        title = questions.chapter(number).get("title", {}).get(language(), file.stem)
        rows.append((number, title, *count(number, known)))
    return rows


def _update(table: str, name: str, value: str | float, *, first: bool = False) -> None:
    """Write one entry, unless `first` and there is one; what goes wrong is said."""
    from filelock import FileLock, Timeout

    try:
        file = path()
        file.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{file}.lock", timeout=LOCK_SECONDS):
            record = _read_or_set_aside(file)
            entries = record.setdefault(table, {})
            if not (first and name in entries):
                entries[name] = value
                text = f"{json.dumps(record, ensure_ascii=False, indent=1, sort_keys=True)}\n"
                write(file, text.encode(errors="backslashreplace"))  # half of a surrogate pair, as JSON writes it
    except Timeout:
        _unwritable(say(f"另一个程序锁住它超过{LOCK_SECONDS}秒", f"another program locked it for {LOCK_SECONDS} s"))
    except (OSError, RuntimeError) as error:
        _unwritable(getattr(error, "strerror", None) or error)


def _wanted() -> str:
    return os.environ.get("AIGC_PROGRESS") or "~/.aigc_course/progress.json"


def count(number: str, known: dict[str, str]) -> tuple[int, int]:
    """(done, total) of the exercises of a chapter such as "05_1"; known: exercise to the time at which it passed."""
    names = [f"{number}.{slug}" for slug in questions.chapter(number).get("exercises", {})]
    return sum(name in known for name in names), len(names)


def read(file: Path) -> dict[str, Any]:
    """The record in `file`, an empty one where there is no file yet; ValueError when it is something else."""
    if not file.exists():
        return {"version": 1, "exercises": {}}
    try:
        record = json.loads(file.read_text(encoding="utf-8-sig"))  # Windows' Notepad begins a file with a mark
    except RecursionError as error:
        raise ValueError(str(error)) from error
    exercises = record.get("exercises") if isinstance(record, dict) else None
    if not isinstance(exercises, dict) or not all(isinstance(time, str) for time in exercises.values()):
        raise ValueError('no table "exercises" of names and times')
    kinds = {"guesses": str, "best": int | float}
    wrong = [
        table
        for table, kind in kinds.items()
        if not isinstance(entries := record.get(table, {}), dict)
        or not all(isinstance(value, kind) for value in entries.values())
    ]
    if wrong:
        raise ValueError(f'"{wrong[0]}" is not a table of names and records')
    return record


def _read_or_set_aside(file: Path) -> dict[str, Any]:
    try:
        return read(file)
    except ValueError as error:
        stamp = f"{datetime.now():%Y%m%d-%H%M%S-%f}"
        names = (f"{file.stem}.damaged-{stamp}{f'-{n}' if n else ''}{file.suffix}" for n in itertools.count())
        aside = next(path for name in names if not (path := file.with_name(name)).exists())  # a clock may be set back
        file.rename(aside)
        zh = f"学习进度文件{file}已损坏（{error}），已原样改名为{aside.name}保留；现在从一份新的记录开始。"
        en = f"The progress file {file} is damaged ({error}). It is kept as {aside.name}; a new one begins now."
        print(say(zh, en))
        return read(file)


def _unwritable(reason: object) -> None:
    zh = f"学习进度无法写入{_wanted()}（{reason}），这次不作记录，notebook照常运行。可以用AIGC_PROGRESS另指定一个文件。"
    en = f"Progress cannot be written to {_wanted()} ({reason}), so it is not recorded; the notebook goes on. "
    _print_once(say(zh, en + "Set AIGC_PROGRESS to another file."))


@cache
def _print_once(message: str) -> None:
    print(message)
