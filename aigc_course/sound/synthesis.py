"""Sound from sines: a tone is a sum of harmonics under an envelope, music is a sum of tones.

Samples are floats in -1..1, `sample_rate_hz` of them a second. Source: additive synthesis, as in Moore 1990.
"""

import math
import numbers
from collections.abc import Sequence

import numpy as np

from aigc_course.sound.scores import STEPS, Score, notes_of

HARMONICS = (
    1.0,
    0.5,
    0.3,
    0.2,
    0.12,
    0.08,
)  # amplitudes of the fundamental and of its multiples: somewhat like an organ
LOWEST_RATE, HIGHEST_RATE = 1000, 192_000
HEADROOM = 0.95  # how loud all voices together can become


class Clipping(ValueError):
    """Samples outside -1..1: a file would cut them off."""


def check_rate(sample_rate_hz: float) -> int:
    """The sample rate as a whole number; ValueError where it is none or out of range."""
    if not isinstance(sample_rate_hz, numbers.Real) or isinstance(sample_rate_hz, bool):
        raise ValueError(f"sample_rate_hz {sample_rate_hz!r} is not a number; 8000 to 44100 are usual")
    rate = float(sample_rate_hz)
    if not math.isfinite(rate) or rate != int(rate) or not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise ValueError(
            f"sample_rate_hz {sample_rate_hz}: expected a whole number from {LOWEST_RATE} to {HIGHEST_RATE}; 8000 to "
            "44100 are usual"
        )
    return int(rate)


def frequency_of(pitch: float) -> float:
    """440 · 2^((pitch - 69) / 12) hertz: MIDI 69 is the A that orchestras tune to, 12 half steps double it."""
    if not math.isfinite(pitch):
        raise ValueError(f"pitch {pitch}: expected a MIDI number, such as 60 for middle C")
    return 440.0 * 2 ** ((pitch - 69) / 12)


def envelope(
    num_samples: int,
    sample_rate_hz: float,
    attack: float = 0.02,
    decay: float = 0.1,
    sustain: float = 0.7,
    release: float = 0.08,
) -> np.ndarray:
    """(num_samples,) loudness of a tone, 0..1: up in `attack` s, down to `sustain` in `decay` s, at the end to 0.

    A tone too short for all of it ends with its release all the same. Raises ValueError for negative times and a
    sustain outside 0..1.
    """
    rate = check_rate(sample_rate_hz)
    if num_samples < 0 or not all(0 <= each < math.inf for each in (attack, decay, release)) or not 0 <= sustain <= 1:
        raise ValueError(
            f"num_samples {num_samples}, attack {attack}, decay {decay}, sustain {sustain}, release {release}: "
            "expected no negative number, and a sustain from 0 to 1"
        )
    t = np.arange(num_samples) / rate
    up = t / attack if attack else np.ones(num_samples)
    down = 1 - (1 - sustain) * np.clip((t - attack) / decay if decay else np.ones(num_samples), 0, 1)
    last = (num_samples / rate - t) / release if release else np.ones(num_samples)
    return np.minimum(up, down) * np.clip(last, 0, 1)


def tone(
    frequency_hz: float, seconds: float, sample_rate_hz: float, harmonics: Sequence[float] = HARMONICS
) -> np.ndarray:
    """(n,) samples of sum_k a_k sin(2 pi k f t) / sum_k |a_k|, never outside -1..1.

    Harmonics at or above half the sample rate are left out: they would come back as wrong, lower tones (aliasing).
    Raises ValueError for a frequency that the sample rate cannot hold, and for no harmonics.
    """
    rate = check_rate(sample_rate_hz)
    if not 0 < frequency_hz < rate / 2:
        raise ValueError(
            f"frequency_hz {frequency_hz}: with {rate} samples a second, only 0 to {rate / 2:g} Hz can be heard"
        )
    if not 0 <= seconds < math.inf:
        raise ValueError(f"seconds {seconds}: expected a length of 0 or more")
    loudest = sum(map(abs, harmonics))
    if not loudest:
        raise ValueError("harmonics are all 0 or missing; the fundamental alone is (1.0,)")
    t = np.arange(round(seconds * rate)) / rate
    samples = np.zeros(len(t))
    for k, amplitude in enumerate(harmonics, start=1):
        if k * frequency_hz < rate / 2:
            samples += amplitude * np.sin(2 * np.pi * k * frequency_hz * t)
    return samples / loudest


def render(score: Score, sample_rate_hz: float = 11025, quarters_per_minute: float = 90.0) -> np.ndarray:
    """(n,) float32 samples of a score, all voices equally loud; together they never leave -1..1.

    Raises ValueError for a sample rate or a tempo out of range.
    """
    rate = check_rate(sample_rate_hz)
    if not 20 <= quarters_per_minute <= 400:
        raise ValueError(f"quarters_per_minute {quarters_per_minute}: expected 20 to 400; 90 is a walking pace")
    step = 60 / quarters_per_minute / STEPS  # seconds
    samples = np.zeros(round(len(score.grid) * step * rate))
    for note in notes_of(score):
        begin, end = round(note.start * step * rate), round((note.start + note.length) * step * rate)
        sound = tone(frequency_of(note.pitch), (end - begin) / rate, rate)
        samples[begin : begin + len(sound)] += sound * envelope(len(sound), rate)
    return (HEADROOM / score.grid.shape[1] * samples).astype(np.float32)


def loudness_limited(samples: np.ndarray, peak: float = HEADROOM) -> np.ndarray:
    """The samples, made quieter as a whole where they reach beyond `peak`; silence and quiet ones stay as they are."""
    highest = float(np.abs(samples).max(initial=0.0))
    return samples if highest <= peak else samples * (peak / highest)
