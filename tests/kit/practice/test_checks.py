"""The cases of every check: they vary what they hand over, tell mistakes apart, and take a right answer in any form."""

import copy
import functools
import json
import math
from collections import OrderedDict

import numpy as np
import pytest

from aigc_course.kit import runtime
from aigc_course.kit.practice import answers, markup, questions
from aigc_course.kit.practice.checks import check_cases, solution, wrong_programs
from aigc_course.kit.practice.exercises import Crashed, Unanswered, Wrong, check, grade

NAMES = [f"{number}.{slug}" for number in questions.files() for slug in questions.chapter(number)["exercises"]]
NOT_NUMBERS = ("01.counts", "02.negation", "04_2.nearest", "05_2.merge", "09.path")
GRADIENTS = "03_3.detached_loss"  # its result is a tensor with a history, and its mistakes are in the gradients
NUMERIC = [name for name in NAMES if name not in (*NOT_NUMBERS, GRADIENTS)]


@functools.cache
def cases_of(name: str) -> list[tuple]:
    """All arguments that the check of an exercise hands to a right answer."""
    seen = []

    def spy(*arguments):
        seen.append(copy.deepcopy(arguments))
        return solution(name)(*arguments)

    assert grade(name, spy).kind == "passed"
    return seen


def fixed_arguments(cases: list[tuple]) -> list[int]:
    """The positions of arguments that have the same value in all cases."""
    return [
        position
        for position, values in enumerate(zip(*cases, strict=True))
        if all(answers.unchanged(values[0], value) for value in values[1:])
    ]


@pytest.mark.parametrize("name", NAMES)
def test_every_argument_of_every_check_varies(name):
    assert fixed_arguments(cases_of(name)) == []


def test_an_argument_that_does_not_vary_is_found():
    assert fixed_arguments([(1, np.zeros(2), "a"), (2, np.zeros(2), "a"), (1, np.zeros(2), "b")]) == [1]


def behavior(function, cases: list[tuple]) -> list:
    """What it gives for each case, or the name of what happens instead."""
    found = []
    for case in cases:
        try:
            result = answers.call(function, *case)
            found.append(answers.read(result, like=result))
        except (Wrong, Crashed, Unanswered) as stopped:
            found.append(getattr(stopped, "key", type(stopped).__name__))
    return found


def is_alike(one: list, other: list, exactly_0: bool) -> bool:
    """True when the two behave alike on every case; where it is asked for, what is 0 must be 0 in both."""
    for a, b in zip(one, other, strict=True):
        if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
            if not answers.close(a, b) or (exactly_0 and not np.array_equal(a == 0, b == 0)):
                return False
        elif type(a) is not type(b) or a != b:
            return False
    return True


@pytest.mark.parametrize("name", [name for name in NAMES if name != GRADIENTS])
def test_the_cases_tell_each_mistake_from_the_solution_and_from_every_other_mistake(name):
    cases = cases_of(name)
    right = behavior(solution(name), cases)
    programs = [(key, behavior(program, cases)) for key, program in wrong_programs(name)]
    for place, (key, mistaken) in enumerate(programs):
        assert not is_alike(mistaken, right, name == "05_2.mask"), f"{key} does what the solution does"
        for other, others in programs[:place]:
            assert key == other or not is_alike(mistaken, others, name == "05_2.mask"), f"{key} does what {other} does"


def as_tensor(result, **settings):
    import torch

    return torch.tensor(np.asarray(result), **settings)


FORMS = {
    "list": lambda result: np.asarray(result).tolist(),
    "tuple": lambda result: tuple(result) if np.ndim(result) else result,
    "array": np.asarray,
    "float32": lambda result: np.asarray(result, dtype=np.float32),
    "scalar of NumPy": lambda result: np.asarray(result) if np.ndim(result) else np.float32(result),
    "Fortran order": lambda result: np.asarray(result, order="F"),
    "objects": lambda result: np.array(np.asarray(result).tolist(), dtype=object),
    "complex": lambda result: np.asarray(result).astype(complex),
    "tensor": as_tensor,
    "tensor with a gradient": lambda result: as_tensor(np.asarray(result, dtype=np.float64), requires_grad=True),
    "float64": lambda result: np.asarray(result, dtype=np.float64),
    "float32 in a list": lambda result: [np.float32(each) for each in result] if np.ndim(result) == 1 else result,
    "numbers of NumPy in a tuple": lambda result: tuple(np.asarray(result)) if np.ndim(result) else result,
    "complex in a list": lambda result: np.asarray(result).astype(complex).tolist(),
    "complex of 32 bits": lambda result: np.asarray(result).astype(np.complex64),
    "complex tensor": lambda result: as_tensor(np.asarray(result).astype(complex)),
    "tuple of arrays": lambda result: tuple(np.asarray(each) for each in result) if np.ndim(result) else result,
    "array of no axis": np.array,
    "read-only": lambda result: np.broadcast_to(np.asarray(result), np.shape(result)),
    "strides below 0": lambda result: np.asarray(result)[::-1].copy()[::-1] if np.ndim(result) else result,
    "tensor of float32": lambda result: as_tensor(np.asarray(result, dtype=np.float32)),
    "list of tensors": lambda result: [as_tensor(each) for each in result] if np.ndim(result) else as_tensor(result),
}
TEXT_FORMS = {
    "list": list,
    "tuple": tuple,
    "array": np.array,
    "array of objects": lambda result: np.array(result, dtype=object),
    "list of NumPy's": lambda result: [np.str_(text) for text in result],
}
COUNT_FORMS = {
    "dictionary": lambda result: {context: dict(after) for context, after in result.items()},
    "ordered, floats": lambda result: OrderedDict(
        (context, {key: np.float64(count) for key, count in after.items()}) for context, after in result.items()
    ),
}


