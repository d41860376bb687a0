"""Speed of chapter 4.1's engine: against torch, against single numbers, and in training a network on MNIST.

    make bench                       or: python -m tools.bench.autograd

The scalar engine, the network and the training loop are the chapter's own cells, read from the notebook. One thread
each; the contestants take turns, and times are medians of CPU time, so that a busy machine favors nobody. Training is
timed by the clock.
"""

import gc
import math
import statistics
import time
from collections.abc import Callable
from functools import partial
from itertools import pairwise

import numpy as np
import torch

from aigc_course import autograd
from aigc_course.kit.datasets import load_mnist
from aigc_course.kit.runtime import use_threads
from tools.authoring.notebooks import code_cells, path_of, read
from tools.contract.code import definitions
from tools.performance.figures import speed

CHAPTER = "04_1_backpropagation"
BARS = {"torch": 1.5, "scalar": 1000, "accuracy": 0.97, "seconds": 20}


def chapter() -> dict:
    """What the chapter defines at the top level of its cells, with the package's engine in the place of its copy."""
    names = {"np": np, "math": math, "pairwise": pairwise, "torch": torch} | vars(autograd)
    for cell in code_cells(read(path_of(CHAPTER, "en"))):
        for name, source in definitions(cell.source).items():
            if name not in vars(autograd):
                exec(compile(source, f"<{cell.id}>", "exec"), names)
    return names


def in_turns(contestants: dict[str, tuple[int, Callable[[], object]]], rounds: int) -> dict[str, list[float]]:
    """CPU seconds of one call of each contestant, (calls a round, function), in each round."""
    taken: dict[str, list[float]] = {name: [] for name in contestants}
    for number in range(rounds + 1):  # the first is a warm-up
        for name, (calls, function) in contestants.items():
            begin = time.process_time()
            for _ in range(calls):
                function()
            if number:
                taken[name].append((time.process_time() - begin) / calls)
    return taken


def medians(taken: dict[str, list[float]]) -> dict[str, float]:
    """The median of each contestant."""
    return {name: statistics.median(seconds) for name, seconds in taken.items()}


def against_torch(of: dict) -> None:
    """Forward and backward of the same 784-128-10 network, batch 128, float32."""
    rng = np.random.default_rng(0)
    layers = of["as_tensors"](of["random_layers"]((784, 128, 10), rng, math.sqrt(2)), np.float32)
    images, labels = rng.random((128, 784), np.float32), rng.integers(0, 10, 128)
    ours = partial(autograd.softmax_cross_entropy, labels=labels)
    theirs = partial(torch.nn.functional.cross_entropy, target=torch.tensor(labels))
    tensors = of["as_torch"](layers), torch.tensor(images)
    contestants = {
        "ours": (50, lambda: of["one_pass"](layers, images, ours, autograd.Tensor.relu)),
        "torch": (50, lambda: of["one_pass"](*tensors, theirs, torch.relu)),
    }
    rounds = in_turns(contestants, rounds=40)
    speed("autograd.torch", *([1e3 * s for s in rounds[name]] for name in ("ours", "torch")), unit="ms")
    seconds = medians(rounds)
    gradients = [[p.grad for layer in layers for p in layer], [p.grad.numpy() for layer in tensors[0] for p in layer]]
    error, ratio = of["relative_error"](*gradients), seconds["ours"] / seconds["torch"]
    ours_ms, torch_ms = 1e3 * seconds["ours"], 1e3 * seconds["torch"]
    print("784-128-10, batch 128, float32, forward and backward, one thread each:")
    print(f"  ours {ours_ms:.3f} ms, torch eager {torch_ms:.3f} ms; gradients agree to {error:.0e}")
    print(f"  {ratio:.2f} times torch's time; bar: at most {BARS['torch']} ({verdict(ratio <= BARS['torch'])})")


def against_numbers(of: dict) -> None:
    """Forward and backward of a 2-16-16-1 network on 100 points: arrays against the chapter's scalar engine."""
    rng = np.random.default_rng(0)
    points = rng.uniform(-1, 1, (100, 2))
    targets = np.where(np.linalg.norm(points, axis=1, keepdims=True) < 0.7, 1.0, -1.0)
    arrays = of["random_layers"]((2, 16, 16, 1), rng)
    values, tensors = of["as_values"](arrays), of["as_tensors"](arrays)
    loss_of = partial(of["squared_error"], targets=targets)
    tanh = autograd.Tensor.tanh  # pyright: ignore[reportAttributeAccessIssue]  methods are set below the class
    contestants = {
        "numbers": (1, lambda: of["scalar_pass"](values, points, targets)),
        "arrays": (100, lambda: of["one_pass"](tensors, points, loss_of, tanh)),
    }
    print("2-16-16-1, 100 points, forward and backward, one thread each:")
    for setting in ("with garbage collection, as Python runs by default", "without it, as timeit measures"):
        rounds = in_turns(contestants, rounds=20)
        if gc.isenabled():
            speed("autograd.numbers", *([1e3 * s for s in rounds[name]] for name in ("arrays", "numbers")), unit="ms")
        seconds = medians(rounds)
        ratio = seconds["numbers"] / seconds["arrays"]
        good = verdict(ratio >= BARS["scalar"])
        print(f"  {setting}: numbers {1e3 * seconds['numbers']:.0f} ms, arrays {1e3 * seconds['arrays']:.4f} ms")
        print(f"  {ratio:,.0f} times faster; bar: at least {BARS['scalar']:,} ({good})")
        gc.disable()
    gc.enable()


def on_mnist(of: dict) -> None:
    """The chapter's training, all images, as at scale quick: 784-128-10, 5 epochs, batches of 64."""
    train, test = load_mnist("train"), load_mnist("test")
    images, test_images = of["pixels"](train.images), of["pixels"](test.images)
    print(f"784-128-10 on MNIST, {len(images):,} images, 5 epochs, batch 64, one thread:")
    for seed in range(3):
        rng = np.random.default_rng(seed)
        layers = of["as_tensors"](of["random_layers"]((784, 128, 10), rng, math.sqrt(2)), np.float32)
        begin = time.perf_counter()
        for _ in of["training_steps"](layers, images, train.labels, (64, 5, 0.5), rng):
            pass
        seconds = time.perf_counter() - begin
        accuracy = of["accuracy_of"](layers, test_images, test.labels)
        good = verdict(accuracy >= BARS["accuracy"] and seconds <= BARS["seconds"] and train.is_full)
        print(
            f"  seed {seed}: {accuracy:.2%} in {seconds:.1f} s; bar: at least 97 % in at most 20 s, all images ({good})"
        )


def verdict(reached: bool) -> str:
    return "reached" if reached else "NOT REACHED"


def main() -> None:
    """Print the three comparisons."""
    use_threads("small")
    of = chapter()
    against_torch(of)
    against_numbers(of)
    on_mnist(of)


if __name__ == "__main__":
    main()
