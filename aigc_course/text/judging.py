"""Numbers that say something about texts: how varied they are, how repetitive, how alike, how much is copied."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from difflib import SequenceMatcher

import numpy as np

from aigc_course.text.arguments import check_texts, check_whole

UNIT = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
HAN = re.compile(r"([\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff])")
Cut = Callable[[str], Sequence[str]]


def units(text: str) -> list[str]:
    """The words of a text in lower case, each Chinese character by itself; punctuation is left out.

    TypeError for anything but a text.
    """
    if not isinstance(text, str):
        raise TypeError(f"a text is a {type(text).__name__}; give each text as a str")
    return UNIT.findall(HAN.sub(r" \1 ", text.lower()))


def ngrams(sequence: Sequence[str], n: int) -> list[tuple[str, ...]]:
    """The n-grams of a sequence, in order, (len(sequence) - n + 1,)."""
    return [tuple(sequence[i : i + n]) for i in range(len(sequence) - n + 1)]


def distinct_n(texts: Iterable[str], n: int = 2, cut: Cut = units) -> float:
    """How varied texts are: different n-grams of all texts together / all their n-grams, in (0, 1].

    cut:  what a text is counted in
    It falls with the amount of text, so compare equal numbers of texts of about one length.
    ValueError where there is no n-gram. Source: Li et al., A diversity-promoting objective function (2016).
    """
    check_texts("texts", texts)
    check_whole("n", n, "2 counts pairs")
    found = [gram for text in texts for gram in ngrams(cut(text), n)]
    if not found:
        raise ValueError(f"no text has {n} units; give longer texts or a smaller n")
    return len(set(found)) / len(found)


def repetition_rate(text: str, n: int = 4, cut: Cut = units) -> float:
    """How much a text repeats itself: the share of its n-grams that stood in it before, in [0, 1).

    ValueError for a text without an n-gram.
    Source: Welleck et al., Neural text generation with unlikelihood training (2020), seq-rep-n.
    """
    return 1 - distinct_n([text], n, cut)


def bleu(candidate: Sequence[str], references: Sequence[Sequence[str]], max_n: int = 4) -> float:
    """How much of a text stands in others: BLEU = BP * (p_1 p_2 ... p_max_n)^(1 / max_n), in [0, 1].

    p_n:  of the candidate's n-grams, the share that the references have; an n-gram counts at most as often as it
          occurs in the one reference that has it most
    BP:   1, or exp(1 - r/c) for a candidate of c units that is shorter than r, the length of the reference nearest
          to it in length (the shorter of two); so a text cannot win by saying little
    One p_n of 0 makes the whole 0: nothing is smoothed. ValueError for a candidate shorter than max_n, no reference.
    Source: Papineni et al., BLEU: a method for automatic evaluation of machine translation (2002).
    """
    check_long_enough([candidate], max_n)
    if not references:
        raise ValueError("there is no reference to compare with; give at least one")
    precisions = []
    for n in range(1, max_n + 1):
        counts, most = Counter(ngrams(candidate, n)), Counter()
        for reference in references:
            most |= Counter(ngrams(reference, n))  # of two counts, the larger
        precisions.append((counts & most).total() / counts.total())
    return brevity_penalty(len(candidate), map(len, references)) * geometric_mean(precisions)


def brevity_penalty(length: int, reference_lengths: Iterable[int]) -> float:
    """BP of a text of this many units, see `bleu`."""
    nearest = min(reference_lengths, key=lambda each: (abs(each - length), each))
    return float(np.exp(min(0, 1 - nearest / length)))


def geometric_mean(values: Sequence[float]) -> float:
    """The n-th root of the product of n values; 0 if one of them is 0."""
    return float(np.prod(values) ** (1 / len(values)))


def check_long_enough(sequences: Iterable[Sequence[str]], max_n: int) -> None:
    """ValueError for a sequence without an n-gram of max_n units."""
    check_whole("max_n", max_n, "4 is usual")
    shortest = min(map(len, sequences))
    if shortest < max_n:
        raise ValueError(f"a text of {shortest} units has no {max_n}-gram; give a longer one or a smaller max_n")


def self_bleu(texts: Iterable[str], max_n: int = 4, cut: Cut = units) -> float:
    """How alike texts are: the mean BLEU of each against all the others, in [0, 1]; 1 where all are the same.

    It rises with the number of texts: compare equal numbers. ValueError for fewer than two texts, and as `bleu`.
    Each n-gram's two largest counts are enough to know the largest among the others, so that the time grows with the
    number of texts, not with its square.
    Source: Zhu et al., Texygen: a benchmarking platform for text generation models (2018).
    """
    check_texts("texts", texts)
    sequences = [cut(text) for text in texts]
    if len(sequences) < 2:
        raise ValueError(f"self-BLEU compares texts with each other; give at least 2, not {len(sequences)}")
    check_long_enough(sequences, max_n)
    precisions = np.array([precisions_against_others(sequences, n) for n in range(1, max_n + 1)])  # (max_n, texts)
    lengths = Counter(map(len, sequences))
    penalties = [brevity_penalty(len(each), (lengths - Counter([len(each)])).keys()) for each in sequences]
    return float(np.mean([penalty * geometric_mean(p) for penalty, p in zip(penalties, precisions.T, strict=True)]))


def precisions_against_others(sequences: Sequence[Sequence[str]], n: int) -> list[float]:
    """p_n of each sequence with all the others as references, (sequences,)."""
    counts = [Counter(ngrams(sequence, n)) for sequence in sequences]
    largest, second = Counter(), Counter()
    for count in counts:
        for gram, k in count.items():
            largest[gram], second[gram] = sorted((k, largest[gram], second[gram]))[:0:-1]
    in_others = (  # where a text has the largest count itself, the others have at most the second
        sum(min(k, second[gram] if k == largest[gram] else largest[gram]) for gram, k in count.items())
        for count in counts
    )
    return [found / count.total() for found, count in zip(in_others, counts, strict=True)]


def longest_common_run(text: str, other: str) -> str:
    """The longest string of characters that stands in both texts, letter by letter; the first one of several."""
    match = SequenceMatcher(None, text, other, autojunk=False).find_longest_match()
    return text[match.a : match.a + match.size]
