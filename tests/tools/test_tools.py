"""The authors' tools chapter, editions, badges and links on a course in a temporary folder."""

import re
import subprocess
from pathlib import Path

import pytest
from finished_chapter import STEM, finished_course
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

from tools import contract
from tools.authoring import badges, chapter, editions, links
from tools.authoring.notebooks import EDITIONS, by_id, find, path_of, read, write


def cell_of(course, edition, cell_id):
    """A cell as it is stored now."""
    return by_id(read(path_of(STEM, edition, course)))[cell_id]


def change(course, edition, cell_id, source):
    """Type something into a cell and save."""
    path = path_of(STEM, edition, course)
    nb = read(path)
    by_id(nb)[cell_id].source = source
    write(path, nb)


def files(course):
    """The text of every notebook."""
    return {path: path.read_text(encoding="utf-8") for path in course.rglob("*.ipynb")}


def commit(course):
    """Commit everything in the course's folder."""
    git = ["git", "-C", str(course), "-c", "user.name=author", "-c", "user.email=author@example.org"]
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "state"]):
        subprocess.run([*git, *command], check=True)


# chapter


def test_a_skeleton_is_complete_but_unfinished(tmp_path):
    root = finished_course(tmp_path / "course")
    assert chapter.main(["08_challenges"], root) == 0
    for edition in EDITIONS:
        found = contract.problems(contract.load("08_challenges", edition, root))
        assert found
        assert all("TODO" in line or "execution count" in line for line in found)
    pair = [read(path_of("08_challenges", edition, root)) for edition in EDITIONS]
    assert [line for check in editions.DIFFERENCES for line in check(*pair)] == []


@pytest.mark.parametrize(
    "name", ["5_2_text", "05_2_Text", "05-2-text", "05_2", "text", "05_2_text.ipynb", "../05_2_a", ""]
)
def test_a_bad_name_is_refused(course, capsys, name):
    before = files(course)
    assert chapter.main([name], course) == 1
    assert f'"{name}" is no chapter name' in capsys.readouterr().err
    assert files(course) == before


def test_nothing_is_overwritten(course, capsys):
    before = files(course)
    assert chapter.main(["05_2_other_name"], course) == 1
    assert STEM in capsys.readouterr().err
    for edition in EDITIONS:
        path_of(STEM, edition, course).unlink()
    assert chapter.main([STEM], course) == 1  # the questions are still there
    assert f"questions/{STEM}.toml exists already" in capsys.readouterr().err
    (course / "aigc_course/kit/practice/questions" / f"{STEM}.toml").unlink()
    assert chapter.main([STEM], course) == 1  # and the words
    assert f"words/{STEM}.toml exists already" in capsys.readouterr().err
    assert len(before) == 2


def test_chapters_are_found_by_number(course, tmp_path):
    chapter.main(["05_1_other"], course)
    assert find([], course) == ["05_1_other", STEM]
    assert find(["05_2"], course) == find([STEM], course) == [STEM]
    assert find(["05"], course) == ["05_1_other", STEM]
    with pytest.raises(ValueError, match="there are: 05_1, 05_2"):
        find(["05_3"], course)
    with pytest.raises(ValueError, match="none yet"):
        find(["05_3"], tmp_path / "nowhere")


# editions


