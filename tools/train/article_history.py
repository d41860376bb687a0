"""Train the article's GAN by the article's own loop and keep what a chapter shows of it.

    python -m tools.train.article_history [--epochs 50]

Writes data/article_gan_history.npz after every epoch: the four numbers that the article prints, sixteen drawn images
from always the same noise, the Fréchet distance and the shares of the classes. Needs all of MNIST; an epoch takes one
to two minutes on one core. Started again, it goes on from its checkpoint (build/article_history.checkpoint).
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from aigc_course.gan.article import (
    BATCH_SIZE,
    LEARNING_RATE,
    Discriminator,
    Generator,
    article_optimizers,
    article_steps,
)
from aigc_course.gan.generators import draw
from aigc_course.images.features import FOLDER, describe, load_digit_features
from aigc_course.images.metrics import class_shares, frechet_distance
from aigc_course.kit import runtime
from aigc_course.kit.datasets import load_mnist
from aigc_course.storage import checkpoints
from aigc_course.storage.files import replacing
from tools.authoring.notebooks import ROOT

HISTORY = runtime.data_folder() / "article_gan_history.npz"
NAMES = ("d_loss", "g_loss", "real_score", "fake_score")
PARTS = 7  # of an epoch of 938 steps; the means over each become a point of the curves
NUM_SHOWN, NUM_JUDGED = 16, 1000
STEP = 17  # between two of the 16 shades that pixels are rounded to


def batches(images: np.ndarray) -> Iterator[tuple[Tensor, Tensor]]:
    """One epoch of what the article's loader yields: shuffled batches of images in -1..1; labels are 0, unused."""
    for chosen in torch.randperm(len(images)).split(BATCH_SIZE):
        yield (torch.from_numpy(images[chosen.numpy()]).unsqueeze(1) / 255 - 0.5) / 0.5, torch.zeros(len(chosen))


def means_over_parts(rows: list[dict[str, float]]) -> np.ndarray:
    """(PARTS, 4) float32: an epoch's curves."""
    values = np.array([[row[name] for name in NAMES] for row in rows])
    return np.array([part.mean(axis=0) for part in np.array_split(values, PARTS)], np.float32)


class Watcher:
    """Judges a generator against validation images: every second one of the test set."""

    def __init__(self) -> None:
        self.reader = load_digit_features(runtime.data_folder() / "models" / FOLDER)
        self.real = describe(load_mnist("test").images[::2][:NUM_JUDGED], self.reader)

    def look(self, G: nn.Module) -> dict[str, np.ndarray]:
        """What one epoch adds to the history, beside the curves."""
        drawn = describe(draw(G, NUM_JUDGED, seed=0), self.reader)
        return {
            "frechet": np.array(frechet_distance(self.real.features, drawn.features), np.float32),
            "shares": class_shares(drawn.labels).astype(np.float32),
            "images": (np.round(draw(G, NUM_SHOWN, seed=0) / STEP) * STEP).astype(np.uint8),
        }


def record(history: dict[str, np.ndarray], **new: np.ndarray) -> dict[str, np.ndarray]:
    """The history with one more epoch."""
    return {
        name: np.concatenate([history[name], value[None]]) if history else value[None] for name, value in new.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Record the article's GAN in training.")
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--checkpoint", type=Path, default=ROOT / "build" / "article_history.checkpoint")
    options = parser.parse_args()
    runtime.use_threads("large")
    torch.manual_seed(0)
    images, G, D, watcher = load_mnist("train").images, Generator(), Discriminator(), Watcher()
    optimizers = dict(zip("GD", article_optimizers(G, D), strict=True))
    options.checkpoint.parent.mkdir(parents=True, exist_ok=True)
    about = {"config": {"learning_rate": LEARNING_RATE, "batch_size": BATCH_SIZE, "images": len(images)}}
    done = checkpoints.resume(options.checkpoint, {"G": G, "D": D}, optimizers, about)
    history = dict(np.load(HISTORY)) if done else {}
    if not done:
        blank = np.full((PARTS, len(NAMES)), np.nan, np.float32)
        history = record({}, curves=blank, **watcher.look(G))  # before the first epoch
    history = {name: values[: done + 1] for name, values in history.items()}
    for epoch in range(done, options.epochs):
        rows = list(article_steps(G, D, batches(images), 1, (optimizers["G"], optimizers["D"])))
        history = record(history, curves=means_over_parts(rows), **watcher.look(G))
        with replacing(HISTORY) as file:
            np.savez_compressed(file, **history)  # pyright: ignore[reportArgumentType]: none is called allow_pickle
        checkpoints.save(options.checkpoint, {"G": G, "D": D}, optimizers, {"step": epoch + 1, **about})
        last = ", ".join(f"{name}: {rows[-1][name]:.4f}" for name in NAMES)
        print(
            f"Epoch [{epoch + 1}/{options.epochs}], {last}; Fréchet distance {history['frechet'][-1]:.1f}", flush=True
        )


if __name__ == "__main__":
    main()
