"""Why 20 steps of DDIM are worse than 400 of DDPM, and flow matching beside: data/diffusion_targets.csv, chapter 6.2.

    python -m tools.bench.diffusion_targets     appends what is missing; 60 minutes of CPU, and it goes on where it was

Trains the U-Net of the shipped diffusion model anew, three seeds each, and changes one thing at a time: the target
(noise, velocity, or that of flow matching) and the number of steps. A row is the Fréchet distance of 250 images drawn
in one way; the seed of the training is that of the drawing, so that the ways of one network share their first noise.
Weights stay in build/diffusion_targets.
"""

import argparse
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import date
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import torch
from tqdm import tqdm

from aigc_course.images.diffusion import SCHEDULE, noise_of_velocity
from aigc_course.images.features import FOLDER, DigitFeatures, describe, load_digit_features
from aigc_course.images.guidance import Told, guided
from aigc_course.images.keeping import Keeper
from aigc_course.images.metrics import Gaussian, frechet_distance, gaussian
from aigc_course.images.training import Training, image_steps
from aigc_course.kit import runtime
from aigc_course.kit.datasets import load_mnist
from aigc_course.storage.tables import kept_rows
from tools.authoring.bands import machine
from tools.authoring.notebooks import ROOT
from tools.bench.images import append, drawn_by
from tools.train.images import CONFIGS

BUILT = ROOT / "build" / "diffusion_targets"
FAMILIES = {"noise": "diffusion", "velocity": "velocity", "flow": "flow"}  # target: its name in images.training
CALLS = {"ddim": 20, "ddim with noise": 20, "ddpm": len(SCHEDULE.betas), "euler": 10}  # of the network, by way to draw
COUNT = 250  # images of a row


class Run(NamedTuple):
    """One network."""

    target: str  # a key of FAMILIES
    steps: int  # of training
    seed: int  # of training and drawing


RUNS = [Run(target, steps, seed) for steps, seed, target in product((2000, 10_000), (1, 2, 3), FAMILIES)]


def ways_of(target: str) -> list[str]:
    """The keys of CALLS that draw with a network of this target."""
    return [way for way in CALLS if (way == "euler") == (target == "flow")]


def missing(rows: Iterable[dict[str, str]]) -> dict[Run, list[str]]:
    """The ways to draw that a table lacks, by network."""
    done = {(Run(row["target"], int(row["steps"]), int(row["seed"])), row["sampler"]) for row in rows}
    wanted = {run: [way for way in ways_of(run.target) if (run, way) not in done] for run in RUNS}
    return {run: ways for run, ways in wanted.items() if ways}


def trained(run: Run) -> Told:
    """The network of a run, the average of its weights."""
    config = replace(
        CONFIGS["diffusion"], family=FAMILIES[run.target], num_steps=run.steps, seed=run.seed,
        bfloat16=runtime.has_bfloat16(torch.device("cpu")),
    )  # fmt: skip
    digits, training = load_mnist("train"), Training(config)
    images, labels = torch.from_numpy(digits.images), torch.from_numpy(digits.labels)
    BUILT.mkdir(parents=True, exist_ok=True)
    keeper = Keeper(f"{BUILT}/{run.target}_{run.steps}_{run.seed}.checkpoint", 500)
    for _ in tqdm(image_steps(training, images, labels, keeper), str(run), run.steps, unit="step", mininterval=10):
        pass
    return training.best.eval()  # pyright: ignore[reportReturnType]


def drawn(network: Told, run: Run, sampler: str) -> np.ndarray:
    """COUNT images of the ten digits in turn, (COUNT, 28, 28) uint8."""
    field = guided(network, torch.arange(COUNT) % 10)
    field = noise_of_velocity(field) if run.target == "velocity" else field
    return drawn_by(field, sampler, CALLS[sampler], run.seed, COUNT)


def new_rows(
    rows: Iterable[dict[str, str]], reader: DigitFeatures, real: Gaussian, train: Callable[[Run], Told] = trained
) -> Iterator[dict[str, Any]]:
    """The rows that a table lacks, one after the other."""
    for run, ways in missing(rows).items():
        network = train(run)
        for sampler in ways:
            seen = describe(drawn(network, run, sampler), reader)
            yield {
                **run._asdict(), "sampler": sampler, "calls": CALLS[sampler], "count": COUNT,
                "frechet": round(frechet_distance(real, seen.features), 3),
                "right": int((seen.labels == np.arange(COUNT) % 10).sum()),
                "date": date.today(), "machine": machine(),
            }  # fmt: skip


def main() -> None:
    """Append to the table what is missing."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    runtime.use_threads("small")
    path = runtime.data_folder() / "diffusion_targets.csv"
    reader = load_digit_features(runtime.data_folder() / "models" / FOLDER)
    real = gaussian(describe(load_mnist("test").images, reader).features)
    for row in new_rows(kept_rows(path), reader, real):
        append(path, [row])


if __name__ == "__main__":
    main()
