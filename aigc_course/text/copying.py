"""How much of a text is copied: the share of its strings that stand in another, its longest run of words that does.

Strings are compared by 64-bit hashes, which grow by one symbol at a time.
"""

from functools import lru_cache

import numpy as np


def copied_share(text: str, training_text: str, length: int = 20) -> float:
    """The share of the strings of `length` characters in `text` that occur, letter by letter, in the training text.

    ValueError when the text is shorter than one such string.
    """
    if length < 1:
        raise ValueError(f"length {length} is not at least 1; 20 characters are about four words of English")
    if len(text) < length:
        raise ValueError(f"a text of {len(text)} characters holds no string of {length}; give a longer text")
    order, hashes = _sorted_windows(training_text, length)
    if not len(hashes):
        return 0.0
    at = np.searchsorted(hashes, own := _windows(text, length)) % len(hashes)
    found = [
        hashes[k] == value and training_text.startswith(text[i : i + length], order[k])
        for i, (k, value) in enumerate(zip(at, own, strict=True))
    ]
    return float(np.mean(found))


def longest_shared_runs(texts: list[str], others: list[str]) -> np.ndarray:
    """For each text the length, in words, of its longest run of words that occurs in any of the others; (texts,).

    Runs grow by one word at a time on both sides; only those that are still shared are followed further.
    """
    ids: dict[str, int] = {}
    sides = []
    for group in (texts, others):
        words = [[ids.setdefault(word, len(ids) + 1) for word in text.split()] for text in group]
        owner = np.repeat(np.arange(len(words)), [len(row) + 1 for row in words])
        stream = np.array([number for row in words for number in [*row, 0]], np.uint64)  # 0: where a text ends
        sides.append((stream, owner))
    starts = [np.flatnonzero(stream) for stream, _ in sides]
    hashes = [np.zeros(len(begin), np.uint64) for begin in starts]
    longest, length = np.zeros(len(texts), int), 0
    while len(starts[0]):
        for side, (stream, _) in enumerate(sides):
            following = stream[starts[side] + length]
            hashes[side] = _longer(hashes[side], following)[following > 0]
            starts[side] = starts[side][following > 0]
        shared = np.intersect1d(*hashes)
        for side in range(2):
            kept = np.isin(hashes[side], shared)
            hashes[side], starts[side] = hashes[side][kept], starts[side][kept]
        length += 1
        longest[sides[0][1][starts[0]]] = length
    return longest


def _windows(text: str, length: int) -> np.ndarray:
    """A 64-bit hash of each string of `length` characters, (len(text) - length + 1,)."""
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32).astype(np.uint64)
    number = max(len(codes) - length + 1, 0)
    hashes = np.zeros(number, dtype=np.uint64)
    for offset in range(length if number else 0):
        hashes = _longer(hashes, codes[offset : offset + number])
    return hashes


def _longer(hashes: np.ndarray, symbols: np.ndarray) -> np.ndarray:
    """The hashes of strings that go on with one more symbol each; both (strings,) uint64."""
    return hashes * np.uint64(0x9E3779B97F4A7C15) + symbols + np.uint64(1)


@lru_cache(maxsize=4)
def _sorted_windows(text: str, length: int) -> tuple[np.ndarray, np.ndarray]:
    hashes = _windows(text, length)
    order = np.argsort(hashes, kind="stable")
    return order, hashes[order]
