"""Guesses are noted and compared; challenges are measured, and the best score is kept."""

import json

import pytest

from aigc_course.kit import runtime
from aigc_course.kit.practice import challenges, exercises, guesses, progress, questions

GUESS = {
    "question": {"zh": "`a`还是`b`？", "en": "Is it `a` or `b`?"},
    "options": [{"zh": "甲", "en": "the first"}, {"zh": "乙", "en": "the second"}],
    "answer": "b",
    "why": {"zh": "因为乙。", "en": "Because of the second."},
}
CHALLENGE = {
    "score": "few.score_few",
    "title": {"zh": "越大越好", "en": "As large as you can"},
    "shown": "{:.1%}",
    "better": "higher",
    "answer": "size",
    "marks": [{"zh": "本章", "en": "this chapter", "value": 0.5, "code": "size = 0.5"}],
    "feedback": {"too_large": {"zh": "{got}太大。", "en": "{got} is too large."}},
}
REAL_GUESSES = [f"{n}.{slug}" for n in questions.files() for slug in questions.chapter(n).get("guesses", {})]
REAL_MARKS = [
    pytest.param(f"{n}.{slug}", mark, id=f"{n}.{slug}-{place}")
    for n in questions.files()
    for slug, entry in questions.chapter(n).get("challenges", {}).items()
    for place, mark in enumerate(entry["marks"])
    if "code" in mark
]


@pytest.fixture(autouse=True)
def record(monkeypatch, tmp_path):
    monkeypatch.setenv("AIGC_PROGRESS", str(tmp_path / "progress.json"))
    monkeypatch.setitem(runtime._facts, "language", "en")
    monkeypatch.setattr(questions, "guess", lambda name: GUESS)
    monkeypatch.setattr(questions, "challenge", lambda name: CHALLENGE)
    progress._print_once.cache_clear()
    return tmp_path / "progress.json"


@pytest.fixture
def scored(monkeypatch):
    """The challenge's function: what is handed in is its score, up to 1."""

    def score(size):
        if size > 1:
            raise exercises.Wrong("too_large", got=size)
        return size

    monkeypatch.setattr(exercises.importlib, "import_module", lambda name: type("m", (), {"score_few": score}))


def test_an_unanswered_guess_asks_and_notes_nothing(record, capsys):
    guesses.guess("x.y")
    said = capsys.readouterr().out
    assert "Is it `a` or `b`?\na) the first\nb) the second\nPut your letter" in said
    assert not record.exists()
    guesses.guessed("x.y")
    assert "guessed" not in capsys.readouterr().out


@pytest.mark.parametrize(("letter", "told"), [("b", "You guessed b: as you expected."), (" A ", "You guessed a.")])
def test_a_guess_is_noted_and_compared(record, capsys, letter, told):
    guesses.guess("x.y", letter)
    assert json.loads(record.read_text())["guesses"] == {"x.y": letter.strip().lower()}
    capsys.readouterr()
    guesses.guessed("x.y")
    assert capsys.readouterr().out == f"{told}\nWhat came out: b) the second\nBecause of the second.\n"


def test_both_languages_speak(monkeypatch, capsys):
    monkeypatch.setitem(runtime._facts, "language", "zh")
    guesses.guess("x.y", "b")
    guesses.guessed("x.y")
    said = capsys.readouterr().out
    assert "`a`还是`b`？\na) 甲" in said
    assert "你猜的是b，猜对了。\n结果：b) 乙\n因为乙。" in said


@pytest.mark.parametrize("letter", ["c", "", 1, "ab", ["b"]])
def test_another_letter_is_refused(record, letter):
    with pytest.raises(ValueError, match=r"one of a, b, or \.\.\. for none yet"):
        guesses.guess("x.y", letter)
    assert not record.exists()


def test_a_better_score_is_kept_and_a_worse_one_is_not(record, scored, capsys):
    for size, told in [(0.4, "Score 40.0%."), (0.6, "Score 60.0%: your personal best."), (0.5, "your best is 60.0%")]:
        challenges.challenge("x.y", size)
        said = capsys.readouterr().out
        assert told in said
        assert "For comparison: this chapter 50.0%." in said
    assert json.loads(record.read_text())["best"] == {"x.y": 0.6}


def test_where_lower_is_better_the_lower_one_is_kept(record, scored, monkeypatch):
    monkeypatch.setitem(CHALLENGE, "better", "lower")
    for size in (0.4, 0.6, 0.3):
        challenges.challenge("x.y", size)
    assert progress.noted("best") == {"x.y": 0.3}


@pytest.mark.parametrize("size", [float("nan"), float("-inf")])
def test_a_score_that_is_no_number_does_not_take_the_place_of_the_best(record, scored, capsys, size):
    challenges.challenge("x.y", 0.6)
    challenges.challenge("x.y", size)
    assert "was not kept" in capsys.readouterr().out
    assert progress.noted("best") == {"x.y": 0.6}


@pytest.mark.parametrize(
    ("answer", "told"),
    [(..., "Not answered yet"), (2, "Not yet. 2 is too large."), ("text", "TypeError")],
)
def test_what_is_no_answer_is_told_so_and_leaves_no_score(record, scored, capsys, answer, told):
    challenges.challenge("x.y", answer)
    assert told in capsys.readouterr().out
    assert progress.noted("best") == {}


@pytest.mark.parametrize(
    "content",
    [
        '{"exercises": {}, "best": []}',
        '{"exercises": {}, "best": {"a": "high"}}',
        '{"exercises": {}, "guesses": {"a": 1}}',
    ],
)
def test_a_damaged_table_is_set_aside(record, capsys, content):
    record.write_text(content)
    progress.note("best", "x.y", 0.5)
    assert "is damaged" in capsys.readouterr().out
    assert progress.noted("best") == {"x.y": 0.5}
    assert any(content == other.read_text() for other in record.parent.glob("*damaged*"))


@pytest.mark.parametrize(
    ("table", "change", "problem"),
    [
        ("guesses", {"answer": "c"}, "none of the 2 options"),
        ("guesses", {"options": GUESS["options"][:1]}, "at least 2"),
        ("challenges", {"shown": "much"}, "does not show the score"),
        ("challenges", {"marks": [{"zh": "本章", "en": "here", "value": 1.0}]}, "needs `code`"),
        ("challenges", {"better": "more"}, "higher"),
    ],
)
def test_what_cannot_be_used_is_refused(table, change, problem):
    whole = {"guesses": GUESS, "challenges": CHALLENGE}[table]
    assert questions.problems({table: {"one": whole}}) == []
    assert problem in "\n".join(questions.problems({table: {"one": whole | change}}))


@pytest.mark.parametrize(("name", "mark"), REAL_MARKS)
def test_a_mark_is_reached_by_its_program(name, mark):
    number, _, slug = name.partition(".")
    entry = questions.chapter(number)["challenges"][slug]
    namespace = {}
    exec(compile(mark["code"], "<mark>", "exec"), namespace)
    outcome, score = exercises.measured(entry, entry["score"], namespace[entry["answer"]])
    assert outcome.kind == "passed", outcome
    assert score == pytest.approx(mark["value"], rel=0.03)


@pytest.mark.parametrize("name", REAL_GUESSES)
def test_the_right_option_of_a_guess_is_not_given_away_by_its_length(name):
    number, _, slug = name.partition(".")
    entry = questions.chapter(number)["guesses"][slug]
    for language in ("zh", "en"):
        lengths = [len(option[language]) for option in entry["options"]]
        right = lengths.pop("abcdef".index(entry["answer"]))
        assert right <= 2.5 * max(lengths)
