"""GANs for images: speed against the article's program, quality over seeds, one change at a time.

    python -m tools.bench.gan                     speed, and the quality of the shipped models: minutes
    python -m tools.bench.gan quality [--steps N] [--seeds 0 1 2] [--names gan ...]   trains the recipes: an hour
    python -m tools.bench.gan pace [--seeds 0 1 2]    until the recipes are as good as the article's GAN: minutes
    python -m tools.bench.gan ablation [--seconds 20] [--seeds 0 1 2]      writes data/gan_ablation.csv: half an hour

CPU seconds are those of all threads together: other programs on the machine do not change them much. Quality is that
of 10,000 drawn images against the 10,000 test images, on the features of data/models/digit_features.
"""

import argparse
import csv
import statistics
import time
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import replace
from itertools import islice

import numpy as np
import torch
from torch import nn
from torch.nn.utils import parametrize
from torch.utils.data import DataLoader
from torchvision import datasets, transforms
from tqdm import tqdm

from aigc_course.gan.article import BATCH_SIZE, Discriminator, Generator, article_steps
from aigc_course.gan.generators import SHIPPED, draw, load_generator
from aigc_course.gan.networks import ConvDiscriminator, ConvGenerator
from aigc_course.gan.recipes import RECIPES, players
from aigc_course.gan.settings import GANConfig
from aigc_course.gan.training import gan_image_steps
from aigc_course.images.features import describe, load_digit_features
from aigc_course.images.metrics import density_coverage, frechet_distance, inception_score
from aigc_course.kit import runtime
from aigc_course.kit.datasets import load_mnist
from aigc_course.kit.downloads import cache_folder
from tools.train.gan import measure, train

ARTICLE_SECONDS = 22 * 60  # of the article's program for 50 epochs on two cores
ABLATION = runtime.data_folder() / "gan_ablation.csv"


def article_batches() -> DataLoader:
    """MNIST as the article loads it: torchvision scales and normalises each image whenever it is asked for."""
    transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.5,), (0.5,))])
    return DataLoader(datasets.MNIST(cache_folder(), train=True, transform=transform), BATCH_SIZE, shuffle=True)


def seconds_for(steps: Iterator, count: int, warm_up: int = 20) -> float:
    """Wall seconds for `count` steps after some to warm up."""
    for _ in islice(steps, warm_up):
        pass
    began = time.perf_counter()
    for _ in islice(steps, count):
        pass
    return time.perf_counter() - began


def speed(repeats: int = 5, count: int = 100) -> None:
    """The article's loop against ours, in turns, on the same networks and batch size; medians of the ratios."""
    digits = load_mnist("train")
    if not digits.is_full:
        raise SystemExit("the article's program needs all of MNIST, which could not be had; see the line above")
    images, batches = torch.from_numpy(digits.images), article_batches()
    ratios: dict[str, list[float]] = {"float32": [], "bfloat16": []}
    kinds = {"float32": False} | ({"bfloat16": True} if runtime.has_bfloat16("cpu") else {})
    for repeat in range(repeats):
        torch.manual_seed(repeat)
        theirs = seconds_for(article_steps(Generator(), Discriminator(), batches), count)
        for kind, half in kinds.items():
            config = GANConfig(bfloat16=half, seed=repeat)
            ours = seconds_for(gan_image_steps(Generator(), Discriminator(), images, config), count)
            ratios[kind].append(theirs / ours)
        print(f"article's loop: {1000 * theirs / count:.1f} ms a step", flush=True)
    for kind, found in ratios.items():
        if found:
            print(f"{kind}: {statistics.median(found):.2f} times faster ({min(found):.2f} to {max(found):.2f})")


def shipped() -> None:
    """How good the shipped models are."""
    test, article = load_mnist("test").images, None
    for name in ("article-gan", "gan-unconditional", "gan"):
        found = measure(load_generator(runtime.data_folder() / "models" / SHIPPED[name]), test)
        article = article or found["frechet"]
        print(
            f"{name}: 1/{article / found['frechet']:.1f} of the article's Fréchet distance; {said(found)}", flush=True
        )


