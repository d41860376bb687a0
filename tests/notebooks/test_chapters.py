"""Every chapter keeps the contract (tools/contract.py), and each check of it sees what is broken on purpose."""

import re
import tomllib
from collections.abc import Callable

import pytest
from finished_chapter import STEM, picture
from nbformat.v4 import new_code_cell, new_output

from tools import contract
from tools.authoring import badges, links
from tools.authoring.notebooks import EDITIONS, ROOT, by_id, path_of, read, shown, stems
from tools.contract import language, prose


def chapters() -> list[contract.Chapter]:
    """Every edition of every chapter in the repository."""
    found = [(stem, edition) for stem in stems() for edition in EDITIONS if path_of(stem, edition).is_file()]
    return [contract.load(stem, edition) for stem, edition in found]


def listed(problems: list[str]) -> str:
    """The problems as a message, one a line."""
    return "\n".join(["", *problems])


def test_there_are_chapters():
    assert stems(), "notebooks/ holds no chapter: the other tests of this file had nothing to check"


@pytest.mark.parametrize("check", contract.CHECKS, ids=lambda check: check.__name__)
def test_chapters_keep_the_contract(check: Callable):
    problems = [f"{shown(chapter.path)} {line}" for chapter in chapters() for line in check(chapter)]
    assert not problems, listed(problems)


def test_links_in_the_documents_lead_somewhere():
    problems = []
    for path in links.documents():
        text = path.read_text(encoding="utf-8")
        problems += [f"{shown(path)} {line}" for line in links.broken(text, path, links.anchors(text))]
    assert not problems, listed(problems)


def test_emphasis_in_the_documents_renders():
    problems = [f"{shown(p)} {raw!r}" for p in links.documents() for raw in prose.raw_asterisks(p.read_text("utf-8"))]
    assert not problems, listed(problems)


def test_texts_of_questions_hold_no_raw_emphasis():
    tables = [*(ROOT / contract.QUESTIONS).glob("*.toml"), ROOT / contract.QUESTIONS.parent / "checks" / "common.toml"]
    problems = [
        f"{path.name} {raw!r}"
        for path in tables
        for text in texts(tomllib.loads(path.read_text(encoding="utf-8")))
        for raw in prose.raw_asterisks_in_hint(text)
    ]
    assert len(tables) > len(stems())
    assert not problems, listed(problems)


def texts(entry: object) -> list[str]:
    """Everything that a table says in a language."""
    if isinstance(entry, dict):
        said = [value for edition, value in entry.items() if edition in EDITIONS and isinstance(value, str)]
        return said + [text for value in entry.values() for text in texts(value)]
    return [text for value in entry for text in texts(value)] if isinstance(entry, list) else []


def test_emphasis_that_does_not_work_is_found():
    assert prose.raw_asterisks("**数据。**原文") == ["**数据。**原文"]
    assert prose.raw_asterisks("**数据。** 原文，**卷积**是`a ** b`，$a*b$，<!-- * -->\n\n* 一\n* 二") == []
    assert prose.raw_asterisks_in_hint("**大于**5") == ["**大于**5"]
    assert prose.raw_asterisks_in_hint("旧值 - 学习率 * 导数，`2**n`") == []


SPENT = {
    "en": r"about (\d+) (minutes|hours) (?:(?:with|including) reading|to read|for a first reading)",
    "zh": r"(?:阅读(?:和练习)?|第一次读)约(\d+)(分钟|小时)",
}


@pytest.mark.parametrize("edition", EDITIONS)
def test_the_map_gives_the_minutes_that_the_chapters_give(edition):
    start = path_of("00_start_here", edition)
    rows = re.findall(r"\| \[.*?\]\((\w+)\.ipynb\) \| (\d+) \|", by_id(read(start))["map"].source)
    said = {}
    for stem, _ in rows:
        number, unit = re.search(SPENT[edition], by_id(read(path_of(stem, edition)))["goals"].source).groups()
        said[stem] = int(number) * (60 if unit in ("hours", "小时") else 1)
    assert sorted(said) == stems()
    assert {stem: int(minutes) for stem, minutes in rows} == said


def test_badges_and_setup_cells_hold_the_address_of_pyproject():
    outdated = [shown(path) for path in badges.outdated()]
    assert not outdated, f"run make badges: {', '.join(outdated)}"


# Each check sees what is broken on purpose. BREAKS: (check, what is done to the chapter, the cell named, what is said)


def test_a_finished_chapter_keeps_the_contract(course):
    for edition in EDITIONS:
        assert contract.problems(contract.load(STEM, edition, course)) == []


def edit(cell_id, old, new):
    def change(chapter):
        cell = by_id(chapter.nb)[cell_id]
        assert re.search(old, cell.source)
        cell.source = re.sub(old, new, cell.source)

    return change


