"""GANs for images: speed against the article's program, quality over seeds, one change at a time.

    python -m tools.bench.gan                     speed, and the quality of the shipped models: minutes
    python -m tools.bench.gan quality [--steps N] [--seeds 0 1 2] [--names gan ...]   trains the recipes: an hour
    python -m tools.bench.gan pace [--seeds 0 1 2]    until the recipes are as good as the article's GAN: minutes
    python -m tools.bench.gan ablation [--seconds 20] [--seeds 0 1 2]      writes data/gan_ablation.csv: half an hour
    python -m tools.bench.gan collapse [--seeds 0 1 2]    writes data/gan_collapse.csv: minutes

CPU seconds are those of all threads together: other programs on the machine do not change them much. Quality is that
of 10,000 drawn images against the 10,000 test images, on the features of data/models/digit_features.
"""

import argparse
import itertools
import math
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

import torch
from scipy.spatial.distance import pdist
from torch import nn
from torch.nn.utils import parametrize
from torch.utils.data import DataLoader
from torchvision import datasets, transforms
from tqdm import tqdm

from aigc_course.gan.article import BATCH_SIZE, Discriminator, Generator, article_steps
from aigc_course.gan.generators import SHIPPED, draw, load_generator
from aigc_course.gan.networks import ConvDiscriminator, ConvGenerator
from aigc_course.gan.recipes import RECIPES, GANConfig, GanSetup, set_up
from aigc_course.gan.training import gan_image_steps
from aigc_course.kit import runtime
from aigc_course.kit.cache import cache_folder
from aigc_course.kit.datasets import load_mnist
from aigc_course.storage.tables import write_rows
from tools.train.gan import Judge, train

ARTICLE_SECONDS = 22 * 60  # of the article's program for 50 epochs on two cores
ABLATION, COLLAPSE = (runtime.data_folder() / f"gan_{name}.csv" for name in ("ablation", "collapse"))
MEASURES = (
    "frechet",
    "inception_score",
    "coverage",
    "within_class",
)  # columns of that file


def article_batches() -> DataLoader:
    """MNIST as the article loads it: torchvision scales and normalizes each image whenever it is asked for."""
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
            setup = GanSetup(Generator(), Discriminator(), config)
            ours = seconds_for(gan_image_steps(setup, images), count)
            ratios[kind].append(theirs / ours)
        print(f"article's loop: {1000 * theirs / count:.1f} ms per step", flush=True)
    for kind, measured in ratios.items():
        if measured:
            median = statistics.median(measured)
            print(f"{kind}: {median:.2f} times faster ({min(measured):.2f} to {max(measured):.2f})")


def shipped() -> None:
    """How good the shipped models are."""
    judge = Judge()
    for name in ("article-gan", "gan-unconditional", "gan"):
        measured = judge.measure(load_generator(runtime.data_folder() / "models" / SHIPPED[name]))
        if name == "article-gan":
            article_frechet = measured["frechet"]
        print(
            f"{name}: 1/{article_frechet / measured['frechet']:.1f} of the article's Fréchet distance; "
            f"{in_one_line(measured)}",
            flush=True,
        )


def in_one_line(measured: dict[str, float]) -> str:
    """Measurements as text."""
    return ", ".join(f"{name} {value:.4g}" for name, value in measured.items())


def article_frechet_distance(judge: Judge) -> float:
    """That of the article's GAN after its 50 epochs."""
    return judge.measure(load_generator(runtime.data_folder() / "models" / SHIPPED["article-gan"]))["frechet"]


def quality(names: list[str], steps: list[int], seeds: list[int]) -> None:
    """Train recipes from scratch over seeds and say how good they are, and the CPU seconds that they took."""
    judge = Judge()
    article_frechet = article_frechet_distance(judge)
    for name, count, seed in itertools.product(names, steps, seeds):
        began = time.process_time()
        G, seconds = train(name, seed, None, num_steps=count)
        spent = time.process_time() - began
        measured = judge.measure(G)
        print(
            f"{name}, seed {seed}, {count} steps, {spent:.0f} CPU s, {seconds:.0f} s: "
            f"1/{article_frechet / measured['frechet']:.1f} of the article's; {in_one_line(measured)}",
            flush=True,
        )


