"""Digits with captions: what a text-to-image model learns from, and how it is told a caption.

Real digits all have one size, so that half of them are made smaller; then everything is measured, and said in words.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from aigc_course.images.attributes import INK, measure
from aigc_course.images.captions import VALUES, Caption, all_captions, captions_of
from aigc_course.images.features import DigitFeatures, describe
from aigc_course.images.judging import prepare_drawing

SIDE = 28
SMALLEST = 13  # pixels of the side to which an image is shrunk at most: a digit of 20 becomes one of 9
TOKENS = {value: 10 + number for number, value in enumerate(v for values in VALUES.values() for v in values)}
NUM_TOKENS = 10 + len(TOKENS)  # the digits, and a token for each value; a network takes NUM_TOKENS for "nothing said"
NOTHING = NUM_TOKENS
UNSEEN = frozenset([caption for caption in all_captions() if None not in caption][::5])  # no model learns from these


def tokens_of(captions: Sequence[Caption]) -> Tensor:
    """What a network is told of each caption: its digit, size, stroke and slant, or NOTHING; (n, 4) whole numbers."""
    rows = [[caption.digit, *(TOKENS.get(said or "", NOTHING) for said in caption[1:])] for caption in captions]
    return torch.tensor(rows, dtype=torch.long).reshape(-1, 4)


def shrink(images: np.ndarray, sides: np.ndarray) -> np.ndarray:
    """Each image made smaller, in the middle of a sheet as large as before; (n, 28, 28) uint8.

    sides: (n,) whole numbers in 1..28, the pixels that the whole sheet of 28 becomes;  ValueError for anything else
    """
    images, sides = np.asarray(images), np.asarray(sides)
    if images.dtype != np.uint8 or images.shape[1:] != (SIDE, SIDE) or sides.shape != (len(images),):
        raise ValueError(f"images {images.dtype} {images.shape}, sides {sides.shape}: expected uint8 (n, 28, 28), (n,)")
    if sides.dtype.kind not in "iu" or not ((sides >= 1) & (sides <= SIDE)).all():
        raise ValueError(f"sides {sides.dtype} {sides.min()} .. {sides.max()}: expected whole numbers from 1 to {SIDE}")
    sheets = images.copy()
    for side in np.unique(sides[sides < SIDE]):
        rows = np.flatnonzero(sides == side)
        small = torch.nn.functional.interpolate(
            torch.from_numpy(images[rows, None]).float(), size=(int(side),) * 2, mode="bilinear", antialias=True
        )
        first = (SIDE - side) // 2
        sheets[rows] = 0
        sheets[rows, first : first + side, first : first + side] = small[:, 0].round().clamp(0, 255).byte().numpy()
    return sheets


def captioned(images: np.ndarray, digits: np.ndarray, seed: int = 0) -> tuple[np.ndarray, list[Caption]]:
    """Half of the images made smaller at random, and what can be said of each; (m, 28, 28) uint8, m captions.

    images: (n, 28, 28) uint8, as of MNIST;  digits: (n,) what they show. Raises what `shrink` and `measure` raise.
    Images with a caption of UNSEEN are left out, so that a model can be asked for what it never saw together.
    """
    rng = np.random.default_rng(seed)
    sides = np.where(rng.random(len(images)) < 0.5, SIDE, rng.integers(SMALLEST, SIDE, len(images)))
    sheets = shrink(images, sides)
    captions = captions_of(measure(sheets), digits)
    seen = [number for number, caption in enumerate(captions) if caption not in UNSEEN]
    return sheets[seen], [captions[number] for number in seen]


def seen_in(images: np.ndarray, reader: DigitFeatures) -> list[Caption | None]:
    """What can be said of drawn images: attributes as they are measured, digits read at MNIST's usual size.

    images: (n, 28, 28) uint8;  reader: as `features.load_digit_features` gives it;  None for an image without ink
    """
    inked = np.flatnonzero(images.max(axis=(1, 2)) >= INK * 255)
    seen: list[Caption | None] = [None] * len(images)
    if len(inked):
        usual = np.stack([prepare_drawing(image / np.float32(255)) for image in images[inked]])
        digits = describe(np.round(usual * 255).astype(np.uint8), reader).labels
        for number, caption in zip(inked, captions_of(measure(images[inked]), digits), strict=True):
            seen[number] = caption
    return seen