def drop(cell_id):
    return lambda chapter: chapter.nb.cells.remove(by_id(chapter.nb)[cell_id])


def rename(cell_id, new):
    return lambda chapter: by_id(chapter.nb)[cell_id].update(id=new)


def untag(cell_id):
    return lambda chapter: by_id(chapter.nb)[cell_id].metadata.update(tags=["another"])


def output(text, kind="stdout", cell_id="exercise-1-answer"):
    printed = new_output("stream", name=kind, text=text)
    return lambda chapter: by_id(chapter.nb)[cell_id].update(outputs=[printed])


def show(*outputs, cell_id="first-figure"):
    return lambda chapter: by_id(chapter.nb)[cell_id].update(outputs=list(outputs))


def forget(*keys):
    def change(chapter):
        entry = chapter.questions
        for key in keys[:-1]:
            entry = entry[key]
        del entry[keys[-1]]

    return change


def in_package(source, module="topic"):
    def change(chapter):
        (chapter.root / "aigc_course" / "topic.py").write_text("import os\n\n\ndef double(x):\n    return 2 * x\n")
        metadata = {"tags": ["in-package"], "module": module, "slideshow": {"slide_type": "slide"}}
        chapter.nb.cells.append(new_code_cell(source, id="typed-here", metadata=metadata))

    return change


def in_chinese(check):
    """The check of a chapter as if it were the Chinese edition."""

    def look(chapter):
        path = chapter.path.parents[1] / "zh" / "06_1_new_chapter.ipynb"
        return check(contract.Chapter(path, chapter.nb, chapter.questions, chapter.root))

    return look


def unused_word(chapter):
    words = chapter.root / language.WORDS / f"{STEM}.toml"
    words.write_text('[labels]\n"never said" = "从来不说"\n', encoding="utf-8")


