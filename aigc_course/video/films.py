"""Films whose cuts are known: shots of made-up places, joined by hard cuts, mixes and fades through black."""

from typing import NamedTuple

import numpy as np

from aigc_course.synthetic.scenery import scenery
from aigc_course.video.clips import fade, joined, pan, still

HEIGHT, WIDTH, FPS = 72, 96, 25
SHORTEST, LONGEST = 50, 80  # frames of a shot
KINDS = ("cut", "mix", "black")  # how one shot becomes the next
SHOTS = ("still", "pan", "moving", "flash")  # a still camera, one that pans, a ball that crosses, a flash of two frames


class Transition(NamedTuple):
    """Where one shot becomes the next: frame `first` is the last that is all old, `last` the first that is all new."""

    first: int
    last: int
    kind: str  # see KINDS


class Film(NamedTuple):
    """A film and where its shots meet."""

    frames: np.ndarray  # (n, HEIGHT, WIDTH, 3) uint8
    transitions: list[Transition]
    shots: list[str]  # what each of them is, see SHOTS


def film(seed: int, num_shots: int = 6, noise: int = 4) -> Film:
    """A film of `num_shots` shots, the same one for the same seed; ValueError for fewer than one.

    noise: by how much each value may be off, 0..100, as from a camera
    """
    if num_shots < 1 or seed < 0 or not 0 <= noise <= 100:
        raise ValueError(f"num_shots {num_shots}, seed {seed}, noise {noise}: expected at least 1, 0 and 0..100")
    rng = np.random.default_rng(seed)
    transitions, shots = [], []
    frames, place, part = np.empty((0, HEIGHT, WIDTH, 3), np.uint8), 0, 0
    for number in range(num_shots):
        kind = str(rng.choice(SHOTS))
        same_place = number > 0 and rng.random() < 0.3  # the camera is put down elsewhere in it
        place, part = (place, 1 - part) if same_place else (int(rng.integers(2**31)), int(rng.integers(2)))
        shot = shot_of(kind, place, part, int(rng.integers(SHORTEST, LONGEST)), rng)
        shots.append(kind)
        if number == 0:
            frames = shot
            continue
        how = str(rng.choice(KINDS, p=(0.5, 0.25, 0.25)))
        frames, first, last = with_transition(frames, shot, how, int(rng.integers(8, 17)))
        transitions.append(Transition(first, last, how))
    errors = rng.integers(-noise, noise + 1, frames.shape, np.int8)
    return Film(np.clip(frames + errors.astype(np.int16), 0, 255).astype(np.uint8), transitions, shots)


def with_transition(before: np.ndarray, after: np.ndarray, how: str, length: int) -> tuple[np.ndarray, int, int]:
    """Both shots joined, the last frame that is all of the one before and the first that is all of the other."""
    if how == "cut":
        return joined(before, after), len(before) - 1, len(before)
    if how == "mix":
        frames = fade(before, after, length)
        return frames, len(before) - length - 1, len(before)
    half = length // 2
    black = np.zeros((2 * half + 1, HEIGHT, WIDTH, 3), np.uint8)
    frames = fade(fade(before, black, half), after, half)  # down to black for one frame, and up at once
    return frames, len(before) - half - 1, len(before) + half + 1


def shot_of(kind: str, place: int, part: int, num_frames: int, rng: np.random.Generator) -> np.ndarray:
    """A shot (num_frames, HEIGHT, WIDTH, 3) of the left or right part (0, 1) of a made-up place; kind: see SHOTS."""
    half = 5 * WIDTH // 2
    wide = scenery(place, HEIGHT, 2 * half)[:, part * half : (part + 1) * half]
    if kind == "pan":
        way = min(int(num_frames * rng.uniform(0.8, 3.0)), half - WIDTH)  # pixels, up to three a frame
        ends = [(0, 0), (way, 0)]
        begin, end = ends if rng.integers(2) else ends[::-1]
        return pan(wide, HEIGHT, WIDTH, begin, end, num_frames)
    frames = still(wide[:, :WIDTH], num_frames)
    if kind == "flash":
        begin = int(rng.integers(15, num_frames - 15))
        frames[begin : begin + 2] = 255 - (255 - frames[begin : begin + 2]) // 4
    if kind == "moving":
        color, radius, height = rng.integers(0, 256, 3), rng.uniform(6, 12), rng.uniform(20, HEIGHT - 20)
        y, x = np.mgrid[:HEIGHT, :WIDTH]
        for time in range(num_frames):
            middle = -radius + (WIDTH + 2 * radius) * time / num_frames
            frames[time][(x - middle) ** 2 + (y - height) ** 2 < radius**2] = color
    return frames
