"""Lesson plans: each chapter cut into sessions of 45 and of 90 minutes; what to show, what to ask, what is homework.

All of it comes from what is there: the sections and their minutes from the notebook, the questions from its guesses,
the number of sessions from the table in TEACHING.md. So a plan is never older than its chapter.
"""

import html
import json
import re
from dataclasses import dataclass, field
from pathlib import Path

from aigc_course.kit.practice import markup, questions
from tools.authoring import minutes
from tools.authoring.notebooks import NAME

TABLES = {"zh": "TEACHING.zh.md", "en": "TEACHING.md"}
SESSION = 45
GUESS = re.compile(r'guess\("[\w]+\.(\w+)"')
CAPTION = re.compile(r"\*((?:Figure \d+\.|图\d+)\s*)(.+?[.。])(?:\s|[^\d]|\*)", re.DOTALL)
FORMULA_SIGNS = re.compile(r"\\[,;!]|[$*`\\]")
WORDS = {
    "zh": {
        "title": "教案", "lesson": "第{}次", "show": "展示", "ask": "提问", "answer": "答案", "home": "课后",
        "exercises": "练习", "challenge": "挑战", "quiz": "测验{}题", "open": "思考题和评分标准见TEACHING.zh.md",
        "minutes": "{}分钟", "of": "{}分钟一次", "later": "（可以略过）", "slides": "幻灯片",
        "colon": "：", "semicolon": "；", "comma": "、",
        "how": "每一节后面是课上的分钟数：讲解和一起运行，按各节的篇幅分配。标着“可以略过”的，第一次讲可以跳过。",
    },
    "en": {
        "title": "Lesson plans", "lesson": "Session {}", "show": "Show", "ask": "Ask", "answer": "Answer",
        "home": "Homework", "exercises": "exercises", "challenge": "challenge", "quiz": "quiz of {} questions",
        "open": "open question and rubric: TEACHING.md", "minutes": "{} min", "of": "Sessions of {} minutes",
        "later": " (may be skipped)", "slides": "slides", "colon": ": ", "semicolon": "; ", "comma": ", ",
        "how": "Beside each section are its minutes in class, explaining and running together, shared out by its "
        "length. What is marked may be skipped at a first reading.",
    },
}  # fmt: skip
STYLE = (
    "body{font:17px/1.5 system-ui,sans-serif;max-width:60em;margin:2em auto;padding:0 1em;color:#1a1a1a}"
    "table{border-collapse:collapse;width:100%}"
    "td{vertical-align:top;padding:.3em .8em .3em 0;border-top:1px solid #ccc}"
    "h2{margin:1.6em 0 .2em}h3{margin:.8em 0 .2em;font-size:1em}ul{margin:0;padding-left:1.1em}.small{color:#555}"
)


@dataclass
class Section:
    """A part of a chapter that is taught in one piece."""

    title: str
    took: float = 0.0  # minutes, as counted
    figures: list[str] = field(default_factory=list)
    guesses: list[str] = field(default_factory=list)
    later: bool = False
    at_home: bool = False


def sections(notebook: dict, edition: str) -> list[Section]:
    """The sections of a chapter that are taught in class; exercises, the quiz and sources are not."""
    found = [Section("")]
    for cell, (took, later) in zip(notebook["cells"], minutes.of_cells(notebook, edition), strict=True):
        source = "".join(cell["source"])
        tags = cell["metadata"].get("tags", [])
        if cell["cell_type"] == "markdown":
            if heading := re.search(r"^##? (.+)$", source, re.MULTILINE):
                found.append(Section(FORMULA_SIGNS.sub("", heading[1]), later=later))
            found[-1].figures += [FORMULA_SIGNS.sub("", first + rest) for first, rest in CAPTION.findall(source)]
        else:
            found[-1].guesses += GUESS.findall(source)
            found[-1].at_home |= bool({"exercise", "quiz"} & set(tags))
        if cell["metadata"].get("slideshow", {}).get("slide_type") == "skip" and cell["cell_type"] == "markdown":
            found[-1].at_home = True
        found[-1].took += took
    return [section for section in found if section.took and not section.at_home]


