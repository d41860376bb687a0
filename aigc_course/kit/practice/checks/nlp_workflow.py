"""Checks of the exercises on translation: attention with a mask, greedy decoding, a loss without padding.

And the score of the challenge: how well a small translator learns the learner's own language from few examples.
"""

import random
from dataclasses import dataclass, field

import numpy as np

from aigc_course.kit.practice.checks import Function, Wrong, call, check_cases

LARGEST, NUM_EXAMPLES, NUM_TESTS, NUM_TRAININGS, MOST_WORDS = 9_999, 150, 400, 2, 12


def check_attention(yours: Function) -> None:
    """`yours(Q, K, V, mask)` is softmax(Q Kᵀ / √d) V with no weight where the mask is False."""
    rng = np.random.default_rng(1)
    cases = []
    for queries, keys, d, hidden in ((3, 5, 4, 0.4), (2, 2, 9, 0.0), (4, 6, 16, 0.5)):
        Q, K, V = rng.normal(size=(queries, d)), rng.normal(size=(keys, d)), rng.normal(size=(keys, 3))
        mask = rng.random((queries, keys)) >= hidden
        mask[:, 0] = True
        cases.append((Q, K, V, mask))
    steep = np.array([[60.0] * 4, [-60.0] * 4])  # scores of 7200 and -7200
    cases.append((steep[:1], steep, np.array([[1.0], [2.0]]), np.ones((1, 2), dtype=bool)))
    far_apart = np.array([[60.0, 0.0], [0.1, 0.0], [-60.0, 0.0]]), np.array([[-60.0, 0.0], [-59.0, 0.0], [-58.0, 0.0]])
    cases.append((*far_apart, np.eye(3), np.ones((3, 3), dtype=bool)))  # a row's scores thousands below another's
    hidden_high = np.array([[10.0] * 4, [-10.0] * 4]), np.array([[17.5] * 4, [-17.5] * 4])  # only -350 may be seen
    cases.append((*hidden_high, np.array([[1.0, 5.0], [2.0, 7.0]]), ~np.eye(2, dtype=bool)))
    check_cases("03_2.attention", yours, cases, guess=lambda its: {"overflow": its.K is steep})


@dataclass
class Model:
    """A made-up model: probabilities of `vocab` tokens that depend on everything written so far."""

    seed: int
    end: int = 2
    vocab: int = 7
    calls: int = field(default=0, compare=False)

    def __call__(self, tokens: list[int]) -> np.ndarray:
        self.calls += 1
        if self.calls > 200:
            raise RuntimeError("next_probs was called 200 times for one sentence; the loop does not stop")
        probs = np.random.default_rng([self.seed, *map(int, tokens)]).random(self.vocab)
        probs[self.end] = 2.0 if len(tokens) == 5 + self.seed % 3 else 0.0
        return probs / probs.sum()


def check_greedy(yours: Function) -> None:
    """`yours(next_probs, start, end, longest)` lists the likeliest token at each step, up to and with the end."""
    cases = [(Model(seed), 1, 2, longest) for seed, longest in ((1, 20), (2, 20), (3, 3), (5, 20))]
    cases += [(Model(4, end=0, vocab=9), 5, 0, 20), (Model(6, end=3, vocab=5), 0, 3, 5), (Model(7, end=3), 6, 3, 6)]
    check_cases(
        "03_2.greedy",
        yours,
        cases,
        guess=lambda its: {"goes_on": its.end in its.got[:-1]},
        form="not_list",
        any_length=True,
    )


def check_masked_loss(yours: Function) -> None:
    """`yours(log_probs, target, pad)` is the mean of -log p(target) over the tokens that are not padding."""
    rng = np.random.default_rng(4)
    cases = []
    for lengths, pad, vocab in (((4, 2, 1), 0, 7), ((3, 3), 0, 7), ((5, 1), 6, 7), ((2, 4), 3, 5)):
        scores = rng.normal(size=(len(lengths), max(lengths), vocab))
        target = rng.integers(1, min(vocab, 6), size=scores.shape[:2])
        if vocab < 7:
            target = np.where(target == pad, 0, target)  # where 3 is padding, 0 is a word
        target[np.arange(max(lengths)) >= np.array(lengths)[:, None]] = pad
        cases.append((scores - np.log(np.exp(scores).sum(axis=2, keepdims=True)), target, pad))
    check_cases("03_2.masked_loss", yours, cases)


def score_language(yours: Function) -> float:
    """Share of 400 unseen numbers that a small translator reads right after 150 sayings: the mean of two trainings."""
    said = sayings(yours)
    drawn = random.Random(0).sample(range(LARGEST + 1), NUM_EXAMPLES + NUM_TESTS)
    examples, tests = ({n: said[n] for n in part} for part in (drawn[:NUM_EXAMPLES], drawn[NUM_EXAMPLES:]))
    return sum(learned_from(examples, tests, seed) for seed in range(NUM_TRAININGS)) / NUM_TRAININGS


def sayings(yours: Function) -> list[list[str]]:
    """The words of every number; Wrong for what is no text, empty, too long, or said of two numbers."""
    said, owner = [], {}
    for number in range(LARGEST + 1):
        text = call(yours, number)
        if not isinstance(text, str):
            raise Wrong("not_text", number=number, kind=type(text).__name__)
        words = text.split()
        if not words:
            raise Wrong("empty", number=number)
        if len(words) > MOST_WORDS:
            raise Wrong("too_long", number=number, count=len(words))
        if (other := owner.setdefault(tuple(words), number)) != number:
            raise Wrong("ambiguous", number=other, other=number, text=text)
        said.append(words)
    return said


def learned_from(examples: dict[int, list[str]], tests: dict[int, list[str]], seed: int) -> float:
    """Train a translator with attention on the examples; the share of the tests that it translates right."""
    import torch

    from aigc_course.translation import encoder_decoder, task

    sources, targets = task.Vocabulary(w for words in examples.values() for w in words), task.Vocabulary("0123456789")
    encoded = [
        (sources.encode(words), [task.START, *targets.encode(str(number)), task.END])
        for number, words in examples.items()
    ]
    config = encoder_decoder.TrainingConfig(num_epochs=25, batch_size=32, learning_rate=0.02)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = encoder_decoder.EncoderDecoder(len(sources), len(targets), dim=32, attention="dot")
        for _ in encoder_decoder.training_steps(model, encoded, config, seed):
            pass
    known = {number: words for number, words in tests.items() if sources.ids.keys() >= set(words)}
    if not known:
        return 0.0
    padded = task.pad([sources.encode(words) for words in known.values()])
    written, _ = encoder_decoder.greedy_decode(model.eval(), padded, padded != task.PAD, longest=8)
    return sum(targets.decode(row) == str(number) for number, row in zip(known, written, strict=True)) / len(tests)
