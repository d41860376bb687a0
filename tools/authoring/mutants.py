"""Are the checks of the exercises strict enough? Changes each solution in every small way and looks what is accepted.

    python -m tools.authoring.mutants [EXERCISE ...]    EXERCISE, for example 04_3.modes or 04_3
        --every N       only each N-th mutant
        --workers N     so many processes (2)

A mutant is a solution with one thing changed: an operator, a comparison, a number, a name, the order of arguments, a
keyword left out, a condition turned round, a statement dropped ... One that its check accepts is either right on all
input that the exercise allows, then it stands with the reason in equivalent_mutants.toml, or the check is too lax.
Exit status 1 when a mutant is accepted that is not listed there, or one is listed that no longer exists.
"""

import argparse
import ast
import builtins
import copy
import signal
import sys
import time
import tomllib
import warnings
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path

from aigc_course.kit.practice import checks, questions
from aigc_course.kit.practice.exercises import grade

LISTED = Path(__file__).with_name("equivalent_mutants.toml")
SECONDS = 0.5  # for one mutant, at least; a slower solution gets SLOWER times its own time
SLOWER = 8
BATCH = 60

ARITHMETIC = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow)
ORDER = (ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq)
OTHERS = {  # operator to those that may take its place
    **{op: [o for o in ARITHMETIC if o is not op] for op in ARITHMETIC},
    **{op: [o for o in ORDER if o is not op] for op in ORDER},
    ast.MatMult: [ast.Mult, ast.Add],
    ast.BitAnd: [ast.BitOr, ast.BitXor],
    ast.BitOr: [ast.BitAnd, ast.BitXor],
    ast.In: [ast.NotIn],
    ast.NotIn: [ast.In],
    ast.Is: [ast.IsNot],
    ast.IsNot: [ast.Is],
    ast.And: [ast.Or],
    ast.Or: [ast.And],
}
FAMILIES = (  # functions and methods that may take each other's place
    ("min", "max", "mean", "sum", "prod", "median"),
    ("argmin", "argmax"),
    ("zeros", "ones"),
    ("any", "all"),
    ("floor", "ceil", "round", "rint", "trunc"),
    ("exp", "exp2", "expm1"),
    ("log", "log2", "log1p", "log10"),
    ("triu", "tril"),
    ("cumsum", "cumprod"),
    ("logaddexp", "maximum", "minimum", "add"),
    ("tanh", "sinh", "arctan"),
    ("int", "round", "float"),
    ("abs", "float"),
    ("sqrt", "cbrt", "square"),
    ("sort", "unique"),
    ("argsort", "argpartition"),
    ("corrcoef", "cov"),
)
EVEN = ("logaddexp", "maximum", "minimum", "add", "gcd")  # functions that do not see which argument comes first
OTHER_WORD = {"left": "right", "right": "left"}


@dataclass(frozen=True)
class Mutant:
    exercise: str
    change: str  # "line before -> line after"
    code: str
    seconds: float = SECONDS


class TooSlow(BaseException):
    """A mutant took longer than it may; no Exception, for a check must not take it for the learner's own."""


def mutants_of(exercise: str) -> list[Mutant]:
    """All mutants of an exercise's solution, each once, in the order of its lines."""
    entry = questions.exercise(exercise)
    plain = ast.unparse(_without_docstrings(ast.parse(entry["solution"])))
    found: dict[str, Mutant] = {}
    times_said: Counter[str] = Counter()
    for code in _changed(ast.parse(plain)):
        if code == plain or code in found or not _is_python(code):
            continue
        change = _difference(plain, code)
        times_said[change] += 1
        if times_said[change] > 1:
            change += f" ({times_said[change]})"
        found[code] = Mutant(exercise, change, code)
    return list(found.values())


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return tree


def _difference(before: str, after: str) -> str:
    """The lines that differ, without those that both begin and end with."""
    old, new = before.splitlines(), after.splitlines()
    while old and new and old[0] == new[0]:
        old, new = old[1:], new[1:]
    while old and new and old[-1] == new[-1]:
        old, new = old[:-1], new[:-1]
    return " -> ".join(" | ".join(line.strip() for line in lines) or "(nothing)" for lines in (old, new))