def said(found: dict[str, float]) -> str:
    """Measurements in one line."""
    return ", ".join(f"{name} {value:.4g}" for name, value in found.items())


def quality(names: list[str], steps: list[int], seeds: list[int]) -> None:
    """Train recipes from scratch over seeds and say how good they are, and the CPU seconds that they took."""
    test = load_mnist("test").images
    article = measure(load_generator(runtime.data_folder() / "models" / SHIPPED["article-gan"]), test)["frechet"]
    for name in names:
        for count in steps:
            for seed in seeds:
                began = time.process_time()
                G, seconds = train(name, seed, None, num_steps=count)
                spent = time.process_time() - began
                found = measure(G, test)
                print(
                    f"{name}, seed {seed}, {count} steps, {spent:.0f} CPU s, {seconds:.0f} s: "
                    f"1/{article / found['frechet']:.1f} of the article's; {said(found)}",
                    flush=True,
                )


def pace(names: list[str], seeds: list[int]) -> None:
    """CPU seconds until a recipe's images are as good as the article's after 50 epochs, looked at every 100 steps."""
    train_set, network = load_mnist("train"), load_digit_features()
    images, labels = torch.from_numpy(train_set.images), torch.from_numpy(train_set.labels)
    real = describe(load_mnist("test").images, network).features
    goal = judge(load_generator(runtime.data_folder() / "models" / SHIPPED["article-gan"]), real, network)["frechet"]
    for name in names:
        for seed in seeds:
            G, D, average, config = game = players(RECIPES[name], seed)
            spent, began = 0.0, time.process_time()
            for row in gan_image_steps(G, D, images, config, labels if RECIPES[name].has_labels else None, average):
                if row["step"] % 100:
                    continue
                spent += time.process_time() - began
                found = judge(game.best, real, network)["frechet"]
                began = time.process_time()
                if found <= goal:
                    break
            share = ARTICLE_SECONDS / spent
            print(
                f"{name}, seed {seed}: {found:.2f} (the article's: {goal:.2f}) after {row['step']} steps, "
                f"{spent:.0f} CPU s: 1/{share:.0f} of 22 minutes",
                flush=True,
            )


Step = tuple[str, Callable[[int], nn.Module], Callable[[int], nn.Module], GANConfig, int]


def ladder() -> list[Step]:
    """From the article's GAN to the best one, one change a rung: its name, G, D, settings, number of classes."""
    dense, conv = (lambda _: Generator(), lambda _: Discriminator()), (conv_generator, conv_discriminator)
    shallow = (shallow_generator, shallow_discriminator)
    config = GANConfig(num_steps=10**6)
    rungs: list[Step] = [("the article's program", *dense, config, 0)]

    def rung(name: str, networks: tuple = conv, classes: int = 0, **changes: float) -> None:
        nonlocal config
        config = replace(config, **changes)
        rungs.append((name, *networks, config, classes))

    rung("bfloat16", dense, bfloat16=None)
    rung("convolutions", (shallow_generator, steep_discriminator), latent_dim=64)
    rung("spectral normalisation", shallow)
    rung("longer steps, shorter memory", shallow, g_learning_rate=2e-3, d_learning_rate=2e-3, beta1=0.5, beta2=0.99)
    rung("averaged weights", shallow, average=0.998)
    rung("one draw for both", shallow, one_draw=True)
    rung("one more layer each", (lambda _: ConvGenerator(64), conv_discriminator))
    rung("16 numbers in z, not 64", latent_dim=16)
    rung("labels, vectors as large as z", (loud_generator, conv_discriminator), 10)
    rung("labels, small vectors", classes=10)
    return rungs


def conv_generator(classes: int) -> nn.Module:
    return ConvGenerator(num_classes=classes)


