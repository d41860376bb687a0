"""Train a generator of digits that the course ships: python -m tools.train.images vae|diffusion|... [--seed 0]

    --minutes 10        how many steps that is on this computer is measured first; the number stands on the card
    --steps 3000        as many steps, whatever they take: what the card's command says

Writes data/models/digit_KIND with its card. Needs all of MNIST. Interrupted, it goes on from its checkpoint
(build/images/KIND_SEED.checkpoint) when it is started again.
"""

import argparse
import json
import time
from dataclasses import asdict, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from aigc_course.images.captioned import UNSEEN, captioned, seen_in, tokens_of
from aigc_course.images.captions import Caption, obeyed
from aigc_course.images.features import FOLDER, describe, load_digit_features
from aigc_course.images.generators import KINDS, draw, save_generator
from aigc_course.images.keeping import Keeper
from aigc_course.images.metrics import frechet_distance
from aigc_course.images.style import StyleAutoencoder
from aigc_course.images.training import Training, TrainingConfig, image_steps
from aigc_course.kit import runtime
from aigc_course.kit.datasets import Digits, load_mnist
from aigc_course.storage.files import write
from tools.authoring.notebooks import ROOT
from tools.train.card import MNIST, cpu, settings_of, time_of, write_card

NUM_IMAGES = 10_000  # drawn for each measurement, as many as there are test images
NUM_PROMPTS = 1000  # of a text-to-image model
TRIED = 12  # steps whose time is measured; the first ones, in which memory is laid out, do not count
SAVE_EVERY = 200  # steps
TITLES = {
    "vae": "A conditional variational autoencoder",
    "diffusion": "A diffusion model that is told the digit and predicts the velocity",
    "flow": "A flow matching model that is told the digit",
    "style": "A style-based generator that is told the digit, trained as the decoder of an autoencoder",
    "text2image": "A flow matching model that is told a caption",
}
CONFIGS = {
    "vae": TrainingConfig(family="vae", batch_size=128, learning_rate=2e-3),
    "diffusion": TrainingConfig(family="velocity", batch_size=32, average=0.999),
    "flow": TrainingConfig(family="flow", batch_size=32, average=0.999),
    "text2image": TrainingConfig(family="text2image", batch_size=32, average=0.999),
    "style": TrainingConfig(family="style"),
}


def network_steps(kind: str, seed: int, num_steps: int, data: tuple[torch.Tensor, torch.Tensor], keeper: Any) -> Any:
    """The network to keep, the settings of its training, and the training as a generator."""
    place = data[0].device
    half = runtime.has_bfloat16(place)
    config = replace(CONFIGS[kind], num_steps=num_steps, seed=seed, bfloat16=half)
    training = Training(config, device=place)
    network = training.best
    kept = network.generator if isinstance(network, StyleAutoencoder) else network
    return kept, config, image_steps(training, *data, keeper)


def shown(kind: str, digits: Digits) -> tuple[torch.Tensor, torch.Tensor]:
    """What a kind learns from: images and their labels, or images of several sizes and their captions."""
    if kind != "text2image":
        return torch.from_numpy(digits.images), torch.from_numpy(digits.labels)
    images, captions = captioned(digits.images, digits.labels)
    return torch.from_numpy(images), tokens_of(captions)


def steps_in(minutes: float, kind: str, data: tuple[torch.Tensor, torch.Tensor]) -> int:
    """How many steps of a kind this computer takes in so many minutes, a tenth less for what comes between."""
    _, _, steps = network_steps(kind, 0, 1_000_000, data, None)
    began, times = time.perf_counter(), []
    for _ in islice(steps, TRIED):
        times.append(time.perf_counter() - began)
        began = time.perf_counter()
    return max(1, int(0.9 * 60 * minutes / np.median(times[2:])))


def planned(folder: Path, kind: str, seed: int, options: argparse.Namespace, data: Any) -> dict[str, Any]:
    """Steps to take and seconds spent already; written beside the checkpoint, so that a restart plans the same."""
    path = folder / f"{kind}_{seed}.plan.json"
    if path.is_file():
        plan = json.loads(path.read_text())
        if options.steps in (None, plan["steps"]):
            return plan
    steps = options.steps or steps_in(options.minutes, kind, data)
    plan = {"steps": steps, "seconds": 0.0}
    write(path, json.dumps(plan).encode())
    return plan


def train(kind: str, seed: int, options: argparse.Namespace) -> tuple[nn.Module, Any, float]:
    """The network to keep, its settings, and the seconds that its training took, all its parts together."""
    digits, place = load_mnist("train"), runtime.device()
    if not digits.is_full:
        raise SystemExit("the generators are trained on all of MNIST, which could not be had; see the line above")
    images, told = shown(kind, digits)
    data = images.to(place), told.to(place)
    options.folder.mkdir(parents=True, exist_ok=True)
    plan = planned(options.folder, kind, seed, options, data)
    path, earlier, began = options.folder / f"{kind}_{seed}.plan.json", plan["seconds"], time.perf_counter()
    keeper = Keeper(options.folder / f"{kind}_{seed}.checkpoint", SAVE_EVERY)
    network, config, steps = network_steps(kind, seed, plan["steps"], data, keeper)
    with tqdm(total=plan["steps"], unit="step", mininterval=10) as bar:
        for row in steps:
            bar.update(row["step"] - bar.n)
            if row["step"] % SAVE_EVERY == 0:
                bar.set_postfix({k: f"{float(v):.3f}" for k, v in row.items() if k.endswith("loss")}, refresh=False)
                write(path, json.dumps({**plan, "seconds": earlier + time.perf_counter() - began}).encode())
    seconds = earlier + time.perf_counter() - began
    write(path, json.dumps({**plan, "seconds": seconds}).encode())
    return network.cpu().eval(), config, seconds