def _is_python(code: str) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            compile(code, "<mutant>", "exec")
        except (SyntaxError, ValueError):
            return False
    return True


def _changed(tree: ast.Module) -> Iterator[str]:
    """The program for each change, made at one node, which then gets its old place back."""
    names = _names(tree)
    for parent in list(ast.walk(tree)):
        for field, value in list(ast.iter_fields(parent)):
            for place, node in enumerate(value if isinstance(value, list) else [value]):
                if not isinstance(node, ast.AST):
                    continue
                axis = isinstance(parent, ast.keyword) and not isinstance(getattr(node, "value", None), str)
                for new in _instead_of(node, names) if not axis else ():
                    if isinstance(value, list):
                        setattr(parent, field, [*value[:place], new, *value[place + 1 :]])
                    else:
                        setattr(parent, field, new)
                    try:
                        yield ast.unparse(tree)
                    except (ValueError, AttributeError):  # no expression in this place
                        pass
                    finally:
                        setattr(parent, field, value)


def _instead_of(node: ast.AST, names: list[str]) -> Iterator[ast.AST]:
    """What may take the place of a node; the node itself stays as it is."""
    for kind in (_operators, _parts, _constants, _calls, _keywords, _conditions, _statements, _subscripts, _results):
        yield from kind(node)
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in names:
        yield from (ast.Name(name, ast.Load()) for name in names if name != node.id)


def _names(tree: ast.Module) -> list[str]:
    """The parameters and local names of the functions, in order."""
    found: dict[str, None] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.arg):
            found[node.arg] = None
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found[node.id] = None
    return list(found)


def _operators(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.BinOp):
        for other in OTHERS.get(type(node.op), ()):
            yield ast.BinOp(node.left, other(), node.right)
        yield node.left
        yield node.right
        if not isinstance(node.op, ast.Add | ast.Mult | ast.BitAnd | ast.BitOr):
            yield ast.BinOp(node.right, node.op, node.left)
    elif isinstance(node, ast.AugAssign):
        for other in OTHERS.get(type(node.op), ()):
            yield ast.AugAssign(node.target, other(), node.value)
        yield ast.Assign([node.target], node.value)
    elif isinstance(node, ast.UnaryOp):
        yield node.operand
    elif isinstance(node, ast.Compare):
        for place, op in enumerate(node.ops):
            for other in OTHERS.get(type(op), ()):
                yield ast.Compare(node.left, [*node.ops[:place], other(), *node.ops[place + 1 :]], node.comparators)
        if len(node.ops) == 2:
            yield ast.Compare(node.left, node.ops[:1], node.comparators[:1])
            yield ast.Compare(node.comparators[0], node.ops[1:], node.comparators[1:])


def _parts(node: ast.AST) -> Iterator[ast.AST]:
    """Of several conditions, "or" for "and", or one of them less."""
    if isinstance(node, ast.BoolOp):
        yield ast.BoolOp(OTHERS[type(node.op)][0](), node.values)
        for place in range(len(node.values)):
            kept = [*node.values[:place], *node.values[place + 1 :]]
            yield ast.BoolOp(node.op, kept) if len(kept) > 1 else kept[0]


def _constants(node: ast.AST) -> Iterator[ast.AST]:
    if not isinstance(node, ast.Constant):
        return
    value = node.value
    if isinstance(value, bool):
        yield ast.Constant(not value)
    elif isinstance(value, int | float):
        for other in (value + 1, value - 1, 0, 1, 2 * value, value * 1.01, value * 0.99, value / 2):
            if other != value:
                yield ast.Constant(other)
        if value:
            yield ast.UnaryOp(ast.USub(), ast.Constant(value))
    elif isinstance(value, str):
        yield ast.Constant("")
        yield ast.Constant(value + "_")


