"""Chinese text cut into words: the likeliest cut by a dictionary with counts, and jieba, which brings the dictionary.

jieba (MIT) knows 349,045 words, nearly all in simplified characters, and how often each occurred in its makers' text.
"""

import re
import warnings
from collections.abc import Iterable
from functools import cache, lru_cache
from math import log
from typing import TYPE_CHECKING

from aigc_course.text.arguments import check_texts

if TYPE_CHECKING:
    from jieba import Tokenizer

LONGEST = 16  # characters of the longest word in jieba's dictionary
HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]")  # a Chinese character
WHOLE = re.compile(r"[\u4e00-\u9fd5a-zA-Z0-9+#&._%-]+")  # jieba cuts at every other character, whatever its dictionary


def likeliest_cut(text: str, counts: dict[str, int], total: int) -> list[str]:
    """Cut a text into words so that the product of their probabilities, count / total, is largest.

    counts: how often each word occurs; a character with which no known word begins counts as a word that occurs once
    """
    best = {len(text): (0.0, 0)}  # place: log-probability of the likeliest cut from there on, end of its first word
    for begin in reversed(range(len(text))):
        longest = min(begin + LONGEST, len(text))
        ends = [end for end in range(begin + 1, longest + 1) if counts.get(text[begin:end])] or [begin + 1]
        best[begin] = max((log(counts.get(text[begin:end]) or 1) - log(total) + best[end][0], end) for end in ends)
    words, place = [], 0
    while place < len(text):
        words.append(text[place : best[place][1]])
        place = best[place][1]
    return words


def load_jieba(extra_words: Iterable[str] = ()) -> "Tokenizer":
    """jieba's segmenter, which knows these words as well: lcut(text, HMM=False), FREQ, total, add_word(word).

    Each call gives one of its own: what is added to one, another does not know. An extra word counts just often enough
    to be likelier than its pieces. Takes a second or two the first time; unlike jieba by itself, it prints nothing and
    writes no cache file. TypeError for a text instead of a list of words, ValueError for a word that jieba cannot find.
    """
    check_texts("extra_words", extra_words)
    words = list(extra_words)
    for word in words:
        if not isinstance(word, str):
            raise TypeError(f"extra word {word!r} is a {type(word).__name__}; give words as text")
        if not WHOLE.fullmatch(word):
            raise ValueError(
                f"jieba would never find the extra word {word!r}: it cuts at spaces and punctuation before it looks "
                "into its dictionary; give words of Chinese characters, letters and digits"
            )
    segmenter = _jieba().Tokenizer()
    counts, total = _dictionary()
    segmenter.FREQ, segmenter.total, segmenter.initialized = dict(counts), total, True
    for word in words:
        segmenter.add_word(word)
    return segmenter


def segment(text: str, extra_words: Iterable[str] = ()) -> list[str]:
    """The words and punctuation marks of a Chinese text, cut by jieba's dictionary (HMM=False) and these extra words.

    Put together again they are the text. TypeError for anything but a text; ValueError for one without Chinese in it.
    """
    if not isinstance(text, str):
        way_out = "decode it first: text.decode('utf-8')" if isinstance(text, bytes) else "give a text"
        raise TypeError(f"cannot cut {text!r}, a {type(text).__name__}, into words; {way_out}")
    if not HAN.search(text):
        what = f"there is no Chinese character in {text[:40]!r}" if text.strip() else "the text is empty"
        raise ValueError(f"{what}; text in other scripts is cut at its spaces: text.split()")
    check_texts("extra_words", extra_words)
    return _segmenter(tuple(extra_words)).lcut(text, HMM=False)


@lru_cache(maxsize=2)
def _segmenter(extra_words: tuple[str, ...]) -> "Tokenizer":
    return load_jieba(extra_words)


@cache
def _dictionary() -> tuple[dict[str, int], int]:
    """The count of each word, 0 for what is only the beginning of one, and the sum of all."""
    tokenizer = _jieba().Tokenizer
    return tokenizer.gen_pfdict(tokenizer().get_dict_file())


@cache
def _jieba():
    """The module; its import warns of its regular expressions (Python 3.12 on) and of pkg_resources."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import jieba
    return jieba
