"""Each step of decoding does what transformers' processor of that name does, and the draw follows the distribution."""

import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from scipy import stats
from transformers import (
    NoRepeatNGramLogitsProcessor,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from aigc_course.text import arguments, decoding
from aigc_course.text.decoding import Sampler, logits_processor, sample

IDS = torch.zeros(1, 1, dtype=torch.long)


def logits(batch: int = 6, vocab: int = 100, seed: int = 0, spread: float = 3.0) -> torch.Tensor:
    return spread * torch.randn(batch, vocab, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("temperature", [0.1, 0.7, 1.0, 2.5])
def test_temperature_agrees(temperature):
    expected = TemperatureLogitsWarper(temperature)(None, logits())
    torch.testing.assert_close(decoding.with_temperature(logits(), temperature), expected, rtol=0, atol=0)


@pytest.mark.parametrize("top_k", [1, 2, 40, 99, 100, 5000])
@pytest.mark.parametrize("values", [logits(), logits().round(), torch.zeros(2, 100)])
def test_top_k_agrees_with_ties_too(top_k, values):
    expected = TopKLogitsWarper(top_k)(None, values.clone())
    torch.testing.assert_close(decoding.keep_top_k(values, top_k), expected, rtol=0, atol=0)


@pytest.mark.parametrize("top_p", [1e-9, 0.1, 0.5, 0.9, 0.999, 1.0])
@pytest.mark.parametrize("values", [logits(), logits().round(), logits(spread=20), torch.zeros(2, 100)])
def test_top_p_agrees_and_keeps_a_token(top_p, values):
    ours = decoding.keep_top_p(values, top_p)
    torch.testing.assert_close(ours, TopPLogitsWarper(top_p)(None, values.clone()), rtol=0, atol=0)
    assert (ours > -math.inf).any(-1).all()


@pytest.mark.parametrize("penalty", [0.5, 1.0, 1.2, 3.0])
def test_repetition_penalty_agrees(penalty):
    ids = torch.randint(0, 100, (6, 30), generator=torch.Generator().manual_seed(1))
    expected = RepetitionPenaltyLogitsProcessor(penalty)(ids, logits())
    torch.testing.assert_close(decoding.penalize_repetition(logits(), ids, penalty), expected, rtol=0, atol=0)


@pytest.mark.parametrize("size", [1, 2, 3, 4])
@pytest.mark.parametrize("length", [1, 2, 3, 40])
def test_repeated_ngrams_are_forbidden_as_by_transformers(size, length):
    ids = torch.randint(0, 3, (6, length), generator=torch.Generator().manual_seed(2))
    expected = NoRepeatNGramLogitsProcessor(size)(ids, logits())
    torch.testing.assert_close(decoding.forbid_repeated_ngrams(logits(), ids, size), expected, rtol=0, atol=0)


def test_all_together_agree_in_transformers_order():
    values = logits(1, 1000)
    expected = TopPLogitsWarper(0.9)(None, TopKLogitsWarper(40)(None, TemperatureLogitsWarper(0.7)(None, values)))
    torch.testing.assert_close(decoding.restricted(values, 0.7, 40, 0.9), expected, rtol=0, atol=0)


def test_nothing_changes_the_logits_in_place():
    values, ids = logits(), torch.zeros(6, 5, dtype=torch.long)
    before = values.clone()
    decoding.restricted(values, 0.7, 5, 0.5)
    logits_processor(1.5, 2)(values, ids)
    assert torch.equal(values, before)


def test_first_token_of_100_000_draws_follows_transformers_distribution():
    values = logits(1, 200, seed=3)
    processed = TopPLogitsWarper(0.9)(None, TopKLogitsWarper(40)(None, TemperatureLogitsWarper(0.7)(None, values)))
    expected = processed.softmax(-1)[0].double().numpy()
    sampler, generator = Sampler(0.7, 40, 0.9), torch.Generator().manual_seed(0)
    drawn = []
    for _ in range(2):  # in two halves, for the memory
        drawn += sampler(values.expand(50_000, -1), IDS.expand(50_000, 1), generator).tolist()
    counts = np.bincount(drawn, minlength=200)
    kept = expected > 0
    assert not counts[~kept].any()
    assert kept.sum() > 5
    assert stats.chisquare(counts[kept], 100_000 * expected[kept] / expected[kept].sum()).pvalue > 0.001


def test_temperature_0_takes_the_likeliest_and_tiny_temperature_nearly_always():
    values = logits()
    assert torch.equal(Sampler(0)(values, IDS), values.argmax(-1))
    assert torch.equal(Sampler(1e-6)(values * 1e5, IDS), values.argmax(-1))


def test_the_same_generator_draws_the_same():
    draws = [Sampler()(logits(), IDS, torch.Generator().manual_seed(7)) for _ in range(2)]
    assert torch.equal(*draws)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"temperature": -0.1}, "temperature -0.1 is neither 0"),
        ({"temperature": math.nan}, "temperature nan"),
        ({"temperature": math.inf}, "temperature inf"),
        ({"temperature": 1e-9}, "temperature 1e-09"),
        ({"temperature": True}, "temperature True"),
        ({"temperature": "hot"}, "temperature 'hot'"),
        ({"top_k": 0}, "top_k 0 is not a whole number of at least 1; None draws from all tokens"),
        ({"top_k": -3}, "top_k -3"),
        ({"top_k": 2.0}, "top_k 2.0"),
        ({"top_k": True}, "top_k True"),
        ({"top_p": 0}, r"top_p 0 is not in \(0, 1\]"),
        ({"top_p": 1.01}, "top_p 1.01"),
        ({"top_p": math.nan}, "top_p nan"),
        ({"top_p": "0.9"}, "top_p '0.9'"),
        ({"repetition_penalty": 0}, "repetition_penalty 0 is not a finite number above 0; 1 changes nothing"),
        ({"repetition_penalty": 2**63}, "repetition_penalty 9223372036854775808 is not"),
        ({"temperature": 2**64}, "temperature 18446744073709551616 is neither 0"),
        ({"temperature": Fraction(1, 2)}, "temperature Fraction"),
        ({"repetition_penalty": math.nan}, "repetition_penalty nan"),
        ({"no_repeat_ngram": -1}, "no_repeat_ngram -1"),
        ({"no_repeat_ngram": False}, "no_repeat_ngram False"),
        ({"no_repeat_ngram": 1.5}, "no_repeat_ngram 1.5"),
    ],
)
def test_a_setting_out_of_range_is_told_the_way_out(settings, said):
    with pytest.raises(ValueError, match=said):
        Sampler(**settings)
    cures = {name: value for name, value in settings.items() if name.startswith(("rep", "no_"))}
    if cures:
        with pytest.raises(ValueError, match=said):
            logits_processor(**cures)


