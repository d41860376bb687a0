"""The page with the last verified results, from docs/verified.csv: what each notebook took when it last passed."""

from pathlib import Path

from tools import verified
from tools.authoring.notebooks import EDITIONS
from tools.site.terms import spoken_number

TITLE = {"zh": "最近一次验证结果", "en": "Last verified results"}
ABOUT = {
    "zh": "每一行是一次测试：这一章notebook的所有单元格都运行通过，结果都落在预期范围内。"
    "表由测试自动生成，没有手写的数字。秒数含内核启动；同时运行的其他程序不计入CPU秒数。"
    "数据一栏中的sample是随课程附带的小样本，不联网也能用。",
    "en": "Each row is one test run in which every cell of the notebook passed and every result fell in its expected "
    "range. The runs themselves write the table; no number is typed by hand. Seconds include the kernel's start; other "
    "programs on the machine do not add to CPU seconds. “sample” is the small data set that comes with the course and "
    "needs no network.",
}
HEAD = {
    "zh": ("章", "语言", "设备", "规模", "数据", "秒", "CPU秒", "内存峰值（MiB）", "日期", "环境"),
    "en": ("chapter", "edition", "device", "scale", "data", "seconds", "CPU s", "peak MiB", "date", "setup"),
}
SETUPS = {"zh": "环境", "en": "Setups"}
CHANGED = {"zh": "（代码此后改过）", "en": " (code changed since)"}
NONE = {"zh": "还没有记录的：", "en": "Not recorded yet: "}
LANGUAGES = {"zh": {"zh": "中文", "en": "英文"}, "en": {"zh": "Chinese", "en": "English"}}


def page(root: Path, edition: str, chapters: tuple[str, ...]) -> str:
    """The page as Markdown."""
    table = [row for row in verified.rows(root) if row["notebook"] in chapters]
    setups = list(dict.fromkeys((row["machine"], row["versions"]) for row in table))
    lines = [HEAD[edition], ("---",) * 5 + ("--:",) * 3 + ("---",) * 2]
    for row in table:
        date = row["date"] + ("" if verified.is_current(row, root) else CHANGED[edition])
        facts = (row[name] for name in ("device", "scale", "data", "seconds", "cpu_seconds", "peak_mib"))
        setup = letter(setups.index((row["machine"], row["versions"])))
        chapter = f"[{spoken_number(row['notebook'])}](page:{row['notebook']})"
        lines.append((chapter, LANGUAGES[edition][row["edition"]], *facts, date, setup))
    text = f"# {TITLE[edition]}\n\n{ABOUT[edition]}\n\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines)
    ran = {(row["notebook"], row["edition"]) for row in table}
    lacking = [
        f"{spoken_number(stem)} ({LANGUAGES[edition][each]})"
        for stem in chapters
        for each in EDITIONS
        if (stem, each) not in ran
    ]
    between, end = ("、", "。") if edition == "zh" else (", ", ".")
    if edition == "zh":
        lacking = [each.replace(" (", "（").replace(")", "）") for each in lacking]
    text += f"\n\n{NONE[edition]}{between.join(lacking)}{end}" if lacking else ""
    rows = [f"* {letter(number)}: {machine}; {versions}" for number, (machine, versions) in enumerate(setups)]
    return text + (f"\n\n## {SETUPS[edition]}\n\n" + "\n".join(rows) if rows else "") + "\n"


def letter(number: int) -> str:
    """A, B, ... Z, AA, ... as columns of a spreadsheet."""
    return (letter(number // 26 - 1) if number > 25 else "") + chr(ord("A") + number % 26)