def cut(parts: list[Section], count: int) -> list[list[Section]]:
    """The sections in order in `count` sessions (or one each), the longest session as short as can be."""
    count = min(count, len(parts))
    best: dict[tuple[int, int], tuple[float, list[int]]] = {(0, 0): (0.0, [])}
    for end in range(1, len(parts) + 1):
        for used in range(1, count + 1):
            tried = []
            for start in range(used - 1, end):
                if (start, used - 1) in best:
                    longest, cuts = best[start, used - 1]
                    length = sum(part.took for part in parts[start:end])
                    tried.append((max(longest, length), [*cuts, end]))
            if tried:
                best[end, used] = min(tried, key=lambda option: option[0])
    ends = best[len(parts), count][1]
    return [parts[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def sessions(root: Path, edition: str) -> dict[str, tuple[int, int]]:
    """Chapter ("05_1") to its number of sessions of 45 and of 90 minutes, the larger where the table has two."""
    counts = {}
    for line in (root / TABLES[edition]).read_text(encoding="utf-8").splitlines():
        cells = [part.strip() for part in line.strip("|").split("|")]
        match = re.match(r"(\d+)(?:\.(\d))?\s", cells[0])
        if len(cells) == 6 and match:
            number = f"{int(match[1]):02d}" + (f"_{match[2]}" if match[2] else "")
            of45, of90 = (max(map(int, re.findall(r"\d+", cell)), default=0) for cell in cells[1:3])
            counts[number] = (of45 or 1, of90 or 1)
    return counts


def page(root: Path, edition: str, chapters: dict[str, str]) -> str:
    """The plans as a page; chapters: stem to title."""
    words = WORDS[edition]
    counts = sessions(root, edition)
    parts = []
    for stem, title in chapters.items():
        number = NAME.fullmatch(stem)["number"]  # pyright: ignore[reportOptionalSubscript] - it is a chapter's name
        path = root / "notebooks" / edition / f"{stem}.ipynb"
        taught = sections(json.loads(path.read_text(encoding="utf-8")), edition)
        written = questions.chapter(number) if number in questions.files() else {}
        parts.append(f'<h2>{html.escape(title)} <a class="small" href="{stem}.html">{words["slides"]}</a></h2>')
        for length, count in zip((SESSION, 2 * SESSION), counts.get(number, (1, 1)), strict=True):
            parts.append(
                f"<h3>{words['of'].format(length)}</h3><table>{plan(taught, count, length, written, edition)}</table>"
            )
        parts.append(f"<p>{words['home']}{words['colon']}{homework(written, edition)}</p>")
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><style>{STYLE}</style>'
    language = {"zh": "zh-CN", "en": "en"}[edition]
    body = f"<h1>{words['title']}</h1><p>{words['how']}</p>{''.join(parts)}"
    title = f"<title>{words['title']}</title>"
    return f'<!DOCTYPE html><html lang="{language}"><head>{head}{title}</head><body>{body}</body></html>\n'


def plan(taught: list[Section], count: int, length: int, written: dict, edition: str) -> str:
    """The rows of a table, one a session."""
    words = WORDS[edition]
    rows = []
    for number, session in enumerate(cut(taught, count), start=1):
        total = sum(section.took for section in session)
        steps = []
        for section in session:
            share = round(length * section.took / total)
            later = words["later"] if section.later else ""
            steps.append(
                f"<li>{html.escape(section.title)}{words['colon']}{words['minutes'].format(share)}{later}</li>"
            )
        figures = [f"<li>{html.escape(figure)}</li>" for section in session for figure in section.figures]
        asked = [asking(written["guesses"][slug], edition) for section in session for slug in section.guesses]
        shown = f"<strong>{words['show']}</strong><ul>{''.join(figures)}</ul>" if figures else ""
        ask = f"<strong>{words['ask']}</strong><ul>{''.join(asked)}</ul>" if asked else ""
        cells = (words["lesson"].format(number), f"<ul>{''.join(steps)}</ul>", shown, ask)
        rows.append(f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>")
    return "".join(rows)


def asking(guess: dict, edition: str) -> str:
    """A guess with its answer folded away."""
    question = markup.inline_html(markup.unwrapped(guess["question"][edition]))
    right = guess["options"]["abcdef".index(guess["answer"])][edition]
    why = markup.inline_html(f"{right}. {markup.unwrapped(guess['why'][edition])}")
    return f"<li>{question}<details><summary>{WORDS[edition]['answer']}</summary>{why}</details></li>"


def homework(written: dict, edition: str) -> str:
    """Exercises, challenge and quiz of a chapter in a line."""
    words = WORDS[edition]
    parts = []
    for table, name in (("exercises", words["exercises"]), ("challenges", words["challenge"])):
        if titles := [entry["title"][edition] for entry in written.get(table, {}).values()]:
            parts.append(f"{name}{words['colon']}{html.escape(words['comma'].join(titles))}")
    if asked := written.get("quiz"):
        parts.append(words["quiz"].format(len(asked)))
    return words["semicolon"].join([*parts, words["open"]])
