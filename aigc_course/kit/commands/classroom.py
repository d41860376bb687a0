"""`python -m aigc_course class FOLDER`: the progress files of a class, as one table for a spreadsheet.

A file that cannot be used is named with the reason and the way out; the others are listed all the same.
"""

import csv
import io
import json
import math
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from aigc_course.kit.commands.console import print_table
from aigc_course.kit.practice import progress, questions
from aigc_course.kit.runtime import say
from aigc_course.storage import files

LARGEST = 1_000_000  # bytes; a record of the whole course is about 10,000
COLUMNS = ("who", "chapter", "exercises", "of", "guesses", "guessed_right", "challenge", "best", "last")
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet would calculate a cell that begins so

Record = dict[str, Any]


def show(folder: Path, out: Path | None = None) -> None:
    """Write the table of all records below `folder` to `out` (by default FOLDER/class.csv), and show one row a learner.

    Raises ValueError where there is no such folder or no record in it, OSError where the table cannot be written.
    """
    target = out or folder / "class.csv"
    records, told = collect(folder)
    for line in told:
        print(line)
    if not records:
        zh = f"{folder}里没有能用的学习进度文件（.json）：请学生交~/.aigc_course/progress.json，改成自己的名字。"
        en = f"{folder}: no progress file (.json) that can be used. Ask learners for ~/.aigc_course/progress.json, "
        raise ValueError(say(zh, en + "renamed after each of them."))
    files.write(target, as_csv(records).encode("utf-8-sig", errors="backslashreplace"))  # Excel needs the mark
    columns = say("学生 练习 猜题 挑战 最近一次", "learner exercises guesses challenges last").split()
    print_table(columns, [_in_all(who, record) for who, record in records.items()])
    print(say(f"{len(records)}份记录，写入{target}", f"{len(records)} records, written to {target}"))


def collect(folder: Path) -> tuple[dict[str, Record], list[str]]:
    """(learner to record, what is to be said about files) of all .json files in `folder` and the folders in it.

    A learner is the name of the file, or of its folder where the file is still called progress.json.
    Raises ValueError where `folder` is no folder.
    """
    if not folder.is_dir():
        raise ValueError(say(f"没有文件夹{folder}", f"there is no folder {folder}"))
    found = sorted(file for file in folder.rglob("*") if _is_handed_in(file, folder))
    named = {file: _who(file, folder) for file in found}
    often = Counter(named.values())
    records: dict[str, Record] = {}
    told, seen = [], {}
    for file, name in named.items():
        shown = file.relative_to(folder).as_posix()
        who = name if often[name] == 1 else shown
        try:
            records[who] = record = _read(file)
        except ValueError as error:
            told.append(say(f"{shown}：未列入，{error}", f"{shown}: left out, {error}"))
            continue
        same = json.dumps(record, sort_keys=True)
        if record["exercises"] and same in seen:
            zh = f"{shown}：与{seen[same]}完全相同，时间也一样，是同一份记录吗？两份都已列入。"
            en = f"{shown}: the same as {seen[same]}, to the second: one record handed in twice? Both are listed."
            told.append(say(zh, en))
        seen.setdefault(same, shown)
        if strange := _unknown(record):
            zh = f"{shown}：有{len(strange)}项不属于这个版本的课程（例如{strange[0]}），没有计入。"
            en = f"{shown}: {len(strange)} entries are not of this version of the course ({strange[0]}): not counted."
            told.append(say(zh, en))
    return records, told


def as_csv(records: dict[str, Record]) -> str:
    """The table with COLUMNS, one row a learner and chapter; what a spreadsheet would calculate is quoted."""
    text = io.StringIO(newline="")
    table = csv.writer(text)
    table.writerow(COLUMNS)
    for who, record in records.items():
        table.writerows([_harmless(who), *row] for row in rows(record))
    return text.getvalue()


