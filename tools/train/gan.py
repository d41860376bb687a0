"""Train a GAN that the course ships: python -m tools.train.gan gan|gan-unconditional|article-gan [--seed 0]

Writes data/models/{conditional_gan,unconditional_gan,article_gan} with its card, or the folder given with --out. Needs
all of MNIST. Interrupted, it goes on from its checkpoint (build/NAME_SEED.checkpoint) when it is started again.
"""

import argparse
import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from aigc_course.gan.generators import SHIPPED, draw, save_generator
from aigc_course.gan.recipes import RECIPES, GanSetup, set_up
from aigc_course.gan.training import Keeper, gan_image_steps
from aigc_course.images.features import FOLDER, Description, describe, load_digit_features
from aigc_course.images.metrics import class_shares, density_coverage, frechet_distance, inception_score, nearest
from aigc_course.kit import runtime
from aigc_course.kit.datasets import load_mnist
from aigc_course.storage.files import write
from tools.authoring.notebooks import ROOT
from tools.train.card import MNIST, cpu, settings_of, time_of, write_card

NUM_IMAGES = 10_000  # drawn for each measurement, as many as there are test images
TITLES = {
    "article-gan": "The GAN of section 5.3 after 50 epochs",
    "gan-unconditional": "A convolutional GAN that never saw a label",
    "gan": "A conditional convolutional GAN",
}


class Judge:
    """What judges generated images: the test images, as the network of digit_features sees them."""

    def __init__(self) -> None:
        self.test_images = load_mnist("test").images
        self.reader = load_digit_features(runtime.data_folder() / "models" / FOLDER)
        self.real = describe(self.test_images, self.reader)

    def measure(self, G: nn.Module, seed: int = 1) -> dict[str, float]:
        """How good the images of G are."""
        asked = digits_asked_for(G)
        fake = describe(draw(G, NUM_IMAGES, seed, asked), self.reader)
        shares = class_shares(fake.labels)
        density, coverage = density_coverage(self.real.features, fake.features)
        measured = {
            "frechet": frechet_distance(self.real.features, fake.features),
            "inception_score": inception_score(fake.probs),
            "density": density,
            "coverage": coverage,
            "within_class": variance_within_classes(fake),
            "least_share": shares.min(),
            "largest_share": shares.max(),
            "largest_class": shares.argmax(),
        }
        if asked is not None:
            measured["asked_for"] = np.mean(fake.labels == asked)
        return {name: float(value) for name, value in measured.items()}

    def copy_distances(self, G: nn.Module, train_images: np.ndarray, seed: int = 1) -> tuple[float, float]:
        """Median distance to the nearest training image, of drawn images and of real ones; pixels in 0..1."""
        drawn, real = (
            np.median(nearest(images / np.float32(255), train_images / np.float32(255)).distances)
            for images in (draw(G, NUM_IMAGES, seed, digits_asked_for(G)), self.test_images)
        )
        return float(drawn), float(real)


def digits_asked_for(G: nn.Module) -> np.ndarray | None:
    """Each digit equally often, for a generator with classes."""
    return np.arange(NUM_IMAGES) % 10 if getattr(G, "num_classes", 0) else None


def variance_within_classes(fake: Description) -> float:
    """Variance of the features of images that are read as the same digit, the mean over the digits."""
    groups = [fake.features[fake.labels == digit] for digit in range(10)]
    return float(np.mean([group.var(axis=0).sum() for group in groups if len(group) > 1]))


def setup_for(name: str, seed: int, **changes: Any) -> GanSetup:
    """The recipe's networks and settings on this computer's device, in bfloat16 where recipe and hardware agree."""
    place = runtime.device()
    half = RECIPES[name].config.bfloat16 and runtime.has_bfloat16(place)
    return set_up(RECIPES[name], seed, bfloat16=half, **changes).to(place)


