"""Trainings that tests/test_distributed.py runs in one process and in two: the text of this file is the program."""

import os

import numpy as np
import torch
import torch.distributed as dist
from torch import nn

from aigc_course.distributed import Workers, average_gradients, average_in_one_message
from aigc_course.gan.article import Discriminator, Generator
from aigc_course.gan.recipes import GANConfig, GanSetup
from aigc_course.gan.training import gan_image_steps
from aigc_course.gpt.model import GPT, GPTConfig
from aigc_course.gpt.rows import shuffled
from aigc_course.gpt.training import TrainingConfig, training_steps
from aigc_course.images.keeping import Keeper
from aigc_course.images.training import Training, image_steps
from aigc_course.images.training import TrainingConfig as ImageConfig

STEPS, WHOLE = 50, 16


def bars(count: int = 64) -> torch.Tensor:
    """Bright bars on black, (count, 28, 28) uint8."""
    images = np.zeros((count, 28, 28), np.uint8)
    for number, image in enumerate(images):
        image[number % 20 : number % 20 + 8] = 200
    return torch.from_numpy(images)


def gan_losses(workers: Workers) -> list[list[float]]:
    """The article's GAN; it has no batch normalization."""
    torch.manual_seed(0)
    setup = GanSetup(Generator(), Discriminator(), GANConfig(num_steps=STEPS, batch_size=WHOLE))
    rows = gan_image_steps(setup, bars(), workers=workers)
    return [[float(row["d_loss"]), float(row["g_loss"])] for row in rows]


def gpt_losses(workers: Workers) -> list[float]:
    """A small GPT-2 on rows that count upward."""
    torch.manual_seed(0)
    model = GPT(GPTConfig(20, 16, 32, num_layers=2, num_heads=2))
    rows = np.arange(64)[:, None] % 7 + np.arange(16)[None] % 12
    config = TrainingConfig(STEPS, learning_rate=1e-3, num_warmup_steps=5)
    return [row["loss"] for row in training_steps(model, shuffled(rows, WHOLE, 0), config, workers=workers)]


def classifier(norm: bool) -> nn.Module:
    """28 x 28 pixels to 10 classes, with or without batch normalization."""
    torch.manual_seed(0)
    between = [nn.BatchNorm1d(32)] if norm else []
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 32), *between, nn.ReLU(), nn.Linear(32, 10))


def class_training(norm: bool) -> Training:
    """The settings of a classifier."""
    return Training(
        ImageConfig("classifier", STEPS, WHOLE, learning_rate=1e-3, rising=5, average=0.0), classifier(norm)
    )


def class_losses(workers: Workers, norm: bool) -> list[float]:
    """images.training on a classifier."""
    rows = image_steps(class_training(norm), bars(), torch.arange(64) % 10, workers=workers)
    return [float(row["loss"]) for row in rows]


def kept(workers: Workers, folder: str, dies_at: int = -1) -> dict:
    """The same kept in a file; process 1 may die after a step."""
    training = class_training(norm=False)
    keeper = Keeper(f"{folder}/kept.checkpoint", 15, workers.writes)
    first = None
    for row in image_steps(training, bars(), torch.arange(64) % 10, keeper, workers):
        first = row["step"] - 1 if first is None else first
        if row["step"] == dies_at and workers.rank == 1:
            os._exit(9)
    return {"first": first, "weights": torch.cat([w.detach().flatten() for w in training.network.parameters()])}


def gradients(workers: Workers) -> list[np.ndarray]:
    """Averaged in three ways: one by one, in one message, during backward()."""
    found = []
    for way in (average_gradients, average_in_one_message, None):
        network = classifier(norm=False)
        if way is None:
            workers.average_during_backward({"network": network})
        network(workers.shard(bars()[:8].float() / 255)).square().mean().backward()
        if way is not None:
            way(list(network.parameters()), workers.size)
        found.append(torch.cat([w.grad.flatten() for w in network.parameters()]).numpy())
    return found


def refusal(job: object, *arguments: object) -> str:
    """What an error says."""
    try:
        job(*arguments)
    except (RuntimeError, ValueError) as error:
        return str(error)
    return ""


def everything(workers: Workers, folder: str) -> dict:
    """All of it."""
    results = {
        "gan": gan_losses(workers),
        "gpt": gpt_losses(workers),
        "dense": class_losses(workers, norm=False),
        "normed": class_losses(workers, norm=True),
        **kept(workers, folder),
    }
    if workers.size > 1:
        vector = torch.from_numpy(np.random.default_rng(workers.rank).standard_normal(1000).astype(np.float32))
        dist.all_reduce(vector)
        refused = training_steps(
            nn.Linear(1, 1), None, TrainingConfig(), weights_of=lambda *given: None, workers=workers
        )
        results |= {
            "sum": vector.numpy(),
            "gradients": gradients(workers),
            "disagreement": refusal(workers.agree, "the last step", workers.rank),
            "refused": refusal(next, refused),
        }
    return results
