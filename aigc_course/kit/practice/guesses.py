"""What do you expect? A guess is noted before the cell that answers it, and compared after it; nothing is graded.

guess("05_1.batch_time", "b")     notes the answer; with `...` in place of the letter it asks
guessed("05_1.batch_time")        shows what was expected, what came out, and why
"""

from typing import Any

from aigc_course.kit.practice import markup, progress, questions
from aigc_course.kit.runtime import language, say

ASKING = {
    "zh": "把`...`换成你猜的字母，再运行一次。猜错没有关系。",
    "en": "Put your letter in place of `...` and run the cell again. A wrong guess costs nothing.",
}


def guess(name: str, letter: Any = ...) -> None:
    """Show the question `name` with its options and note the learner's letter.

    letter: "a", "b", ... of the options; `...` or None: not answered yet
    Raises ValueError for another letter and for an unknown name.
    """
    entry = questions.guess(name)
    options = _options(entry)
    if letter is ... or letter is None:
        said = ASKING[language()]
    elif isinstance(letter, str) and letter.strip().lower() in options:
        letter = letter.strip().lower()
        progress.note("guesses", name, letter)
        said = say(f"已记下：{letter}。往下运行，看结果如何。", f"Noted: {letter}. Go on and compare.")
    else:
        raise ValueError(f'guess("{name}", {letter!r}): the answer is one of {", ".join(options)}, or ... for none yet')
    question = markup.unwrapped(entry["question"][language()])
    heading = f"<strong>{markup.inline_html(question)}</strong>"
    listed = "".join(f"<li>{markup.inline_html(option)}</li>" for option in options.values())
    inner = f'{heading}<ol type="a" style="margin:.3em 0">{listed}</ol>{markup.text_html(said)}'
    lines = [question, *(f"{key}) {option}" for key, option in options.items()), said]
    markup.show(markup.box(markup.NEUTRAL, inner), "\n".join(lines))


def guessed(name: str) -> None:
    """Show what came out, why, and what the learner had expected, if anything was noted."""
    entry = questions.guess(name)
    options = _options(entry)
    noted = progress.noted("guesses").get(name)
    right = entry["answer"]
    lines = [
        say(f"结果：{right}) {options[right]}", f"What came out: {right}) {options[right]}"),
        markup.unwrapped(entry["why"][language()]),
    ]
    if noted in options:
        hit = say("，猜对了。", ": as you expected.") if noted == right else say("。", ".")
        lines.insert(0, say(f"你猜的是{noted}{hit}", f"You guessed {noted}{hit}"))
    html = "".join(map(markup.text_html, lines))
    markup.show(markup.box(markup.GOOD if noted == right else markup.NEUTRAL, html), "\n".join(lines))


def _options(entry: dict[str, Any]) -> dict[str, str]:
    return {letter: option[language()] for letter, option in zip("abcdef", entry["options"], strict=False)}
