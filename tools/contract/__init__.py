"""The chapter contract: what every chapter contains and how its cells look. Each check returns lines "[cell id] what".

python -m tools.contract [CHAPTER ...]      prints what is still wrong; tests/notebooks/test_chapters.py holds all to it
"""

import argparse
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode

from tools.authoring import links
from tools.authoring.notebooks import (
    EDITIONS,
    METADATA,
    ROOT,
    SLIDE_TYPES,
    by_id,
    chapter_number,
    code_cells,
    find,
    path_of,
    read,
    repository,
    setup_source,
    shown,
    stop,
    tags,
)
from tools.contract import code, language, names, practice, prose, stored

QUESTIONS = Path("aigc_course/kit/practice/questions")
REQUIRED = ("title", "goals", "setup", "expected-results", "exercises", "quiz", "remember", "sources")
GOALS = {  # what the cell `goals` must say, in the edition's words
    "zh": {"what the learner will be able to do (…能…)": "能", "what they need first (需要…)": "需要|先修"},
    "en": {"what the learner will be able to do (… able to …)": r"\bable to\b", "what they need first": r"\bneed"},
}
NUM_LINKS = 3
MINUTES = {"zh": r"\d\s*(?:分钟|秒)", "en": r"\d\s*(?:minute|second)"}
READABLE_ID = re.compile(r"(?![0-9a-f]{8}(?:-[0-9a-f]{4}|$))[a-z0-9]+(?:-[a-z0-9]+)*")


@dataclass(frozen=True)
class Chapter:
    path: Path  # notebooks/<edition>/<stem>.ipynb
    nb: NotebookNode
    questions: dict  # aigc_course/kit/practice/questions/<stem>.toml; {} where there is none
    root: Path = ROOT

    @property
    def edition(self) -> str:
        return self.path.parent.name

    @property
    def number(self) -> str:
        return chapter_number(self.path.stem)

    @property
    def is_start(self) -> bool:
        return self.number == "00"


def load(stem: str, edition: str, root: Path = ROOT) -> Chapter:
    """One edition of a chapter with its questions."""
    path, questions = path_of(stem, edition, root), root / QUESTIONS / f"{stem}.toml"
    parsed = tomllib.loads(questions.read_text(encoding="utf-8")) if questions.exists() else {}
    return Chapter(path, read(path), parsed, root)


def cells_have_readable_ids(chapter: Chapter) -> list[str]:
    ids = [cell.get("id", "") for cell in chapter.nb.cells]
    found = [f"[{i}] is no readable id; give the cell a name such as chain-rule" for i in ids if not _readable(i)]
    found += [f"[{i}] is missing: a cell with this id belongs to every chapter" for i in REQUIRED if i not in ids]
    return found + [f"[{i}] occurs more than once" for i in dict.fromkeys(ids) if ids.count(i) > 1]


def _readable(cell_id: str) -> bool:
    return bool(READABLE_ID.fullmatch(cell_id))


def has_setup_cell(chapter: Chapter) -> list[str]:
    first = next(iter(code_cells(chapter.nb)), None)
    if first is None or first.id != "setup" or "setup" not in tags(first):
        return ["[setup] the first code cell must have the id and the tag setup"]
    if first.source != setup_source(chapter.edition, repository(chapter.root)):
        return ["[setup] is not the course's setup cell; `make badges` writes it"]
    return []


def opens_with_title_and_goals(chapter: Chapter) -> list[str]:
    found = []
    first = chapter.nb.cells[0] if chapter.nb.cells else None
    if first is None or first.id != "title" or not first.source.startswith("# "):
        found.append('[title] the first cell must be the title, a text cell that begins with "# "')
    text = _text(chapter, "goals")
    needed = {
        **GOALS[chapter.edition],
        "the time it takes, with its unit": MINUTES[chapter.edition],
        "the time at the scale `quick`": r"\bquick\b",
        "the time at the scale `full`": r"\bfull\b",
    }
    return found + [f"[goals] does not say {what}" for what, pattern in needed.items() if not re.search(pattern, text)]


def has_questions_in_both_languages(chapter: Chapter) -> list[str]:
    return practice.file_problems(chapter.questions)


def has_exercises(chapter: Chapter) -> list[str]:
    least = 1 if chapter.is_start else 3
    return practice.exercise_problems(chapter.nb, chapter.number, chapter.questions.get("exercises", {}), least)


def asks_before_it_shows(chapter: Chapter) -> list[str]:
    return practice.asking_problems(chapter.nb, chapter.questions, chapter.number)


def has_quiz(chapter: Chapter) -> list[str]:
    least = 1 if chapter.is_start else 5
    return practice.quiz_problems(chapter.nb, chapter.number, chapter.questions.get("quiz", []), least)


