"""Editing film that is an array: one after the other, cuts, fades, pans and cards. Times are counted in frames.

A clip is (n, height, width, 3), uint8. Every function returns a new clip and leaves what it was given alone.
"""

from collections.abc import Sequence

import numpy as np


def check_clip(frames: np.ndarray, name: str = "the clip") -> np.ndarray:
    """The clip itself; ValueError, with what to do, for what is none."""
    if not isinstance(frames, np.ndarray):
        raise ValueError(
            f"{name} is a {type(frames).__name__}; expected one array (n, height, width, 3). A list of frames of one "
            "size becomes one by np.stack(frames)"
        )
    if frames.dtype != np.uint8:
        raise ValueError(f"{name} is {frames.dtype}; expected uint8. For 0..1 use (255 * x).round().astype(np.uint8)")
    if frames.ndim != 4 or frames.shape[3] != 3:
        raise ValueError(f"{name} has the shape {frames.shape}; expected (n, height, width, 3); `colored` inks gray")
    if 0 in frames.shape:
        raise ValueError(f"{name} has the shape {frames.shape}, so there is nothing to see; give at least one frame")
    return frames


def check_length(count: int, name: str, least: int = 1, most: int | None = None) -> None:
    """ValueError unless a number of frames is whole and in its range."""
    if isinstance(count, bool) or not isinstance(count, int | np.integer) or count < least:
        raise ValueError(f"{name} {count!r}: expected a whole number of frames, at least {least}")
    if most is not None and count > most:
        raise ValueError(f"{name} {count}: the clip has only {most} frames for it; ask for fewer, or take a longer one")


def colored(frames: np.ndarray, ink: Sequence[int] = (0, 0, 0), paper: Sequence[int] = (255, 255, 255)) -> np.ndarray:
    """Gray frames (n, height, width), 0 paper .. 1 ink, in two colors: (n, height, width, 3) uint8."""
    frames = np.asarray(frames)
    if frames.ndim != 3 or not np.issubdtype(frames.dtype, np.floating) or not frames.size:
        raise ValueError(f"frames {frames.dtype} {frames.shape}: expected floats (n, height, width) in 0..1")
    share = np.clip(frames, 0, 1)[..., None]
    return (share * np.asarray(ink) + (1 - share) * np.asarray(paper)).round().astype(np.uint8)


def enlarged(frames: np.ndarray, factor: int) -> np.ndarray:
    """Each pixel becomes factor x factor of them; (n, h, w, ...) -> (n, factor h, factor w, ...)."""
    check_length(factor, "factor")
    return frames.repeat(factor, axis=1).repeat(factor, axis=2)


def still(picture: np.ndarray, num_frames: int) -> np.ndarray:
    """A picture (height, width, 3) that stands still: a title card, for one."""
    check_length(num_frames, "num_frames")
    return np.repeat(check_clip(np.asarray(picture)[None], "the picture"), num_frames, axis=0)


def cut(frames: np.ndarray, begin: int, end: int) -> np.ndarray:
    """The frames from `begin` up to, not including, `end`."""
    check_clip(frames)
    if not 0 <= begin < end <= len(frames):
        raise ValueError(f"cut from {begin} to {end}: expected 0 <= begin < end <= {len(frames)}, the clip's length")
    return frames[begin:end].copy()


def joined(*clips: np.ndarray) -> np.ndarray:
    """One clip after the other, with hard cuts between them."""
    check_same_size(clips)
    return np.concatenate(clips)


def check_same_size(clips: Sequence[np.ndarray]) -> None:
    """ValueError unless there are clips and all their frames have one size."""
    if not clips:
        raise ValueError("there is no clip to join; give at least one")
    for number, clip in enumerate(clips, start=1):
        check_clip(clip, f"clip {number}")
    sizes = list(dict.fromkeys(clip.shape[1:3] for clip in clips))
    if len(sizes) > 1:
        raise ValueError(
            f"the clips have frames of different sizes, height x width: {', '.join(f'{h} x {w}' for h, w in sizes)}; "
            "bring them to one size with `fitted` first"
        )


def fitted(frames: np.ndarray, height: int, width: int, color: Sequence[int] = (255, 255, 255)) -> np.ndarray:
    """The frames in the middle of larger ones of this size; ValueError where they are larger themselves."""
    check_clip(frames)
    top, left = (height - frames.shape[1]) // 2, (width - frames.shape[2]) // 2
    if top < 0 or left < 0:
        raise ValueError(f"frames of {frames.shape[1]} x {frames.shape[2]} do not fit into {height} x {width}")
    larger = np.empty((len(frames), height, width, 3), np.uint8)
    larger[:] = np.asarray(color, np.uint8)
    larger[:, top : top + frames.shape[1], left : left + frames.shape[2]] = frames
    return larger


def fade(first, second, num_frames):
    """From one clip to another: over `num_frames`, the end of the first and the start of the second are mixed.

    The result is `num_frames` shorter than both together. A fade from or to black is one with a black clip.
    """
    check_same_size([first, second])
    check_length(num_frames, "num_frames", most=min(len(first), len(second)))
    share = (np.arange(1, num_frames + 1) / (num_frames + 1))[:, None, None, None]  # of the second, above 0, below 1
    mixed = (1 - share) * first[-num_frames:] + share * second[:num_frames]
    return np.concatenate([first[:-num_frames], mixed.round().astype(np.uint8), second[num_frames:]])


def pan(picture, height, width, begin, end, num_frames):
    """A window of height x width that glides over a larger picture (h, w, 3), from `begin` to `end`, both (x, y).

    Whole pixels; ValueError where the window would leave the picture.
    """
    check_clip(np.asarray(picture)[None], "the picture")
    check_length(num_frames, "num_frames")
    corners = np.linspace(begin, end, num_frames).round().astype(int)  # (num_frames, 2)
    room = (picture.shape[1] - width, picture.shape[0] - height)
    if corners.min() < 0 or not (corners <= room).all():
        raise ValueError(f"pan from {begin} to {end}: expected x in 0..{room[0]} and y in 0..{room[1]}")
    return np.stack([picture[y : y + height, x : x + width] for x, y in corners])