def pace(names: list[str], seeds: list[int]) -> None:
    """CPU seconds until a recipe's images are as good as the article's after 50 epochs, looked at every 100 steps."""
    train_set, judge = load_mnist("train"), Judge()
    images, labels = torch.from_numpy(train_set.images), torch.from_numpy(train_set.labels)
    goal = article_frechet_distance(judge)
    for name, seed in itertools.product(names, seeds):
        half = RECIPES[name].config.bfloat16 and runtime.has_bfloat16("cpu")
        setup = set_up(RECIPES[name], seed, bfloat16=half)
        steps = gan_image_steps(setup, images, labels if RECIPES[name].has_labels else None)
        spent, frechet, done = 0.0, math.inf, 0
        while frechet > goal and done < setup.config.num_steps:
            began = time.process_time()
            for row in islice(steps, 100):
                done = int(row["step"])
            spent += time.process_time() - began
            frechet = judge.measure(setup.best)["frechet"]
        print(
            f"{name}, seed {seed}: {frechet:.2f} (the article's: {goal:.2f}) after {done} steps, "
            f"{spent:.0f} CPU s: 1/{ARTICLE_SECONDS / spent:.0f} of 22 minutes",
            flush=True,
        )


@dataclass(frozen=True)
class Rung:
    """One change on the way from the article's GAN to the best one; all earlier changes stay."""

    name: str
    generator: Callable[[int], nn.Module] | None = None  # number of classes -> network; None: as on the rung before
    discriminator: Callable[[int], nn.Module] | None = None
    num_classes: int | None = None
    changes: Mapping[str, Any] = field(default_factory=dict)  # of the settings


@dataclass(frozen=True)
class Plan:
    """What is trained on a rung."""

    name: str
    generator: Callable[[int], nn.Module]
    discriminator: Callable[[int], nn.Module]
    num_classes: int
    config: GANConfig

    def after(self, rung: Rung) -> "Plan":
        """The plan one rung higher."""
        return Plan(
            rung.name,
            rung.generator or self.generator,
            rung.discriminator or self.discriminator,
            self.num_classes if rung.num_classes is None else rung.num_classes,
            replace(self.config, **rung.changes),
        )

    def set_up(self, seed: int) -> GanSetup:
        """Untrained networks, started with `seed`."""
        torch.manual_seed(seed)
        G = self.generator(self.num_classes).to(memory_format=torch.channels_last)
        D = self.discriminator(self.num_classes).to(memory_format=torch.channels_last)
        return GanSetup(G, D, replace(self.config, seed=seed), deepcopy(G) if self.config.average else None)


def conv_generator(classes: int) -> nn.Module:
    return ConvGenerator(num_classes=classes)


def conv_discriminator(classes: int) -> nn.Module:
    return ConvDiscriminator(num_classes=classes)


def shallow_generator(_: int) -> nn.Module:
    """ConvGenerator for 64 numbers without its layer in the middle."""
    G = ConvGenerator(64)
    del G.main[7:10]  # convolution, batch normalization, ReLU
    return G


def shallow_discriminator(_: int) -> ConvDiscriminator:
    """ConvDiscriminator with two convolutions instead of three."""
    D = ConvDiscriminator()
    del D.features[4:6]  # convolution, leaky ReLU
    D.out = nn.Linear(64 * 7 * 7, 1)
    return D


def steep_discriminator(_: int) -> nn.Module:
    """The shallow one without spectral normalization."""
    D = shallow_discriminator(0)
    for part in D.features:
        if parametrize.is_parametrized(part):
            parametrize.remove_parametrizations(part, "weight")
    return D


def loud_generator(classes: int) -> nn.Module:
    """Labels' vectors as nn.Embedding starts them: as large as z."""
    G = ConvGenerator(num_classes=classes)
    if G.label is not None:
        nn.init.normal_(G.label.weight)
    return G


FIRST = Plan(
    "the article's program", lambda _: Generator(), lambda _: Discriminator(), 0, GANConfig(num_steps=10**6)
)  # fmt: skip
RUNGS = [
    Rung("bfloat16", changes={"bfloat16": runtime.has_bfloat16("cpu")}),
    Rung("convolutions", shallow_generator, steep_discriminator, changes={"latent_dim": 64}),
    Rung("spectral normalization", discriminator=shallow_discriminator),
    Rung("longer steps, shorter memory", changes=dict(
        g_learning_rate=2e-3, d_learning_rate=2e-3, beta1=0.5, beta2=0.99,
    )),
    Rung("averaged weights", changes={"average": 0.998}),
    Rung("one draw for both", changes={"one_draw": True}),
    Rung("one more layer each", lambda _: ConvGenerator(64), conv_discriminator),
    Rung("16 numbers in z, not 64", conv_generator, changes={"latent_dim": 16}),
    Rung("labels, vectors as large as z", loud_generator, num_classes=10),
    Rung("labels, small vectors", conv_generator),
]  # fmt: skip


