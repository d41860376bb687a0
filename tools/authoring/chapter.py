"""Begin a chapter: the skeleton of both editions, of its questions and of the words that it draws.

    make chapter NAME=05_2_text_generation        or: python -m tools.authoring.chapter NAME

Everything that is still to write says TODO; the chapter contract fails until the last one is gone.
"""

import argparse
import sys
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from tools.authoring.badges import link_line
from tools.authoring.notebooks import (
    EDITIONS,
    METADATA,
    ROOT,
    chapter_number,
    path_of,
    repository,
    setup_source,
    shown,
    stems,
    stop,
    write,
    write_text,
)

NUM_EXERCISES, NUM_QUESTIONS = 3, 5
WORDS_FOLDER = Path("aigc_course/kit/figures/words")
FIGURE = """\
from aigc_course.kit import figure, label, show
fig, ax = figure()
ax.plot([0, 1], [0, 1])
ax.set(xlabel=label("TODO"))
show(fig, alt="{alt}")"""
ALT = {
    "zh": "TODO：用一句中文说明这张图里有什么，以句号结尾。",
    "en": "TODO: one English sentence that says what this figure shows.",
}
EXPECT = """\
from aigc_course.kit.bands import expect
expect("TODO", 0.0, data="none")"""
SOURCES = "\n".join(f"* [TODO {n}](https://example.org/TODO-{n})" for n in (1, 2, 3))
EXERCISE = """\
[exercises.todo_{n}]
check = "todo.check_todo_{n}"
title = BOTH
hints = [
    BOTH,
    BOTH,
]
solution = '''
todo_{n} = 1  # TODO
'''
answer = "todo_{n}"

[exercises.todo_{n}.feedback.size]
zh = "TODO"
en = "TODO"

[[exercises.todo_{n}.wrong]]
code = '''todo_{n} = 0'''
feedback = "size"

[[exercises.todo_{n}.wrong]]
code = '''todo_{n} = 2'''
feedback = "size"
"""
WORDS = """\
# The words that chapter {number} draws and prints: English as in the code, and its Chinese.

[labels]
"TODO" = "TODO"
"""
ANSWER = {"zh": "在这里作答", "en": "your answer"}
OPTION = """\
[[quiz.options]]
zh = "TODO"
en = "TODO"
why = BOTH
"""
QUESTION = f"""\
[[quiz]]
question = BOTH
{OPTION}correct = true
{OPTION}"""


def _text(cell_id: str, zh: str, en: str, slide: str = "subslide") -> tuple:
    return "markdown", cell_id, {"zh": zh, "en": en}, [], slide


def _code(cell_id: str, source: str, *tags: str, slide: str = "fragment", **own: dict[str, str]) -> tuple:
    """A code cell; `own` holds what stands in its braces in each edition: a comment, an alt text."""
    sources = {e: source.format(**{name: said[e] for name, said in own.items()}) if own else source for e in EDITIONS}
    return "code", cell_id, sources, list(tags), slide


