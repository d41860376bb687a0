"""The short film of chapter 6.3, put together from arrays: cards, digits that a model continues, an edit; its sound.

Cards and captions come in as pictures: whoever draws them knows the fonts.
"""

from collections.abc import Sequence

import numpy as np

from aigc_course.video.clips import colored, enlarged, fade, joined, still

FPS, BEATS_PER_MINUTE = 12, 90  # so that a beat is 8 frames long
WIDTH, HEIGHT = 320, 240
BLUE, RED = (0, 114, 178), (213, 94, 0)  # ink of what was given, of what the model continued
FADE = 4  # frames


def digit_shot(
    known: np.ndarray, predicted: np.ndarray, caption_known: np.ndarray, caption_predicted: np.ndarray, factor: int = 3
) -> np.ndarray:
    """Digits side by side, blue as long as they are given and red once a model continues them, a caption below.

    known (k, m, 32, 32), predicted (k, n, 32, 32): floats, 0 paper to 1 ink;  captions (h, WIDTH, 3) uint8
    -> (m + n, HEIGHT, WIDTH, 3) uint8
    """
    parts = []
    for frames, caption, ink in ((known, caption_known, BLUE), (predicted, caption_predicted, RED)):
        part = np.full((frames.shape[1], HEIGHT, WIDTH, 3), 255, np.uint8)
        part[:, HEIGHT - len(caption) :] = caption
        size, gap = factor * frames.shape[-1], (WIDTH - len(frames) * factor * frames.shape[-1]) // (len(frames) + 1)
        for number, clip in enumerate(frames):
            top, left = (HEIGHT - len(caption) - size) // 2, gap + number * (size + gap)
            part[:, top - 2 : top + size + 2, left - 2 : left + size + 2] = ink  # a frame of two pixels around it
            part[:, top : top + size, left : left + size] = enlarged(colored(clip, ink), factor)
        parts.append(part)
    return joined(*parts)


def whole_film(
    title: np.ndarray,
    digits: np.ndarray,
    edit: np.ndarray,
    ending: np.ndarray,
    title_frames: int = 28,
    ending_frames: int = 24,
) -> np.ndarray:
    """Title card, digits, edit, last card: a mix, a hard cut on a beat, a mix; (n, HEIGHT, WIDTH, 3)"""
    opening = fade(still(title, title_frames), digits, FADE)
    return fade(joined(opening, edit), still(ending, ending_frames), FADE)


def soundtrack(
    music: np.ndarray, spoken: Sequence[tuple[float, np.ndarray]], seconds: float, sample_rate: int
) -> np.ndarray:
    """Music, quieter while somebody speaks, and what is spoken, each from its second on; (seconds * rate,) float32

    music, spoken: floats in -1..1 at `sample_rate`. What is longer than the film is faded out; the sum stays in -1..1.
    """
    length = round(seconds * sample_rate)
    sound, loudness, speech = np.zeros(length), np.ones(length), np.zeros(length)
    sound[: len(music)] = music[:length]
    for begin, samples in spoken:
        first = round(begin * sample_rate)
        inside = samples[: max(length - first, 0)]
        speech[first : first + len(inside)] += inside
        loudness[first : first + len(inside)] = 0.3
    slow = max(1, sample_rate // 10)  # the music grows and shrinks within a tenth of a second
    wider = np.pad(loudness, (slow // 2, slow - 1 - slow // 2), mode="edge")
    loudness = np.convolve(wider, np.ones(slow) / slow, "valid")
    sound = sound * loudness + speech
    end = min(length, sample_rate // 2)
    sound[length - end :] *= np.linspace(1, 0, end)
    return (sound / max(1.0, np.abs(sound).max(initial=0.0) / 0.95)).astype(np.float32)
