"""Beam search finds what transformers' finds, and with enough beams what trying everything finds."""

import itertools
import math

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from aigc_course.text.beam_search import beam_search

VOCAB, START = 12, 3


def markov(seed: int, vocab: int = VOCAB, spread: float = 2.0) -> torch.Tensor:
    """(vocab, vocab) log-probabilities of the next token after each token."""
    return (spread * torch.randn(vocab, vocab, generator=torch.Generator().manual_seed(seed))).log_softmax(-1)


def chain(table: torch.Tensor):
    return lambda tokens, parents: table[tokens]


@pytest.fixture(scope="module")
def network() -> GPT2LMHeadModel:
    """A tiny GPT-2 whose weights are scaled so that its outputs vary."""
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=VOCAB, n_positions=32, n_embd=16, n_layer=2, n_head=2, bos_token_id=0, eos_token_id=0
    )
    network = GPT2LMHeadModel(config).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(8 if parameter.ndim > 1 else 1)
    return network


class Recomputing:
    """A model without a cache: it keeps the sequences and reorders them."""

    def __init__(self, network: GPT2LMHeadModel, prompt: list[int]) -> None:
        self.network, self.sequences = network, torch.tensor([prompt[:-1]], dtype=torch.long)

    @torch.no_grad()
    def __call__(self, tokens: torch.Tensor, parents: torch.Tensor | None) -> torch.Tensor:
        rows = self.sequences if parents is None else self.sequences[parents]
        self.sequences = torch.cat([rows, tokens[:, None]], dim=1)
        return self.network(self.sequences).logits[:, -1].log_softmax(-1)


ALL_SETTINGS = tuple(itertools.product([None, 0, 5], [2, 4, 7], [1.0, 0.0, 2.0, -1.0, 0.6]))
PAIRWISE = {  # every value of one setting meets every value of each other
    (None, 2, 1.0), (None, 4, 0.0), (None, 7, 2.0), (None, 2, -1.0), (None, 4, 0.6),
    (0, 4, 1.0), (0, 7, 0.0), (0, 2, 2.0), (0, 4, -1.0), (0, 7, 0.6),
    (5, 7, 1.0), (5, 2, 0.0), (5, 4, 2.0), (5, 7, -1.0), (5, 2, 0.6),
}  # fmt: skip


@pytest.mark.parametrize(
    ("end_token", "num_beams", "length_penalty"),
    [pytest.param(*each, marks=[] if each in PAIRWISE else pytest.mark.slow) for each in ALL_SETTINGS],
)
def test_agrees_with_transformers(network, num_beams, end_token, length_penalty):
    for start in range(0, VOCAB, 2):
        prompt = [7, start]
        theirs = network.generate(
            torch.tensor([prompt]),
            num_beams=num_beams,
            num_return_sequences=num_beams,
            max_new_tokens=9,
            eos_token_id=end_token,
            pad_token_id=0,
            attention_mask=torch.ones(1, 2),  # token 0 in a prompt is no padding
            length_penalty=length_penalty,
            do_sample=False,
            return_dict_in_generate=True,
            output_scores=True,
        )
        ours = beam_search(Recomputing(network, prompt), start, num_beams, 9, end_token, length_penalty)
        assert len(ours) == num_beams
        for hypothesis, tokens, score in zip(ours, theirs.sequences, theirs.sequences_scores, strict=True):
            length = len(hypothesis.tokens)
            assert hypothesis.tokens == tokens[2 : 2 + length].tolist()
            assert hypothesis.score == pytest.approx(score.item(), rel=1e-5)
            assert hypothesis.log_prob == pytest.approx(hypothesis.score * length**length_penalty, rel=1e-5)


def test_some_sequences_of_that_comparison_end_early(network):
    ends = [beam_search(Recomputing(network, [7, start]), start, 4, 9, end_token=5)[0] for start in range(VOCAB)]
    assert 0 < sum(len(end.tokens) < 9 for end in ends) < VOCAB
    assert all(5 not in end.tokens[:-1] for end in ends)


