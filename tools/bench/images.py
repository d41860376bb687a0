"""How good the shipped generators of digits are: the tables of chapter 6.2, measured once.

    python -m tools.bench.images quality     appends to data/image_quality.csv what is not there yet, 15 minutes of CPU
    python -m tools.bench.images prompts     the same for data/image_prompts.csv, 2 minutes

A row of the first table is one set of images, drawn with one seed and one setting, against the Gaussian of real ones
in data/real_digits_gaussian.npz. `excess` is its Fréchet distance less that of as many training images. Rows of the
family "style, as a GAN" belong to a first training of that network, which collapsed and is not shipped. A row of the
second table counts an attribute that prompts asked for.
"""

import argparse
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from aigc_course.gan import generators as gan
from aigc_course.images import generators
from aigc_course.images.captioned import UNSEEN, seen_in
from aigc_course.images.captions import VALUES, obeyed, parse, write
from aigc_course.images.diffusion import SCHEDULE, ddim_steps, ddpm_steps, last
from aigc_course.images.features import FOLDER, DigitFeatures, as_images, describe, load_digit_features
from aigc_course.images.flow import euler_steps, midpoint_steps
from aigc_course.images.guidance import Field
from aigc_course.images.metrics import Gaussian, frechet_distance
from aigc_course.kit import runtime
from aigc_course.kit.datasets import load_mnist
from aigc_course.storage.tables import kept_rows, write_rows
from tools.authoring.bands import machine

MODELS = runtime.data_folder() / "models"
COUNT, FEW = 1000, 250  # images of a row; fewer of those that take 400 calls each
PROMPTS = 1000
PROMPTED = [  # language, guidance, seed
    *(("en", 2.0, 1), ("en", 3.0, 1), ("zh", 3.0, 2), ("zh", 2.0, 2), ("en", 1.0, 1), ("en", 5.0, 1))
]


class Setting(NamedTuple):
    """How a set of images is drawn."""

    family: str
    sampler: str = "one call"  # or euler, midpoint, ddim, ddim with noise, ddpm
    calls: int = 1  # of the network for each image, not counting those that guidance adds
    guidance: float = 1.0
    seed: int = 1
    count: int = COUNT


SETTINGS = [
    *(Setting(family, seed=seed) for family in ("real", "gan", "vae", "style") for seed in (1, 2, 3)),
    *(Setting("real", seed=seed, count=FEW) for seed in (1, 2, 3)),
    *(Setting("flow", "euler", 10, seed=seed) for seed in (1, 2, 3)),
    *(Setting("diffusion", "ddim", 20, seed=seed) for seed in (1, 2, 3)),
    *(Setting("flow", "euler", 10, guidance) for guidance in (0.0, 1.5, 2.0, 3.0, 5.0)),
    *(Setting("flow", "euler", 10, 2.0, seed) for seed in (2, 3)),
    *(Setting("flow", "euler", calls) for calls in (1, 2, 5, 20)),
    Setting("flow", "midpoint", 10),
    *(Setting("diffusion", "ddim", calls) for calls in (5, 10)),
    *(Setting("diffusion", "ddim", 10, seed=seed) for seed in (2, 3)),
    *(
        Setting("diffusion", sampler, calls, seed=seed, count=FEW)
        for seed in (1, 2, 3)
        for sampler, calls in (("ddim", 20), ("ddim with noise", 20), ("ddpm", len(SCHEDULE.betas)))
    ),
    *(Setting("diffusion", "ddim with noise", 20, seed=seed) for seed in (1, 2, 3)),
    *(Setting("diffusion", "ddim", 100, seed=seed, count=FEW) for seed in (1, 2, 3)),
]


def drawn(setting: Setting, labels: np.ndarray) -> np.ndarray:
    """The images of a setting, (count, 28, 28) uint8."""
    family, sampler, calls, guidance, seed, count = setting
    if family == "real":
        images = load_mnist("train").images
        return images[np.random.default_rng(seed).permutation(len(images))[:count]]
    if family == "gan":
        return gan.draw(gan.load_generator(MODELS / gan.SHIPPED["gan"]), count, seed, labels)
    network: Any = generators.load_generator(MODELS / generators.KINDS[family].folder, family)
    if sampler in ("ddpm", "ddim with noise", "midpoint"):
        return drawn_by(generators.field_of(network, family, torch.from_numpy(labels)), sampler, calls, seed, count)
    settings = {} if sampler == "one call" else {"num_steps": calls, "guidance": guidance}
    return generators.draw(network, family, count, seed, labels, **settings)


