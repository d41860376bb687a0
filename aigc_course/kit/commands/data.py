"""`python -m aigc_course data`: fetch everything ahead of a lecture, and say what is there."""

from aigc_course.kit.commands.console import print_table
from aigc_course.kit.runtime import say


def fetch() -> bool:
    """Fetch what can be had and print a table; True if every set is there, if only as the bundled sample."""
    from aigc_course.kit.datasets import fetch_all

    found = fetch_all()
    stands_in = say("以自带样本代替", "using the bundled sample")
    rows, styles = [], []
    for name, source, complete, _ in found:
        if complete:
            state, style = say("完整", "complete"), ""
        elif source == "sample":
            state, style = stands_in, "yellow"
        else:
            state, style = say("缺失", "missing"), "red"
        rows.append((name, source, state))
        styles.append(style)
    print_table(say("数据 来源 状态", "data source state").split(), rows, styles)
    for name, _, _, message in found:
        if message:
            print(say(f"{name}：{message}", f"{name}: {message}"))
    return "red" not in styles
