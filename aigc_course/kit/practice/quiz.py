"""A chapter's quiz in plain HTML: a click on an option opens what is right or wrong about it.

It needs neither JavaScript nor a kernel, so it also answers in a notebook that was only opened (JupyterLab runs no
stored JavaScript until the cell is run again), on GitHub and in the web book; it asks no other host, draws no random
number, gives the same output each time and can be worked with the keyboard. jupyterquiz does none of these.
"""

from typing import Any

from aigc_course.kit.practice import markup, questions
from aigc_course.kit.runtime import language

WORDS = {
    "zh": {
        "how": "点一个选项，看它对不对、为什么。",
        "right": "对。",
        "wrong": "不对。",
        "answers": "答案",
        "one": "、",
        "gap": "",
    },
    "en": {
        "how": "Click an option to see whether it is right, and why.",
        "right": "Right.",
        "wrong": "Not so.",
        "answers": "Answers",
        "one": ", ",
        "gap": " ",
    },
}
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
    words, said = WORDS[language()], language()
    items = []
    for entry in asked:
        options = []
        for option in entry["options"]:
            right = bool(option.get("correct"))
            opening, mark, verdict = (
                ('<details class="right">', "✓", words["right"]) if right else ("<details>", "✗", words["wrong"])
            )
            why = markup.inline_html(markup.unwrapped(option["why"][said]))
            options.append(
                f"{opening}<summary>{markup.inline_html(option[said])}</summary>"
                f"<p>{mark} <strong>{verdict}</strong>{words['gap']}{why}</p></details>"
            )
        question = markup.inline_html(markup.unwrapped(entry["question"][said]))
        items.append(f"<li><strong>{question}</strong>{''.join(options)}</li>")
    return f'<div class="aigc-quiz"><style>{STYLE}</style><p>{words["how"]}</p><ol>{"".join(items)}</ol></div>'


def as_text(asked: list[dict[str, Any]]) -> str:
    """The questions with their options, then which are right."""
    words, said = WORDS[language()], language()
    lines, answers = [], []
    for number, entry in enumerate(asked, start=1):
        lines.append(f"{number}. {markup.unwrapped(entry['question'][said])}")
        for letter, option in zip("abcdefgh", entry["options"], strict=False):
            lines.append(f"   {letter}) {option[said]}")
            if option.get("correct"):
                answers.append(f"{number}{letter}")
    return "\n".join([*lines, f"{words['answers']}{'：' if said == 'zh' else ': '}{words['one'].join(answers)}"])
