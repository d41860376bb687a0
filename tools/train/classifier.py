"""Train the convolutional network that the course ships: python -m tools.train.classifier [--seed 0]

Writes data/models/mnist_cnn/model.safetensors and its card. Needs all of MNIST; takes a few minutes on two cores.
"""

import argparse
import time

import numpy as np
import tensorflow as tf
from tqdm import tqdm

from aigc_course.images import classifier, judging
from aigc_course.kit import runtime
from aigc_course.kit.datasets import load_mnist
from tools.train.card import MNIST, cpu, settings_of, time_of, write_card

RECIPE = {"num_epochs": 10, "batch_size": 128, "peak": 8e-3}


def train_and_measure(seed: int) -> tuple[tf.keras.Model, float, float, float]:
    """Train with one seed; return the model, its test accuracy, its calibration error and the seconds it took."""
    train_set, test = load_mnist("train"), load_mnist("test")
    if not train_set.is_full:
        raise SystemExit("the network is trained on all of MNIST, which could not be had; see the line above")
    runtime.set_seed(seed)
    model = classifier.cnn_model()
    began = time.perf_counter()
    epochs = classifier.train(model, train_set.images, train_set.labels, augment=classifier.jitter, seed=seed, **RECIPE)
    for loss in (bar := tqdm(epochs, total=RECIPE["num_epochs"], unit="epoch")):
        bar.set_postfix(loss=f"{loss:.4f}")
    seconds = time.perf_counter() - began
    probs = classifier.predict(model, test.images)
    accuracy = float(np.mean(probs.argmax(axis=1) == test.labels))
    return model, accuracy, judging.reliability(probs, test.labels).error, seconds


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the convolutional network that the course ships.")
    parser.add_argument("--seed", type=int, default=0)
    seed = parser.parse_args().seed
    threads = runtime.use_threads("large")
    model, accuracy, error, seconds = train_and_measure(seed)
    folder = runtime.data_folder() / "models" / "mnist_cnn"
    folder.mkdir(parents=True, exist_ok=True)
    classifier.save_weights(model, folder / classifier.CNN_FILE)
    write_card(folder, "A small convolutional network for MNIST", {
        "task": "read a handwritten digit: (n, 28, 28) in 0..1 -> (n, 10) probabilities",
        "network": f"`aigc_course.images.classifier.cnn_model()`, {model.count_params():,} parameters",
        "data": f"{MNIST}, each moved a little at random",
        "recipe": f"{settings_of(RECIPE)}, Adam, one-cycle learning rate",
        "command": f"`python -m tools.train.classifier --seed {seed}`",
        "seed": str(seed),
        "time": time_of(seconds, cpu(threads), f"TensorFlow {tf.__version__}"),
        "test accuracy": f"{accuracy:.4f} on the 10,000 test images",
        "expected calibration error": f"{error:.4f} (10 bins)",
        "format": "safetensors; read it with `aigc_course.images.classifier.load_cnn(folder)`",
        "limits": "single digits, centered as MNIST's are (`aigc_course.images.judging.prepare_drawing`); nothing else",
        "license": "MIT",
    })  # fmt: skip
    print(f"seed {seed}: test accuracy {accuracy:.4f}, calibration error {error:.4f}, {seconds:.0f} s; wrote {folder}")


if __name__ == "__main__":
    main()
