"""Every exercise of every chapter: its solution passes, each typical mistake gets the feedback that fits it."""

import copy
import inspect
import random

import numpy as np
import pytest

from aigc_course.kit import runtime
from aigc_course.kit.practice import answers, exercises, questions
from aigc_course.kit.practice.exercises import grade

NAMES = [f"{number}.{slug}" for number in questions.files() for slug in questions.chapter(number)["exercises"]]
WRONG = [
    pytest.param(name, wrong["code"], wrong["feedback"], id=f"{name}-{place}-{wrong['feedback']}")
    for name in NAMES
    for place, wrong in enumerate(questions.exercise(name)["wrong"])
]


def build(name: str, code: str):
    """What a cell with this code hands to check()."""
    namespace = {}
    exec(compile(code, "<answer>", "exec"), namespace)
    return namespace[questions.exercise(name)["answer"]]


def language_is(monkeypatch, language: str) -> None:
    monkeypatch.setitem(runtime._facts, "language", language)


@pytest.mark.parametrize("number", questions.files())
def test_every_chapter_has_a_title_exercises_and_a_quiz(number):
    assert {"title", "exercises", "quiz"} <= set(questions.chapter(number))


@pytest.mark.parametrize("name", NAMES)
def test_the_solution_passes(name):
    assert grade(name, build(name, questions.exercise(name)["solution"])).kind == "passed"


@pytest.mark.parametrize(("name", "code", "feedback"), WRONG)
def test_a_typical_mistake_is_told_what_it_is_in_both_languages(name, code, feedback, monkeypatch):
    outcome = grade(name, build(name, code))
    assert (outcome.kind, outcome.key) == ("wrong", feedback)
    for language in ("zh", "en"):
        language_is(monkeypatch, language)
        said = exercises.explanation(questions.exercise(name), outcome)
        assert "{" not in said
        for value in outcome.values.values():
            assert value != ""


@pytest.mark.parametrize("name", NAMES)
def test_the_solution_fits_into_the_output_without_scrolling(name):
    assert max(map(len, questions.exercise(name)["solution"].splitlines())) <= 88


@pytest.mark.parametrize("name", NAMES)
def test_every_feedback_has_a_wrong_answer_that_gets_it(name):
    entry = questions.exercise(name)
    assert set(entry["feedback"]) == {wrong["feedback"] for wrong in entry["wrong"]} & set(entry["feedback"])


@pytest.mark.parametrize("name", NAMES)
def test_hints_do_not_give_a_line_of_the_solution(name):
    entry = questions.exercise(name)
    lines = [line.split("#")[0].strip() for line in entry["solution"].splitlines()]
    for hint in entry["hints"]:
        for text in hint.values():
            assert not [line for line in lines if len(line) > 12 and line in text]


@pytest.mark.parametrize("name", ["00.brightness", "01.counts", "03_1.request", "03_3.detached_loss", "05_1.loss"])
@pytest.mark.parametrize("body", ["...", "pass", '"""Docstring."""\n    ...', "return None"])
def test_a_cell_left_as_it_is_given_is_unanswered(name, body):
    solution = build(name, questions.exercise(name)["solution"])
    empty = f"def {solution.__name__}{inspect.signature(solution)}:\n    {body}"
    assert grade(name, build(name, empty)).kind == "unanswered"


STRANGE = {
    "a text": "some text",
    "bytes": b"bytes",
    "a number": 7,
    "NaN": np.nan,
    "a list": [1, 2, 3],
    "a dictionary": {},
    "an object": object(),
    "an array": np.zeros((2, 2)),
    "print": print,
    "np.mean": np.mean,
    "int": int,
    "gives 1": lambda: 1,
    "gives a text": lambda *args: "text",
    "gives a number as a text": lambda *args: "0.5",
    "gives a ragged list": lambda *args: [1, [2, 3]],
    "gives NaN": lambda *args: np.nan,
    "gives an empty list": lambda *args: [],
    "gives a dictionary": lambda *args: {"loss": 1},
    "gives a complex number": lambda *args: 1 + 2j,
    "gives its argument": lambda *args: args[0],
    "too few arguments": lambda *args: args[99],
    "divides by 0": lambda *args: 1 / 0,
    "gives True": lambda *args: True,
    "gives an array of texts": lambda *args: np.array(["a"]),
    "gives a generator": lambda *args: (x for x in args),
    "takes no position": lambda *, only_by_name: 1,
}


@pytest.mark.parametrize("name", NAMES)
def test_a_strange_answer_is_told_something_sensible(name, subtests, monkeypatch):
    for what, answer in STRANGE.items():
        with subtests.test(what):
            outcome = grade(name, answer)
            assert outcome.kind == "wrong"
            assert outcome.key != "puzzling", f"{outcome}: the check did not think of this answer"
            for language in ("zh", "en"):
                language_is(monkeypatch, language)
                assert exercises.explanation(questions.exercise(name), outcome)