def _keywords(node: ast.AST) -> Iterator[ast.AST]:
    """Another axis, or another of two words."""
    if isinstance(node, ast.keyword) and isinstance(node.value, ast.Constant):
        value = node.value.value
        if isinstance(value, bool):
            yield ast.keyword(node.arg, ast.Constant(not value))
        elif isinstance(value, int):
            for other in (value + 1, value - 1, None):
                yield ast.keyword(node.arg, ast.Constant(other))
        elif value in OTHER_WORD:
            yield ast.keyword(node.arg, ast.Constant(OTHER_WORD[value]))


def _calls(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.Attribute) and node.attr in ("T", "real", "imag"):
        yield node.value
        if node.attr == "real":
            yield ast.Attribute(node.value, "imag", node.ctx)
    if not isinstance(node, ast.Call):
        return
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    for family in FAMILIES:
        if name in family:
            for other in family:
                if other != name and (isinstance(node.func, ast.Attribute) or hasattr(builtins, other)):
                    yield ast.Call(_renamed(node.func, other), node.args, node.keywords)
    yield from node.args  # f(x) becomes x
    if isinstance(node.func, ast.Attribute):
        yield node.func.value  # x.f() becomes x
    for first in range(len(node.args) - 1 if name not in EVEN else 0):
        swapped = list(node.args)
        swapped[first], swapped[first + 1] = swapped[first + 1], swapped[first]
        yield ast.Call(node.func, swapped, node.keywords)
    for place in range(len(node.args)):
        yield ast.Call(node.func, [*node.args[:place], *node.args[place + 1 :]], node.keywords)
    for place in range(len(node.keywords)):
        yield ast.Call(node.func, node.args, [*node.keywords[:place], *node.keywords[place + 1 :]])


def _renamed(function: ast.expr, name: str) -> ast.expr:
    if isinstance(function, ast.Attribute):
        return ast.Attribute(function.value, name, function.ctx)
    return ast.Name(name, ast.Load())


def _conditions(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.If | ast.While | ast.IfExp):
        for test in (ast.UnaryOp(ast.Not(), node.test), ast.Constant(True), ast.Constant(False)):
            changed = copy.deepcopy(node)
            changed.test = test
            yield changed
    elif isinstance(node, ast.comprehension):
        for place, test in enumerate(node.ifs):
            for other in ([], [ast.UnaryOp(ast.Not(), test)]):
                changed = copy.deepcopy(node)
                changed.ifs = [*node.ifs[:place], *other, *node.ifs[place + 1 :]]
                yield changed
    if isinstance(node, ast.For | ast.comprehension):
        for bounds in ("1:", ":-1", "::-1"):
            changed = copy.deepcopy(node)
            changed.iter = ast.parse(f"list({ast.unparse(node.iter)})[{bounds}]", mode="eval").body
            yield changed


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.Break):
        yield ast.Continue()
    elif isinstance(node, ast.Continue):
        yield ast.Break()
    if isinstance(node, ast.Assign | ast.AugAssign | ast.Expr | ast.For | ast.If | ast.While | ast.Return | ast.Break):
        yield ast.Pass()
    if isinstance(node, ast.If) and node.orelse:
        changed = copy.deepcopy(node)
        changed.orelse = []
        yield changed