def test_numbers_of_numpy_are_numbers_and_bools_are_none():
    settings = {"temperature": 0.8, "top_k": 5, "top_p": 0.9, "repetition_penalty": 1.5, "no_repeat_ngram": 2}
    ids = torch.randint(0, 100, (6, 30), generator=torch.Generator().manual_seed(1))
    for real, whole in ((np.float64, np.int64), (np.float32, np.uint8), (np.float16, np.int32)):
        theirs = {name: (whole if isinstance(value, int) else real)(value) for name, value in settings.items()}
        ours = {name: value.item() for name, value in theirs.items()}  # what the rounded numbers are worth
        drawn = [Sampler(**given)(logits(), ids, torch.Generator().manual_seed(7)) for given in (theirs, ours)]
        assert torch.equal(*drawn)
    assert arguments.is_number(2**63 - 1) and not arguments.is_number(np.uint64(2**63))
    assert not arguments.is_number(np.True_) and not arguments.is_whole(np.True_)


@pytest.mark.parametrize("bad", [math.nan, -math.inf])
def test_logits_that_leave_nothing_to_take_are_refused(bad):
    values = logits(2)
    values[1] = bad  # one row is enough
    for take in (sample, lambda x: Sampler(0)(x, IDS.expand(2, 1)), lambda x: Sampler(0.8)(x, IDS.expand(2, 1))):
        with pytest.raises(ValueError, match="forbid every token"):
            take(values)


@pytest.mark.parametrize("temperature", [0, 1])
def test_when_every_token_is_forbidden_none_is_repeated(temperature):
    ids = torch.arange(5)[None]
    with pytest.raises(ValueError, match="forbid every token"):
        Sampler(temperature, no_repeat_ngram=1)(torch.zeros(1, 5), ids)
