"""A chapter's quiz in plain HTML: a click on an option opens what is right or wrong about it.

It needs neither JavaScript nor a kernel, so it also answers in a notebook that was only opened (JupyterLab runs no
stored JavaScript until the cell is run again), on GitHub and in the web book; it asks no other host, draws no random
number, gives the same output each time and can be worked with the keyboard. jupyterquiz does none of these.
"""

from typing import Any

from aigc_course.kit.practice import markup, questions
from aigc_course.kit.runtime import language, say

STYLE = (
    ".aigc-quiz{max-width:46em}"
    ".aigc-quiz li{margin:0 0 1.2em}"
    ".aigc-quiz details{margin:.35em 0;padding:.35em .8em;border:1px solid rgba(128,128,128,.55);border-radius:5px}"
    ".aigc-quiz summary{cursor:pointer}"
    ".aigc-quiz summary:hover{text-decoration:underline}"
    f".aigc-quiz details[open]{{border-left:5px solid {markup.BAD}}}"
    f".aigc-quiz details.right[open]{{border-left-color:{markup.GOOD}}}"
    ".aigc-quiz details p{margin:.4em 0 .1em}"
)


def quiz(number: str) -> None:
    """Show the quiz of a chapter, such as quiz("05_1"). ValueError for a chapter without one."""
    asked = questions.chapter(number).get("quiz", [])
    if not asked:
        raise ValueError(f'chapter "{number}" has no quiz; add [[quiz]] to {questions.files()[number].name}')
    markup.show(as_html(asked), as_text(asked))


def as_html(asked: list[dict[str, Any]]) -> str:
    """The quiz as HTML; without its style and without <details> it still reads as questions and answers."""
    how = say("点一个选项，看它对不对、为什么。", "Click an option to see whether it is right, and why.")
    items = []
    for entry in asked:
        question = markup.inline_html(markup.unwrapped(entry["question"][language()]))
        options = "".join(map(_option_html, entry["options"]))
        items.append(f"<li><strong>{question}</strong>{options}</li>")
    return f'<div class="aigc-quiz"><style>{STYLE}</style><p>{how}</p><ol>{"".join(items)}</ol></div>'


def _option_html(option: dict[str, Any]) -> str:
    if option.get("correct"):
        opening, verdict = '<details class="right">', say("✓ <strong>对。</strong>", "✓ <strong>Right.</strong> ")
    else:
        opening, verdict = "<details>", say("✗ <strong>不对。</strong>", "✗ <strong>Not quite.</strong> ")
    why = markup.inline_html(markup.unwrapped(option["why"][language()]))
    return f"{opening}<summary>{markup.inline_html(option[language()])}</summary><p>{verdict}{why}</p></details>"


def as_text(asked: list[dict[str, Any]]) -> str:
    """The questions with their options, then which are right."""
    lines, answers = [], []
    for number, entry in enumerate(asked, start=1):
        lines.append(f"{number}. {markup.unwrapped(entry['question'][language()])}")
        for letter, option in zip("abcdefgh", entry["options"], strict=False):
            lines.append(f"   {letter}) {option[language()]}")
            if option.get("correct"):
                answers.append(f"{number}{letter}")
    lines.append(say(f"答案：{'、'.join(answers)}", f"Answers: {', '.join(answers)}"))
    return "\n".join(lines)
