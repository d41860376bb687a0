"""docs/performance.csv, one row a measured comparison, and the two pages that are made of it."""

import tomllib
from pathlib import Path
from typing import Any

from aigc_course.storage.tables import kept_rows

COLUMNS = (
    "figure", "device", "ours", "peer", "unit", "ratio", "lowest", "highest", "rounds", "date", "machine", "load",
    "versions",
)  # fmt: skip
TABLE = Path("docs") / "performance.csv"
WORDS = Path(__file__).with_name("words.toml")
SAID = {
    "en": {
        "title": "How fast it is",
        "intro": "Each row compares the course's program with a known one, both measured in one run, in turns. The "
        "ratio is the other one's time divided by ours: above 1, ours is faster. It is the median over the rounds, "
        "with the smallest and the largest; the same program on another day or machine gives another ratio, so each "
        "row says where and when. `load` is how many programs wanted a core when the run began: well above the number "
        "of cores, the times are those of a busy machine, and the range says more than the median.",
        "again": "To measure again: `python -m tools.performance`, or with the names of benchmarks.",
        "heads": ("what", "ours", "peer", "ratio", "range", "bar", "where, when"),
        "rounds": "{n} rounds",
        "bar": {True: "met", False: "not met"},
        "none": "Nothing has been measured on a GPU for this table yet.",
        "missing": "Not measured yet:",
    },
    "zh": {
        "title": "速度如何",
        "intro": "每一行把课程的程序与一个公认的程序相比，两者在同一次运行里轮流测量。比值是对方的时间除以我们的时间："
        "大于1表示我们更快。它是各轮的中位数，后面是最小值和最大值；换一天或换一台机器，比值会不同，所以每行都写明测量的时间和机器。“负载”"
        "是开始测量时等着用处理器核的程序数：若远大于核数，时间就是机器繁忙时的时间，这时范围比中位数更能说明问题。",
        "again": "重新测量：`python -m tools.performance`，也可以在后面写上基准程序的名字。",
        "heads": ("比较的内容", "课程", "对方", "比值", "范围", "要求", "机器与日期"),
        "rounds": "{n}轮",
        "bar": {True: "达到", False: "未达到"},
        "none": "这张表还没有在GPU上测量过。",
        "missing": "尚未测量：",
    },
}


def words() -> dict[str, dict[str, Any]]:
    """What is said of each comparison."""
    return tomllib.loads(WORDS.read_text(encoding="utf-8"))


def read(root: Path) -> list[dict[str, str]]:
    """The rows that are there."""
    return kept_rows(root / TABLE)


def merge(old: list[dict[str, str]], new: list[dict[str, str]]) -> list[dict[str, str]]:
    """A row for each comparison, device and machine: the newest."""
    kept = {(row["figure"], row["device"], row["machine"]): row for row in [*old, *new]}
    order = list(words())
    return sorted(kept.values(), key=lambda row: (order.index(row["figure"]), row["device"], row["machine"]))


def page(rows: list[dict[str, str]], language: str) -> str:
    """The page in a language."""
    said, known = SAID[language], words()
    lines = [f"# {said['title']}", "", said["intro"], "", f"{said['again']}", ""]
    lines += [f"| {' | '.join(said['heads'])} |", f"|{'---|' * len(said['heads'])}"]
    comma, colon = ("，", "：") if language == "zh" else (", ", ": ")
    for row in rows:
        entry = known[row["figure"]]
        bar = entry.get("bar")
        load = "负载" if language == "zh" else "load"
        cells = (
            entry[language],
            f"{row['ours']} {row['unit']}",
            f"{row['peer']} {row['unit']}",
            row["ratio"],
            f"{row['lowest']}–{row['highest']}{comma}{said['rounds'].format(n=row['rounds'])}",
            f"{bar}{colon}{said['bar'][float(row['ratio']) >= bar]}" if bar else "",
            comma.join([row["machine"], row["device"], f"{load} {row['load']}", row["date"], row["versions"]]),
        )
        lines.append(f"| {' | '.join(cells)} |")
    if missing := [known[name][language] for name in known if name not in {row["figure"] for row in rows}]:
        lines += ["", said["missing"], "", *(f"* {text}" for text in missing)]
    if all(row["device"] == "cpu" for row in rows):
        lines += ["", said["none"]]
    return "\n".join(lines) + "\n"
