"""A small training that tests/gpt/test_training.py runs in a process of its own, to kill it."""

import time
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from transformers import GPT2Config, GPT2LMHeadModel

from aigc_course.gpt.rows import pack, shuffled
from aigc_course.gpt.training import TrainingConfig, training_steps
from aigc_course.storage import checkpoints

CONFIG = TrainingConfig(num_steps=60, learning_rate=1e-2, num_warmup_steps=5)
VOCAB_SIZE = 40


def small_gpt2() -> GPT2LMHeadModel:
    """Two layers, with dropout, so that the state of the random generator matters too."""
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=VOCAB_SIZE, n_positions=16, n_embd=64, n_layer=2, n_head=2, bos_token_id=0, eos_token_id=0
    )
    return GPT2LMHeadModel(config)


def counting_rows(count: int = 50) -> np.ndarray:
    """Stories that count upwards from a random beginning, packed."""
    begins = np.random.default_rng(0).integers(1, VOCAB_SIZE - 9, count * 4)
    return pack([range(begin, begin + 7) for begin in begins], end=0, row_length=16)[:count]


def run(checkpoint: str, weights: str, started: object = None) -> None:
    """Train to the end, writing a checkpoint after every step to a slow disk; then write the weights."""
    flush = checkpoints.os.fsync
    checkpoints.os.fsync = lambda descriptor: (time.sleep(0.01), flush(descriptor))  # so that kills come meanwhile too
    model = small_gpt2()
    for _ in training_steps(model, shuffled(counting_rows(), 8, seed=0), CONFIG, Path(checkpoint), save_every=1):
        if started:
            started.set()
    save_file({name: value.clone() for name, value in model.state_dict().items()}, weights)
