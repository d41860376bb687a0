"""Speech: espeak-ng says a sentence, offline; a small network hears which digit was said.

espeak-ng (GPL-3) is an extra, `pip install "aigc_course[speech]"`: it is called as a library and is no part of the
course. Its voices are computed, not recorded.
"""

import ctypes
import threading
import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aigc_course.sound.spectrogram import log_mel
from aigc_course.sound.synthesis import check_rate

SCRIPTS = {"en": "LATIN", "zh": "CJK"}  # which letters the voices of a language speak
LANGUAGES = {"en": "en-us", "zh": "cmn"}  # espeak-ng's names
DIGITS = {
    "en": ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    "zh": ("零", "一", "二", "三", "四", "五", "六", "七", "八", "九"),
}
VARIANTS = (*(f"m{n}" for n in range(1, 9)), *(f"f{n}" for n in range(1, 6)), "klatt", "klatt2", "klatt3", "klatt4")
RATE_HZ, NUM_FRAMES, NUM_MELS = 8000, 32, 20  # of what the recognizer hears
WINDOW, HOP = 320, 160  # 40 ms, 20 ms
LEVELS, SPREAD = 16, 3.0  # a stored spectrogram has so many shades, from -SPREAD to SPREAD


class NoVoice(RuntimeError):
    """espeak-ng is not installed, or it cannot be used; the message says how to get it."""


@dataclass(frozen=True)
class Voice:
    """Who speaks, and how; ValueError for settings out of range."""

    language: str = "en"  # a key of LANGUAGES
    variant: str = ""  # one of VARIANTS; empty: espeak-ng's own
    words_per_minute: int = 160
    pitch: int = 50  # 0 to 100
    accent: str = ""  # another voice of espeak-ng in the place of the language's, such as "en-gb-scotland"

    def __post_init__(self) -> None:
        if self.language not in LANGUAGES:
            raise ValueError(f"language {self.language!r}: expected one of {', '.join(LANGUAGES)}")
        if self.variant and self.variant not in VARIANTS:  # espeak-ng would take its own without a word
            raise ValueError(f"variant {self.variant!r}: expected one of {', '.join(VARIANTS)}, or an empty text")
        if not 80 <= self.words_per_minute <= 450 or not 0 <= self.pitch <= 100:
            raise ValueError(
                f"words_per_minute {self.words_per_minute}, pitch {self.pitch}: expected 80 to 450 and 0 to 100"
            )

    @property
    def name(self) -> str:
        """As espeak-ng is asked for it."""
        base = self.accent or LANGUAGES[self.language]
        return f"{base}+{self.variant}" if self.variant else base


def check_script(text: str, language: str) -> None:
    """ValueError for a text without letters, or with letters that a voice of this language does not speak."""
    letters = [letter for letter in text if letter.isalpha()]
    if not letters and not any(letter.isdigit() for letter in text):
        raise ValueError(f"text {text!r:.40}: there is nothing to say; give at least one word")
    other = [each for each in letters if not unicodedata.name(each, "").startswith(SCRIPTS[language])]
    if other:
        shown = "".join(dict.fromkeys(other))[:20]
        other_language = {"en": "zh", "zh": "en"}[language]
        raise ValueError(
            f'a voice of language "{language}" does not speak "{shown}": write the text in its script, or take '
            f'Voice("{other_language}") if that is its language'
        )


def has_voice() -> bool:
    """Whether espeak-ng is there."""
    try:
        engine()
    except NoVoice:
        return False
    return True


def say(text: str, voice: Voice | None = None) -> tuple[np.ndarray, int]:
    """(samples (n,) float32 in -1..1, sample rate) of a text that is read aloud.

    Raises NoVoice without espeak-ng, ValueError for a text in a script that the voice does not speak and for a voice
    that espeak-ng does not have.
    """
    voice = voice or Voice()
    check_script(text, voice.language)
    return engine().say(text, voice)


@cache
def engine() -> "Engine":
    """espeak-ng, started once; NoVoice where it is missing."""
    return Engine()


class Engine:
    """espeak-ng's library, called through ctypes. Names and numbers are those of its speak_lib.h."""

    AUDIO_OUTPUT_RETRIEVAL, UTF8, RATE, PITCH = 1, 1, 1, 3

    def __init__(self) -> None:
        try:
            import espeakng_loader  # pyright: ignore[reportMissingImports]  an extra

            self.library = ctypes.CDLL(espeakng_loader.get_library_path())
            data = espeakng_loader.get_data_path()
        except (ImportError, OSError) as error:
            raise NoVoice(
                f'espeak-ng is not there ({error}); pip install espeakng-loader, or "aigc_course[speech]"'
            ) from error
        self.rate = self.library.espeak_Initialize(self.AUDIO_OUTPUT_RETRIEVAL, 0, str(data).encode(), 0)
        if self.rate <= 0:
            raise NoVoice(f"espeak-ng did not start (it answered {self.rate}); install espeakng-loader again")
        self.pieces: list[np.ndarray] = []
        self.lock = threading.Lock()  # the library keeps one state for all
        kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)
        self.callback = kind(self._heard)  # kept: the library calls it later
        self.library.espeak_SetSynthCallback(self.callback)

    def _heard(self, samples: Any, count: int, _: Any) -> int:
        if samples and count:
            self.pieces.append(np.ctypeslib.as_array(samples, (count,)).astype(np.float32))
        return 0  # go on

    def say(self, text: str, voice: Voice) -> tuple[np.ndarray, int]:
        """As `speech.say`, without looking at the script."""
        content = text.encode()
        with self.lock:
            if self.library.espeak_SetVoiceByName(voice.name.encode()):
                raise ValueError(f"espeak-ng has no voice {voice.name!r}; leave the accent out")
            self.library.espeak_SetParameter(self.RATE, voice.words_per_minute, 0)
            self.library.espeak_SetParameter(self.PITCH, voice.pitch, 0)
            self.pieces.clear()
            failed = self.library.espeak_Synth(content, len(content) + 1, 0, 0, 0, self.UTF8, None, None)
            failed = failed or self.library.espeak_Synchronize()
            samples = np.concatenate(self.pieces) if self.pieces else np.zeros(0, np.float32)
        if failed or not len(samples):
            raise NoVoice(f"espeak-ng said nothing for {text!r:.40} (it answered {failed})")
        return samples / 32768, self.rate


