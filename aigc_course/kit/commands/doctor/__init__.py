"""Look at this machine: can the course run here, and what is to be done where it cannot?

No framework is imported here: each is asked in a process of its own, so that a broken one is reported instead of ending
the check, and none stays in memory.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from html import escape

from aigc_course.kit.commands.doctor.check import MARKS, Check
from aigc_course.kit.commands.doctor.course import course_files, hub, mnist
from aigc_course.kit.commands.doctor.machine import chinese_font, disk, frameworks, kernel, memory, python, settings
from aigc_course.kit.commands.doctor.requirements import packages
from aigc_course.kit.display import show_page
from aigc_course.kit.runtime import say

__all__ = ["MARKS", "Check", "print_report", "report", "show"]

PARTS = (python, packages, frameworks, settings, memory, disk, course_files, mnist, hub, kernel, chinese_font)


def report() -> list[Check]:
    """Check everything; the lines are in the reader's language."""
    with ThreadPoolExecutor() as pool:  # frameworks and hub take seconds: they are asked side by side
        return [check for checks in pool.map(look, PARTS) for check in checks]


def look(part: Callable[[], Check | list[Check]]) -> list[Check]:
    """The lines of one part; one that cannot be looked at ends nothing, and a missing package has a line of its own."""
    try:
        found = part()
    except Exception as error:
        state = "hint" if isinstance(error, ImportError) else "problem"
        return [Check(part.__name__.replace("_", " "), say(f"无法检查：{error}", f"cannot be checked: {error}"), state)]
    return [found] if isinstance(found, Check) else found


def print_report() -> bool:
    """Print the table, then what to do; True if the course can run on this machine."""
    from aigc_course.kit.commands.console import print_table

    checks = report()
    styles = [{"problem": "red", "hint": "yellow"}.get(check.state, "") for check in checks]
    rows = [(check.mark, check.name, check.value) for check in checks]
    print_table(["", say("检查", "check"), say("结果", "result")], rows, styles)
    for check in checks:
        if check.advice:
            print(f"{check.mark} {check.name}{say('：', ': ')}{check.advice}")
    problems = sum(check.state == "problem" for check in checks)
    if problems:
        print(say(f"有{problems}个问题，课程暂时无法运行。", f"The course cannot run yet; problems: {problems}."))
    else:
        print(say("课程可以在这台机器上运行。", "The course can run on this machine."))
    return not problems


def show() -> None:
    """Show the table in a notebook, in its language."""
    rows, lines = [], []
    for check in report():
        cells = "".join(f"<td style='text-align:left'>{escape(cell)}</td>" for cell in (check[:2] + check[3:]))
        rows.append(f"<tr><td>{check.mark}</td>{cells}</tr>")
        advice = f"  -> {check.advice}" if check.advice else ""
        lines.append(f"{check.mark} {check.name}: {check.value}{advice}")
    show_page(f"<table>{''.join(rows)}</table>", "\n".join(lines))
