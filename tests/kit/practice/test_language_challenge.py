"""The challenge of chapter 3.2: what is wrong with a language is said; what is right gets a score."""

import pytest

from aigc_course.kit.practice import questions
from aigc_course.kit.practice.checks import Wrong, nlp_workflow
from aigc_course.kit.practice.exercises import measured


@pytest.mark.parametrize(
    ("language", "key", "values"),
    [
        (lambda number: number, "not_text", {"number": 0, "kind": "int"}),
        (lambda number: "one " * number, "empty", {"number": 0}),
        (lambda number: "one " * (number + 1), "too_long", {"number": 12, "count": 13}),
        (lambda number: str(number % 7000), "ambiguous", {"number": 0, "other": 7000, "text": "0"}),
    ],
)
def test_what_is_wrong_is_named(language, key, values):
    with pytest.raises(Wrong) as wrong:
        nlp_workflow.sayings(language)
    assert wrong.value.key == key and wrong.value.values == values


def test_each_number_by_itself_says_nothing_of_the_others():
    entry = questions.challenge("03_2.language")
    outcome, score = measured(entry, entry["score"], str)
    assert (outcome.kind, score) == ("passed", 0.0)


def test_an_error_of_the_learner_is_told():
    entry = questions.challenge("03_2.language")
    assert measured(entry, entry["score"], lambda number: 1 / number)[0].kind == "wrong"
