"""Tune a story model to advertisements, all weights or adapters only: python -m tools.train.lora [--seeds 3]

For each language (chapter 6.1 shows the smaller model, the Chinese one) and seed, a training of all weights and one of
LoRA adapters on the same rows of text. Writes data/lora.csv: nats per held-out text after some of the steps. The
chapter runs the first steps again.
"""

import argparse
from collections.abc import Iterator
from datetime import date
from typing import Any

import torch
from tqdm import tqdm
from transformers import GPT2Tokenizer

from aigc_course.gpt.adapters import LAYERS, TABLE, add_adapters, trainable_share
from aigc_course.gpt.model import GPT
from aigc_course.gpt.rows import pack, shuffled
from aigc_course.gpt.training import TrainingConfig, token_losses, training_steps
from aigc_course.kit import runtime
from aigc_course.kit.datasets.gpt2 import STORY_MODELS
from aigc_course.storage.tables import kept_rows, write_rows
from aigc_course.synthetic.genres import HELD_OUT, entropy, tell_many

GENRE = "advert"
NUM_TEXTS, NUM_HELD_OUT = 600, 40
ROW_LENGTH, BATCH_SIZE = 128, 4
RANKS = {"zh": 3, "en": 5}  # so that at most 3 % of the weights are trained; alpha is twice the rank
NUM_STEPS, MEASURED_AFTER = 300, (0, 10, 20, 40, 80, 120, 160, 200, 250, 300)
LEARNING_RATES = {"full": 2e-3, "lora": 1e-2}  # tried on seed 100: 1e-3 and 2e-3; 1e-2, 2e-2 and 5e-2


def settings_of(method: str) -> TrainingConfig:
    """How a method is trained."""
    rate = LEARNING_RATES[method]
    return TrainingConfig(NUM_STEPS, rate, rate / 10, num_warmup_steps=8, weight_decay=0.0)


@torch.no_grad()
def nats_of(model: GPT, rows: list[list[int]]) -> float:
    """Mean -log P of a text, its end token included; rows: token ids with the end token before and after."""
    total = sum(token_losses(model, torch.tensor([row])).sum().item() for row in rows)
    return total / len(rows)


def run(language: str, method: str, seed: int) -> Iterator[tuple[int, float, float]]:
    """(step, nats per held-out text, share of weights that are trained) of one training."""
    folder = runtime.data_folder() / "models" / STORY_MODELS[language]
    model, tokenizer = GPT.from_pretrained(folder), GPT2Tokenizer.from_pretrained(folder)
    end = tokenizer.eos_token_id
    texts = [told.text for told in tell_many(NUM_TEXTS, GENRE, language)]
    rows = pack([tokenizer.encode(text) for text in texts], end, ROW_LENGTH)
    held_out = [[end, *tokenizer.encode(told.text), end] for told in tell_many(NUM_HELD_OUT, GENRE, language, HELD_OUT)]
    if method == "lora":
        add_adapters(model, RANKS[language], 2.0 * RANKS[language], (*LAYERS, TABLE), seed)
    share = trainable_share(model)
    yield 0, nats_of(model, held_out), share
    for row in training_steps(model, shuffled(rows, BATCH_SIZE, seed), settings_of(method)):
        if (step := int(row["step"])) in MEASURED_AFTER:
            yield step, nats_of(model, held_out), share


def main() -> None:
    parser = argparse.ArgumentParser(description="Tune a story model to advertisements.")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--languages", nargs="+", default=["zh"])
    options = parser.parse_args()
    runtime.use_threads("large")
    path = runtime.data_folder() / "lora.csv"
    found: list[dict[str, Any]] = [row for row in kept_rows(path) if row["language"] not in options.languages]
    trainings = [(a, b, c) for a in options.languages for c in range(options.seeds) for b in LEARNING_RATES]
    for language, method, seed in tqdm(trainings, unit="training"):
        best = entropy(GENRE, language)
        for step, nats, share in run(language, method, seed):
            found.append({
                "language": language, "method": method, "seed": seed, "step": step, "nats": f"{nats:.2f}",
                "least_nats": f"{best:.2f}", "trained_share": f"{share:.4f}", "date": date.today(),
            })  # fmt: skip
        write_rows(path, found)


if __name__ == "__main__":
    main()
