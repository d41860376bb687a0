"""`python -m aigc_course progress`: which exercises and quizzes are done."""

from aigc_course.kit.commands.console import print_table
from aigc_course.kit.practice.progress import summary
from aigc_course.kit.runtime import say


def show() -> None:
    """Print one row per chapter."""
    columns = say("章 标题 已完成 共", "chapter title done total").split()
    print_table(columns, [tuple(map(str, row)) for row in summary()])