def test_a_change_is_carried_over(course):
    commit(course)
    change(course, "zh", "first-figure", "1 + 1")
    path = path_of(STEM, "zh", course)
    nb = read(path)
    by_id(nb)["first-figure"].outputs = [new_output("stream", name="stdout", text="2\n")]
    by_id(nb)["exercise-2-answer"].outputs = [new_output("stream", name="stdout", text="3\n")]
    by_id(nb)["quiz"].outputs = [new_output("stream", name="stdout", text="中文\n")]
    by_id(nb)["remember"].metadata.slideshow.slide_type = "notes"
    nb.cells.insert(4, new_code_cell("2 + 2", id="new-code", metadata=by_id(nb)["first-figure"].metadata))
    nb.cells.insert(5, new_markdown_cell("## 新", id="new-text", metadata=by_id(nb)["goals"].metadata))
    nb.cells.remove(by_id(nb)["exercise-1-answer"])
    write(path, nb)
    remember = cell_of(course, "en", "remember").source

    assert editions.main(["--from", "zh", "05_2"], course) == 0
    zh, en = (read(path_of(STEM, edition, course)) for edition in EDITIONS)
    found = [line for check in editions.DIFFERENCES for line in check(zh, en)]
    assert [line.split("]")[0] for line in found] == ["[first-figure", "[exercise-2-answer"]  # make execute runs both
    assert by_id(en)["first-figure"].outputs == []  # to be run
    assert by_id(en)["exercise-2-answer"].outputs[0].text == "done\n"
    assert by_id(en)["quiz"].outputs[0].text == "done\n"  # localized
    assert by_id(en)["setup"].source.endswith('start("en")')
    assert by_id(en)["remember"].source == remember
    assert by_id(en)["new-text"].source.startswith("TODO")
    assert [cell.id for cell in en.cells][4:6] == ["new-code", "new-text"]


def test_remarks_stay_where_the_code_did_and_are_listed_where_it_did_not(course, capsys):
    for edition, said in (("zh", "一"), ("en", "one")):
        change(course, edition, "first-figure", f"a = 1  # {said}\nb = 2  # {said}")
        change(course, edition, "exercise-1-answer", f"1  # {said}")
        change(course, edition, "exercise-2-answer", f"2  # {said}")
    commit(course)
    change(course, "zh", "first-figure", "a = 1  # 一\nb = 3  # 三")
    change(course, "zh", "exercise-1-answer", "1  # 一个")
    assert editions.main(["--from", "zh"], course) == 0
    told = capsys.readouterr().out.splitlines()[1:]
    assert cell_of(course, "en", "first-figure").source == "a = 1  # one\nb = 3  # 三"
    assert cell_of(course, "en", "exercise-1-answer").source == "1  # one"
    assert len(told) == 2
    assert "still to translate" in told[0] and "[first-figure], in English" in told[0]
    assert "still true?" in told[1] and "[exercise-1-answer]" in told[1]


def test_another_comment_in_each_edition_is_no_conflict(course):
    commit(course)
    for edition, said in (("zh", "一"), ("en", "one")):
        change(course, edition, "quiz", cell_of(course, edition, "quiz").source + f"  # {said}")
    assert editions.main(["--from", "zh"], course) == 0
    assert cell_of(course, "en", "quiz").source.endswith("# one")


def test_what_changed_in_both_is_refused(course, capsys):
    commit(course)
    change(course, "zh", "first-figure", "1 + 1")
    change(course, "en", "first-figure", "2 + 2")
    change(course, "en", "quiz", "3 + 3")
    before = files(course)
    assert editions.main(["--from", "zh"], course) == 1
    said = capsys.readouterr().err
    assert "first-figure" in said
    assert "quiz" not in said
    assert files(course) == before


def test_the_same_change_in_both_is_no_conflict(course):
    commit(course)
    for edition in EDITIONS:
        change(course, edition, "first-figure", "1 + 1")
    assert editions.main(["--from", "en"], course) == 0


def test_a_new_edition_is_begun_from_the_other(course, capsys):
    path_of(STEM, "en", course).unlink()
    assert editions.main(["--from", "zh"], course) == 0
    assert "still to write: the text of [goals]" in capsys.readouterr().out
    assert cell_of(course, "en", "setup").source.endswith('start("en")')


def test_texts_that_only_one_edition_has_stay(course):
    path = path_of(STEM, "en", course)
    nb = read(path)
    nb.cells.insert(4, new_markdown_cell("Only here.", id="only-here"))
    write(path, nb)
    editions.main(["--from", "zh"], course)
    ids = [cell.id for cell in read(path).cells]
    assert ids[3:6] == ["first-idea", "only-here", "first-figure"]


