"""Exercises and quizzes of the chapters, read from the .toml files beside this one: Chinese and English side by side.

A file is named after its notebook; text may hold `code` in backticks and blank lines between paragraphs, no TeX:

    title = {zh = "…", en = "…"}                    the chapter's, for the table of progress

    [exercises.loss]                                the exercise "05_1.loss"
    check = "classifier.check_loss"                 function in aigc_course/kit/practice/checks/classifier.py
    title = {zh = "…", en = "…"}
    hints = [{zh = "…", en = "…"}, {zh = "…", en = "…"}]    the first points the way, the second nearly gives it
    solution = '''…'''                              Python, the same in both languages
    answer = "loss"                                 the name in it that is handed to check()

    [exercises.loss.feedback.sign]                  what the check says when it raises Wrong("sign", got=…)
    zh = "…{got}…"                                  the same {placeholders} in both languages
    en = "…{got}…"

    [[exercises.loss.wrong]]                        at least two typical wrong answers, for the tests
    code = '''…'''
    feedback = "sign"                               a key above, or one of checks/common.toml

    [[quiz]]
    question = {zh = "…", en = "…"}
    [[quiz.options]]                                at least two, one of them right; each says why
    zh = "…"
    en = "…"
    why = {zh = "…", en = "…"}
    correct = true                                  left out where it is wrong
"""

import difflib
import re
import string
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
LANGUAGES = ("zh", "en")
EXERCISE = {"check", "title", "hints", "solution", "answer", "feedback", "wrong"}
OPTION = {"zh", "en", "why", "correct"}


class QuestionsError(ValueError):
    """A file of questions that cannot be used; the message lists everything that is wrong with it."""


def files() -> dict[str, Path]:
    """Chapter ("05_1") to file, in the order of the course."""
    return {chapter_of(path.stem): path for path in sorted(FOLDER.glob("*.toml"))}


def chapter_of(stem: str) -> str:
    """ "05_1" for 05_1_mnist_classifier."""
    if not (match := re.match(r"\d\d(?:_\d)?(?=_[a-z])", stem)):
        raise QuestionsError(f"{stem}.toml: the name must be a notebook's, such as 05_1_mnist_classifier.toml")
    return match[0]


@cache
def chapter(number: str) -> dict[str, Any]:
    """The questions of a chapter; ValueError when there are none, QuestionsError when they are not well-formed."""
    known = files()
    if number not in known:
        raise ValueError(f'there are no questions for chapter "{number}"; {_nearest(number, known)}')
    return read(known[number])


def exercise(name: str) -> dict[str, Any]:
    """The exercise "05_1.loss"; ValueError that names similar ones when there is none."""
    number, _, slug = str(name).partition(".")
    written = chapter(number).get("exercises", {}) if number in files() else {}
    if slug in written:
        return written[slug]
    known = [f"{number}.{slug}" for number in files() for slug in chapter(number).get("exercises", {})]
    raise ValueError(f'there is no exercise "{name}"; {_nearest(str(name), known)}')


def _nearest(name: str, known: Any) -> str:
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.6)
    same_chapter = [other for other in known if other.partition(".")[0] == name.partition(".")[0]]
    if close:
        return f"did you mean {' or '.join(close)}?"
    return f"there are: {', '.join(same_chapter or known)}"


def read(path: Path) -> dict[str, Any]:
    """Read and check a file; QuestionsError with every problem, one a line."""
    try:
        written = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise QuestionsError(f"{path.name} is not TOML: {error}") from error
    if found := problems(written):
        raise QuestionsError("\n".join(f"{path.name}: {problem}" for problem in found))
    return written


def problems(written: dict[str, Any]) -> list[str]:
    """What is wrong with a file's contents, one line each."""
    found = _unknown("the file", written, {"title", "exercises", "quiz"})
    if "title" in written:
        found += text_problems("title", written["title"])
    for slug, entry in written.get("exercises", {}).items():
        found += [f"exercises.{slug}: {problem}" for problem in _exercise_problems(slug, entry)]
    for number, entry in enumerate(written.get("quiz", []), start=1):
        found += [f"quiz, question {number}: {problem}" for problem in _question_problems(entry)]
    return found