def outline(stem: str, address: str) -> list[tuple]:
    """The cells of a new chapter, in order: kind, id, source by edition, tags, slide type."""
    number = chapter_number(stem)
    below = {edition: link_line(stem, edition, address) for edition in EDITIONS}
    setup = {edition: setup_source(edition, address) for edition in EDITIONS}
    heading = f"# {number.replace('_', '.')} TODO\n\n"
    cells = [
        _text("title", f"{heading}{below['zh']}".rstrip(), f"{heading}{below['en']}".rstrip(), "slide"),
        _text(
            "goals",
            "学完本章，你能：\n\n* TODO\n\n需要：TODO。\n\n时间：`quick`规模TODO 1分钟，`full`规模TODO 1分钟。",
            "After this chapter you will be able to:\n\n* TODO\n\nYou need: TODO.\n\n"
            "Time: TODO 1 minute at scale `quick`, TODO 1 minute at scale `full`.",
        ),
        ("code", "setup", setup, ["setup"], "skip"),
        _text("first-idea", "## TODO\n\nTODO", "## TODO\n\nTODO", "slide"),
        _code("first-figure", FIGURE, alt=ALT),
        _text("first-figure-caption", "*图1　TODO*\n\nTODO", "*Figure 1. TODO*\n\nTODO", "fragment"),
        _text("expected-results", "## 预期结果\n\nTODO", "## Expected results\n\nTODO", "slide"),
        _code("expected-values", EXPECT, "localized"),
        _text(
            "exercises",
            "## 练习\n\nTODO\n\n检查的结果下面有两级提示和参考答案，点开就能看。",
            "## Exercises\n\nTODO\n\nBelow each result are two hints and a solution; a click opens them.",
            "slide",
        ),
        _code("exercise-tools", "from aigc_course.kit.practice.exercises import check, quiz", slide="skip"),
    ]
    for n in range(1, NUM_EXERCISES + 1):
        answer = f"todo_{n}"
        cells += [
            _text(f"exercise-{n}", "### TODO\n\nTODO", "### TODO\n\nTODO"),
            _code(f"exercise-{n}-answer", answer + " = ...  # {here}", "exercise", here=ANSWER),
            _code(f"exercise-{n}-check", f'check("{number}.{answer}", {answer})', "check", "localized"),
        ]
    return [
        *cells,
        _text("quiz-text", "## 小测验", "## Quiz", "slide"),
        _code("quiz", f'quiz("{number}")', "quiz", "localized"),
        _text("remember", "## 记住\n\nTODO", "## What to remember\n\nTODO", "slide"),
        _text("sources", f"## 资料\n\n{SOURCES}", f"## Sources\n\n{SOURCES}", "skip"),
    ]


def skeleton(stem: str, edition: str, address: str) -> NotebookNode:
    """One edition of a new chapter, not yet executed."""
    nb = nbformat.v4.new_notebook(metadata=METADATA)
    for kind, cell_id, source, tags, slide in outline(stem, address):
        make = nbformat.v4.new_code_cell if kind == "code" else nbformat.v4.new_markdown_cell
        metadata = {"slideshow": {"slide_type": slide}, **({"tags": tags} if tags else {})}
        nb.cells.append(make(source[edition], id=cell_id, metadata=metadata))
    return nb


def questions(stem: str) -> str:
    """The text of aigc_course/kit/practice/questions/<stem>.toml for a new chapter."""
    both = '{zh = "TODO", en = "TODO"}'
    opening = f"# Exercises and quiz of chapter {chapter_number(stem)}, Chinese and English side by side."
    exercises = [EXERCISE.replace("{n}", str(n)) for n in range(1, NUM_EXERCISES + 1)]
    parts = [f"{opening}\ntitle = BOTH\n", *exercises, *[QUESTION] * NUM_QUESTIONS]
    return "\n".join(parts).replace("BOTH", both)


def begin(stem: str, root: Path = ROOT) -> list[Path]:
    """Write the four files of a new chapter and return their paths; ValueError rather than overwrite anything."""
    number = chapter_number(stem)
    if taken := [known for known in stems(root) if chapter_number(known) == number]:
        raise ValueError(f"chapter {number} is there already, as {taken[0]}; choose another number or edit that one")
    paths = {edition: path_of(stem, edition, root) for edition in EDITIONS}
    asked = root / "aigc_course" / "kit" / "practice" / "questions" / f"{stem}.toml"
    drawn = root / WORDS_FOLDER / f"{stem}.toml"
    for file in (asked, drawn):
        if file.exists():
            raise ValueError(f"{shown(file, root)} exists already; move it away or delete it first")
    address = repository(root)
    for edition, path in paths.items():
        write(path, skeleton(stem, edition, address))
    write_text(asked, questions(stem))
    write_text(drawn, WORDS.format(number=number))
    return [*paths.values(), asked, drawn]


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    """The command line; the exit status is 1 when the name is wrong or taken."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.authoring.chapter", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("name", help="the file name without ending, such as 05_2_text_generation")
    options = parser.parse_args(arguments)
    try:
        paths = begin(options.name, root)
    except ValueError as error:
        return stop(error)
    for path in paths:
        print(f"{shown(path, root)}: written")
    number = chapter_number(options.name)
    print(
        f"Now write one edition, carry its code over (make editions FROM=zh), write the other's texts, run both "
        f"(make execute CHAPTER={number}). `python -m tools.contract {number}` lists what is still missing."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