def rows(record: Record) -> Iterator[tuple[Any, ...]]:
    """One row a chapter, as in COLUMNS but for the learner."""
    for number in questions.files():
        written = questions.chapter(number)
        done, total = progress.count(number, record["exercises"])
        guesses = {slug: record.get("guesses", {}).get(f"{number}.{slug}") for slug in written.get("guesses", {})}
        made = [slug for slug, letter in guesses.items() if letter is not None]
        right = sum(guesses[slug] == written["guesses"][slug]["answer"] for slug in made)
        challenge = next(iter(written.get("challenges", {})), "")
        best = record.get("best", {}).get(f"{number}.{challenge}", "")
        times = [time for name, time in record["exercises"].items() if name.partition(".")[0] == number]
        yield number, done, total, len(made), right, challenge, best if _is_score(best) else "", _last(times)


def _is_handed_in(file: Path, folder: Path) -> bool:
    """Whether it is a .json file; those that systems hide, such as __MACOSX/._anna.json, are not."""
    parts = file.relative_to(folder).parts
    hidden = any(part.startswith((".", "__MACOSX")) for part in parts)
    return file.suffix.lower() == ".json" and not hidden


def _who(file: Path, folder: Path) -> str:
    is_in_own = file.stem.lower() == "progress" and file.parent != folder
    return file.parent.name if is_in_own else file.stem


def _read(file: Path) -> Record:
    """The record in `file`; ValueError that says why it is none, and what to do."""
    why = _not_worth_reading(file)
    try:
        if not why:
            return progress.read(file)
    except OSError as error:
        zh, en = f"读不出来（{error.strerror or error}）", f"it cannot be read ({error.strerror or error})"
        raise ValueError(say(f"{zh}；请检查权限。", f"{en}; check its permissions.")) from error
    except UnicodeDecodeError:
        why = say("不是UTF-8文本", "it is not UTF-8 text")
    except json.JSONDecodeError as error:
        why = say(f"第{error.lineno}行不是JSON", f"line {error.lineno} is not JSON")
    except ValueError as error:
        why = say(f"不是本课程的记录（{error}）", f"it is no record of this course ({error})")
    zh, en = "请学生把notebook写出的文件原样再交一次。", "ask for the file again, as the notebook wrote it."
    raise ValueError(say(f"{why}；{zh}", f"{why}; {en}"))


def _not_worth_reading(file: Path) -> str:
    """Why a file need not be read to be refused: reading a pipe, for one, would never end; "" otherwise."""
    if not file.is_file():
        return say("不是普通文件", "it is no regular file")
    size = file.stat().st_size
    if size > LARGEST:
        return say(f"有{size:,}字节，记录不会这么大", f"its {size:,} bytes are more than any record has")
    return "" if size else say("是空的", "it is empty")


def _unknown(record: Record) -> list[str]:
    """The entries that no chapter has."""
    known = {
        f"{number}.{slug}"
        for number in questions.files()
        for table in ("exercises", "guesses", "challenges")
        for slug in questions.chapter(number).get(table, {})
    }
    return [name for table in ("exercises", "guesses", "best") for name in record.get(table, {}) if name not in known]


def _in_all(who: str, record: Record) -> tuple[str, ...]:
    table = list(rows(record))
    done, total, made, right = (sum(row[column] for row in table) for column in (1, 2, 3, 4))
    scores = sum(row[6] != "" for row in table)
    last = max(row[7] for row in table)
    return who, f"{done}/{total}", f"{right}/{made}", str(scores), last


def _is_score(value: Any) -> bool:
    """A finite number: what the table's reader can sort by."""
    return not isinstance(value, bool) and isinstance(value, int | float) and abs(value) < math.inf


def _last(times: list[str]) -> str:
    """The day of the latest time, 2026-03-01; "" where none can be read."""
    days = []
    for time in times:
        try:
            days.append(datetime.fromisoformat(time).date().isoformat())
        except ValueError:
            continue  # edited by hand; the exercise counts all the same
    return max(days, default="")


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(FORMULA) else text