def quality(network: nn.Module, kind: str, device: str, seed: int = 1) -> dict[str, str]:
    """Rows of a card: the Fréchet distance, and how much of it is not that of as many real images; digits; seconds."""
    reader = load_digit_features(runtime.data_folder() / "models" / FOLDER)
    real = describe(load_mnist("test").images, reader)
    train_images = load_mnist("train").images
    others = train_images[np.random.default_rng(seed).permutation(len(train_images))[:NUM_IMAGES]]
    asked = np.arange(NUM_IMAGES) % 10
    began = time.perf_counter()
    drawn = draw(network, kind, NUM_IMAGES, seed, asked)
    seconds = (time.perf_counter() - began) * 1000 / NUM_IMAGES
    fake = describe(drawn, reader)
    distance = frechet_distance(real.features, fake.features)
    excess = distance - frechet_distance(real.features, describe(others, reader).features)
    steps, guidance = KINDS[kind].num_steps, KINDS[kind].guidance
    how = f", {steps} calls each, guidance {guidance:g}" * bool(steps)
    return {
        "Fréchet distance": f"{distance:.2f}, {excess:.2f} more than as many training images",
        "the digit asked for": f"{np.mean(fake.labels == asked):.2%}",
        "1,000 images": f"{seconds:.1f} s on {device}{how}",
        "measured on": f"{NUM_IMAGES:,} drawn images against the {NUM_IMAGES:,} test images, features of "
        "`data/models/digit_features`",
    }


def obedience(network: nn.Module, seed: int = 1) -> dict[str, str]:
    """Rows of a card: how often what a caption asks for is seen, in combinations that no training image had."""
    rng, unseen = np.random.default_rng(seed), sorted(UNSEEN)
    captions = [unseen[number] for number in rng.integers(len(unseen), size=NUM_PROMPTS)]
    images = draw(network, "text2image", NUM_PROMPTS, seed, captions)
    reader = load_digit_features(runtime.data_folder() / "models" / FOLDER)
    pairs = zip(captions, seen_in(images, reader), strict=True)
    found = [obeyed(asked, seen) if seen else dict.fromkeys(Caption._fields, False) for asked, seen in pairs]
    shares = {name: sum(row[name] for row in found) / NUM_PROMPTS for name in Caption._fields}
    return {
        "obeyed": ", ".join(f"{name} {share:.1%}" for name, share in shares.items()),
        "measured on": f"{NUM_PROMPTS:,} captions of combinations that no training image had, guidance "
        f"{KINDS['text2image'].guidance:g}; attributes by `images.attributes`, digits by `data/models/digit_features`",
    }


def card_of(kind: str, network: nn.Module, config: Any, seconds: float) -> dict[str, str]:
    """Measure a network; the rows of its card."""
    device = cpu(runtime.num_threads()) if runtime.device() == "cpu" else torch.cuda.get_device_name()
    name = f"aigc_course.{type(network).__module__.removeprefix('aigc_course.')}.{type(network).__name__}"
    told = "the digit that a caption describes" if kind == "text2image" else "the digit that a label asks for"
    return {
        "task": f"draw handwritten digits, {told}: noise -> (28, 28)",
        "network": f"`{name}`, {sum(weights.numel() for weights in network.parameters()):,} parameters",
        "data": MNIST + (", half of them made smaller, and their captions" if kind == "text2image" else " and labels"),
        "recipe": settings_of({key: value for key, value in asdict(config).items() if key != "seed"}),
        "command": f"`python -m tools.train.images {kind} --seed {config.seed} --steps {config.num_steps}`",
        "seed": str(config.seed),
        "time": time_of(
            seconds, f"{device} in {'bfloat16' if config.bfloat16 else 'float32'}", f"torch {torch.__version__}"
        ),
        **(obedience(network) if kind == "text2image" else quality(network, kind, device)),
        "format": f'safetensors, float32; `aigc_course.images.generators.load_generator(folder, "{kind}")` reads it',
        "limits": "draws 28 x 28 digits like MNIST's and nothing else",
        "license": "MIT",
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Train a generator of digits that the course ships.")
    parser.add_argument("kind", choices=list(KINDS))
    parser.add_argument("--seed", type=int, default=0)
    budget = parser.add_mutually_exclusive_group()
    budget.add_argument("--minutes", type=float, default=10.0)
    budget.add_argument("--steps", type=int)
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "images", help="for the checkpoint")
    parser.add_argument("--out", type=Path, help="the folder for weights and card, by default in data/models")
    options = parser.parse_args()
    runtime.use_threads("large")
    network, config, seconds = train(options.kind, options.seed, options)
    folder = options.out or runtime.data_folder() / "models" / KINDS[options.kind].folder
    save_generator(network, folder)
    print(write_card(folder, TITLES[options.kind], card_of(options.kind, network, config, seconds)))


if __name__ == "__main__":
    main()
