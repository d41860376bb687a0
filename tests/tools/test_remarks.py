"""Comments, docstrings and alt texts are told from code: what is allowed to differ passes, everything else is found."""

import pytest

from tools.authoring import remarks

CELL = '''\
# the loss of one step
def loss(logits, labels):  # (n, 10), (n,)
    """The mean loss.

    logits: (n, 10)
    """
    print(f"{labels[0]:#x} # no comment", "# nor this")
    return logits.mean() * 2  # twice

n = 3
show(fig, alt="A curve that falls to zero.", title="loss")
%pip install --quiet something # kept
show(ax, alt=(
    "A curve that rises, "
    f"then falls {n} times."
))
# the end'''

ALLOWED = {
    "a comment": ("# the loss of one step", "# 一步的损失"),
    "a comment at the end of a line": ("  # twice", "    # 两倍"),
    "a comment more": ("n = 3", "# 三个\n# 就够\nn = 3"),
    "a comment fewer": ("# the loss of one step\n", ""),
    "a comment more at the end": ("# the end", "# 完\n# 真的完了"),
    "a docstring": ('"""The mean loss.\n\n    logits: (n, 10)\n    """', '"""平均损失。"""'),
    "a raw docstring": ('"""The mean loss.', 'r"""平均损失 \\log'),
    "an alt text": ('"A curve that falls to zero."', "'一条降到0的曲线。'"),
    "an alt text in brackets": ('"A curve that falls to zero."', '(\n    "一条曲线，"\n    "降到0。"\n)'),
    "an alt text with a number": (
        '(\n    "A curve that rises, "\n    f"then falls {n} times."\n)',
        'f"先升后降{n}次的曲线。"',
    ),
}
FOUND = {
    "a number": ("* 2", "* 3"),
    "an operator": ("logits.mean() * 2", "logits.mean() + 2"),
    "a name": ("n = 3", "m = 3"),
    "a string that is no alt text": ('title="loss"', 'title="损失"'),
    "what looks like a comment in a string": ('"# nor this"', '"# 也不是"'),
    "what looks like a comment in an f-string": ("# no comment", "# 不是注释"),
    "a number in an alt text": ("falls {n} times", "falls {n + 1} times"),
    "a format in an f-string": ("[0]:#x}", "[0]:x}"),
    "a blank": ("n = 3", "n =  3"),
    "an indentation": ("    return", "  return"),
    "an empty line": ("n = 3", "\nn = 3"),
    "a magic": ("--quiet", "-q"),
    "what is behind a magic": ("# kept", "# 留着"),
    "a line fewer": ("n = 3\n", ""),
    "a string that became a comment": ('print(f"{labels[0]:#x} # no comment", "# nor this")', "pass  # print"),
}


@pytest.mark.parametrize("name", ALLOWED)
def test_what_is_an_editions_own_may_differ(name):
    old, new = ALLOWED[name]
    assert CELL.count(old) == 1
    assert remarks.shared(CELL.replace(old, new)) == remarks.shared(CELL)


@pytest.mark.parametrize("name", FOUND)
def test_what_is_shared_may_not(name):
    old, new = FOUND[name]
    assert CELL.count(old) == 1
    assert remarks.shared(CELL.replace(old, new)) != remarks.shared(CELL)


@pytest.mark.parametrize(
    "source", [CELL, "", "\n", "# only this", "x = 1  ", "%%bash\necho 'it # is\n", "a = '中'  # 文\n\n#\n\n"]
)
def test_the_lines_make_up_the_source_again(source):
    assert "\n".join(line.own for line in remarks.lines(source)) == source


def test_a_cell_of_another_language_is_compared_as_it_stands():
    assert remarks.shared("%%bash\necho 'it # is\n") == "%%bash\necho 'it # is\n"
    assert remarks.shared("%%time\nx = 1  # one") == remarks.shared("%%time\nx = 1  # 一")


def test_remarks_are_listed_in_order():
    told = [remark.split("\n")[0] for remark in remarks.remarks(CELL)]
    assert told[:4] == ["# the loss of one step", "# (n, 10), (n,)", '"""The mean loss.', "# twice"]
    assert told[4:] == ['"A curve that falls to zero."', '"A curve that rises, "', "# the end"]


def test_remarks_stay_beside_lines_that_did_not_change():
    old = "a = 1  # 一\n# 二\nb = 2\nc = 3  # 三"
    new = "a = 1  # one\n# two\nb = 20\nc = 3  # three\nd = 4"
    assert remarks.carried(new, old) == ("a = 1  # 一\n# two\nb = 20\nc = 3  # 三\nd = 4", True)
    assert remarks.carried("a = 1  # one\nd = 4", old) == ("a = 1  # 一\nd = 4", False)
    assert remarks.carried(new, "") == (new, True)