# badges


def publish(course: Path, before: str = "OWNER", after: str = "somebody") -> None:
    """Give the course another public address."""
    project = course / "pyproject.toml"
    text = project.read_text(encoding="utf-8")
    project.write_text(text.replace(f"github.com/{before}/", f"github.com/{after}/"), encoding="utf-8")


def test_a_new_address_is_written_everywhere(course, capsys):
    (course / "README.zh.md").write_text(
        "git clone https://github.com/OWNER/aigc_course\n<!-- clone -->`OWNER`<!-- /clone -->\n"
        "<!-- online --><!-- /online -->\n"
        "<!-- chapters: x -->\n<!-- /chapters -->\n",
        encoding="utf-8",
    )
    (course / "CITATION.cff").write_text("title: A course\nlicense: MIT\n", encoding="utf-8")
    publish(course)
    assert badges.main(["--check"], course) == 1
    assert capsys.readouterr().out.count("outdated") == 4
    assert badges.main([], course) == 0
    assert badges.main(["--check"], course) == 0
    readme = (course / "README.zh.md").read_text(encoding="utf-8")
    assert "clone https://github.com/somebody/aigc_course\n" in readme
    assert f"](notebooks/zh/{STEM}.ipynb)" in readme
    assert "点下面的徽章" in readme
    assert "\nrepository-code: https://github.com/somebody/aigc_course\n" in (course / "CITATION.cff").read_text(
        "utf-8"
    )
    everything = readme + "".join(files(course).values())
    assert "OWNER" not in everything
    assert f"mybinder.org/v2/gh/somebody/aigc_course/HEAD?urlpath=lab/tree/notebooks/zh/{STEM}.ipynb" in everything
    assert f"github/somebody/aigc_course/blob/main/notebooks/en/{STEM}.ipynb" in everything
    for edition in EDITIONS:
        assert contract.problems(contract.load(STEM, edition, course)) == []


def test_a_placeholder_is_not_shown_as_an_address(course):
    readme = course / "README.md"
    before = (
        "<!-- clone --><!-- /clone -->\n* <!-- online --><!-- /online -->\n<!-- chapters: x -->\n<!-- /chapters -->\n"
    )
    readme.write_text(before, encoding="utf-8")
    (course / "CITATION.cff").write_text("title: A course\nlicense: MIT\n", encoding="utf-8")
    badges.main([], course)
    unpublished = readme.read_text(encoding="utf-8"), files(course)
    assert "no public address" in unpublished[0]
    assert "is a placeholder" in unpublished[0]
    for text in (unpublished[0], *unpublished[1].values(), (course / "CITATION.cff").read_text("utf-8")):
        assert not re.search(r"colab|binder\.org|github\.com/OWNER|repository-code", text)
    publish(course)
    badges.main([], course)
    assert "colab.research.google.com" in readme.read_text(encoding="utf-8")
    publish(course, "somebody", "OWNER")
    badges.main([], course)
    assert (readme.read_text(encoding="utf-8"), files(course)) == unpublished


def test_a_lost_badge_comes_back(course):
    publish(course)
    change(course, "en", "title", "# A title\n\nA line.")
    badges.main([], course)
    lines = cell_of(course, "en", "title").source.split("\n\n")
    assert lines[0] == "# A title"
    assert "Open in Colab" in lines[1]
    assert lines[2] == "A line."


# links


def test_anchors_are_found_in_both_ways_of_writing(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# One *big* heading\n\n```\n# no heading\n```\n\n## 预期结果\n", encoding="utf-8")
    good = "[a](page.md#one-big-heading) [b](page.md#预期结果) [c](page.md) [d](https://x.y/z) `[e](none.md)`"
    assert links.broken(good, tmp_path / "here.md") == []
    assert len(links.broken('[a](page.md#no-heading) ![b](none.png) <img src="no.svg">', tmp_path / "here.md")) == 3