def ladder() -> list[Plan]:
    """From the article's GAN to the best one, one change a rung."""
    return list(itertools.accumulate(RUNGS, Plan.after, initial=FIRST))


def ablation(seconds: float, seeds: list[int]) -> None:
    """Train every rung for the same CPU seconds on one thread; write a row for each seed."""
    runtime.use_threads("small")
    train_set, judge = load_mnist("train"), Judge()
    images, labels = torch.from_numpy(train_set.images), torch.from_numpy(train_set.labels)
    rows = []
    for plan, seed in itertools.product(ladder(), seeds):
        setup = plan.set_up(seed)
        count, began = 0, time.process_time()
        with tqdm(total=seconds, unit="s", desc=f"{plan.name}, seed {seed}", leave=False) as bar:
            for _ in gan_image_steps(setup, images, labels if plan.num_classes else None):
                count += 1
                spent = time.process_time() - began
                bar.update(min(spent, seconds) - bar.n)
                if spent >= seconds:
                    break
        measured = judge.measure(setup.best)
        rows.append(
            {"change": plan.name, "seed": seed, "seconds": seconds, "steps": count}
            | {name: float(f"{measured[name]:.4g}") for name in MEASURES}
        )
        print(rows[-1], flush=True)
    write_rows(ABLATION, rows)


@dataclass(frozen=True)
class Broken:
    """Networks and settings of a training in which G may collapse."""

    networks: str  # "dense" or "convolutional"
    learning_rate: float = 1e-3  # of G; that of D is the article's
    betas: tuple[float, float] = (0.5, 0.99)
    spectral: bool = True  # spectral normalization in D, for convolutional ones
    batch_norm: bool = True  # batch normalization in G, likewise

    def set_up(self, seed: int, num_steps: int) -> GanSetup:
        """Untrained networks, started with `seed`."""
        torch.manual_seed(seed)
        if self.networks == "dense":
            G, D = Generator(), Discriminator()
        else:
            G, D = ConvGenerator(width=16), ConvDiscriminator(width=16)
            if not self.spectral:
                for part in D.features:
                    if parametrize.is_parametrized(part):
                        parametrize.remove_parametrizations(part, "weight")
            if not self.batch_norm:
                G.main = nn.Sequential(*(part for part in G.main if not isinstance(part, nn.BatchNorm2d)))
        return GanSetup(G, D, GANConfig(
            num_steps=num_steps, latent_dim=G.latent_dim, g_learning_rate=self.learning_rate, beta1=self.betas[0],
            beta2=self.betas[1], compiled=False, seed=seed,
        ))  # fmt: skip


BROKEN = [
    Broken("dense", 2e-4, (0.9, 0.999)),
    Broken("dense", betas=(0.9, 0.999)),
    Broken("dense"),
    Broken("convolutional", spectral=False, batch_norm=False),
    Broken("convolutional", batch_norm=False),
    Broken("convolutional", spectral=False),
    Broken("convolutional"),
]


LOOKS = {"dense": (60,), "convolutional": (60,)}  # steps after which a training is looked at


def collapse(seeds: list[int]) -> None:
    """How far apart the images of generators are after a few steps, one change at a time; write a row for each look."""
    images = torch.from_numpy(load_mnist("train").images)
    rows = []
    for broken, seed in itertools.product(BROKEN, seeds):
        looks = LOOKS[broken.networks]
        setup = broken.set_up(seed, looks[-1])
        for now in gan_image_steps(setup, images):
            if now["step"] not in looks:
                continue
            drawn = draw(setup.G, 100, seed).reshape(100, -1) / 255
            rows.append({
                "networks": broken.networks, "g_learning_rate": broken.learning_rate, "beta1": broken.betas[0],
                "beta2": broken.betas[1], "spectral": int(broken.spectral and broken.networks != "dense"),
                "batch_norm": int(broken.batch_norm and broken.networks != "dense"), "seed": seed,
                "steps": now["step"], "spread": f"{pdist(drawn).mean():.4g}", "d_loss": f"{now['d_loss']:.4g}",
                "g_loss": f"{now['g_loss']:.4g}",
            })  # fmt: skip
            print(rows[-1], flush=True)
    write_rows(COLLAPSE, rows)


def main() -> None:
    parser = argparse.ArgumentParser(description="GANs for images: speed, quality, one change at a time.")
    commands = ("pace", "quality", "ablation", "collapse")
    parser.add_argument("what", nargs="?", choices=("quick", *commands), default="quick")
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
    elif options.what == "collapse":
        collapse(options.seeds)
    else:
        speed()
        shipped()


if __name__ == "__main__":
    main()
