"""Train the network whose features judge generated digits: python -m tools.train.features [--seed 0]

Writes data/models/digit_features/model.safetensors and its card. Needs all of MNIST; takes about 4 minutes on one core.
"""

import argparse
import time
from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm import tqdm

from aigc_course.images.features import FILE, FOLDER, DigitFeatures, as_inputs, describe
from aigc_course.images.metrics import frechet_distance
from aigc_course.kit import runtime
from aigc_course.kit.datasets import load_mnist
from aigc_course.storage.weights import save_weights
from tools.train.card import MNIST, cpu, settings_of, time_of, write_card

RECIPE = {"num_epochs": 12, "batch_size": 128, "peak": 4e-3, "weight_decay": 0.01}


def jitter(images: Tensor) -> Tensor:
    """Each image moved by up to 2 pixels, turned by up to 0.15, stretched and slanted by up to 0.1, at random.

    images: (batch, 1, 28, 28), paper = -1. Source: Simard, Steinkraus, Platt (2003).
    """
    limits = torch.tensor([2 / 14, 2 / 14, 0.15, 0.1, 0.1, 0.1], device=images.device)  # half an image is 1
    dx, dy, turn, width, height, slant = (limits * (2 * torch.rand(len(images), 6, device=images.device) - 1)).T
    rows = [
        torch.stack([(1 + width) * turn.cos(), slant - (1 + width) * turn.sin(), dx], dim=1),
        torch.stack([(1 + height) * turn.sin(), (1 + height) * turn.cos(), dy], dim=1),
    ]
    grid = F.affine_grid(torch.stack(rows, dim=1), list(images.shape), align_corners=False)
    return F.grid_sample(images + 1, grid, align_corners=False) - 1  # outside lies 0, which is paper


def steps(network: DigitFeatures, images: Tensor, labels: Tensor) -> Iterator[float]:
    """Train in place; yield the loss after each step. images: (n, 28, 28) uint8 and labels (n,), on the device."""
    num_epochs, batch_size = RECIPE["num_epochs"], RECIPE["batch_size"]
    num_batches = len(images) // batch_size
    optimizer = torch.optim.AdamW(network.parameters(), weight_decay=RECIPE["weight_decay"])
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, RECIPE["peak"], total_steps=num_epochs * num_batches, pct_start=0.2, cycle_momentum=False
    )
    network.train()
    for _ in range(num_epochs):
        order = torch.randperm(len(images), device=images.device)[: num_batches * batch_size]
        for chosen in order.split(batch_size):
            batch = jitter(as_inputs(images[chosen])).contiguous(memory_format=torch.channels_last)
            loss = F.cross_entropy(network(batch), labels[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            yield loss.item()
    network.eval()


def measure(network: DigitFeatures, train_images: np.ndarray) -> tuple[float, float]:
    """Accuracy on the test images, and the Fréchet distance of 10,000 training images from them."""
    test = load_mnist("test")
    chosen = np.random.default_rng(0).choice(len(train_images), len(test.images), replace=False)
    real, again = describe(test.images, network), describe(train_images[chosen], network)
    return float(np.mean(real.labels == test.labels)), frechet_distance(real.features, again.features)


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the network whose features judge generated digits.")
    parser.add_argument("--seed", type=int, default=0)
    seed = parser.parse_args().seed
    train_set = load_mnist("train")
    if not train_set.is_full:
        raise SystemExit("the network is trained on all of MNIST, which could not be had; see the line above")
    threads, place = runtime.use_threads("large"), runtime.device()
    runtime.set_seed(seed)
    network = DigitFeatures().to(place).to(memory_format=torch.channels_last)
    images = torch.from_numpy(train_set.images).to(place)
    labels = torch.from_numpy(train_set.labels).long().to(place)
    began = time.perf_counter()
    total = RECIPE["num_epochs"] * (len(images) // RECIPE["batch_size"])
    for loss in (bar := tqdm(steps(network, images, labels), total=total, unit="step")):
        bar.set_postfix(loss=f"{loss:.4f}", refresh=False)
    seconds = time.perf_counter() - began
    folder = runtime.data_folder() / "models" / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    save_weights(network.cpu().to(memory_format=torch.contiguous_format), folder / FILE)
    accuracy, floor = measure(network, train_set.images)
    num_parameters = sum(weights.numel() for weights in network.parameters())
    write_card(folder, "What a small network sees in digits", {
        "task": "judge generated digits: (n, 28, 28) -> 64 features and 10 probabilities per image",
        "network": f"`aigc_course.images.features.DigitFeatures`, {num_parameters:,} parameters; "
        "features before the last ReLU",
        "data": f"{MNIST}, each moved a little at random",
        "recipe": f"{settings_of(RECIPE)}, AdamW, one-cycle learning rate",
        "command": f"`python -m tools.train.features --seed {seed}`",
        "seed": str(seed),
        "time": time_of(
            seconds, cpu(threads) if place == "cpu" else torch.cuda.get_device_name(), f"torch {torch.__version__}"
        ),
        "test accuracy": f"{accuracy:.4f} on the 10,000 test images",
        "Fréchet distance of real images": f"{floor:.3f}: 10,000 random training images against the 10,000 test images",
        "format": "safetensors; read it with `aigc_course.images.features.load_digit_features(folder)`",
        "limits": "MNIST's digits only; its distances compare only with one another, not with those of other features",
        "license": "MIT",
    })  # fmt: skip
    print(f"seed {seed}: test accuracy {accuracy:.4f}, real images {floor:.3f}, {seconds:.0f} s; wrote {folder}")


if __name__ == "__main__":
    main()
