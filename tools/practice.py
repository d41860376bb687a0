"""What the chapter contract asks of exercises and quiz. Each check returns lines "[cell id] what"."""

import re

from nbformat import NotebookNode

from tools.notebooks import EDITIONS, by_id, tags

CHECK_CALL = re.compile(r'\bcheck\(\s*"([^"]+)"')
QUIZ_CALL = re.compile(r'\bquiz\(\s*"([^"]+)"')


def exercise_problems(nb: NotebookNode, number: str, written: dict, least: int) -> list[str]:
    """What the exercises lack, in the notebook and in `written`, the table [exercises] of the chapter's questions."""
    found, slugs = [], []
    for index, cell in enumerate(nb.cells):
        for name in CHECK_CALL.findall(cell.source) if "check" in tags(cell) else []:
            prefix, _, slug = name.partition(".")
            slugs.append(slug)
            if prefix != number:
                found.append(f'[{cell.id}] checks "{name}"; this chapter\'s exercises begin with {number}.')
            if not any("exercise" in tags(before) for before in nb.cells[max(0, index - 3) : index]):
                found.append(f"[{cell.id}] has no cell tagged exercise just before it, in which the learner answers")
            found += [f"[{cell.id}] {problem}" for problem in _exercise_problems(name, written.get(slug))]
    if len(set(slugs)) < least:
        found.append(
            f"[exercises] {len(set(slugs))} exercises with a cell tagged check that calls check(); needs {least}"
        )
    return found + [f"[exercises] no cell checks {slug} of the questions" for slug in written if slug not in slugs]


def _exercise_problems(name: str, exercise: dict | None) -> list[str]:
    if exercise is None:
        return [f"{name} is not in aigc_course/questions/"]
    found = [f"{name} has no {key}" for key in ("check", "solution", "answer") if not exercise.get(key)]
    if not _bilingual(exercise.get("title")):
        found.append(f"{name} needs a title in zh and en")
    hints = exercise.get("hints", [])
    if len(hints) != 2 or not all(map(_bilingual, hints)):
        found.append(f"{name} needs two hints, each in zh and en")
    return found


def _bilingual(entry: dict | None) -> bool:
    return isinstance(entry, dict) and all(str(entry.get(edition, "")).strip() for edition in EDITIONS)


def quiz_problems(nb: NotebookNode, number: str, questions: list[dict], least: int) -> list[str]:
    """What the quiz lacks, in the notebook and in `questions`, the entries [[quiz]] of the chapter's questions."""
    cell, found = by_id(nb).get("quiz"), []
    if cell is None or "quiz" not in tags(cell) or QUIZ_CALL.findall(cell.source) != [number]:
        found.append(f'[quiz] must be a code cell tagged quiz that calls quiz("{number}")')
    if len(questions) < least:
        found.append(f"[quiz] has {len(questions)} questions in aigc_course/questions/; needs {least}")
    for index, entry in enumerate(questions, start=1):
        options = entry.get("options", [])
        if not _bilingual(entry.get("question")) or len(options) < 2 or not all(map(_bilingual, options)):
            found.append(f"[quiz] question {index} needs its text and at least two options, in zh and en")
        elif not all(_bilingual(option.get("why")) for option in options):
            found.append(f"[quiz] question {index}: each option needs its explanation (why), in zh and en")
        elif not any(option.get("correct") for option in options):
            found.append(f"[quiz] question {index} has no correct option")
    return found