def drawn_by(field: Field, sampler: str, calls: int, seed: int, count: int) -> np.ndarray:
    """As `generators.draw`, from the same noise, by any sampler of the tables; (count, 28, 28) uint8.

    field: of flow matching for "euler" and "midpoint", the predicted noise for "ddpm", "ddim", "ddim with noise"
    """
    start = torch.from_numpy(np.random.default_rng(seed).standard_normal((count, 1, 28, 28), np.float32))
    rng = torch.Generator().manual_seed(seed)

    def new_noise(_: int) -> torch.Tensor:
        return torch.randn(start.shape, generator=rng)

    if sampler == "euler":
        steps = euler_steps(field, start, calls)
    elif sampler == "midpoint":
        steps = midpoint_steps(field, start, calls // 2)
    elif sampler == "ddpm":
        steps = ddpm_steps(field, start, SCHEDULE, new_noise)
    else:
        steps = ddim_steps(field, start, SCHEDULE, calls, new_noise if sampler == "ddim with noise" else None)
    return as_images(last(steps).clamp(-1, 1))


def quality_row(setting: Setting, reader: DigitFeatures, real: Gaussian, floor: dict) -> dict[str, Any]:
    """One row of data/image_quality.csv; floor: the distance of as many real images, by seed and count."""
    labels = np.arange(setting.count) % 10
    began = time.process_time()
    images = drawn(setting, labels)
    seconds = (time.process_time() - began) * 1000 / setting.count
    seen = describe(images, reader)
    distance = frechet_distance(real, seen.features)
    key = setting.seed, setting.count
    if setting.family == "real":
        floor[key], seconds, right = distance, 0.0, setting.count
    else:
        right = int((seen.labels == labels).sum())
    return {
        **setting._asdict(), "frechet": round(distance, 3), "excess": round(distance - floor[key], 3), "right": right,
        "seconds_per_1000": round(seconds, 2), "date": date.today(), "machine": machine(),
    }  # fmt: skip


def measure_quality(path: Path) -> None:
    """Append the rows that are not there yet."""
    reader = load_digit_features(MODELS / FOLDER)
    with np.load(runtime.data_folder() / "real_digits_gaussian.npz") as kept:
        real = Gaussian(kept["mean"], kept["covariance"], int(kept["num"]))
    there = kept_rows(path)
    keys = {tuple(row[name] for name in Setting._fields) for row in there}
    floor = {(int(row["seed"]), int(row["count"])): float(row["frechet"]) for row in there if row["family"] == "real"}
    for setting in SETTINGS:
        folder = generators.KINDS[setting.family].folder if setting.family in generators.KINDS else "conditional_gan"
        if tuple(map(str, setting)) not in keys and (MODELS / folder).is_dir():
            append(path, [quality_row(setting, reader, real, floor)])


def prompt_rows(language: str, guidance: float, seed: int) -> Iterator[dict[str, Any]]:
    """Rows of data/image_prompts.csv: prompts for combinations that no training image had, and what came of them."""
    rng, unseen = np.random.default_rng(seed), sorted(UNSEEN)
    asked = [parse(write(unseen[number], language)) for number in rng.integers(len(unseen), size=PROMPTS)]
    network = generators.load_generator(MODELS / generators.KINDS["text2image"].folder, "text2image")
    images = generators.draw(network, "text2image", PROMPTS, seed, asked, guidance=guidance)
    seen = seen_in(images, load_digit_features(MODELS / FOLDER))
    found = [obeyed(wanted, got) if got else {} for wanted, got in zip(asked, seen, strict=True)]
    for name in ("digit", *VALUES):
        count = sum(row.get(name, False) for row in found)
        yield {
            "language": language, "guidance": guidance, "seed": seed, "attribute": name, "prompts": PROMPTS,
            "obeyed": count, "date": date.today(), "machine": machine(),
        }  # fmt: skip


def measure_prompts(path: Path) -> None:
    """Append the rows that are not there yet."""
    there = {(row["language"], row["guidance"]) for row in kept_rows(path)}
    for language, guidance, seed in PROMPTED:
        if (language, str(guidance)) not in there:
            append(path, list(prompt_rows(language, guidance, seed)))


def append(path: Path, rows: list[dict[str, Any]]) -> None:
    """Put rows at the end of a table, whole or not at all."""
    write_rows(path, [*kept_rows(path), *rows], rows[0])
    print(*rows[-1].values(), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("quality", "prompts"))
    options = parser.parse_args()
    runtime.use_threads("large")
    if options.what == "quality":
        measure_quality(runtime.data_folder() / "image_quality.csv")
    else:
        measure_prompts(runtime.data_folder() / "image_prompts.csv")


if __name__ == "__main__":
    main()
