"""The checks of the exercises, one file per concept, and what they share.

A check takes the answer, tests properties on inputs of its own, and raises `Wrong(key, ...)` for the likeliest cause
that fits; keys and texts stand in questions/<chapter>.toml, those that every exercise may need in common.toml here.
"""

import copy
import inspect
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from aigc_course.kit.practice.exercises import Crashed, Unanswered, Wrong

__all__ = ["Wrong", "array", "call", "close", "number", "numbers"]


def call(yours: Callable[..., Any], *arguments: Any) -> Any:
    """What the learner's function returns for these arguments, which it must leave as they are.

    Raises Wrong (not_function, arguments, nothing, changed), Unanswered, or Crashed with the learner's own error.
    """
    if not callable(yours):
        raise Wrong("not_function", kind=type(yours).__name__)
    names = _parameters(yours, arguments)
    handed = copy.deepcopy(arguments)
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            result = yours(*handed)
    except NotImplementedError as error:
        raise Unanswered from error
    except Exception as error:
        if isinstance(error, TypeError) and "ellipsis" in str(error):
            raise Unanswered from error
        raise Crashed(error) from error
    if result is ...:
        raise Unanswered
    for name, before, after in zip(names, arguments, handed, strict=True):
        if not _same(before, after):
            raise Wrong("changed", argument=name)
    if result is None:
        raise Wrong("nothing")
    return result


def _parameters(yours: Callable[..., Any], arguments: tuple[Any, ...]) -> list[str]:
    """The names under which the function takes the arguments; Wrong("arguments") when it does not take them."""
    try:
        signature = inspect.signature(yours)
    except (TypeError, ValueError):  # something written in C that does not say
        return [f"argument {number}" for number in range(1, len(arguments) + 1)]
    try:
        bound = signature.bind(*arguments).arguments
    except TypeError as error:
        written = f"{getattr(yours, '__name__', '…')}{signature}"
        raise Wrong("arguments", count=len(arguments), signature=written) from error
    names = [[name] * (len(value) if _is_starred(signature, name) else 1) for name, value in bound.items()]
    return [name for group in names for name in group]


def _is_starred(signature: inspect.Signature, name: str) -> bool:
    return signature.parameters[name].kind is inspect.Parameter.VAR_POSITIONAL


def _same(before: Any, after: Any) -> bool:
    if isinstance(before, np.ndarray):
        return before.shape == after.shape and np.array_equal(before, after, equal_nan=before.dtype.kind == "f")
    return bool(before == after)


def array(result: Any) -> np.ndarray:
    """The result as an array of floats of any shape; Wrong("not_numbers") when it is something else."""
    try:
        found = np.asarray(result)
    except (TypeError, ValueError, RuntimeError) as error:  # ragged lists; tensors that do not give their numbers away
        raise Wrong("not_numbers", kind=type(result).__name__) from error
    if found.dtype.kind not in "biuf":
        raise Wrong("not_numbers", kind=type(result).__name__)
    return found.astype(np.float64)


def numbers(result: Any, shape: tuple[int, ...]) -> np.ndarray:
    """The result as an array of floats of this shape, else Wrong (not_numbers, shape, not_one_number)."""
    found = array(result)
    if found.shape != shape:
        raise Wrong("shape" if shape else "not_one_number", expected=shape, got=found.shape)
    return found


def number(result: Any) -> float:
    """The result as one number; Wrong("not_numbers") or Wrong("not_one_number") when it is something else."""
    return float(numbers(result, ()))


def close(a: Any, b: Any) -> bool:
    """Equal up to rounding in float32, NaN where the other has NaN; False for other shapes."""
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    return a.shape == b.shape and bool(np.allclose(a, b, rtol=1e-4, atol=1e-6, equal_nan=True))
