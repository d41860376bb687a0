"""Train a GAN that the course ships: python -m tools.train.gan gan|gan-unconditional|article-gan [--seed 0]

Writes data/models/{conditional_gan,unconditional_gan,article_gan} with its card. Needs all of MNIST. Interrupted, it
goes on from its checkpoint (build/NAME.checkpoint) when it is started again.
"""

import argparse
import json
import platform
import time
from dataclasses import asdict
from datetime import date
from pathlib import Path

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from aigc_course.gan.generators import SHIPPED, draw, save_generator
from aigc_course.gan.recipes import RECIPES, players
from aigc_course.gan.training import gan_image_steps
from aigc_course.images.features import describe, load_digit_features
from aigc_course.images.metrics import class_shares, density_coverage, frechet_distance, inception_score, nearest
from aigc_course.kit import runtime
from aigc_course.kit.datasets import load_mnist
from tools.authoring.notebooks import ROOT

NUM_IMAGES = 10_000  # drawn for each measurement, as many as there are test images
CARD = """# {title}

| | |
|---|---|
| task | {task} |
| network | `{network}`, {parameters:,} parameters |
| data | the 60,000 training images of MNIST (LeCun, Cortes, Burges 1998; CC BY-SA 3.0){labels} |
| recipe | {recipe} |
| command | `python -m tools.train.gan {name} --seed {seed}` |
| seed | {seed} |
| time | {seconds:.0f} s on {device}, {date}, torch {torch}, Python {python} |
{measured}
| measured on | {count:,} drawn images against the {count:,} test images, features of `data/models/digit_features` |
| format | safetensors, float32; read it with `aigc_course.gan.generators.load_generator(folder)` |
| limits | draws 28 x 28 digits like MNIST's and nothing else |
| licence | MIT |
"""
TITLES = {
    "article-gan": "The GAN of section 5.3 after 50 epochs",
    "gan-unconditional": "A convolutional GAN that never saw a label",
    "gan": "A conditional convolutional GAN",
}


def measure(G: nn.Module, test: np.ndarray, train: np.ndarray | None = None, seed: int = 1) -> dict[str, float]:
    """How good the images of G are; with training images also how far the nearest one is, for drawn and for real."""
    network = load_digit_features()
    wanted = np.arange(NUM_IMAGES) % 10 if getattr(G, "num_classes", 0) else None
    images = draw(G, NUM_IMAGES, seed, wanted)
    real, fake = describe(test, network), describe(images, network)
    shares = class_shares(fake.labels)
    found = {"frechet": frechet_distance(real.features, fake.features), "inception_score": inception_score(fake.probs)}
    found |= density_coverage(real.features, fake.features)._asdict()
    found |= {"least_share": shares.min(), "largest_share": shares.max(), "largest_class": int(shares.argmax())}
    if wanted is not None:
        found["asked_for"] = float(np.mean(fake.labels == wanted))
    if train is not None:
        for name, some in (("copy_distance", images), ("real_distance", test)):
            found[name] = float(np.median(nearest(some / np.float32(255), train / np.float32(255)).distances))
    return {name: float(value) for name, value in found.items()}


def train(name: str, seed: int, checkpoint: Path | None, **changes: float) -> tuple[nn.Module, float]:
    """The generator to keep and the seconds that its training took, all its parts together."""
    digits, place = load_mnist("train"), runtime.device()
    if not digits.is_full:
        raise SystemExit("the GANs are trained on all of MNIST, which could not be had; see the line above")
    recipe = RECIPES[name]
    G, D, average, config = game = players(recipe, seed, **changes)
    for network in (G, D, average):
        if network is not None:
            network.to(place)
    images = torch.from_numpy(digits.images).to(place)
    labels = torch.from_numpy(digits.labels).to(place) if recipe.has_labels else None
    clock = checkpoint.with_suffix(".seconds.json") if checkpoint else None
    earlier = json.loads(clock.read_text()) if clock and clock.is_file() and checkpoint.is_file() else 0.0
    began = time.perf_counter()
    with tqdm(total=config.num_steps, unit="step", mininterval=1) as bar:
        for row in gan_image_steps(G, D, images, config, labels, average, checkpoint):
            bar.update(row["step"] - bar.n)
            if row["step"] % 100 == 0:
                bar.set_postfix({name: f"{float(row[name]):.2f}" for name in ("d_loss", "g_loss")}, refresh=False)
            if clock and row["step"] % 1000 == 0:
                clock.write_text(json.dumps(earlier + time.perf_counter() - began))
    return game.best.cpu().eval(), earlier + time.perf_counter() - began


def write_card(name: str, G: nn.Module, seed: int, seconds: float) -> str:
    """Measure a generator, write its card and return it."""
    with_labels, place, config = RECIPES[name].has_labels, runtime.device(), RECIPES[name].config
    found = measure(G, load_mnist("test").images, load_mnist("train").images)
    lines = [
        f"| Fréchet distance | {found['frechet']:.2f} |",
        f"| inception-style score | {found['inception_score']:.2f} of 10 |",
        f"| density, coverage | {found['density']:.2f}, {found['coverage']:.2f} |",
        f"| shares of the classes | {found['least_share']:.1%} to {found['largest_share']:.1%}, most of them "
        f"{found['largest_class']:.0f} |",
    ]
    if with_labels:
        lines += [f"| the digit asked for | {found['asked_for']:.2%} |"]
    lines += [
        f"| median distance to the nearest training image | {found['copy_distance']:.2f}; of real test images "
        f"{found['real_distance']:.2f} (pixels in 0..1) |"
    ]
    half = config.bfloat16 or (config.bfloat16 is None and runtime.has_bfloat16(place))
    num_threads = runtime.num_threads()
    device = f"{num_threads} CPU thread{'s' * (num_threads > 1)}" if place == "cpu" else torch.cuda.get_device_name()
    card = CARD.format(
        title=TITLES[name], name=name, seed=seed, seconds=seconds, measured="\n".join(lines), count=NUM_IMAGES,
        task="draw handwritten digits: z -> (28, 28)" + (", the digit that a label asks for" if with_labels else ""),
        network=f"aigc_course.{type(G).__module__.removeprefix('aigc_course.')}.{type(G).__name__}",
        parameters=sum(weights.numel() for weights in G.parameters()), labels=" and their labels" * with_labels,
        recipe=", ".join(f"{key} {value}" for key, value in asdict(config).items() if key != "seed"),
        device=f"{device} in {'bfloat16' if half else 'float32'}", date=date.today(), torch=torch.__version__,
        python=platform.python_version(),
    )  # fmt: skip
    (runtime.data_folder() / "models" / SHIPPED[name] / "README.md").write_text(card, encoding="utf-8")
    return card


def main() -> None:
    parser = argparse.ArgumentParser(description="Train a GAN that the course ships.")
    parser.add_argument("name", choices=list(RECIPES))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--checkpoint", type=Path)
    options = parser.parse_args()
    runtime.use_threads("large")
    checkpoint = options.checkpoint or ROOT / "build" / f"{SHIPPED[options.name]}.checkpoint"
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    G, seconds = train(options.name, options.seed, checkpoint)
    save_generator(G, runtime.data_folder() / "models" / SHIPPED[options.name])
    print(write_card(options.name, G, options.seed, seconds))


if __name__ == "__main__":
    main()