def train(name: str, seed: int, checkpoint: Path | None, **changes: Any) -> tuple[nn.Module, float]:
    """The generator to keep and the seconds that its training took, all its parts together."""
    digits, place = load_mnist("train"), runtime.device()
    if not digits.is_full:
        raise SystemExit("the GANs are trained on all of MNIST, which could not be had; see the line above")
    setup = setup_for(name, seed, **changes)
    images = torch.from_numpy(digits.images).to(place)
    labels = torch.from_numpy(digits.labels).to(place) if RECIPES[name].has_labels else None
    clock = checkpoint.with_suffix(".seconds.json") if checkpoint else None
    goes_on = checkpoint is not None and checkpoint.is_file()
    earlier = json.loads(clock.read_text()) if goes_on and clock and clock.is_file() else 0.0
    began = time.perf_counter()
    with tqdm(total=setup.config.num_steps, unit="step", mininterval=1) as bar:
        for row in gan_image_steps(setup, images, labels, Keeper(checkpoint) if checkpoint else None):
            bar.update(row["step"] - bar.n)
            if row["step"] % 100 == 0:
                bar.set_postfix({loss: f"{float(row[loss]):.2f}" for loss in ("d_loss", "g_loss")}, refresh=False)
            if clock and row["step"] % 1000 == 0:
                write(clock, json.dumps(earlier + time.perf_counter() - began).encode())
    return setup.best.cpu().eval(), earlier + time.perf_counter() - began


def card_of(name: str, G: nn.Module, seed: int, seconds: float) -> dict[str, str]:
    """Measure a generator; the rows of its card."""
    place, config = runtime.device(), setup_for(name, seed).config
    device = cpu(runtime.num_threads()) if place == "cpu" else torch.cuda.get_device_name()
    judge = Judge()
    measured = judge.measure(G)
    drawn_distance, real_distance = judge.copy_distances(G, load_mnist("train").images)
    with_labels = RECIPES[name].has_labels
    network = f"aigc_course.{type(G).__module__.removeprefix('aigc_course.')}.{type(G).__name__}"
    rows = {
        "task": "draw handwritten digits: z -> (28, 28)" + ", the digit that a label asks for" * with_labels,
        "network": f"`{network}`, {sum(weights.numel() for weights in G.parameters()):,} parameters",
        "data": MNIST + " and their labels" * with_labels,
        "recipe": settings_of({key: value for key, value in asdict(config).items() if key != "seed"}),
        "command": f"`python -m tools.train.gan {name} --seed {seed}`",
        "seed": str(seed),
        "time": time_of(
            seconds, f"{device} in {'bfloat16' if config.bfloat16 else 'float32'}", f"torch {torch.__version__}"
        ),
        "Fréchet distance": f"{measured['frechet']:.2f}",
        "inception-style score": f"{measured['inception_score']:.2f} of 10",
        "density, coverage": f"{measured['density']:.2f}, {measured['coverage']:.2f}",
        "shares of the classes": f"{measured['least_share']:.1%} to {measured['largest_share']:.1%}, most of them "
        f"{measured['largest_class']:.0f}",
    }
    if with_labels:
        rows["the digit asked for"] = f"{measured['asked_for']:.2%}"
    return rows | {
        "median distance to the nearest training image": f"{drawn_distance:.2f}; of real test images "
        f"{real_distance:.2f} (pixels in 0..1)",
        "measured on": f"{NUM_IMAGES:,} drawn images against the {NUM_IMAGES:,} test images, features of "
        "`data/models/digit_features`",
        "format": "safetensors, float32; read it with `aigc_course.gan.generators.load_generator(folder)`",
        "limits": "draws 28 x 28 digits like MNIST's and nothing else",
        "license": "MIT",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Train a GAN that the course ships.")
    parser.add_argument("name", choices=list(RECIPES))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--checkpoint", type=Path)
    parser.add_argument("--out", type=Path, help="the folder for weights and card, by default in data/models")
    options = parser.parse_args()
    runtime.use_threads("large")
    checkpoint = options.checkpoint or ROOT / "build" / f"{SHIPPED[options.name]}_{options.seed}.checkpoint"
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    G, seconds = train(options.name, options.seed, checkpoint)
    folder = options.out or runtime.data_folder() / "models" / SHIPPED[options.name]
    save_generator(G, folder)
    print(write_card(folder, TITLES[options.name], card_of(options.name, G, options.seed, seconds)))


if __name__ == "__main__":
    main()
