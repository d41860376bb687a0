"""A learner's answer: how its function is called, and how what it returns is read.

Everything that a learner may reasonably write for a number, an array or a list of texts is read as one; what cannot be
is told why, by `Wrong` with the key of a feedback in checks/common.toml.
"""

import copy
import inspect
import numbers as kinds
import warnings
from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any

import numpy as np

from aigc_course.kit.practice.exercises import Crashed, Unanswered, Wrong


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
    except (Exception, SystemExit) as error:
        if isinstance(error, TypeError) and "ellipsis" in str(error):
            raise Unanswered from error
        raise Crashed(error) from error
    if result is ...:
        raise Unanswered
    for name, before, after in zip(names, arguments, handed, strict=True):
        if not unchanged(before, after):
            raise Wrong("changed", argument=name)
    if result is None:
        if _is_empty(yours, len(arguments)):
            raise Unanswered
        raise Wrong("nothing")
    return result


def _is_empty(yours: Callable[..., Any], count: int) -> bool:
    """True for a body of `pass`, a docstring or a bare `return`: it takes even things that nothing can be done with."""
    if not isinstance(yours, FunctionType):
        return False
    try:
        return yours(*(object() for _ in range(count))) is None
    except Exception:
        return False


def _parameters(yours: Callable[..., Any], arguments: tuple[Any, ...]) -> list[str]:
    """The names under which the function takes the arguments; Wrong("arguments") when it does not take them."""
    try:
        signature = inspect.signature(yours, follow_wrapped=False)
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


def unchanged(before: Any, after: Any) -> bool:
    """Whether an argument is still what it was; NaN counts as equal to NaN."""
    if isinstance(before, np.ndarray):
        return before.shape == after.shape and np.array_equal(before, after, equal_nan=before.dtype.kind == "f")
    return bool(before == after)


def array(result: Any) -> np.ndarray:
    """The result as an array of any shape, of whole numbers or floats; Wrong (not_numbers, complex) otherwise."""
    kind = type(result).__name__
    try:
        found = np.asarray(_without_gradients(result))
        if found.dtype.kind == "O" and all(isinstance(value, kinds.Number) for value in found.flat):
            found = found.astype(np.complex128)
    except (TypeError, ValueError, RuntimeError) as error:  # ragged lists; tensors that do not give their numbers away
        raise Wrong("not_numbers", kind=kind) from error
    if found.dtype.kind == "c":
        if not np.allclose(np.imag(found), 0, atol=1e-6):
            raise Wrong("complex", got=found)
        found = np.real(found)
    if found.dtype.kind not in "biuf":
        raise Wrong("not_numbers", kind=kind)
    return found.astype(np.float64 if found.dtype.kind == "f" else np.int64)


def _without_gradients(result: Any) -> Any:
    """Tensors, also within a list, as arrays; anything else as it is."""
    if isinstance(result, list | tuple):
        return [_without_gradients(each) for each in result]
    if not hasattr(result, "detach"):
        return result
    tensor = result.detach().cpu()
    return np.asarray(tensor.float() if "bfloat16" in str(tensor.dtype) else tensor)


def numbers(result: Any, shape: tuple[int, ...]) -> np.ndarray:
    """The result as an array of this shape, else Wrong (not_numbers, complex, shape, not_one_number)."""
    found = array(result)
    if found.shape != shape:
        raise Wrong("shape" if shape else "not_one_number", expected=shape, got=found.shape)
    return found


def number(result: Any) -> float:
    """The result as one number; Wrong (not_numbers, complex, not_one_number) when it is something else."""
    return float(numbers(result, ()))


def texts(result: Any) -> list[str]:
    """The result, a list, tuple or array of strings, as a list; Wrong("not_texts") when it is something else."""
    items = result.tolist() if hasattr(result, "tolist") else result
    if not _is_list_of_texts(items) and not (isinstance(items, list | tuple) and not items):
        raise Wrong("not_texts", kind=type(result).__name__)
    return [str(item) for item in items]


def _is_list_of_texts(result: Any) -> bool:
    return isinstance(result, list | tuple) and len(result) > 0 and all(isinstance(item, str) for item in result)


def counts(result: Any) -> dict[Any, dict[Any, Any]]:
    """A dictionary of dictionaries without its zeros and empty parts; Wrong("not_nested") when it is something else."""
    if not isinstance(result, Mapping) or not all(isinstance(after, Mapping) for after in result.values()):
        raise Wrong("not_nested", kind=type(result).__name__)
    kept = {context: {key: count for key, count in after.items() if count != 0} for context, after in result.items()}
    return {context: after for context, after in kept.items() if after}


def close(got: Any, expected: Any) -> bool:
    """Equal, NaN where the other has NaN: whole numbers exactly, others up to rounding in float32; of one shape."""
    got, expected = array(got), array(expected)
    if got.shape != expected.shape or expected.dtype.kind == "i":
        return np.array_equal(got, expected)
    return bool(np.allclose(got, expected, rtol=1e-4, atol=1e-6, equal_nan=True))


def read(result: Any, like: Any, any_length: bool = False) -> Any:
    """The result in the form of `like`: a dictionary of counts, a list of texts, or numbers of its shape."""
    if isinstance(like, Mapping):
        return counts(result)
    if _is_list_of_texts(like):
        return texts(result)
    found, shape = array(result), array(like).shape
    if any_length and found.ndim == 1:
        return found
    return numbers(found, shape)
