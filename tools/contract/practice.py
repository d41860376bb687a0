"""What the chapter contract asks of exercises and quiz. Each check returns lines "[cell id] what".

Whether the questions' file itself is well-formed (two hints, a solution, explanations, in both languages) is known to
`aigc_course.kit.practice.questions`; here it is held against the notebook.
"""

import re

from nbformat import NotebookNode

from aigc_course.kit.practice import questions
from tools.authoring.notebooks import by_id, tags

CHECK_CALL = re.compile(r'\bcheck\(\s*"([^"]+)"')
ASKING_CALL = re.compile(r'\b(guess|guessed|challenge)\(\s*"([^"]+)"')
QUIZ_CALL = re.compile(r'\bquiz\(\s*"([^"]+)"')


def file_problems(written: dict) -> list[str]:
    """What is wrong in the questions' file."""
    if not written:
        return ["[exercises] there is no file of questions for this chapter in aigc_course/kit/practice/questions/"]
    return [f"[exercises] questions: {problem}" for problem in questions.problems(written)]


def exercise_problems(nb: NotebookNode, number: str, exercises: dict, least: int) -> list[str]:
    """Exercises without a check or a cell to answer in; names that only the notebook or only the questions have."""
    found, slugs = [], []
    for index, cell in enumerate(nb.cells):
        for name in CHECK_CALL.findall(cell.source) if "check" in tags(cell) else []:
            prefix, _, slug = name.partition(".")
            slugs.append(slug)
            if prefix != number:
                found.append(f'[{cell.id}] checks "{name}"; the exercises of this chapter begin with "{number}."')
            elif slug not in exercises:
                found.append(f'[{cell.id}] checks "{name}", which is not in aigc_course/kit/practice/questions/')
            if not any("exercise" in tags(before) for before in nb.cells[max(0, index - 3) : index]):
                found.append(f"[{cell.id}] has no cell tagged exercise just before it, in which the learner answers")
    if (count := len(set(slugs))) < least:
        found.append(f"[exercises] has {count} exercises with a cell tagged check that calls check(); needs {least}")
    return found + [f"[exercises] no cell checks {slug} of the questions" for slug in exercises if slug not in slugs]


def asking_problems(nb: NotebookNode, written: dict, number: str) -> list[str]:
    """Guesses that are not asked before their answer is shown; challenges that the notebook does not set."""
    calls = [(cell.id, kind, name) for cell in nb.cells for kind, name in ASKING_CALL.findall(cell.source)]
    places = {(kind, name): place for place, (_, kind, name) in reversed(list(enumerate(calls)))}
    found = []
    for slug in written.get("guesses", {}):
        asked, shown = (places.get((kind, f"{number}.{slug}")) for kind in ("guess", "guessed"))
        if asked is None or shown is None or asked > shown:
            found.append(f'[exercises] the guess {slug} needs guess("{number}.{slug}", ...) and guessed() after it')
    for slug in written.get("challenges", {}):
        if ("challenge", f"{number}.{slug}") not in places:
            found.append(f"[exercises] no cell calls challenge() for {slug} of the questions")
    tables = {"guess": "guesses", "guessed": "guesses", "challenge": "challenges"}
    known = {(kind, f"{number}.{slug}") for kind, table in tables.items() for slug in written.get(table, {})}
    unknown = [(cell, kind, name) for cell, kind, name in calls if (kind, name) not in known]
    return found + [
        f'[{cell}] {kind}("{name}") is not in the questions of this chapter' for cell, kind, name in unknown
    ]


def quiz_problems(nb: NotebookNode, number: str, quiz: list[dict], least: int) -> list[str]:
    """A quiz that is not shown, or has too few questions."""
    cell, found = by_id(nb).get("quiz"), []
    if cell is None or "quiz" not in tags(cell) or QUIZ_CALL.findall(cell.source) != [number]:
        found.append(f'[quiz] must be a code cell tagged quiz that calls quiz("{number}")')
    if len(quiz) < least:
        found.append(f"[quiz] has {len(quiz)} questions in aigc_course/kit/practice/questions/; needs {least}")
    return found
