"""Open-ended exercises: no right answer but a score, on data that the learner does not see; the best one is kept.

challenge("05_1.few_labels", learn)      measures it, and shows it beside the personal best and the course's marks
"""

import math
from typing import Any

from aigc_course.kit.practice import exercises, markup, progress, questions
from aigc_course.kit.runtime import language, say


def challenge(name: str, answer: Any = ...) -> None:
    """Measure the answer to the challenge `name`, show its score, and keep it if it is the best so far.

    What is wrong with an answer is said as for an exercise; it raises nothing. ValueError for an unknown name.
    """
    entry = questions.challenge(name)
    outcome, score = exercises.measured(entry, entry["score"], answer)
    if outcome.kind == "passed" and not math.isfinite(score):
        color = markup.BAD
        said = say("得分不是有限的数，没有记录。", "The score is not a finite number and was not kept.")
    elif outcome.kind == "passed":
        color, said = markup.GOOD, _kept(entry, name, float(score))
    elif outcome.kind == "unanswered":
        color = markup.NEUTRAL
        said = say(
            "还没有作答：写好你的做法，再运行这个单元格。",
            "Not answered yet: write your answer, then run this cell again.",
        )
    else:
        color, said = markup.BAD, exercises.explanation(entry, outcome)
    title = entry["title"][language()]
    marks = [f"{mark[language()]} {entry['shown'].format(mark['value'])}" for mark in entry["marks"]]
    compared = say(f"参照：{'；'.join(marks)}。", f"For comparison: {'; '.join(marks)}.")
    heading = f"<strong>{markup.inline_html(title)}</strong>"
    html = heading + markup.text_html(said) + markup.text_html(compared)
    markup.show(markup.box(color, html), f"[{title}] {said}\n{compared}")


def _kept(entry: dict[str, Any], name: str, score: float) -> str:
    """What to say of a score, after the better one of it and the learner's best was kept."""
    best = progress.noted("best").get(name)
    shown = entry["shown"].format(score)
    if best is not None and (score <= best if entry["better"] == "higher" else score >= best):
        before = entry["shown"].format(best)
        return say(f"得分{shown}；你的最好成绩是{before}。", f"Score {shown}; your best is {before}.")
    progress.note("best", name, score)
    if best is None:
        return say(f"得分{shown}。", f"Score {shown}.")
    return say(f"得分{shown}，刷新了你的纪录。", f"Score {shown}: your personal best.")