def _subscripts(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
        yield node.value
    if isinstance(node, ast.Slice):
        for name in ("lower", "upper", "step"):
            if (bound := getattr(node, name)) is not None:
                for other in (None, ast.BinOp(bound, ast.Add(), ast.Constant(1))):
                    changed = copy.deepcopy(node)
                    setattr(changed, name, other)
                    yield changed
        if node.lower is None:
            changed = copy.deepcopy(node)
            changed.lower = ast.Constant(1)
            yield changed
        if node.upper is None:
            changed = copy.deepcopy(node)
            changed.upper = ast.UnaryOp(ast.USub(), ast.Constant(1))
            yield changed


def _results(node: ast.AST) -> Iterator[ast.AST]:
    if not isinstance(node, ast.Return) or node.value is None:
        return
    if isinstance(node.value, ast.Tuple):
        yield ast.Return(ast.Tuple(node.value.elts[::-1], ast.Load()))
        for place in range(len(node.value.elts)):
            yield ast.Return(node.value.elts[place])
    for written in ("-({})", "2 * ({})", "({}) + 0.01", "({}) * 1.01", "({})[::-1]", "({})[:-1]"):
        yield ast.Return(ast.parse(written.format(ast.unparse(node.value)), mode="eval").body)


@cache
def listed() -> dict[str, dict[str, str]]:
    """Exercise to {change: why it is right all the same}."""
    written = tomllib.loads(LISTED.read_text(encoding="utf-8"))
    return {
        exercise: {change: group["why"] for group in groups for change in group["changes"]}
        for exercise, groups in written.items()
    }


def accepted(mutants: list[Mutant]) -> list[Mutant]:
    """Those that their check takes for right. Needs the signals of POSIX."""
    plain, checks.named_mistake = checks.named_mistake, lambda *arguments: None  # which mistake it is, is not asked
    before = signal.signal(signal.SIGALRM, _stop)
    try:
        return [mutant for mutant in mutants if _is_accepted(mutant)]
    finally:
        signal.signal(signal.SIGALRM, before)
        checks.named_mistake = plain


def _stop(number, frame):
    raise TooSlow


def _is_accepted(mutant: Mutant) -> bool:
    answer = questions.exercise(mutant.exercise)["answer"]
    signal.setitimer(signal.ITIMER_REAL, max(mutant.seconds, SLOWER * _own_seconds(mutant.exercise)))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python sees that 2[::-1] cannot be
            return grade(mutant.exercise, checks.compiled(mutant.code, answer)).kind == "passed"
    except (TooSlow, Exception):  # a function that stops where it is defined
        return False
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


@cache
def _own_seconds(exercise: str) -> float:
    """How long the check of the solution takes."""
    entry = questions.exercise(exercise)
    solution = checks.compiled(entry["solution"], entry["answer"])
    grade(exercise, solution)  # what is imported is imported now
    begin = time.perf_counter()
    if grade(exercise, solution).kind != "passed":
        raise AssertionError(f"the check of {exercise} refuses the solution")
    return time.perf_counter() - begin


def exercises() -> list[str]:
    """All exercises, in the order of the course."""
    return [f"{number}.{slug}" for number in questions.files() for slug in questions.chapter(number)["exercises"]]


def unexpected(found: list[Mutant]) -> list[Mutant]:
    """The accepted ones that are not listed as right."""
    return [mutant for mutant in found if mutant.change not in listed().get(mutant.exercise, {})]


def vanished(mutants: list[Mutant]) -> list[str]:
    """What is listed and no longer made, of the exercises of these mutants."""
    made = {(mutant.exercise, mutant.change) for mutant in mutants}
    asked = {mutant.exercise for mutant in mutants}
    return [
        f"{exercise}: {change}"
        for exercise, changes in listed().items()
        if exercise in asked
        for change in changes
        if (exercise, change) not in made
    ]


def main(wanted: list[str], every: int = 1, workers: int = 2) -> int:
    """Make them, check them, say which are accepted; return the exit status."""
    names = [name for name in exercises() if not wanted or any(name.startswith(each) for each in wanted)]
    everything = [mutant for name in names for mutant in mutants_of(name)]
    chosen = everything[::every]
    batches = [chosen[start : start + BATCH] for start in range(0, len(chosen), BATCH)]
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        found = [mutant for part in pool.map(accepted, batches) for mutant in part]
    bad = unexpected(found)
    for mutant in bad:
        print(f"accepted  {mutant.exercise}: {mutant.change}")
    gone = vanished(everything)
    for line in gone:
        print(f"listed in {LISTED.name}, but not made  {line}")
    print(
        f"{len(chosen)} mutants of {len(names)} solutions: {len(chosen) - len(found)} refused, "
        f"{len(found) - len(bad)} right and listed, {len(bad)} accepted that are not listed"
    )
    return 1 if bad or gone or not chosen else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tools.authoring.mutants", description="Changed solutions.")
    parser.add_argument("exercise", nargs="*", help="exercises or chapters, such as 04_3.modes or 04_3")
    parser.add_argument("--every", type=int, default=1, help="only each N-th mutant")
    parser.add_argument("--workers", type=int, default=2, help="so many processes")
    asked = parser.parse_args()
    sys.exit(main(asked.exercise, asked.every, asked.workers))
