"""What a small network, its weights in a file, sees in images of digits: features and probabilities to judge by."""

import math
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aigc_course.images.precision import check_precision
from aigc_course.storage.weights import load_weights

FOLDER, FILE = "digit_features", "model.safetensors"  # the folder in data/models, and the weights in it
MAKE = "python -m tools.train.features"  # what writes that file
NUM_FEATURES = 64


class DigitFeatures(nn.Module):
    """Images (n, 1, 28, 28) in -1..1 -> logits (n, 10): three convolutions, 64 features, 228,874 parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(
            *convolution(1, 32, 4, stride=2, padding=1),  # (n, 32, 14, 14)
            *convolution(32, 64, 3, padding=1), nn.MaxPool2d(2),  # (n, 64, 7, 7)
            *convolution(64, 96, 3), nn.Flatten(),  # (n, 2400)
        )  # fmt: skip
        self.project = nn.Linear(2400, NUM_FEATURES, bias=False)  # the norm takes any bias off again
        self.norm = nn.BatchNorm1d(NUM_FEATURES, affine=False)
        self.classify = nn.Linear(NUM_FEATURES, 10)

    def features(self, images: Tensor) -> Tensor:
        """The layer before the last, before its ReLU: (n, 64), each about 0 ± 1 over the training images."""
        check_precision("images", images, self.project.weight)
        return self.norm(self.project(self.convolutions(images)))

    def forward(self, images: Tensor) -> Tensor:
        return self.classify(F.relu(self.features(images)))


def convolution(inputs: int, outputs: int, size: int, stride: int = 1, padding: int = 0) -> list[nn.Module]:
    """A convolution, batch normalization and ReLU."""
    convolve = nn.Conv2d(inputs, outputs, size, stride, padding, bias=False)
    return [convolve, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]


class Description(NamedTuple):
    """What the network says of images."""

    features: np.ndarray  # (n, 64) float32
    probs: np.ndarray  # (n, 10) float32, rows sum to 1
    labels: np.ndarray  # (n,) int64, the likeliest digit


def load_digit_features(folder: str | Path) -> DigitFeatures:
    """The network with the weights in `folder`, such as data/models/digit_features, in eval mode on the CPU.

    Raises FileNotFoundError without the file; ValueError for one that is cut short, a pickle, or another network's.
    """
    path = Path(folder) / FILE
    advice = f"copy or download it again, or run {MAKE}"
    with torch.random.fork_rng(devices=[]):  # a training that measures itself goes on with the same random numbers
        network = DigitFeatures()
    load_weights(network, path, advice)
    if broken := [name for name, weight in network.state_dict().items() if not torch.isfinite(weight).all()]:
        raise ValueError(f"{path}: {broken[0]} holds NaN or infinity; {advice}")
    return network.eval()


def as_inputs(images: np.ndarray | Tensor) -> Tensor:
    """Images as networks take them: (n, 1, 28, 28) float32 in -1..1, -1 = paper, 1 = ink; a tensor stays on its device.

    images: (n, 28, 28) or (n, 1, 28, 28), uint8 in 0..255, or floats in -1..1
    Raises TypeError for another dtype; ValueError for another shape, no images, NaN, floats outside -1..1, and floats
    none of which is below 0: they look like 0..1, for in -1..1 paper is -1 and every image has some.
    """
    images = images if isinstance(images, Tensor) else torch.from_numpy(numeric(np.asarray(images)))
    if images.dtype != torch.uint8 and not images.is_floating_point():
        raise TypeError(f"the images are {images.dtype}; expected uint8 in 0..255 or floats in -1..1")
    if tuple(images.shape[1:]) not in ((28, 28), (1, 28, 28)) or not len(images):
        raise ValueError(
            f"the images have the shape {tuple(images.shape)}; expected (n, 28, 28) or (n, 1, 28, 28), n at least 1: "
            "one is image[None]"
        )
    if images.dtype == torch.uint8:
        if images.max() == 1 and images.float().mean() > 0.02:  # more than the haze on nearly white paper
            raise ValueError("the images contain only 0 and 1; expected uint8 in 0..255: give them as images * 255")
        return (images.float() / 127.5 - 1).view(-1, 1, 28, 28)
    low, high = images.min().item(), images.max().item()
    if not (low >= -1 and high <= 1):  # also for NaN
        guess = "; NaN comes from a training that has diverged" if math.isnan(low) else ""
        if low >= 0 and high <= 255:
            guess = "; they look like 0..255: give them as uint8, or images / 127.5 - 1"
        raise ValueError(f"the images hold {low:g} .. {high:g}; floats must be in -1..1, as a tanh gives them{guess}")
    if low >= 0:
        raise ValueError(
            f"the images hold {low:g} .. {high:g}: no paper, which is -1 in floats of -1..1. If theirs is 0, give them "
            "as images * 2 - 1; a generator that leaves no paper has diverged"
        )
    return images.float().reshape(-1, 1, 28, 28)


def numeric(array: np.ndarray) -> np.ndarray:
    """The same array as torch can take it, uint8 or float32; TypeError for other kinds."""
    if array.dtype != np.uint8 and array.dtype.kind != "f":
        raise TypeError(f"the images are {array.dtype}; expected uint8 in 0..255 or floats in -1..1")
    single = array if array.dtype == np.uint8 else array.astype(np.float32)
    return np.require(single, requirements=["C", "W"])


def as_images(outputs: np.ndarray | Tensor) -> np.ndarray:
    """What a generator gives, as images: (n, 28, 28) uint8, 0 = paper, 255 = ink.

    Takes and refuses what `as_inputs` does. Rounds and never clips: numbers outside -1..1 are an error.
    """
    outputs = outputs.detach() if isinstance(outputs, Tensor) else outputs
    return ((as_inputs(outputs)[:, 0] + 1) * 127.5).round().to(torch.uint8).cpu().numpy()


@torch.no_grad()
def describe(images: np.ndarray | Tensor, network: DigitFeatures, batch_size: int = 1000) -> Description:
    """Features, probabilities and labels of images, the same ones each time; images as for `as_inputs`.

    network: on any device. Raises what `as_inputs` raises, ValueError for no batch.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size {batch_size}: expected at least 1")
    device, was_training = next(network.parameters()).device, network.training
    network.eval()  # a batch must not change what is said of an image, nor the network
    features = torch.cat([network.features(batch.to(device)) for batch in as_inputs(images).split(batch_size)])
    network.train(was_training)
    probs = network.classify(F.relu(features)).softmax(dim=1).cpu().numpy()
    return Description(features.cpu().numpy(), probs, probs.argmax(axis=1))
