"""Look at this machine: can the course run here, and what is to be done where it cannot?

No framework is imported here: each is asked in a process of its own, so that a broken one is reported instead of ending
the check, and none stays in memory.
"""

from concurrent.futures import ThreadPoolExecutor
from html import escape

from aigc_course.kit.commands.doctor.check import MARKS, Check, Say
from aigc_course.kit.commands.doctor.course import course_files, hub, mnist
from aigc_course.kit.commands.doctor.machine import chinese_font, disk, frameworks, kernel, memory, python, settings
from aigc_course.kit.commands.doctor.requirements import packages

__all__ = ["MARKS", "Check", "report", "show"]

PARTS = (python, packages, frameworks, settings, memory, disk, course_files, mnist, hub, kernel, chinese_font)


def report(language: str | None = None) -> list[Check]:
    """Check everything; `language` ("zh" or "en") is that of the messages, by default that of the notebook."""
    if language is None:
        from aigc_course.kit.runtime import language as of_the_notebook

        language = of_the_notebook()

    def say(zh: str, en: str) -> str:
        return zh if language == "zh" else en

    with ThreadPoolExecutor() as pool:  # frameworks and hub take seconds: they are asked side by side
        answers = [pool.submit(look, part, say) for part in PARTS]
        return [check for answer in answers for check in answer.result()]


def look(part, say: Say) -> list[Check]:
    """The lines of one part; a missing package has a line of its own, so here it only keeps us from looking."""
    try:
        return list(part(say))
    except ImportError as error:
        name = part.__name__.replace("_", " ")
        return [Check(name, say(f"无法检查：{error}", f"cannot be checked: {error}"), "hint")]


def show() -> None:
    """Show the table in a notebook, in its language."""
    from IPython.display import display

    checks = report()
    rows = "".join(
        f"<tr><td>{check.mark}</td>"
        + "".join(
            f"<td style='text-align:left'>{escape(cell)}</td>" for cell in (check.name, check.value, check.advice)
        )
        + "</tr>"
        for check in checks
    )
    text = "\n".join(f"{c.mark} {c.name}: {c.value}" + (f"  -> {c.advice}" if c.advice else "") for c in checks)
    display({"text/html": f"<table>{rows}</table>", "text/plain": text}, raw=True)
