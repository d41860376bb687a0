"""Clips of a digit that moves with constant velocity and bounces off the walls; where it is, is known to the fraction.

What bounces is the box of its ink, so a bounce is seen. Source of the idea: Srivastava, Mansimov, Salakhutdinov 2015,
Unsupervised Learning of Video Representations using LSTMs (their clips have two digits of 28 x 28 on 64 x 64).
"""

from typing import NamedTuple

import numpy as np

INK = 0.1  # of white: what is darker belongs to the paper


class MovingDigits(NamedTuple):
    """Clips with their truth; x runs to the right and y down, in pixels, velocities in pixels per frame."""

    frames: np.ndarray  # (n, num_frames, side, side) float32, 0 paper .. 1 ink
    labels: np.ndarray  # (n,) which digit
    places: np.ndarray  # (n, num_frames, 2) x, y of the upper left corner of the ink's box
    velocities: np.ndarray  # (n, num_frames, 2) x, y at this frame
    bounces: np.ndarray  # (n, num_frames) bool: whether a wall was met since the frame before
    sizes: np.ndarray  # (n, 2) width and height of the ink's box


def moving_digits(
    images: np.ndarray,
    labels: np.ndarray,
    count: int,
    num_frames: int = 9,
    seed: int = 0,
    side: int = 32,
    speeds: tuple[float, float] = (1.0, 3.0),
) -> MovingDigits:
    """`count` clips of digits drawn from `images`, the same ones for the same seed.

    images (m, height, width) uint8 smaller than side x side, labels (m,);  speeds: pixels per frame, lowest and highest
    Between pixels a digit is drawn by linear interpolation, which keeps the middle of its ink where it belongs.
    ValueError for images that do not fit, fewer than one clip or frame, and speeds that let it cross a room in a frame.
    """
    check(images, labels, count, num_frames, seed, side, speeds)
    rng = np.random.default_rng(seed)
    rows = rng.integers(len(images), size=count)
    angles, speed = rng.uniform(0, 2 * np.pi, count), rng.uniform(*speeds, count)
    starts, velocities = rng.uniform(0, 1, (count, 2)), np.stack([np.cos(angles), np.sin(angles)], axis=1)
    velocities *= speed[:, None]
    frames = np.zeros((count, num_frames, side, side), np.float32)
    places, moving = np.empty((count, num_frames, 2)), np.empty((count, num_frames, 2))
    bounces, sizes = np.zeros((count, num_frames), bool), np.empty((count, 2), int)
    times = np.arange(num_frames)[:, None]
    for number, row in enumerate(rows):
        ink = ink_of(images[row])
        sizes[number] = ink.shape[::-1]
        room = side - sizes[number]  # how far the corner of the box can go
        places[number], walls = folded(starts[number] * room + times * velocities[number], room)
        moving[number] = velocities[number] * (-1.0) ** walls
        bounces[number, 1:] = (np.diff(walls, axis=0) != 0).any(axis=1)
        for time in range(num_frames):
            draw(frames[number, time], ink, places[number, time])
    return MovingDigits(frames, np.asarray(labels)[rows], places, moving, bounces, sizes)


def halved(images: np.ndarray) -> np.ndarray:
    """(n, height, width) uint8 with even sides -> (n, height / 2, width / 2) uint8: each pixel the mean of four."""
    n, height, width = images.shape
    if images.dtype != np.uint8 or height % 2 or width % 2:
        raise ValueError(f"images {images.dtype} {images.shape}: expected uint8 with even sides, such as (n, 28, 28)")
    return images.reshape(n, height // 2, 2, width // 2, 2).mean(axis=(2, 4)).round().astype(np.uint8)


def ink_of(image: np.ndarray) -> np.ndarray:
    """The box of the ink of a uint8 image, as floats 0..1; ValueError where there is none."""
    values = image / 255
    rows, columns = np.flatnonzero((values > INK).any(axis=1)), np.flatnonzero((values > INK).any(axis=0))
    if not rows.size:
        raise ValueError("an image without ink cannot be seen to move; leave it out")
    return values[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def folded(way: np.ndarray, room: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A straight way (..., 2) as it is between walls at 0 and `room`, and how many walls were met until then.

    Reflection is folding: walk on behind the wall as in a mirror, then fold the paper back.
    """
    walls = np.floor(way / room)
    return room - np.abs(room - way % (2 * room)), walls


def draw(frame: np.ndarray, ink: np.ndarray, place: np.ndarray) -> None:
    """Add the ink to a frame with its upper left corner at `place`, x and y, by linear interpolation."""
    (left, top), (height, width) = np.floor(place).astype(int), ink.shape
    right, down = place - (left, top)
    for rows, share_of_rows in ((top, 1 - down), (top + 1, down)):
        for columns, share in ((left, share_of_rows * (1 - right)), (left + 1, share_of_rows * right)):
            if share > 0:  # what has no share may lie outside
                frame[rows : rows + height, columns : columns + width] += share * ink


def check(images, labels, count, num_frames, seed, side, speeds) -> None:  # noqa: ANN001  as in moving_digits
    """ValueError, with what to do, for what `moving_digits` cannot draw."""
    if not isinstance(images, np.ndarray) or images.dtype != np.uint8 or images.ndim != 3 or not len(images):
        kind = f"{images.dtype} {images.shape}" if isinstance(images, np.ndarray) else type(images).__name__
        raise ValueError(f"images {kind}: expected uint8 (n, height, width) with at least one digit")
    if len(labels) != len(images):
        raise ValueError(f"{len(labels)} labels for {len(images)} images: expected one each")
    if count < 1 or num_frames < 1 or seed < 0:
        raise ValueError(f"count {count}, num_frames {num_frames}, seed {seed}: expected at least 1, 1 and 0")
    least = side - max(images.shape[1:])
    if least < 4:
        raise ValueError(f"images {images.shape[1:]} have no room to move on {side} x {side}; use a larger side")
    if not 0 <= speeds[0] <= speeds[1] < least:
        raise ValueError(f"speeds {speeds}: expected two numbers, 0 <= lowest <= highest < {least} pixels per frame")
