"""How much of a text is copied: the share of its strings that occur in another. Strings are compared by hashes."""

from functools import lru_cache

import numpy as np

from aigc_course.text.arguments import check_whole


def copied_share(text: str, training_text: str, length: int = 20) -> float:
    """The share of the strings of `length` characters in `text` that occur, letter by letter, in the training text.

    ValueError when the text is shorter than one such string.
    """
    check_length(text, length)
    starts, known_hashes = _sorted_windows(training_text, length)
    if len(known_hashes) == 0:
        return 0.0
    hashes = _windows(text, length)
    places = np.searchsorted(known_hashes, hashes) % len(known_hashes)
    copied = [
        known_hashes[place] == hashes[i] and training_text.startswith(text[i : i + length], starts[place])
        for i, place in enumerate(places)
    ]
    return float(np.mean(copied))


def longest_copied_runs(texts: list[str], training_texts: list[str]) -> list[int]:
    """For each text the length of its longest string that occurs, letter by letter, in one of the training texts."""
    all_training = "\0".join(training_texts)
    runs: dict[str, int] = dict.fromkeys(texts, 0)
    if "\0" in "".join(runs):
        raise ValueError("a text holds the character 0, which stands between the training texts here; leave it out")
    length, still = 1, list(runs)
    while still := [text for text in still if len(text) >= length and _any_copied(text, all_training, length)]:
        runs |= dict.fromkeys(still, length)
        length += 1
    return [runs[text] for text in texts]


def _any_copied(text: str, training_text: str, length: int) -> bool:
    """Whether any string of `length` characters of the text occurs in the training text."""
    starts, known_hashes = _sorted_windows(training_text, length)
    if len(known_hashes) == 0:
        return False
    hashes = _windows(text, length)
    places = np.searchsorted(known_hashes, hashes) % len(known_hashes)
    return any(
        known_hashes[place] == hashes[i] and training_text.startswith(text[i : i + length], starts[place])
        for i, place in enumerate(places)
    )


def check_length(text: str, length: int) -> None:
    """ValueError unless the text holds a string of this length."""
    check_whole("length", length, "20 characters are about four words of English")
    if len(text) < length:
        raise ValueError(f"a text of {len(text)} characters holds no string of {length}; give a longer text")


def _windows(text: str, length: int) -> np.ndarray:
    """A 64-bit hash of each string of `length` characters, (len(text) - length + 1,)."""
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32).astype(np.uint64)
    count = max(len(codes) - length + 1, 0)
    hashes = np.zeros(count, dtype=np.uint64)
    for offset in range(length if count else 0):
        hashes = hashes * np.uint64(0x9E3779B97F4A7C15) + codes[offset : offset + count] + np.uint64(1)
    return hashes


@lru_cache(maxsize=4)
def _sorted_windows(text: str, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Where the strings of `length` characters begin, in the order of their hashes, and these hashes."""
    hashes = _windows(text, length)
    starts = np.argsort(hashes, kind="stable")
    return starts, hashes[starts]
