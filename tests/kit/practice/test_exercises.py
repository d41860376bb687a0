"""What check, hint, solution and quiz show."""

import json
import random
import re
import subprocess
import sys

import numpy as np
import pytest

from aigc_course.kit import runtime
from aigc_course.kit.practice import exercises, markup, questions
from aigc_course.kit.practice.exercises import check, grade, hint, is_unanswered, quiz, solution

URL = re.compile(r"(?:https?:)?//\w")


@pytest.fixture(autouse=True)
def own_progress(monkeypatch, tmp_path):
    monkeypatch.setenv("AIGC_PROGRESS", str(tmp_path / "progress.json"))
    monkeypatch.setitem(runtime._facts, "language", "en")
    return tmp_path / "progress.json"


def shown(function, *arguments) -> dict:
    """The one output of a call, by MIME type."""
    outputs = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(markup, "show", lambda html, plain: outputs.append({"text/html": html, "text/plain": plain}))
        assert function(*arguments) is None
    (data,) = outputs
    assert "<script" not in data["text/html"]
    return data


def brightness(image):
    return image.mean() / 255


def too_bright(image):
    return image.mean()


def test_a_right_answer_is_told_so_recorded_and_can_be_compared(own_progress):
    data = shown(check, "00.brightness", brightness)
    assert data["text/plain"] == (
        "[How bright is a picture?] Right: every check passed. Exercises done in this chapter: 1 of 1."
    )
    assert "Compare with our solution" in data["text/html"]
    assert "Hint 1" not in data["text/html"]
    assert list(json.loads(own_progress.read_text())["exercises"]) == ["00.brightness"]


def test_a_wrong_answer_is_told_why_and_offered_hints_and_solution_closed(own_progress):
    data = shown(check, "00.brightness", too_bright)
    assert "still on a scale from 0 to 255" in data["text/plain"]
    assert 'hint("00.brightness", 1)' in data["text/plain"]
    assert "Average with" not in data["text/plain"], "hints stay hidden"
    for label in ("Hint 1", "Hint 2", "Solution"):
        assert f'<summary style="cursor:pointer">{label}</summary>' in data["text/html"]
    assert data["text/html"].count("<details") == data["text/html"].count("</details>") == 3
    assert "<details open" not in data["text/html"]
    assert not own_progress.exists()


@pytest.mark.parametrize(("language", "expected"), [("zh", "还没有作答"), ("en", "Not answered yet")])
def test_an_unanswered_exercise_says_so_and_offers_hints(language, expected, monkeypatch):
    monkeypatch.setitem(runtime._facts, "language", language)
    data = shown(check, "00.brightness", ...)
    assert expected in data["text/plain"]
    assert data["text/html"].count("<details") == 3


def test_an_unfinished_function_counts_as_unanswered():
    def half_done(image):
        return image.mean() / ...

    def returns_it(image):
        result = ...
        return result

    def not_implemented(image):
        raise NotImplementedError

    def as_given(image):
        """Mean of all pixels."""

    for answer in (half_done, returns_it, not_implemented, as_given, lambda image: ..., lambda image: None):
        assert grade("00.brightness", answer).kind == "unanswered"


def test_a_missing_return_is_no_empty_function():
    def forgets_to_return(image):
        image.mean() / 255

    def prints(image):
        print(image.mean() / 255)

    for answer in (forgets_to_return, prints, lambda image: np.random.default_rng().shuffle(image.copy())):
        assert grade("00.brightness", answer).key == "nothing"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (..., True),
        (None, True),
        ([1, ...], True),
        ({"a": ...}, True),
        (0, False),
        ("", False),
        (np.zeros(3), False),
        ([], False),
        (dict, False),
        (lambda image: image[..., None], False),
        (lambda image: 0, False),
    ],
)
def test_what_counts_as_unanswered(answer, expected):
    assert is_unanswered(answer) is expected


def test_an_error_in_the_learners_code_is_shown_with_its_line_and_a_hint():
    namespace = {}
    code = "def brightness(image):\n    total = image.sum()\n    return totl / image.size\n"
    exec(compile(code, "<cell>", "exec"), namespace)
    outcome = grade("00.brightness", namespace["brightness"])
    assert outcome.key == "crashed_at"
    assert outcome.values["line"] == "3"
    said = exercises.explanation(questions.exercise("00.brightness"), outcome)
    assert "NameError: name 'totl' is not defined" in said
    assert "is it spelled right" in said


