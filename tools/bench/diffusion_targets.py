"""Why 20 steps of DDIM are worse than 400 of DDPM: data/diffusion_targets.csv, for chapter 6.2.

    python -m tools.bench.diffusion_targets     appends what is missing; 25 minutes of CPU, and it goes on where it was

Trains the U-Net of the shipped diffusion model anew, three seeds each, and changes one thing at a time: the target
(noise, or velocity) and the number of steps. A row is the Fréchet distance of 250 images drawn in one way; the seed of
the training is that of the drawing, so that the ways of one network share their first noise. Weights stay in
build/diffusion_targets.
"""

from collections.abc import Iterator
from datetime import date
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import torch
from tqdm import tqdm

from aigc_course.images.diffusion import SCHEDULE, ddim_steps, ddpm_steps, last, noise_of_velocity
from aigc_course.images.features import FOLDER, as_images, describe, load_digit_features
from aigc_course.images.guidance import guided
from aigc_course.images.keeping import Keeper
from aigc_course.images.metrics import Gaussian, frechet_distance, gaussian
from aigc_course.images.training import Training, TrainingConfig, image_steps
from aigc_course.images.unet import UNet
from aigc_course.kit import runtime
from aigc_course.kit.datasets import load_mnist
from tools.authoring.bands import machine
from tools.authoring.notebooks import ROOT
from tools.bench.images import append, rows_of

BUILT = ROOT / "build" / "diffusion_targets"
COUNT = 250
SEEDS = (1, 2, 3)


class Arm(NamedTuple):
    """One way to train."""

    target: str  # noise or velocity
    steps: int


STEPS, TARGETS = (2000, 10_000), ("noise", "velocity")
SAMPLERS = {"ddim": 20, "ddim with noise": 20, "ddpm": len(SCHEDULE.betas)}  # calls of the network


def trained(arm: Arm, seed: int) -> UNet:
    """The network of an arm, the average of its weights."""
    family = "diffusion" if arm.target == "noise" else arm.target
    config = TrainingConfig(
        family, arm.steps, batch_size=32, average=0.999, seed=seed, bfloat16=runtime.has_bfloat16(torch.device("cpu"))
    )
    digits, training = load_mnist("train"), Training(config)
    steps = image_steps(
        training,
        torch.from_numpy(digits.images),
        torch.from_numpy(digits.labels),
        Keeper(f"{BUILT}/{arm.target}_{arm.steps}_{seed}.checkpoint", 500),
    )
    for _ in tqdm(steps, f"{arm.target}, seed {seed}", arm.steps, unit="step", mininterval=10):
        pass
    return training.best.eval()  # pyright: ignore[reportReturnType]


def drawn(network: UNet, target: str, sampler: str, seed: int) -> np.ndarray:
    """COUNT images, (COUNT, 28, 28) uint8."""
    field, rng = guided(network, torch.arange(COUNT) % 10), torch.Generator().manual_seed(seed)
    field = noise_of_velocity(field) if target == "velocity" else field
    noise = torch.from_numpy(np.random.default_rng(seed).standard_normal((COUNT, 1, 28, 28), np.float32))

    def new_noise(_: int) -> torch.Tensor:
        return torch.randn(noise.shape, generator=rng)

    if sampler == "ddpm":
        steps = ddpm_steps(field, noise, SCHEDULE, new_noise)
    else:
        steps = ddim_steps(field, noise, SCHEDULE, SAMPLERS[sampler], new_noise if "noise" in sampler else None)
    return as_images(last(steps).clamp(-1, 1))


def new_rows(done: set[tuple[str, ...]], real: Gaussian) -> Iterator[dict[str, Any]]:
    """The rows that are missing, one after the other."""
    reader = load_digit_features(runtime.data_folder() / "models" / FOLDER)
    for steps, seed, target in product(STEPS, SEEDS, TARGETS):
        arm = Arm(target, steps)
        wanted = [way for way in SAMPLERS if (arm.target, str(arm.steps), str(seed), way) not in done]
        if wanted:
            network = trained(arm, seed)
            for sampler in wanted:
                images = drawn(network, arm.target, sampler, seed)
                seen = describe(images, reader)
                yield {
                    **arm._asdict(), "seed": seed, "sampler": sampler, "calls": SAMPLERS[sampler], "count": COUNT,
                    "frechet": round(frechet_distance(real, seen.features), 3),
                    "right": int((seen.labels == np.arange(COUNT) % 10).sum()),
                    "date": date.today(), "machine": machine(),
                }  # fmt: skip


def main() -> None:
    """Append to the table what is missing."""
    runtime.use_threads("small")
    BUILT.mkdir(parents=True, exist_ok=True)
    path = runtime.data_folder() / "diffusion_targets.csv"
    reader = load_digit_features(runtime.data_folder() / "models" / FOLDER)
    real = gaussian(describe(load_mnist("test").images, reader).features)
    done = {(row["target"], row["steps"], row["seed"], row["sampler"]) for row in rows_of(path)}
    for row in new_rows(done, real):
        append(path, [row])
        print(row, flush=True)


if __name__ == "__main__":
    main()