def forms_for(name: str) -> dict:
    result = solution(name)(*cases_of(name)[0])
    if isinstance(result, dict):
        return COUNT_FORMS
    return TEXT_FORMS if isinstance(result[0] if isinstance(result, list) else 0, str) else FORMS


@pytest.mark.parametrize("name", [name for name in NAMES if name != GRADIENTS])
def test_a_right_answer_passes_in_any_form(name, subtests):
    for form, change in forms_for(name).items():
        with subtests.test(form=form):
            outcome = grade(name, lambda *arguments, change=change: change(solution(name)(*arguments)))
            assert outcome.kind == "passed", outcome


def test_numbers_of_bfloat16_count_as_numbers():
    import torch

    assert answers.number(torch.tensor(0.5, dtype=torch.bfloat16)) == 0.5


REFUSED_FORMS = {  # not the answer: what is said must be true
    "texts": (lambda result: np.asarray(result).astype(str).tolist(), ("not_numbers",)),
    "a dictionary": (lambda result: {"result": result}, ("not_numbers",)),
    "a set": (lambda result: {"result"}, ("not_numbers",)),
    "a function": (lambda result: lambda: result, ("not_numbers",)),
    "a generator": (lambda result: (each for each in [result]), ("not_numbers",)),
    "one axis more": (lambda result: np.asarray(result)[None, None], ("shape", "not_one_number")),
    "a complex number": (lambda result: np.asarray(result) + 1j, ("complex",)),
    "something missing": (lambda result: [result, [None]], ("not_numbers",)),
}


@pytest.mark.parametrize("name", NUMERIC)
@pytest.mark.parametrize("form", REFUSED_FORMS)
def test_another_form_is_refused_with_the_true_reason(name, form):
    change, reasons = REFUSED_FORMS[form]
    outcome = grade(name, lambda *arguments: change(solution(name)(*arguments)))
    feedback = questions.exercise(name)["feedback"]
    says_form = {key for key in feedback if key.startswith(("shape", "one_each", "two_", "not_"))} | {"same_size"}
    assert outcome.kind == "wrong"
    assert outcome.key in {*reasons, *says_form}, outcome


@pytest.mark.parametrize("name", ["02.edges", "02.stationary", "05_1.loss", "05_3.frechet"])
def test_a_complex_result_is_told_the_true_reason(name):
    outcome = grade(name, lambda *arguments: solution(name)(*arguments) + 1e-3j)
    assert (outcome.kind, outcome.key) == ("wrong", "complex")


@pytest.mark.parametrize("name", NUMERIC)
def test_nothing_is_cut_off_before_numbers_are_compared(name):
    result = solution(name)(*cases_of(name)[0])
    fraction = 1e-3 if answers.array(result).dtype.kind == "i" else 0.3
    outcome = grade(name, lambda *arguments: np.asarray(solution(name)(*arguments)) + fraction)
    assert outcome.kind == "wrong"
    assert outcome.key != "puzzling"


@pytest.mark.parametrize("name", [name for name in NAMES if name != GRADIENTS])
def test_what_is_not_finite_is_no_puzzle(name, subtests):
    shape = np.shape(solution(name)(*cases_of(name)[0]))
    for value in (np.nan, np.inf, -np.inf):
        with subtests.test(value=value):
            outcome = grade(name, lambda *arguments, value=value: np.full(shape, value))
            assert outcome.kind == "wrong"
            assert outcome.key != "puzzling"


