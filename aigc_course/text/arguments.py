"""What every function over text asks of its arguments: whole numbers, real numbers, and several texts, not one."""

import numbers
from collections.abc import Iterable

import numpy as np

LARGEST_WHOLE = 2**63 - 1  # PyTorch computes with no larger whole number


def is_whole(value: object) -> bool:
    """True for a whole number of Python or NumPy, but not for a bool."""
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def is_number(value: object) -> bool:
    """True for a whole or real number of Python or NumPy that PyTorch computes with, but not for a bool or 2**63."""
    if isinstance(value, numbers.Integral):
        return not isinstance(value, bool) and abs(int(value)) <= LARGEST_WHOLE
    return isinstance(value, float | np.floating)


def check_whole(name: str, value: object, remark: str) -> None:
    """ValueError unless `value` is a whole number of at least 1."""
    if not isinstance(value, numbers.Integral) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{name} {value!r} is not a whole number of at least 1; {remark}")


def check_texts(name: str, texts: Iterable[str]) -> None:
    """TypeError for a single text where several are expected: each of its letters would be taken for a text."""
    if isinstance(texts, str | bytes):
        raise TypeError(f"{name} is one text where a list of texts is expected; put it in brackets: [text]")