def closes_with_results_and_sources(chapter: Chapter) -> list[str]:
    found = []
    cells = chapter.nb.cells
    start = next((i for i, cell in enumerate(cells) if cell.id == "expected-results"), len(cells))
    section = []
    for cell in cells[start + 1 :]:
        if cell.cell_type == "markdown" and re.match(r"#{1,2} ", cell.source):
            break
        section.append(cell)
    if not _text(chapter, "expected-results").startswith("#"):
        found.append("[expected-results] must be a text cell that begins with a heading")
    if not any(c.cell_type == "code" and re.search(r"\bexpect\(", c.source) for c in section):
        found.append("[expected-results] no code cell of this section calls expect()")
    if not _text(chapter, "remember").strip():
        found.append("[remember] must be a text cell that says what to remember")
    addresses = set(re.findall(r"https?://[^\s)>\]]+", _text(chapter, "sources")))
    if len(addresses) < NUM_LINKS:
        found.append(f"[sources] has {len(addresses)} links; needs {NUM_LINKS}")
    return found


def _text(chapter: Chapter, cell_id: str) -> str:
    cell = by_id(chapter.nb).get(cell_id)
    return cell.source if cell is not None and cell.cell_type == "markdown" else ""


def every_cell_is_on_a_slide(chapter: Chapter) -> list[str]:
    kinds = {cell.id: cell.metadata.get("slideshow", {}).get("slide_type") for cell in chapter.nb.cells}
    allowed = ", ".join(SLIDE_TYPES)
    return [f"[{i}] slide type {kind}; allowed: {allowed}" for i, kind in kinds.items() if kind not in SLIDE_TYPES]


def code_cells_are_short_and_end_in_something(chapter: Chapter) -> list[str]:
    return code.length_problems(chapter.nb) + code.ending_problems(chapter.nb)


def says_its_threads(chapter: Chapter) -> list[str]:
    return code.thread_problems(chapter.nb)


def localized_cells_are_tagged(chapter: Chapter) -> list[str]:
    return code.language_problems(chapter.nb)


def remarks_speak_the_readers_language(chapter: Chapter) -> list[str]:
    return language.remark_problems(chapter.nb, chapter.edition)


def drawn_words_are_translated(chapter: Chapter) -> list[str]:
    return language.word_problems(chapter.nb, chapter.path.stem, chapter.root)


def text_renders(chapter: Chapter) -> list[str]:
    return prose.rendering_problems(chapter.nb)


def terms_come_with_their_english(chapter: Chapter) -> list[str]:
    return prose.term_problems(chapter.nb, chapter.edition)


def one_name_is_one_thing(chapter: Chapter) -> list[str]:
    return names.reuse_problems(chapter.nb)


def is_finished(chapter: Chapter) -> list[str]:
    found = [f"[{cell.id}] still says TODO" for cell in chapter.nb.cells if "TODO" in cell.source]
    return found + (["[exercises] the questions still say TODO"] if "TODO" in str(chapter.questions) else [])


def package_equals_cells(chapter: Chapter) -> list[str]:
    return code.package_problems(chapter.nb, chapter.root / "aigc_course", chapter.edition)


def links_lead_somewhere(chapter: Chapter) -> list[str]:
    texts = [(cell.id, cell.source) for cell in chapter.nb.cells if cell.cell_type == "markdown"]
    anchors = links.anchors("\n".join(text for _, text in texts))
    return [f"[{i}] {bad}" for i, text in texts for bad in links.broken(text, chapter.path, anchors)]


def is_stored_clean(chapter: Chapter) -> list[str]:
    found = stored.output_problems(chapter.nb) + stored.run_problems(chapter.nb)
    if chapter.nb.metadata != METADATA:
        extra = sorted({*chapter.nb.metadata} - {*METADATA}) or "kernelspec or language_info"
        found.append(f"[title] the notebook's metadata is not tidy ({extra}): make execute CHAPTER={chapter.number}")
    return found


def figures_are_described(chapter: Chapter) -> list[str]:
    return stored.figure_problems(chapter.nb, chapter.edition)


def is_small(chapter: Chapter) -> list[str]:
    return stored.size_problems(chapter.nb)


CHECKS = (
    cells_have_readable_ids,
    has_setup_cell,
    opens_with_title_and_goals,
    has_questions_in_both_languages,
    has_exercises,
    asks_before_it_shows,
    has_quiz,
    closes_with_results_and_sources,
    every_cell_is_on_a_slide,
    code_cells_are_short_and_end_in_something,
    says_its_threads,
    localized_cells_are_tagged,
    remarks_speak_the_readers_language,
    drawn_words_are_translated,
    text_renders,
    terms_come_with_their_english,
    is_finished,
    one_name_is_one_thing,
    package_equals_cells,
    links_lead_somewhere,
    is_stored_clean,
    figures_are_described,
    is_small,
)


def problems(chapter: Chapter) -> list[str]:
    """Everything that the contract finds wrong with one edition of a chapter."""
    return [line for check in CHECKS for line in check(chapter)]


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    """The command line; the exit status is 1 when something is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tools.contract", description="What a chapter still lacks.")
    parser.add_argument("chapter", nargs="*", help="05_1, 05 (all of part 5) or a file name; all chapters without")
    options = parser.parse_args(arguments)
    try:
        chapters = [load(stem, e, root) for stem in find(options.chapter, root) for e in EDITIONS]
    except (ValueError, FileNotFoundError) as error:
        return stop(error)
    found = [f"{shown(c.path, root)} {line}" for c in chapters for line in problems(c)]
    print("\n".join(found) or f"{len(chapters)} notebooks keep the contract")
    return int(bool(found))