def test_an_error_below_the_learners_code_is_traced_to_their_own_line():
    def brightness(image):
        return np.linalg.inv(np.zeros((2, 2))).mean()

    outcome = grade("00.brightness", brightness)
    assert outcome.values["source"] == "return np.linalg.inv(np.zeros((2, 2))).mean()"
    assert outcome.error == "ValueError"


def test_an_endless_recursion_ends_in_a_hint():
    def brightness(image):
        return brightness(image)

    assert grade("00.brightness", brightness).error == "RecursionError"


def test_what_the_learner_writes_is_never_taken_for_html():
    def brightness(image):
        raise ValueError("<script>alert(1)</script> {got} `x`")

    data = shown(check, "00.brightness", brightness)
    assert "&lt;script&gt;alert(1)&lt;/script&gt; {got}" in data["text/html"]


def test_stopping_the_kernel_is_not_swallowed():
    def brightness(image):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        grade("00.brightness", brightness)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("05_1.los", r'there is no exercise "05_1.los"; did you mean 05_1.loss'),
        ("05_1.something_else", r"there are: 05_1.parameters, 05_1.loss"),
        ("loss", r"did you mean|there are"),
        (7, r'there is no exercise "7"'),
    ],
)
def test_an_unknown_exercise_names_similar_ones(name, expected):
    for function, arguments in ((check, (name, 1)), (hint, (name, 1)), (solution, (name,))):
        with pytest.raises(ValueError, match=expected):
            function(*arguments)


def test_an_unknown_chapter_is_named():
    with pytest.raises(ValueError, match=r'there are no questions for chapter "05_9"; did you mean (05_\d|or|,| )+\?'):
        quiz("05_9")


def test_hints_and_solution_one_at_a_time(monkeypatch):
    assert shown(hint, "05_1.loss", 2)["text/plain"].startswith("[Hint 2] Subtract from each row its own maximum")
    monkeypatch.setitem(runtime._facts, "language", "zh")
    assert shown(hint, "05_1.loss")["text/plain"].startswith("[提示1] 分三步")
    data = shown(solution, "05_1.loss")
    assert data["text/plain"] == questions.exercise("05_1.loss")["solution"].strip()
    assert "keyword-color" in data["text/html"]
    for number in (0, 3, "1"):
        with pytest.raises(ValueError, match="the hints are 1 and 2"):
            hint("05_1.loss", number)


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("number", questions.files())
def test_a_quiz_is_small_asks_no_other_host_and_draws_no_random_number(number, language, monkeypatch):
    monkeypatch.setitem(runtime._facts, "language", language)
    before = random.getstate()
    data = shown(quiz, number)
    assert random.getstate() == before
    assert data == shown(quiz, number), "the same output each time"
    assert len(json.dumps(data)) < 40_000
    assert not URL.search(data["text/html"])
    asked = questions.chapter(number)["quiz"]
    assert data["text/html"].count("<details") == sum(len(entry["options"]) for entry in asked)
    assert data["text/html"].count('class="right"') == len(asked)
    assert "<details open" not in data["text/html"]
    for entry in asked:
        assert entry["question"][language] in data["text/plain"]


def test_outside_ipython_the_plain_text_is_printed(capsys):
    check("00.brightness", too_bright)
    assert capsys.readouterr().out.startswith("[How bright is a picture?] Not yet. The brightness of")


def test_a_text_is_unwrapped_without_blanks_between_chinese_lines():
    assert markup.unwrapped("一行，\n又一行\n\nan English\n  line\n") == "一行，又一行\n\nan English line"
    assert markup.text_html("a < `b`\n\nc") == (
        '<p style="margin:.4em 0">a &lt; <code>b</code></p><p style="margin:.4em 0">c</p>'
    )


def test_neither_a_framework_nor_a_large_package_is_loaded():
    code = (
        "import sys; from aigc_course.kit.practice.exercises import check, quiz; check('05_1.loss', ...); quiz('05_1');"
        "print([m for m in ('torch', 'tensorflow', 'scipy', 'matplotlib', 'transformers') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.endswith("[]\n")