ERROR = new_output("error", ename="ValueError", evalue="no", traceback=[])
WIDGET = new_output("display_data", data={"application/vnd.jupyter.widget-view+json": {}, "text/html": "a pad"})
RESULTS = contract.closes_with_results_and_sources
OPENING = contract.opens_with_title_and_goals
RENDERS = contract.text_renders
TERMS = in_chinese(contract.terms_come_with_their_english)
CODE = contract.code_cells_are_short_and_end_in_something
STORED = contract.is_stored_clean
FIGURES = contract.figures_are_described
REMARKS = in_chinese(contract.remarks_speak_the_readers_language)
WORDS = contract.drawn_words_are_translated
BARE = new_output("display_data", data={"image/jpeg": ""}, metadata={"image/svg+xml": {"alt": "another"}})
BREAKS = {
    "random id": (contract.cells_have_readable_ids, rename("first-idea", "3f2b8c1e"), "3f2b8c1e", "readable"),
    "id missing": (contract.cells_have_readable_ids, rename("remember", "the-end"), "remember", "missing"),
    "id twice": (contract.cells_have_readable_ids, rename("first-idea", "goals"), "goals", "more than once"),
    "setup of the other edition": (contract.has_setup_cell, edit("setup", '"en"', '"zh"'), "setup", "make badges"),
    "setup not first": (contract.has_setup_cell, drop("setup"), "setup", "first code cell"),
    "no title": (OPENING, edit("title", "^# ", ""), "title", "first cell"),
    "no goals": (OPENING, edit("goals", "able to", "apt to"), "goals", "able to do"),
    "no needs": (OPENING, edit("goals", "You need", "First"), "goals", "need first"),
    "no minutes": (OPENING, edit("goals", r"\d minute", "a while"), "goals", "time it takes"),
    "no time at full scale": (OPENING, edit("goals", "`full`", "large"), "goals", "`full`"),
    "no hints": (
        contract.has_questions_in_both_languages,
        forget("exercises", "todo_1", "hints"),
        "exercises",
        "hints",
    ),
    "no solution": (
        contract.has_questions_in_both_languages,
        forget("exercises", "todo_1", "solution"),
        "exercises",
        "solution",
    ),
    "no explanation": (
        contract.has_questions_in_both_languages,
        forget("quiz", 0, "options", 1, "why"),
        "exercises",
        "quiz no. 1",
    ),
    "too few exercises": (contract.has_exercises, drop("exercise-2-check"), "exercises", "2 exercises"),
    "exercise not in the questions": (
        contract.has_exercises,
        forget("exercises", "todo_3"),
        "exercise-3-check",
        "not in",
    ),
    "exercise of another chapter": (
        contract.has_exercises,
        edit("exercise-1-check", "05_2", "05_1"),
        "exercise-1-check",
        "05_2",
    ),
    "guess that no cell asks": (
        contract.asks_before_it_shows,
        lambda chapter: chapter.questions.update(guesses={"size": {}}),
        "exercises",
        'guess("05_2.size", ...) and guessed() after it',
    ),
    "challenge that no cell sets": (
        contract.asks_before_it_shows,
        lambda chapter: chapter.questions.update(challenges={"best": {}}),
        "exercises",
        "no cell calls challenge() for best",
    ),
    "guess not in the questions": (
        contract.asks_before_it_shows,
        edit("expected-values", r"^", 'guess("05_2.size", ...)\n'),
        "expected-values",
        "not in the questions of this chapter",
    ),
    "nowhere to answer": (contract.has_exercises, untag("exercise-1-answer"), "exercise-1-check", "tagged exercise"),
    "too few questions": (contract.has_quiz, forget("quiz", 0), "quiz", "4 questions"),
    "quiz of another chapter": (contract.has_quiz, edit("quiz", "05_2", "05_1"), "quiz", "05_2"),
    "no expected value": (RESULTS, edit("expected-values", "expect", "print"), "expected-results", "expect()"),
    "expected value elsewhere": (
        RESULTS,
        lambda chapter: chapter.nb.cells.append(chapter.nb.cells.pop(7)),
        "expected-results",
        "expect()",
    ),
    "nothing to remember": (RESULTS, drop("remember"), "remember", "remember"),
    "too few sources": (RESULTS, edit("sources", "Finished-3", "Finished-2"), "sources", "2 links"),
    "no slide": (
        contract.every_cell_is_on_a_slide,
        lambda chapter: by_id(chapter.nb)["quiz"].metadata.pop("slideshow"),
        "quiz",
        "slide type",
    ),
    "long cell": (CODE, edit("first-figure", "$", "\nx = 1" * 20), "first-figure", "lines"),
    "cell without an end": (CODE, show(cell_id="first-figure"), "first-figure", "neither"),
    "threads left to the framework": (
        contract.says_its_threads,
        edit("first-figure", "^", "import torch\n"),
        "first-figure",
        "use_threads",
    ),
    "not Python": (CODE, edit("first-figure", "figure", "figure figure"), "first-figure", "not Python"),
    "feedback not tagged": (contract.localized_cells_are_tagged, untag("quiz"), "quiz", "localized"),
    "something to do": (contract.is_finished, edit("remember", "$", "TODO"), "remember", "TODO"),
    "something to do in the questions": (
        contract.is_finished,
        lambda chapter: chapter.questions["quiz"][0]["question"].update(en="TODO"),
        "exercises",
        "TODO",
    ),
    "other than the package": (
        contract.package_equals_cells,
        in_package("def double(x):\n    return x + x"),
        "typed-here",
        "double",
    ),
    "not in the package": (
        contract.package_equals_cells,
        in_package("def half(x):\n    return x"),
        "typed-here",
        "half",
    ),
    "no module": (contract.package_equals_cells, in_package("def double(x): 1", "none"), "typed-here", "module"),
    "name of two things": (
        contract.one_name_is_one_thing,
        lambda chapter: [
            edit(cell, "$", f"\n{line}")(chapter)
            for cell, line in (("first-figure", "x = 1"), ("exercise-1-answer", "y = x"), ("quiz", "x = 2"))
        ],
        "exercise-1-answer",
        "which [quiz] binds anew",
    ),
    "dead link": (contract.links_lead_somewhere, edit("sources", "$", "\n[a](05_9.ipynb)"), "sources", "05_9"),
    "dead anchor": (contract.links_lead_somewhere, edit("sources", "$", "\n[a](#nowhere)"), "sources", "nowhere"),
    "stored error": (STORED, show(ERROR), "first-figure", "ValueError"),
    "stderr": (STORED, output("something", kind="stderr"), "exercise-1-answer", "stderr"),
    "warning": (STORED, output("x.py:1: UserWarning: careful"), "exercise-1-answer", "warning"),
    "path": (STORED, output("saved to /home/li/model.keras"), "exercise-1-answer", "absolute path"),
    "path on Windows": (STORED, output("saved to C:\\Users\\li"), "exercise-1-answer", "absolute path"),
    "address": (STORED, output("<Axes at 0x7f3a5c0>"), "exercise-1-answer", "memory address"),
    "progress bar": (STORED, output("100%|████| 5/5 [00:01<00:00]"), "exercise-1-answer", "progress bar"),
    "progress bar of Keras": (STORED, output("5/5 ━━━━━━━━ 0s 1ms/step"), "exercise-1-answer", "progress bar"),
    "widget": (STORED, show(WIDGET), "first-figure", "widget"),
    "widget state": (STORED, lambda chapter: chapter.nb.metadata.update(widgets={}), "title", "widgets"),
    "not run": (STORED, lambda chapter: by_id(chapter.nb)["quiz"].update(execution_count=None), "quiz", "make execute"),
    "short alt": (FIGURES, show(picture(alt="A line.")), "first-figure", "alt text"),
    "alt without a full stop": (FIGURES, show(picture(alt="word " * 20)), "first-figure", "alt text"),
    "Chinese alt without a full stop": (
        FIGURES,
        show(picture(alt="一条从左下升到右上的直线")),
        "first-figure",
        "alt text",
    ),
    "bare picture without alt": (FIGURES, show(BARE), "first-figure", "alt text"),
    "English comment in Chinese": (
        REMARKS,
        edit("first-figure", "$", "  # the whole line"),
        "first-figure",
        "not Chinese",
    ),
    "English docstring in Chinese": (
        REMARKS,
        edit("first-figure", "^", 'def f():\n    """Does nothing."""\n'),
        "first-figure",
        "not Chinese",
    ),
    "English alt in Chinese": (
        REMARKS,
        edit("first-figure", 'alt="[^"]*"', 'alt="A straight line."'),
        "first-figure",
        "not Chinese",
    ),
    "emphasis that does not work": (RENDERS, edit("remember", "$", "\n\n**一。**二"), "remember", "asterisk"),
    "term without its English": (TERMS, edit("remember", "$", "\n\n这里有困惑度。"), "remember", "perplexity"),
    "word without Chinese": (
        WORDS,
        edit("first-figure", "^", 'label("loss curve")\n'),
        "first-figure",
        '"loss curve" has no',
    ),
    "box without Chinese": (WORDS, edit("first-figure", "^", 'Workflow({"a": "A box"})\n'), "first-figure", '"A box"'),
    "slider without Chinese": (
        WORDS,
        edit("first-figure", "^", "sliders(draw, odd_name=(0, 1, 1, 0))\n"),
        "first-figure",
        '"odd name" has no',
    ),
    "word that cannot be looked up": (WORDS, edit("first-figure", "^", "phrase(name)\n"), "first-figure", "itself"),
    "word that no cell uses": (WORDS, unused_word, "setup", '"never said"'),
    "wide figure": (FIGURES, show(picture(width=1001)), "first-figure", "1001 pixels"),
    "no caption": (FIGURES, edit("first-figure-caption", r"^\*", "_"), "first-figure-caption", "Figure 1"),
    "caption of the other edition": (
        FIGURES,
        edit("first-figure-caption", "Figure", "图"),
        "first-figure-caption",
        "Figure 1",
    ),
    "wrong number": (FIGURES, edit("first-figure-caption", "1", "2"), "first-figure-caption", "figure 1"),
    "one caption for two": (FIGURES, show(picture(), picture()), "first-figure-caption", "Figure 2"),
    "large notebook": (contract.is_small, output("x" * 400_000), "exercise-1-answer", "400 kB"),
}