def count_modes(samples, means, std, least, *, factor=3.0, radius=None, own=False):
    distances = np.linalg.norm(samples[:, None] - means, axis=2)
    inside = distances < (factor * std if radius is None else radius(std))
    if own:
        inside &= distances == distances.min(axis=1, keepdims=True)
    return int((inside.sum(axis=0) >= least).sum())


def causal(scores, hide):
    scores = np.where(np.triu(np.ones(scores.shape), 1) > 0, hide(scores), scores)
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def masked_attention(Q, K, V, mask, hidden=-np.inf, axis=1):
    scores = np.where(mask, Q @ K.T / np.sqrt(Q.shape[1]), hidden)
    e = np.exp(scores - scores.max(axis=axis, keepdims=True))
    return e / e.sum(axis=1, keepdims=True) @ V


def posterior(x, means, stds, priors, shift):
    log_joint = np.log(priors / stds) - ((x[:, None] - means) / stds) ** 2 / 2
    joint = np.exp(log_joint - shift(log_joint))
    return joint / joint.sum(axis=1, keepdims=True)


def leaked(test, train, least):
    unit = [i.reshape(len(i), -1) / (np.linalg.norm(i, axis=(1, 2))[:, None] + 1e-30) for i in (test, train)]
    return np.flatnonzero((unit[0] @ unit[1].T).max(axis=1) > least)


REFUSED = {  # nearly right: fixed numbers, thresholds beside the right one, stable on one row only
    "04_3.modes": [
        *(functools.partial(count_modes, factor=factor) for factor in (2, 2.5, 2.9, 3.1, 3.5)),
        lambda samples, means, std, least: count_modes(samples, means, std, 10),
        lambda samples, means, std, least: count_modes(samples, means, std, least + 1),
        lambda samples, means, std, least: count_modes(samples, means, std, least - 1),
        lambda samples, means, std, least: count_modes(samples, means, 0.5, least),
        functools.partial(count_modes, radius=lambda std: 6 * std**2),
        functools.partial(count_modes, own=True),
    ],
    "05_2.mask": [
        *(functools.partial(causal, hide=lambda scores, low=low: low) for low in (-30, -100, -700, -1000)),
        *(functools.partial(causal, hide=lambda scores, low=low: scores + low) for low in (-30, -100, -700)),
    ],
    "03_2.attention": [
        *(functools.partial(masked_attention, hidden=low) for low in (-20, -100, -300)),
        functools.partial(masked_attention, axis=None),
    ],
    "01.posterior": [
        functools.partial(posterior, shift=lambda logs: logs.min(axis=1, keepdims=True)),
        functools.partial(posterior, shift=lambda logs: logs.max()),
        functools.partial(posterior, shift=lambda logs: logs.mean(axis=1, keepdims=True)),
    ],
    "03_1.leak": [
        lambda test, train: [1, 3, 6],
        lambda test, train: [1.9, 3.2, 6.7],
        functools.partial(leaked, least=0.999),
        functools.partial(leaked, least=0.9999),
    ],
    "03_2.greedy": [
        lambda next_probs, start, end, longest: solution("03_2.greedy")(next_probs, 1, end, longest),
        lambda next_probs, start, end, longest: solution("03_2.greedy")(next_probs, start, 2, longest),
    ],
    "02.bends": [
        lambda w, b, low, high: solution("02.bends")(w, b, -1.0, high),
        lambda w, b, low, high: solution("02.bends")(w, b, low, 1.0),
        lambda w, b, low, high: solution("02.bends")(w, b, low - 0.02, high),
        lambda w, b, low, high: solution("02.bends")(w, b, low, high + 0.02),
    ],
    "05_2.top_p": [
        lambda probs, top_p: solution("05_2.top_p")(probs, top_p - 0.01),
        lambda probs, top_p: solution("05_2.top_p")(probs, min(top_p + 0.01, 1.0)),
    ],
    "01.draw": [
        lambda probs, u: solution("01.draw")(probs, u + 0.002),
        lambda probs, u: solution("01.draw")(probs, max(u - 0.002, 0.0)),
    ],
}


@pytest.mark.parametrize("name", REFUSED)
def test_nearly_right_is_refused(name, subtests):
    for place, answer in enumerate(REFUSED[name]):
        with subtests.test(place=place):
            function = lambda *arguments, answer=answer: answer(*arguments)  # noqa: E731
            outcome = grade(name, function)
            assert outcome.kind == "wrong"
            assert outcome.key not in ("puzzling", "crashed", "crashed_at"), outcome


@pytest.mark.parametrize("hidden", [-1e4, -1e9, np.finfo(np.float64).min])
def test_what_hides_as_well_as_minus_infinity_passes(hidden):
    assert grade("03_2.attention", lambda Q, K, V, mask: masked_attention(Q, K, V, mask, hidden)).kind == "passed"
    assert grade("05_2.mask", lambda scores: causal(scores, lambda scores: hidden)).kind == "passed"