def conv_discriminator(classes: int) -> nn.Module:
    return ConvDiscriminator(num_classes=classes)


def shallow_generator(_: int) -> nn.Module:
    """ConvGenerator for 64 numbers without its layer in the middle."""
    G = ConvGenerator(64)
    del G.main[7:10]  # convolution, batch normalisation, ReLU
    return G


def shallow_discriminator(_: int) -> nn.Module:
    """ConvDiscriminator with two convolutions instead of three."""
    D = ConvDiscriminator()
    del D.features[4:6]  # convolution, leaky ReLU
    D.out = nn.Linear(64 * 7 * 7, 1)
    return D


def steep_discriminator(_: int) -> nn.Module:
    """The shallow one without spectral normalisation."""
    D = shallow_discriminator(0)
    for part in D.features:
        if parametrize.is_parametrized(part):
            parametrize.remove_parametrizations(part, "weight")
    return D


def loud_generator(classes: int) -> nn.Module:
    """Labels' vectors as nn.Embedding starts them: as large as z."""
    G = ConvGenerator(num_classes=classes)
    nn.init.normal_(G.label.weight)
    return G


def ablation(seconds: float, seeds: list[int]) -> None:
    """Train every rung for the same CPU seconds on one thread; write a row for each seed."""
    runtime.use_threads("small")
    train_set, network = load_mnist("train"), load_digit_features()
    images, labels = torch.from_numpy(train_set.images), torch.from_numpy(train_set.labels)
    real = describe(load_mnist("test").images, network).features
    rows = []
    for name, make_G, make_D, config, classes in ladder():
        for seed in seeds:
            torch.manual_seed(seed)
            layout = torch.channels_last
            G, D = make_G(classes).to(memory_format=layout), make_D(classes).to(memory_format=layout)
            average = deepcopy(G) if config.average else None
            steps = gan_image_steps(G, D, images, replace(config, seed=seed), labels if classes else None, average)
            count, began = 0, time.process_time()
            with tqdm(total=seconds, unit="s", desc=f"{name}, seed {seed}", leave=False) as bar:
                for _ in steps:
                    count += 1
                    spent = time.process_time() - began
                    bar.update(min(spent, seconds) - bar.n)
                    if spent >= seconds:
                        break
            rows.append(dict(change=name, seed=seed, seconds=seconds, steps=count) | judge(average or G, real, network))
            print(rows[-1], flush=True)
    with ABLATION.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def judge(G: nn.Module, real: np.ndarray, network: nn.Module) -> dict[str, float]:
    """Fréchet distance, inception-style score, coverage and the variance of the features within a class."""
    wanted = np.arange(10_000) % 10 if getattr(G, "num_classes", 0) else None
    seen = describe(draw(G, 10_000, 1, wanted), network)
    inside = [seen.features[seen.labels == k].var(axis=0).sum() for k in range(10) if (seen.labels == k).sum() > 1]
    found = {"frechet": frechet_distance(real, seen.features), "inception_score": inception_score(seen.probs)}
    found |= {"coverage": density_coverage(real, seen.features).coverage, "within_class": float(np.mean(inside))}
    return {name: float(f"{value:.4g}") for name, value in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description="GANs for images: speed, quality, one change at a time.")
    parser.add_argument("what", nargs="?", choices=("quick", "pace", "quality", "ablation"), default="quick")
    parser.add_argument("--names", nargs="+", choices=list(RECIPES), default=["gan", "gan-unconditional"])
    parser.add_argument("--steps", type=int, nargs="+", default=[3800, 18_000])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--seconds", type=float, default=20)
    options = parser.parse_args()
    print(f"{runtime.use_threads('large')} threads", flush=True)
    if options.what == "quality":
        quality(options.names, options.steps, options.seeds)
    elif options.what == "pace":
        pace(options.names, options.seeds)
    elif options.what == "ablation":
        ablation(options.seconds, options.seeds)
    else:
        speed()
        shipped()


if __name__ == "__main__":
    main()
