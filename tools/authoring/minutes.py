"""Minutes that a chapter takes to read and work through, counted from its cells; what a first reading may skip apart.

    python -m tools.authoring.minutes [CHAPTER ...]

Skipped at a first reading: sections marked as a second pass, and what the chapter's line on time names in quotation
marks. An exercise is 6 minutes and a figure 40 seconds; text and code by the speeds below.
"""

import json
import re
import sys

from tools.authoring.notebooks import EDITIONS, ROOT

PER_MINUTE = {"zh": (r"[\u4e00-\u9fff]", 300), "en": (r"\b[A-Za-z']+\b", 200)}  # characters, words
CODE_LINES, EXERCISE, FIGURE = 12, 6.0, 0.7  # lines a minute; minutes
TIME = {"zh": "**需要的时间**", "en": "**Time**"}
QUOTED = {"zh": r"“(.+?)”", "en": r'"(.+?)"'}
SECOND = {"zh": "第二遍", "en": "Second pass"}
CHALLENGE = {"zh": "挑战", "en": "challenge"}
LAST_TWO = {"zh": "后两道练习", "en": "last two exercises"}


def of_cells(notebook: dict, edition: str) -> list[tuple[float, bool]]:
    """(minutes, whether a first reading may skip it) of each cell; an exercise counts with its six minutes."""
    texts = ["".join(cell["source"]) for cell in notebook["cells"]]
    line = time_line(texts, edition)
    named = re.findall(QUOTED[edition], line)
    unit, speed = PER_MINUTE[edition]
    counted, skipping, level = [], False, 0
    for cell, text in zip(notebook["cells"], texts, strict=True):
        if cell["cell_type"] == "markdown":
            for signs, title in re.findall(r"^(#+) (.*)$", text, re.MULTILINE):
                challenge = CHALLENGE[edition] in title.lower() and CHALLENGE[edition] in line
                if title in named or title.startswith(SECOND[edition]) or challenge:
                    skipping, level = True, len(signs)
                elif not skipping or len(signs) <= level:
                    skipping = False
            minutes = len(re.findall(unit, re.sub(r"<[^>]+>|\]\([^)]*\)", "", text))) / speed
        else:
            minutes = sum(bool(each.strip()) for each in text.splitlines()) / CODE_LINES
            minutes += FIGURE * ("<img " in json.dumps(cell["outputs"]))
            minutes += EXERCISE * is_exercise(cell)
        counted.append((minutes, skipping))
    return counted


def is_exercise(cell: dict) -> bool:
    """Whether the learner writes something in this cell."""
    return "exercise" in cell["metadata"].get("tags", [])


def time_line(texts: list[str], edition: str) -> str:
    """The chapter's line on time: what a first reading takes, and what it may skip."""
    return next((text for text in texts if TIME[edition] in text), "").partition(TIME[edition])[2].partition("\n")[0]


def minutes_of(notebook: dict, edition: str) -> tuple[float, float]:
    """(minutes of a first reading, minutes of what it may skip)."""
    counted = of_cells(notebook, edition)
    line = time_line(["".join(cell["source"]) for cell in notebook["cells"]], edition)
    pairs = zip(notebook["cells"], counted, strict=True)
    exercises = sum(is_exercise(cell) and not skipped for cell, (_, skipped) in pairs)  # those outside a challenge
    later = sum(minutes for minutes, skipped in counted if skipped)
    later += EXERCISE * min(exercises, 2) * (LAST_TWO[edition] in line)
    return sum(minutes for minutes, _ in counted) - later, later


def main(chapters: list[str]) -> None:
    """Print a line a chapter and edition."""
    print(f"{'notebook':32} edition  first reading  skipped at first   (minutes)")
    for edition in EDITIONS:
        for path in sorted((ROOT / "notebooks" / edition).glob("[0-9]*.ipynb")):
            if not chapters or any(path.stem.startswith(chapter) for chapter in chapters):
                first, later = minutes_of(json.loads(path.read_text("utf-8")), edition)
                print(f"{path.stem:32} {edition:7} {first:13.0f} {later:17.0f}")


if __name__ == "__main__":
    main(sys.argv[1:])