@pytest.mark.parametrize("name", NAMES)
def test_a_check_draws_the_same_inputs_each_time_and_leaves_global_generators_alone(name):
    seen = []

    def spy(*arguments):
        seen.append(copy.deepcopy(arguments))
        return solution(*arguments)

    solution = build(name, questions.exercise(name)["solution"])
    before = random.getstate(), str(np.random.get_state())  # noqa: NPY002
    assert grade(name, spy).kind == grade(name, spy).kind == "passed"
    assert (random.getstate(), str(np.random.get_state())) == before  # noqa: NPY002
    half = len(seen) // 2
    for first, second in zip(seen[:half], seen[half:], strict=True):
        assert all(answers.unchanged(a, b) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("number", [n for n in questions.files() if len(questions.chapter(n)["quiz"]) > 1])
def test_the_right_option_is_not_always_in_the_same_place_nor_always_the_longest(number):
    asked = questions.chapter(number)["quiz"]
    places = [[bool(option.get("correct")) for option in entry["options"]].index(True) for entry in asked]
    assert max(places.count(place) for place in places) <= len(places) * 2 / 3
    for language in ("zh", "en"):
        longest = [max(entry["options"], key=lambda o: len(o[language])).get("correct") for entry in asked]
        assert longest.count(True) <= len(longest) / 2


def good_exercise() -> dict:
    both = {"zh": "字", "en": "word"}
    wrong = [{"code": "f = 1", "feedback": "sign"}, {"code": "f = 2", "feedback": "nothing"}]
    return {
        **{"check": "start.check_f", "title": both, "hints": [both, both], "solution": "f = 0", "answer": "f"},
        **{"feedback": {"sign": {"zh": "{got}", "en": "{got}"}}, "wrong": wrong},
    }


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda e: e.pop("hints"), "exercises.f.hints: Field required"),
        (lambda e: e["hints"].pop(), "exercises.f.hints: List should have at least 2 items"),
        (lambda e: e.update(hint="x"), "exercises.f.hint: Extra inputs are not permitted"),
        (lambda e: e.update(check="check_f"), "exercises.f.check: String should match pattern"),
        (lambda e: e.update(answer="g"), 'exercises.f.answer: "g" is not a name that the solution defines'),
        (lambda e: e.update(title={"zh": "字"}), "exercises.f.title.en: Field required"),
        (lambda e: e.update(title={"zh": "字", "en": " "}), "exercises.f.title: empty in a language"),
        (lambda e: e.update(title={"zh": "$x$", "en": "x"}), "exercises.f.title: a $ is not rendered as a formula"),
        (
            lambda e: e["feedback"].update(sign={"zh": "{got}", "en": "{it}"}),
            "feedback.sign: {got} in zh, {it} in en",
        ),
        (lambda e: e["feedback"].update(sign={"zh": "{", "en": "{"}), "a literal brace is doubled"),
        (lambda e: e["wrong"].pop(), "exercises.f.wrong: List should have at least 2 items"),
        (
            lambda e: e["wrong"][0].update(feedback="minus"),
            "wrong: feedback minus is not among arguments, changed",
        ),
        (lambda e: e["wrong"][0].pop("code"), "exercises.f.wrong no. 1.code: Field required"),
    ],
)
def test_a_mistake_in_a_file_of_questions_is_named(change, expected):
    entry = copy.deepcopy(good_exercise())
    assert questions.problems({"exercises": {"f": entry}}) == []
    change(entry)
    assert expected in "\n".join(questions.problems({"exercises": {"f": entry}}))


def test_all_mistakes_of_a_file_are_named_at_once(tmp_path):
    file = tmp_path / "05_1_x.toml"
    file.write_text("[exercises.F]\n[exercises.f]\ncheck = 3\n[[quiz]]\n[chapter]", encoding="utf-8")
    with pytest.raises(questions.QuestionsError) as error:
        questions.read(file)
    lines = str(error.value).splitlines()
    assert all(line.startswith("05_1_x.toml: ") for line in lines)
    for place in ("exercises.F", "exercises.f.check", "exercises.f.wrong", "quiz no. 1.options", "chapter"):
        assert any(line.startswith(f"05_1_x.toml: {place}") for line in lines), place


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda q: q.pop("question"), "quiz no. 1.question: Field required"),
        (lambda q: q["options"].pop(), "quiz no. 1.options: List should have at least 2 items"),
        (lambda q: q["options"][0].pop("correct"), "exactly one option must have correct = true"),
        (lambda q: q["options"][1].pop("why"), "quiz no. 1.options no. 2.why: Field required"),
        (
            lambda q: q["options"][1].update(right=True),
            "options no. 2.right: Extra inputs are not permitted",
        ),
    ],
)
def test_a_mistake_in_a_quiz_is_named(change, expected):
    both = {"zh": "字", "en": "word"}
    asked = {"question": both, "options": [{**both, "why": both, "correct": True}, {**both, "why": both}]}
    assert questions.problems({"quiz": [asked]}) == []
    change(asked)
    assert expected in "\n".join(questions.problems({"quiz": [asked]}))


def test_a_file_that_is_no_toml_is_named(tmp_path):
    file = tmp_path / "05_1_x.toml"
    file.write_text("[exercises", encoding="utf-8")
    with pytest.raises(questions.QuestionsError, match=r"05_1_x\.toml is not TOML"):
        questions.read(file)


def test_what_every_check_may_say_is_in_both_languages():
    common = questions.common()
    for part in ("feedback", "errors"):
        for key, text in common[part].items():
            assert questions.Text.model_validate(text), key


def test_arrays_of_a_framework_count_as_numbers_and_equal_up_to_float32():
    import torch

    assert answers.number(torch.tensor(0.5)) == answers.number(torch.tensor(0.5, requires_grad=True)) == 0.5
    assert answers.close(np.float32(0.1), 0.1)
    assert not answers.close(101_632, 101_634), "whole numbers are the same or not"


def test_the_solutions_of_05_1_agree_with_scikit_learn():
    from sklearn.metrics import log_loss, recall_score

    rng = np.random.default_rng(0)
    logits, labels = rng.normal(size=(50, 4)), rng.integers(4, size=50)
    probs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    loss, per_class = (build(f"05_1.{n}", questions.exercise(f"05_1.{n}")["solution"]) for n in ("loss", "per_class"))
    assert loss(logits, labels) == pytest.approx(log_loss(labels, probs, labels=range(4)))
    assert per_class(labels, logits.argmax(1), 4) == pytest.approx(recall_score(labels, logits.argmax(1), average=None))