def status(body, change):
    """The solution's status for the body with one kind of pixel or row let through."""
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return 400
    return solution("03_1.request")(json.dumps(change(content)))


def clipped(low, high):
    def change(content):
        rows = content.get("pixels") if isinstance(content, dict) else None
        if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
            return content
        inside = [[(min(max(v, 0), 1) if type(v) in (int, float) and low <= v <= high else v) for v in r] for r in rows]
        return {**content, "pixels": inside}

    return change


@pytest.mark.parametrize(("low", "high"), [(0, 100), (0, 1.001), (-0.05, 1), (-0.001, 1)])
def test_a_request_with_pixels_just_beyond_the_range_is_to_be_refused(low, high):
    assert grade("03_1.request", lambda body: status(body, clipped(0, 1))).kind == "passed"
    assert grade("03_1.request", lambda body: status(body, clipped(low, high))).key == "accepted"


def test_a_request_must_not_raise_where_a_row_is_no_list():
    def takes_len_of_rows(body):
        try:
            content = json.loads(body)
        except (ValueError, RecursionError):
            return 400
        rows = content.get("pixels") if isinstance(content, dict) else None
        if isinstance(rows, list) and len(rows) == 28 and any(len(row) != 28 for row in rows):
            return 422
        return solution("03_1.request")(body)

    assert grade("03_1.request", takes_len_of_rows).key == "raised"


class Unprintable(Exception):
    def __str__(self):
        raise RuntimeError


class Unshowable:
    def __repr__(self):
        raise RuntimeError


def wrapping_itself(*arguments):
    return arguments[0]


wrapping_itself.__wrapped__ = wrapping_itself


def with_surrogate(*arguments):
    raise ValueError("half of a pair: \ud83d")


def unprintable(*arguments):
    raise Unprintable


def leaves(*arguments):
    raise SystemExit


ITSELF: list = []
ITSELF.append(ITSELF)


@pytest.mark.parametrize(
    "answer",
    [
        functools.wraps(math.tanh)(lambda *arguments: arguments[0]),
        wrapping_itself,
        with_surrogate,
        unprintable,
        leaves,
        lambda *arguments: ["\udfff"],
        lambda *arguments: Unshowable(),
        lambda *arguments: ITSELF,
        Unshowable(),
        ITSELF,
        {"a": ITSELF},
    ],
)
@pytest.mark.parametrize("name", ["00.brightness", "01.counts", "02.negation", "03_2.greedy", "04_1.swish"])
def test_check_never_raises_and_what_it_says_can_be_written(name, answer, monkeypatch):
    shown = []
    monkeypatch.setattr(markup, "show", lambda *texts: shown.extend(texts))
    monkeypatch.setitem(runtime._facts, "language", "en")
    check(name, answer)
    assert len(b"".join(text.encode() for text in shown)) > 100


def test_a_wrapper_is_called_as_it_is_written():
    @functools.wraps(math.tanh)
    def neuron(w, b, x, t):
        return solution("04_1.neuron")(w, b, x, t)

    assert grade("04_1.neuron", neuron).kind == "passed"


TWO_MISTAKES = {
    "check": "made_up.check_double",
    "solution": "def double(x):\n    return 2 * x",
    "answer": "double",
    "feedback": {key: {"zh": "{got}", "en": "{got}"} for key in ("square", "half", "value")},
    "wrong": [
        {"code": "def double(x):\n    return x * x", "feedback": "square"},
        {"code": "def double(x):\n    return x / 2", "feedback": "half"},
    ],
}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (lambda x: x**2, "square"),
        (lambda x: x * 0.5, "half"),
        (lambda x: x * 0.5 if x < 5 else math.nan, "half"),  # not finite elsewhere: not compared
        (lambda x: 1 / 0 if x > 5 else x * x, "square"),  # stops elsewhere
        (lambda x: x * x if x == 3 else x + 7, "value"),  # the same by chance on the first wrong case
        (lambda x: x + 1, "value"),
        (lambda x: 9, "value"),
        (lambda x: [x, x], "not_one_number"),
        (lambda x: "text", "not_numbers"),
    ],
)
def test_a_mistake_is_named_by_what_it_does_on_all_cases(answer, expected, monkeypatch):
    monkeypatch.setattr(questions, "exercise", lambda name: TWO_MISTAKES)
    solution.cache_clear()
    wrong_programs.cache_clear()
    with pytest.raises(Wrong) as wrong:
        check_cases("made_up", answer, [(2,), (3,), (4,), (7,), (10,)])
    solution.cache_clear()
    wrong_programs.cache_clear()
    assert wrong.value.key == expected
