"""The families of chapter 6.2 after several trainings each, before two judges: the table of its comparison.

    python -m tools.bench.image_trainings     appends to data/image_trainings.csv what is missing, 2 minutes of CPU

A row is 1,000 images of one training. Training 0 is the shipped network; trainings 1 and 2 are the command of its card
with another seed, and are looked for in build/images:

    python -m tools.train.images flow --seed 1 --steps 15000 --out build/images/digit_flow_1
    python -m tools.train.gan gan --seed 1 --out build/images/conditional_gan_1

The first judge is the network of chapter 5.3; the second, a plain network without convolutions, is trained here with
seed 0, so that no generator was ever chosen by it.
`excess` is a Fréchet distance less that of as many training images before the same judge.
"""

from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from aigc_course.gan import generators as gan
from aigc_course.images import generators
from aigc_course.images.features import FOLDER, describe, load_digit_features
from aigc_course.images.metrics import Gaussian, frechet_distance, gaussian
from aigc_course.kit import runtime
from aigc_course.kit.datasets import load_mnist
from aigc_course.storage.tables import kept_rows
from tools.authoring.bands import machine
from tools.authoring.notebooks import ROOT
from tools.bench.images import append, drawn_by

MODELS, BUILT = runtime.data_folder() / "models", ROOT / "build" / "images"
COUNT, EPOCHS, BATCH = 1000, 5, 128


class Way(NamedTuple):
    """A family, and how it draws."""

    family: str
    sampler: str = "one call"  # or euler, ddim, ddim with noise
    calls: int = 1
    guidance: float = 1.0


WAYS = [
    *(Way("real"), Way("gan"), Way("vae"), Way("style"), Way("flow", "euler", 10), Way("flow", "euler", 10, 1.5)),
    *(Way("diffusion", "ddim", 20), Way("diffusion", "ddim with noise", 20)),
]


RUNS = [  # a way to draw, the training's seed, the drawing's seed
    *((WAYS[0], 0, seed) for seed in (1, 2, 3)),
    *((way, training, training + 1) for way in WAYS[1:] for training in range(3)),
]


class Judge(nn.Module):
    """Images (n, 28, 28) uint8 -> 64 features; no convolution, unlike the generators and the first judge."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Flatten(), nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 64), nn.ReLU())
        self.classify = nn.Linear(64, 10)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.features(images.float() / 127.5 - 1)

    @torch.no_grad()
    def describe(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Features (n, 64), and the digits that are read (n,)."""
        features = self(torch.from_numpy(np.ascontiguousarray(images)))
        return features.numpy(), self.classify(features).argmax(dim=1).numpy()


def trained_judge(images: np.ndarray, labels: np.ndarray, seed: int = 0) -> Judge:
    """The second judge: five rounds over the training images, with Adam and a step size that falls to 0."""
    torch.manual_seed(seed)
    judge, inputs, answers = Judge(), torch.from_numpy(images), torch.from_numpy(labels).long()
    optimizer, num_steps = torch.optim.Adam(judge.parameters(), 1e-3), EPOCHS * (len(images) // BATCH)
    order = torch.cat([torch.randperm(len(images)) for _ in range(EPOCHS)])
    for step in range(num_steps):
        optimizer.param_groups[0]["lr"] = 1e-3 * (1 - step / num_steps)
        rows = order[step * BATCH : (step + 1) * BATCH]
        loss = nn.functional.cross_entropy(judge.classify(judge(inputs[rows])), answers[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return judge.eval()


def folder_of(family: str, training: int) -> Path | None:
    """Where the network of a training lies; None where there is none."""
    if family == "real":
        return MODELS
    shipped = gan.SHIPPED["gan"] if family == "gan" else generators.KINDS[family].folder
    folder = MODELS / shipped if training == 0 else BUILT / f"{shipped}_{training}"
    return folder if (folder / "model.safetensors").is_file() else None


def drawn(way: Way, folder: Path, seed: int, labels: np.ndarray) -> np.ndarray:
    """COUNT images, (COUNT, 28, 28) uint8."""
    if way.family == "real":
        images = load_mnist("train").images
        return images[np.random.default_rng(seed).permutation(len(images))[: len(labels)]]
    if way.family == "gan":
        return gan.draw(gan.load_generator(folder), len(labels), seed, labels)
    network = generators.load_generator(folder, way.family)
    if way.sampler == "ddim with noise":
        field = generators.field_of(network, way.family, torch.from_numpy(labels))
        return drawn_by(field, way.sampler, way.calls, seed, len(labels))
    settings = {} if way.sampler == "one call" else {"num_steps": way.calls, "guidance": way.guidance}
    return generators.draw(network, way.family, len(labels), seed, labels, **settings)


def row_of(run: tuple[Way, int, int], folder: Path, judges: dict, real: dict[str, Gaussian], floor: dict) -> dict:
    """One row; floor: the distances of as many training images, by judge and seed."""
    way, training, seed = run
    labels = np.arange(COUNT) % 10
    images = drawn(way, folder, seed, labels)
    row: dict[str, Any] = {**way._asdict(), "training": training, "seed": seed, "count": COUNT}
    for prefix, judge in judges.items():
        features, digits = judge(images)
        distance = frechet_distance(real[prefix], features)
        if way.family == "real":
            floor[prefix, seed] = distance
        row[f"{prefix}frechet"] = round(distance, 3)
        row[f"{prefix}excess"] = round(distance - floor[prefix, seed], 3)
        row[f"{prefix}right"] = COUNT if way.family == "real" else int((digits == labels).sum())
    return {**row, "date": date.today(), "machine": machine()}


def main() -> None:
    runtime.use_threads("large")
    path, train, test = runtime.data_folder() / "image_trainings.csv", load_mnist("train"), load_mnist("test")
    if not train.is_full:
        raise SystemExit("the second judge is trained on all of MNIST, which could not be had; see the line above")
    reader, second = load_digit_features(MODELS / FOLDER), trained_judge(train.images, train.labels)
    print(f"the second judge reads {np.mean(second.describe(test.images)[1] == test.labels):.2%} of the test images")

    def first(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        seen = describe(images, reader)
        return seen.features, seen.labels

    judges = {"": first, "second_": second.describe}
    real = {prefix: gaussian(judge(test.images)[0]) for prefix, judge in judges.items()}
    there = kept_rows(path)
    keys = {tuple(row[name] for name in (*Way._fields, "training", "seed")) for row in there}
    floor = {
        (prefix, int(row["seed"])): float(row[f"{prefix}frechet"])
        for row in there for prefix in judges if row["family"] == "real"
    }  # fmt: skip
    for way, training, seed in RUNS:
        folder = folder_of(way.family, training)
        if folder and (*map(str, way), str(training), str(seed)) not in keys:
            append(path, [row_of((way, training, seed), folder, judges, real, floor)])


if __name__ == "__main__":
    main()