@pytest.mark.parametrize("name", BREAKS)
def test_what_is_broken_is_found(chapter, name):
    check, break_it, cell_id, said = BREAKS[name]
    break_it(chapter)
    found = check(chapter)
    assert any(line.startswith(f"[{cell_id}]") and said in line for line in found), found


@pytest.mark.parametrize(
    "change",
    [
        in_package("def double(x):\n    return 2 * x"),
        output("see https://example.org/home/li/ or 3/tmp/4"),
        output("1875/1875 - accuracy: 0.97 - 100% of 5/5"),
        edit("sources", "$", "\n[this](../zh/05_2_text_generation.ipynb), [up](#Sources), [quiz](#quiz)"),
        edit("first-figure", "$", "\nx = 1" * 10),
        edit("first-figure", "$", "  # (n, 10), in Chinese 批次"),
        edit("remember", "$", "\n\n**数据。** 原文；这里有**困惑度**（perplexity）"),
        edit("first-figure", "^", 'label("done"), phrase("the model")\n'),
    ],
)
def test_what_is_right_is_left_alone(chapter, change):
    change(chapter)
    assert [line for line in contract.problems(chapter) if "execution count" not in line] == []


def test_the_start_needs_one_exercise_and_one_question(chapter):
    start = contract.Chapter(chapter.path.with_name("00_start_here.ipynb"), chapter.nb, chapter.questions, chapter.root)
    words = chapter.root / language.WORDS
    (words / f"{STEM}.toml").rename(words / "00_start_here.toml")
    start.nb.cells = [cell for cell in start.nb.cells if not cell.id.startswith(("exercise-2", "exercise-3"))]
    for cell in start.nb.cells:
        cell.source = cell.source.replace('"05_2', '"00')
    del start.questions["exercises"]["todo_2"], start.questions["exercises"]["todo_3"], start.questions["quiz"][1:]
    assert [line for line in contract.problems(start) if "execution count" not in line] == []
    start.nb.cells = [cell for cell in start.nb.cells if not cell.id.startswith("exercise-1")]
    assert contract.has_exercises(start)
