"""GPT-2 written out against transformers: tokens a second with a cache, and logits, on a random 124M network.

    python -m tools.bench.gpt [--tokens 60] [--rounds 5] [--threads N]

Batch 1, float32, CPU, greedy. Both write the same number of tokens after the same prompt, in turns, in one process; the
ratio is the median over the rounds of theirs / ours, each pair measured within seconds, so that a busy machine favors
nobody. The bandwidth limit is the time to read every weight once: no program is faster at batch 1.
The weights are scaled so that the logits vary and no token repeats itself at once.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace

import torch
from transformers import GPT2Config, GPT2LMHeadModel
from transformers.utils import logging

from aigc_course.gpt.model import GPT
from aigc_course.text.decoding import Sampler
from tools.performance import figures

BARS = {"speed": 1.2, "logits": 1e-4}


def networks() -> tuple[GPT, GPT2LMHeadModel]:
    """The same random network of GPT-2's size, ours and theirs."""
    torch.manual_seed(0)
    theirs = GPT2LMHeadModel(GPT2Config()).eval()
    with torch.no_grad():
        for name, parameter in theirs.named_parameters():
            if parameter.ndim > 1 and "wte" not in name:
                parameter.mul_(3)
    with tempfile.TemporaryDirectory() as folder:
        theirs.save_pretrained(folder)
        ours = GPT.from_pretrained(folder)
    ours.config = replace(ours.config, end_token=None)
    theirs.generation_config.eos_token_id = None
    return ours, theirs


def seconds_of(function: Callable[[], object]) -> float:
    """Seconds of one call, by the clock."""
    begin = time.perf_counter()
    function()
    return time.perf_counter() - begin


def agreement(ours: GPT, theirs: GPT2LMHeadModel) -> None:
    """Logits on 20 prompts, greedy and beam-4 text."""
    draw = torch.Generator().manual_seed(1)
    worst = 0.0
    spread: list[float] = []
    same = {1: 0, 4: 0}  # number of beams: texts that are the same
    for number in range(20):
        ids = torch.randint(0, 50257, (1, 3 + 5 * number), generator=draw)
        with torch.no_grad():
            reference = theirs(ids).logits
            worst = max(worst, (ours(ids) - reference).abs().max().item())
        spread.append(reference.std().item())
        for num_beams in same if number < 5 else ():
            settings = {"max_new_tokens": 15, "do_sample": False, "pad_token_id": 0, "num_beams": num_beams}
            text = theirs.generate(ids, attention_mask=torch.ones_like(ids), **settings)
            same[num_beams] += text[0].tolist() == ids[0].tolist() + ours.beam_search(ids, 15, num_beams)[0].tokens
    verdict = "met" if worst <= BARS["logits"] and set(same.values()) == {5} else "NOT met"
    print(f"logits on 20 prompts: largest difference {worst:.1e} (they spread by {statistics.mean(spread):.2f}),")
    print(f"  5 texts: greedy the same {same[1]}/5, beam of 4 {same[4]}/5; bar: 1e-4 and all the same ({verdict})")


def speed(ours: GPT, theirs: GPT2LMHeadModel, tokens: int, rounds: int) -> None:
    """Tokens a second, in turns."""
    ids = torch.randint(0, 50257, (1, 16), generator=torch.Generator().manual_seed(2))
    mask = torch.ones_like(ids)
    weights = list(ours.parameters())
    settings = {"max_new_tokens": tokens, "do_sample": False, "pad_token_id": 0}
    contestants = {
        "ours": lambda: ours.generate(ids, tokens, Sampler(0)),
        "transformers": lambda: theirs.generate(ids, attention_mask=mask, **settings),
        "limit": lambda: [weight.sum() for weight in weights],
    }
    taken: dict[str, list[float]] = {name: [] for name in contestants}
    with torch.no_grad():
        for number in range(rounds + 1):  # the first is a warm-up
            for name, function in contestants.items():
                seconds = seconds_of(function) / (1 if name == "limit" else tokens)
                taken[name] += [seconds] if number else []
    ms = {name: 1e3 * statistics.median(seconds) for name, seconds in taken.items()}
    pairs = sorted(theirs / ours for theirs, ours in zip(taken["transformers"], taken["ours"], strict=True))
    ratio = statistics.median(pairs)
    for name, peer in (("gpt.transformers", "transformers"), ("gpt.limit", "limit")):
        figures.speed(name, *([1e3 * s for s in taken[each]] for each in ("ours", peer)), unit="ms")
    print(f"one token, prompt 16, {tokens} new, {rounds} rounds, median (fastest):")
    for name in ("ours", "transformers"):
        print(f"  {name:12} {ms[name]:5.1f} ms ({1e3 * min(taken[name]):5.1f})  {1e3 / ms[name]:5.1f} tokens/s")
    print(f"  reading the weights once {ms['limit']:5.1f} ms ({1e3 * min(taken['limit']):5.1f})")
    verdict = "met" if ratio >= BARS["speed"] else "NOT met"
    print(
        f"  {ratio:.2f} times transformers' speed ({pairs[0]:.2f} to {pairs[-1]:.2f}); bar: {BARS['speed']} ({verdict})"
    )


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description="GPT-2 written out against transformers: speed and logits.")
    parser.add_argument("--tokens", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    options = parser.parse_args()
    logging.disable_progress_bar()
    torch.set_num_threads(options.threads)
    print(f"torch {torch.__version__}, {options.threads} threads, 124M parameters, float32")
    ours, theirs = networks()
    agreement(ours, theirs)
    speed(ours, theirs, options.tokens, options.rounds)


if __name__ == "__main__":
    main()