def resampled(samples: np.ndarray, from_hz: float, to_hz: float) -> np.ndarray:
    """The samples at another rate, by SciPy's polyphase filter, which keeps out what the new rate cannot hold."""
    from math import gcd

    from scipy.signal import resample_poly

    old, new = check_rate(from_hz), check_rate(to_hz)
    common = gcd(old, new)
    return resample_poly(samples, new // common, old // common).astype(np.float32)


def heard(samples: np.ndarray, sample_rate_hz: float) -> np.ndarray:
    """(NUM_FRAMES, NUM_MELS) float32: the log-mel spectrogram of a word, silence cut off, loudness taken out.

    Raises ValueError for silence: there is no word in it.
    """
    rate = check_rate(sample_rate_hz)
    samples = samples if rate == RATE_HZ else resampled(samples, rate, RATE_HZ)
    loud = np.flatnonzero(np.abs(samples) > 0.02 * np.abs(samples).max(initial=0.0))
    if not len(loud) or np.abs(samples).max() < 1e-4:
        raise ValueError("the samples are silent: there is no word to hear")
    word = samples[loud[0] : loud[-1] + 1] / np.abs(samples).max()
    mels = log_mel(word, RATE_HZ, WINDOW, HOP, NUM_MELS)[:NUM_FRAMES]
    mels = np.pad(mels, ((0, NUM_FRAMES - len(mels)), (0, 0)), constant_values=np.log(1e-5))
    return ((mels - mels.mean()) / mels.std()).astype(np.float32)


def to_levels(mels: np.ndarray) -> np.ndarray:
    """Spectrograms of `heard` in LEVELS shades, uint8, to be stored; `from_levels` is the way back."""
    shades = np.round((mels + SPREAD) / (2 * SPREAD) * (LEVELS - 1))
    return np.clip(shades, 0, LEVELS - 1).astype(np.uint8)


def from_levels(shades: np.ndarray) -> np.ndarray:
    """float32 spectrograms of stored shades."""
    return (shades.astype(np.float32) / (LEVELS - 1) * 2 - 1) * np.float32(SPREAD)


class Spoken(NamedTuple):
    """Words that were heard, and which digits they are."""

    mels: np.ndarray  # (n, NUM_FRAMES, NUM_MELS) float32
    labels: np.ndarray  # (n,) int64


def digit_listener() -> nn.Sequential:
    """(n, 1, NUM_FRAMES, NUM_MELS) -> (n, 10) logits: three convolutions and a layer, 13,506 weights."""
    return nn.Sequential(
        nn.Conv2d(1, 12, 3, stride=2, padding=1), nn.ReLU(),  # (n, 12, 16, 10)
        nn.Conv2d(12, 24, 3, stride=2, padding=1), nn.ReLU(),  # (n, 24, 8, 5)
        nn.Conv2d(24, 32, 3, stride=2, padding=1), nn.ReLU(),  # (n, 32, 4, 3)
        nn.Flatten(), nn.Dropout(0.2), nn.Linear(384, 10),
    )  # fmt: skip


def train_listener(spoken: Spoken, seed: int, num_steps: int = 800, batch_size: int = 64) -> nn.Sequential:
    """A recognizer trained on these words: cross-entropy, Adam, each word shifted a little in time every time."""
    torch.manual_seed(seed)
    rng = torch.Generator().manual_seed(seed)
    model, mels = digit_listener(), torch.from_numpy(spoken.mels)[:, None]
    labels = torch.from_numpy(spoken.labels)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    slower = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.05, num_steps)
    for _ in range(num_steps):
        rows = torch.randint(len(labels), (batch_size,), generator=rng)
        shift = int(torch.randint(0, 4, (), generator=rng))
        loss = F.cross_entropy(model(mels[rows].roll(shift, 2)), labels[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        slower.step()
    return model.eval()


@torch.no_grad()
def recognized(model: nn.Module, mels: np.ndarray) -> np.ndarray:
    """(n,) which digit the network hears in each word (n, NUM_FRAMES, NUM_MELS)."""
    logits: Tensor = model(torch.from_numpy(mels)[:, None])
    return logits.argmax(1).numpy()
