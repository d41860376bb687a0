"""Checks on text generation: top-p, perplexity, one merge of byte-pair encoding, the causal mask; a sampler's score."""

import math
from types import SimpleNamespace
from typing import Any

import numpy as np

from aigc_course.kit.practice.checks import Function, Wrong, check_cases, close
from aigc_course.kit.practice.exercises import Crashed, Unanswered

NUM_TOLD, HIDDEN_SEED = 60, 52_026  # of the challenge


def check_top_p(yours: Function) -> None:
    """`yours(probs, top_p)` keeps the fewest likeliest tokens that reach top_p, and sums to 1."""
    cases = [
        (np.array([0.1, 0.4, 0.05, 0.25, 0.2]), 0.6),
        (np.array([0.08, 0.02, 0.9]), 0.5),
        (np.array([0.3, 0.1, 0.25, 0.35]), 1.0),
        (np.array([0.15, 0.45, 0.4]), 0.8),
        *((np.array([0.125, 0.25, 0.5, 0.125]), top_p) for top_p in (0.749, 0.75, 0.751)),  # just before and after two
    ]

    def show(its: SimpleNamespace) -> dict[str, Any]:
        return {name: tuple(getattr(its, name)) for name in ("probs", "expected", "got")}

    check_cases("05_2.top_p", yours, cases, show=show)


def check_perplexity(yours: Function) -> None:
    """`yours(log_probs)` is the perplexity over all tokens of texts of different lengths."""
    rng = np.random.default_rng(1)
    even = [[-math.log(8)] * 3, [-math.log(8)] * 5]
    uneven = [np.log(rng.uniform(0.05, 1, size=size)).tolist() for size in (2, 9, 4)]
    check_cases("05_2.perplexity", yours, [(even,), (uneven,)])


def check_merge(yours: Function) -> None:
    """`yours(symbols, pair)` merges each occurrence of the pair."""
    written = [
        ("l o w l o", "l o"),
        ("a b c a b a b", "a b"),
        ("b a n a n a", "n a"),
        ("x y z", "y x"),
        ("a a a a a", "a a"),
        ("t h e th e", "th e"),
        ("ab c a bc", "a bc"),
        ("ab c b c", "b c"),
    ]

    def show(its: SimpleNamespace) -> dict[str, str]:
        return {name: " ".join(getattr(its, name)) for name in ("symbols", "pair", "expected", "got")}

    check_cases(
        "05_2.merge",
        yours,
        [(symbols.split(), tuple(pair.split())) for symbols, pair in written],
        show=show,
        guess=lambda its: {"letters": "".join(its.got) != "".join(its.symbols)},
        form="not_symbols",
    )


def check_mask(yours: Function) -> None:
    """`yours(scores)` is the softmax of each row over itself and the past, exactly 0 on the future."""
    rng = np.random.default_rng(2)
    cases = [(rng.normal(0, 2, size=(length, length)),) for length in (4, 1, 6)]
    large = np.array([[900.0, 0.0], [800.0, 1000.0]])
    cases += [(large,), (np.array([[-900.0, 700.0, 9.0], [3.0, 5.0, 1e4], [2e3, 1e3, 2e3 + 1]]),)]

    def same(got: np.ndarray, expected: np.ndarray) -> bool:
        future_got, future = np.triu(got, 1), np.triu(expected, 1)
        return close(got, expected) and np.array_equal(future_got == 0, future == 0)

    check_cases(
        "05_2.mask",
        yours,
        cases,
        show=lambda its: {"most": np.triu(its.got, 1).max()},
        guess=lambda its: {"not_zero": close(its.got, its.expected), "overflow": np.abs(its.scores).max() > 100},
        same=same,
    )


def score_sampler(yours: Function) -> float:
    """The share of stories written with `yours(logits, ids, generator)` that are true, times their variety, at most 1.

    True is what is well-formed with no fact broken; variety is distinct-4 as a share of the grammar's own.
    """
    import torch

    from aigc_course.gpt.model import GPT, write
    from aigc_course.kit.runtime import data_folder
    from aigc_course.synthetic.stories import HELD_OUT, read_back, tell_many
    from aigc_course.text.byte_pairs import BytePairs

    if not callable(yours):
        raise Wrong("not_function", kind=type(yours).__name__)
    folder = data_folder() / "models" / "story_gpt2"
    model = GPT.from_pretrained(folder)
    tokenizer = BytePairs.from_files(folder / "vocab.json", folder / "merges.txt")
    end, generator = model.config.end_token or 0, torch.Generator().manual_seed(HIDDEN_SEED)

    def sampler(logits: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
        try:
            tokens = yours(logits, ids, generator)
        except Exception as error:
            raise Crashed(error) from error
        return _checked_tokens(tokens, model.config.vocab_size)

    rows = write(model, torch.full((NUM_TOLD, 1), end), 239, sampler, end)[:, 1:].tolist()
    texts = [tokenizer.decode([token for token in row if token != end]) for row in rows]
    own = distinct([story.text for story in tell_many(NUM_TOLD, seed=HELD_OUT + HIDDEN_SEED)])
    share = sum(read_back(text).is_true for text in texts) / NUM_TOLD
    return share * min(1.0, distinct(texts) / own)


def _checked_tokens(tokens: Any, vocab_size: int) -> Any:
    """The tokens, as a tensor of whole numbers; Wrong unless there is one of the vocabulary for each row."""
    import torch

    if tokens is None or tokens is ...:
        raise Unanswered
    tokens = torch.as_tensor(tokens)
    if tuple(tokens.shape) != (NUM_TOLD,):
        raise Wrong("shape", expected=(NUM_TOLD,), got=tuple(tokens.shape))
    if tokens.is_floating_point() or not bool(((tokens >= 0) & (tokens < vocab_size)).all()):
        raise Wrong("tokens", largest=vocab_size - 1, got=tokens[:3].tolist())
    return tokens.long()


def distinct(texts: list[str], n: int = 4) -> float:
    """The share of different ones among all runs of n words; 0 where there is none."""
    split = [text.split() for text in texts]
    runs = [run for words in split for run in zip(*(words[i:] for i in range(n)), strict=False)]
    return len(set(runs)) / max(len(runs), 1)
