"""Attention against torch, the translator with and without it over seeds, beams against greedy.

    python -m tools.bench.translation [--seeds 3] [--scale quick|full]

One thread; the seconds of training are wall time and processor time. Intervals are 95 % over the seeds; the test set
holds only meanings that do not occur in training. "plain digits" writes 35006 instead of 35,006.
"""

import argparse
import time
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from aigc_course.intervals import mean_interval
from aigc_course.translation.attention import MultiHeadAttention, scaled_dot_product_attention
from aigc_course.translation.encoder_decoder import (
    EncoderDecoder,
    TrainingConfig,
    greedy_decode,
    training_steps,
    translate_pairs,
)
from aigc_course.translation.task import (
    START,
    Pair,
    encode_pairs,
    make_batch,
    make_pairs,
    split_pairs,
    vocabularies,
    words_of,
)
from aigc_course.translation.translator import beam_decode, sequence_log_probs

NUM_PAIRS = {"quick": 20_000, "full": 60_000}
NUM_EPOCHS = {"quick": 4, "full": 8}
NUM_BEAM_INPUTS = 1000


def attention_errors() -> tuple[float, float]:
    """Largest differences to torch's scaled dot-product and multi-head attention, over shapes and masks."""
    rng, dot, multi = torch.Generator().manual_seed(0), 0.0, 0.0
    for queries, keys, dim, heads in ((1, 1, 8, 1), (5, 9, 16, 4), (30, 40, 64, 8)):
        q, k, v = (torch.randn(4, n, dim, generator=rng) for n in (queries, keys, keys))
        mask = torch.rand(4, 1, keys, generator=rng) < 0.6
        mask[..., 0] = True
        for m in (None, mask):
            ours = scaled_dot_product_attention(q, k, v, m)[0]
            dot = max(dot, (ours - F.scaled_dot_product_attention(q, k, v, m)).abs().max().item())
            ours, peer = MultiHeadAttention(dim, heads), nn.MultiheadAttention(dim, heads, batch_first=True)
            with torch.no_grad():
                peer.in_proj_weight.copy_(torch.cat([ours.W_q.weight, ours.W_k.weight, ours.W_v.weight]))
                peer.in_proj_bias.copy_(torch.cat([ours.W_q.bias, ours.W_k.bias, ours.W_v.bias]))
                peer.out_proj.load_state_dict(ours.W_o.state_dict())
            theirs = peer(q, k, v, key_padding_mask=None if m is None else ~m[:, 0])[0]
            multi = max(multi, (ours(q, k, v, m)[0] - theirs).abs().max().item())
    return dot, multi


def data(scale: str, *, commas: bool = True) -> tuple[list[Pair], list[Pair]]:
    """The chapter's training and test pairs."""
    pairs = make_pairs(NUM_PAIRS[scale], seed=0)
    if not commas:
        pairs = [pair._replace(target=pair.target.replace(",", "")) for pair in pairs]
    return split_pairs(pairs, 0.1, seed=0)


def train(train_pairs: Sequence[Pair], attention: str | None, scale: str, seed: int):
    """A trained model with its vocabularies and the seconds it took (wall, processor)."""
    sources, targets = vocabularies(train_pairs)
    encoded = encode_pairs(train_pairs, sources, targets)
    torch.manual_seed(seed)
    model = EncoderDecoder(len(sources), len(targets), attention=attention)
    begin = time.perf_counter(), time.process_time()
    for _ in training_steps(model, encoded, TrainingConfig(num_epochs=NUM_EPOCHS[scale]), seed):
        pass
    return model.eval(), sources, targets, (time.perf_counter() - begin[0], time.process_time() - begin[1])


def quarters(pairs: Sequence[Pair], right: np.ndarray) -> np.ndarray:
    """Share that is right in each quarter of the pairs, by the length of the source."""
    order = np.argsort([len(words_of(pair.source)) for pair in pairs], kind="stable")
    return np.array([right[part].mean() for part in np.array_split(order, 4)])


def interval(values: Sequence[float]) -> str:
    """Mean with its 95 % interval by Student's t."""
    if len(values) < 2:
        return f"{np.mean(values):.4f}"
    mean, low, high = mean_interval(values)
    return f"{mean:.4f} [{max(low, 0):.4f}, {min(high, 1):.4f}]"


def row(name: str, attention: str | None, scale: str, seeds: range, *, commas: bool = True):
    """Train over the seeds, print exact match; the last model, its vocabularies and the test pairs."""
    train_pairs, test = data(scale, commas=commas)
    assert not {pair.target for pair in train_pairs} & {pair.target for pair in test}
    results, seconds = [], []
    for seed in seeds:
        model, sources, targets, spent = train(train_pairs, attention, scale, seed)
        found = translate_pairs(model, test, sources, targets)
        right = np.array([f == pair.target for f, pair in zip(found, test, strict=True)])
        results.append([right.mean(), *quarters(test, right)])
        seconds.append(spent)
    every, *parts = zip(*results, strict=True)
    wall, cpu = np.mean(seconds, axis=0)
    print(f"{name:24} exact match {interval(every)}   longest quarter {interval(parts[-1])}")
    print(
        f"{'':24} by quarter {np.round(np.mean(parts, axis=1), 3)}   training {wall:.1f} s ({cpu:.1f} s of processor)"
    )
    return model, sources, targets, test


def beams(name: str, model, sources, targets, test: Sequence[Pair]) -> None:
    """Log-probability of the best of four beams against greedy decoding's."""
    gained, right = [], []
    for source, target in encode_pairs(test[:NUM_BEAM_INPUTS], sources, targets):
        ids = torch.tensor(source)
        greedy = greedy_decode(model, ids[None], torch.ones(1, len(ids), dtype=torch.bool))[0][0].tolist()
        best = beam_decode(model, ids, 4)[0].tokens
        two = make_batch([(source, [START, *greedy]), (source, [START, *best])])
        log_probs = sequence_log_probs(model, two)
        gained.append((log_probs[1] - log_probs[0]).item())
        right.append((greedy == target[1:], best == target[1:]))
    gained, right = np.array(gained), np.mean(right, axis=0)
    not_lower, higher = (gained > -1e-4).mean(), (gained > 1e-4).sum()  # in float32, 1e-4 is the rounding of a sum
    print(
        f"{name:24} beam of 4 - greedy, log p: mean {gained.mean():+.2e}, not lower on {not_lower:.3f} of "
        f"{len(gained)}, higher on {higher}\n{'':24} exact match {right[0]:.3f} greedy, {right[1]:.3f} beam",
        flush=True,
    )


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--scale", choices=list(NUM_PAIRS), default="quick")
    options = parser.parse_args()
    torch.set_num_threads(1)
    seeds, scale = range(options.seeds), options.scale
    print(f"torch {torch.__version__}, 1 thread, {len(seeds)} seeds, scale {scale}\n")
    dot, multi = attention_errors()
    print(f"scaled dot-product attention against torch: {dot:.1e}; multi-head: {multi:.1e}   (bar 1e-6)\n", flush=True)
    for attention in (None, "dot", "additive"):
        name = f"{attention or 'no'} attention"
        trained = row(name, attention, scale, seeds)
        if attention != "additive":
            beams(name, *trained)
    beams("dot, plain digits", *row("dot, plain digits", "dot", scale, seeds, commas=False))


if __name__ == "__main__":
    main()
