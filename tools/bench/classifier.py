"""Where the time goes: the article's digit classifier made faster, one change at a time.

    python -m tools.bench.classifier [--seeds 3] [--cnn]

Every row is the same network, trained on all 60,000 images and tested on 10,000. Seconds are those of the whole
training, building and compiling included; the rows take turns, so that a busy machine slows all of them. The ratio is
that of the medians. --cnn adds the convolutional network at full scale, which takes minutes per seed.
"""

import argparse
import os
import statistics
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before TensorFlow is loaded: no start-up chatter

import tensorflow as tf

from aigc_course.images import classifier
from aigc_course.kit import runtime
from aigc_course.kit.datasets import Digits, load_mnist
from tools.train.classifier import RECIPE

PEAK_32, PEAK_256, PEAK_512 = 2e-3, 1e-2, 2e-2  # one-cycle: the larger the batch, the fewer and the longer the steps


class OneCycle(tf.keras.optimizers.schedules.LearningRateSchedule):
    """`classifier.one_cycle` for Keras' own optimizer."""

    def __init__(self, num_steps: int, peak: float) -> None:
        self.num_steps, self.peak = num_steps, peak

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        return classifier.one_cycle((tf.cast(step, tf.float32) + 1) / self.num_steps, self.peak)


def fit(
    digits: Digits, seed: int, *, num_epochs: int, batch_size: int, peak: float | None = None, steps_at_once: int = 1
) -> tf.keras.Model:
    """The article's program, with another batch size, a learning-rate schedule or several steps a call if asked for."""
    model = classifier.article_model()
    if peak is not None:
        num_steps = num_epochs * -(-len(digits.images) // batch_size)
        optimizer = tf.keras.optimizers.Adam(OneCycle(num_steps, peak))
        model.compile(optimizer, "sparse_categorical_crossentropy", steps_per_execution=steps_at_once)
    model.fit(digits.images / 255.0, digits.labels, epochs=num_epochs, batch_size=batch_size, verbose=0)
    return model


def step_by_step(digits: Digits, seed: int, *, num_epochs: int, batch_size: int, peak: float) -> tf.keras.Model:
    """`classifier.train` with the loop in Python: a step is a graph, an epoch is not."""
    model = classifier.article_model()
    images, labels = tf.constant(digits.images), tf.constant(digits.labels, tf.int32)
    moments = [(tf.Variable(tf.zeros_like(w)), tf.Variable(tf.zeros_like(w))) for w in model.trainable_variables]
    steps_per_epoch = len(images) // batch_size

    @tf.function
    def step(chosen, t):
        batch = tf.cast(tf.gather(images, chosen), tf.float32) / 255
        learning_rate = classifier.one_cycle(t / (steps_per_epoch * num_epochs), peak)
        return classifier.train_step(model, moments, batch, tf.gather(labels, chosen), learning_rate, t)

    t = 0
    for number in range(num_epochs):
        order = tf.random.experimental.stateless_shuffle(tf.range(len(images)), seed=(seed, number))
        for i in range(steps_per_epoch):
            t += 1
            step(order[i * batch_size : (i + 1) * batch_size], tf.constant(t, tf.float32))
    return model


def train(digits: Digits, seed: int, *, build=classifier.article_model, **recipe) -> tf.keras.Model:
    """`classifier.train`, to its end."""
    model = build()
    for _ in classifier.train(model, digits.images, digits.labels, seed=seed, **recipe):
        pass
    return model


class Way(NamedTuple):
    name: str
    train: Callable[..., tf.keras.Model]
    recipe: dict


WAYS = [
    Way("the article's program: fit, batch 32, 5 epochs", fit, {"num_epochs": 5, "batch_size": 32}),
    Way("batch 256", fit, {"num_epochs": 5, "batch_size": 256}),
    Way("+ learning rate up and down", fit, {"num_epochs": 5, "batch_size": 256, "peak": PEAK_256}),
    Way(
        "+ a whole epoch of steps a call of fit",
        fit,
        {"num_epochs": 5, "batch_size": 256, "peak": PEAK_256, "steps_at_once": 235},
    ),
    Way("instead: resident data, a graph a step", step_by_step, {"num_epochs": 5, "batch_size": 256, "peak": PEAK_256}),
    Way("+ a graph an epoch", train, {"num_epochs": 5, "batch_size": 256, "peak": PEAK_256}),
    Way("+ 4 epochs (ours, as in the chapter)", train, {"num_epochs": 4, "batch_size": 256, "peak": PEAK_256}),
    Way("aside: batch 512, 5 epochs", train, {"num_epochs": 5, "batch_size": 512, "peak": PEAK_512}),
    Way("aside: a graph an epoch alone, batch 32", train, {"num_epochs": 5, "batch_size": 32, "peak": PEAK_32}),
]
CNN = Way("convolutional network", train, {"build": classifier.cnn_model, "augment": classifier.jitter, **RECIPE})


def measure(ways: list[Way], seeds: range, digits: Digits, unseen: Digits) -> dict[str, list[tuple[float, float]]]:
    """(seconds, test accuracy) of each way for each seed; the ways take turns."""
    results = {way.name: [] for way in ways}
    for seed in seeds:
        for way in ways:
            runtime.set_seed(seed)
            began = time.perf_counter()
            model = way.train(digits, seed, **way.recipe)
            seconds = time.perf_counter() - began
            right = classifier.predict(model, unseen.images).argmax(axis=1) == unseen.labels
            results[way.name].append((seconds, float(np.mean(right))))
            print(f"  seed {seed}, {way.name}: {seconds:.2f} s, {np.mean(right):.4f}", flush=True)
    return results


def print_table(results: dict[str, list[tuple[float, float]]]) -> None:
    """One row for each way; the first is what the others are compared with."""
    print(f"\n{'':48} {'seconds':>8} {'faster':>7}   test accuracy, mean ± sd")
    baseline = None
    for name, runs in results.items():
        seconds = statistics.median(run[0] for run in runs)
        baseline = baseline or seconds
        accuracies = [run[1] for run in runs]
        spread = f" ± {statistics.stdev(accuracies):.4f}" if len(runs) > 1 else ""
        print(f"{name:48} {seconds:8.2f} {baseline / seconds:6.1f}x   {statistics.mean(accuracies):.4f}{spread}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the digit classifier against the article's program.")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--cnn", action="store_true", help="add the convolutional network at full scale")
    options = parser.parse_args()
    if options.seeds < 1:
        parser.error(f"--seeds {options.seeds}: at least 1 is needed, 3 is usual")
    threads = runtime.use_threads("large")
    digits, unseen = load_mnist("train"), load_mnist("test")
    if not digits.is_full:
        print("Without all of MNIST, times and accuracies below are those of a sample and compare with nothing else.")
    small = Digits(digits.images[:512], digits.labels[:512], digits.source)
    for way in WAYS:  # TensorFlow's own start-up belongs to no row
        way.train(small, 0, **way.recipe | {"num_epochs": 1})
    print(f"TensorFlow {tf.__version__}, {threads} CPU threads, {len(digits.images):,} images, {options.seeds} seeds")
    print_table(measure(WAYS, range(options.seeds), digits, unseen))
    if options.cnn:
        print_table(measure([CNN], range(options.seeds), digits, unseen))


if __name__ == "__main__":
    main()