@pytest.mark.parametrize("seed", range(5))
def test_with_every_beam_kept_the_best_of_all_sequences_is_found(seed):
    table = markov(seed, vocab=4)
    paths = itertools.product(range(4), repeat=4)
    totals = {path: sum(table[a, b].item() for a, b in itertools.pairwise((START, *path))) for path in paths}
    best = max(totals, key=totals.get)
    (found, *_) = beam_search(chain(table), START, num_beams=64, max_new_tokens=4)
    assert tuple(found.tokens) == best
    assert found.log_prob == pytest.approx(totals[best], rel=1e-5)


def test_one_beam_is_greedy_search():
    table = markov(1)
    (found,) = beam_search(chain(table), START, num_beams=1, max_new_tokens=8)
    token, expected = START, []
    for _ in range(8):
        token = table[token].argmax().item()
        expected.append(token)
    assert found.tokens == expected


def test_beams_find_what_greedy_search_misses():
    likely = torch.full((4, 4), 1e-6)
    likely[0] = torch.tensor([0.0, 0.6, 0.4, 0.0])  # 1 looks better at first,
    likely[1] = torch.tensor([0.3, 0.3, 0.2, 0.2])  # but what follows it is uncertain,
    likely[2] = torch.tensor([0.0, 0.0, 0.0, 1.0])  # while 3 follows 2 for certain
    log_probs = (likely / likely.sum(-1, keepdim=True)).log()
    assert beam_search(chain(log_probs), 0, 1, 2)[0].log_prob == pytest.approx(math.log(0.6 * 0.3), abs=1e-4)
    (best, *_) = beam_search(chain(log_probs), 0, 2, 2)
    assert best.tokens == [2, 3]
    assert best.log_prob == pytest.approx(math.log(0.4), abs=1e-4)


def test_parents_are_rows_of_the_call_before():
    sizes, table = [], markov(2)

    def spying(tokens, parents):
        if parents is not None:
            assert parents.max() < sizes[-1]
        sizes.append(len(tokens))
        return table[tokens]

    beam_search(spying, torch.tensor([START]), 4, 6)
    assert sizes == [1, 4, 4, 4, 4, 4]


def test_the_impossible_is_never_written():
    table = markov(3, vocab=4)
    table[:, 2] = -math.inf
    for hypothesis in beam_search(chain(table.log_softmax(-1)), 3, 4, 5):
        assert 2 not in hypothesis.tokens
    with pytest.raises(ValueError, match="every continuation has probability 0"):
        beam_search(lambda tokens, parents: torch.full((len(tokens), 4), -math.inf), 0, 2, 3)


def test_a_vocabulary_smaller_than_the_number_of_beams():
    table = torch.full((2, 2), 0.5).log()
    assert len(beam_search(chain(table), 0, 5, 3, end_token=1)) == 4  # 1, 01, 001 and 000: there are no more
    assert beam_search(lambda tokens, parents: torch.zeros(len(tokens), 1), 0, 3, 5, end_token=0)[0].tokens == [0]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"num_beams": 0}, "num_beams 0 is not a whole number of at least 1"),
        ({"num_beams": True}, "num_beams True"),
        ({"num_beams": 2.0}, "num_beams 2.0"),
        ({"max_new_tokens": 0}, "max_new_tokens 0"),
        ({"max_new_tokens": -1}, "max_new_tokens -1"),
        ({"length_penalty": math.nan}, "length_penalty nan is not a number from -10 to 10"),
        ({"length_penalty": 1024.0}, "length_penalty 1024.0"),
        ({"length_penalty": -10.5}, "length_penalty -10.5"),
        ({"length_penalty": math.inf}, "length_penalty inf"),
    ],
)
def test_a_setting_out_of_range_is_told_the_way_out(settings, said):
    with pytest.raises(ValueError, match=said):
        beam_search(chain(markov(0)), START, **{"num_beams": 2, "max_new_tokens": 3} | settings)


def test_nan_is_refused():
    with pytest.raises(ValueError, match="NaN"):
        beam_search(lambda tokens, parents: torch.full((len(tokens), 4), math.nan), 0, 2, 3)