def _exercise_problems(slug: str, entry: dict[str, Any]) -> list[str]:
    found = _unknown("an exercise", entry, EXERCISE)
    if missing := sorted(EXERCISE - set(entry)):
        return [*found, f"{', '.join(missing)} missing"]
    if not re.fullmatch(r"[a-z][a-z0-9_]*", slug):
        found.append("the name must be lower-case letters, digits and _")
    if not re.fullmatch(r"[a-z_]+\.check_[a-z0-9_]+", str(entry["check"])):
        found.append(
            f'check = "{entry["check"]}"; expected "module.check_something", a function in kit/practice/checks/'
        )
    if not str(entry["answer"]).isidentifier() or entry["answer"] not in str(entry["solution"]):
        found.append(f'answer = "{entry["answer"]}" is not a name that the solution defines')
    found += text_problems("title", entry["title"])
    if len(entry["hints"]) != 2:
        found.append(f"{len(entry['hints'])} hints; expected two")
    for number, text in enumerate(entry["hints"], start=1):
        found += text_problems(f"hint {number}", text)
    for key, text in entry["feedback"].items():
        found += text_problems(f"feedback.{key}", text)
    if len(entry["wrong"]) < 2:
        found.append("fewer than two wrong answers")
    known = {*entry["feedback"], *common()["feedback"]}
    for number, wrong in enumerate(entry["wrong"], start=1):
        if set(wrong) != {"code", "feedback"}:
            found.append(f"wrong answer {number} must have code and feedback, it has {', '.join(sorted(wrong))}")
        elif wrong["feedback"] not in known:
            found.append(
                f'wrong answer {number}: feedback "{wrong["feedback"]}" is not among {", ".join(sorted(known))}'
            )
    return found


def _question_problems(entry: dict[str, Any]) -> list[str]:
    options = entry.get("options", [])
    found = _unknown("a question", entry, {"question", "options"}) + text_problems("question", entry.get("question"))
    if len(options) < 2:
        found.append(f"{len(options)} options; expected at least two")
    if sum(bool(option.get("correct")) for option in options) != 1:
        found.append("exactly one option must have correct = true")
    for number, option in enumerate(options, start=1):
        found += _unknown(f"option {number}", option, OPTION)
        found += text_problems(f"option {number}", {key: option[key] for key in LANGUAGES if key in option})
        found += text_problems(f"option {number}, why", option.get("why"))
    return found


def text_problems(what: str, text: Any) -> list[str]:
    """A text must be said in both languages, with the same {placeholders}, without TeX."""
    if not isinstance(text, dict) or set(text) != set(LANGUAGES):
        return [f"{what} must have zh and en"]
    if not all(isinstance(said, str) and said.strip() for said in text.values()):
        return [f"{what} is empty in a language"]
    found = (
        [f"{what} holds a $: formulas are not shown here, write `code`"] if any("$" in s for s in text.values()) else []
    )
    try:
        zh, en = (placeholders(text[language]) for language in LANGUAGES)
    except ValueError as error:
        return [*found, f"{what}: {error}; a literal brace is doubled: {{{{ }}}}"]
    if zh != en:
        found.append(f"{what} has {{{', '.join(sorted(zh))}}} in zh, {{{', '.join(sorted(en))}}} in en")
    return found


def placeholders(text: str) -> set[str]:
    """The names in {braces}."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def _unknown(what: str, entry: dict[str, Any], allowed: set[str]) -> list[str]:
    return [f'{what} has no "{key}"; allowed: {", ".join(sorted(allowed))}' for key in entry if key not in allowed]


@cache
def common() -> dict[str, Any]:
    """checks/common.toml: what every check may say, and hints to Python's errors."""
    return tomllib.loads((FOLDER.parent / "checks" / "common.toml").read_text(encoding="utf-8"))
