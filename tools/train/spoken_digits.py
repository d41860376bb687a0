"""Let espeak-ng say digits and two sentences, once: python -m tools.train.spoken_digits

Writes data/spoken_digits.npz (what a recognizer hears of each word, in 16 levels) and data/spoken_en.wav,
data/spoken_zh.wav, so that chapter 6.3 needs no espeak-ng. Voices and speeds of the test occur nowhere in the training;
the voices of the third part are made by another synthesizer, Klatt's, which the training never heard either.
Needs the extra "speech". Takes a quarter of a minute.
"""

import argparse
import hashlib
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from aigc_course.kit.runtime import data_folder
from aigc_course.sound.files import wav_bytes
from aigc_course.sound.speech import DIGITS, LEVELS, RATE_HZ, Voice, heard, resampled, say, to_levels
from aigc_course.storage.files import write

PARTS = {  # variants, words a minute, pitches, how many of each voice and digit
    "training": (("m1", "m2", "m3", "m4", "m8", "f1", "f2", "f3"), (120, 145, 170, 195, 220), (30, 50, 70), 8),
    "test": (("m5", "m6", "m7", "f4", "f5"), (132, 158, 182, 208), (40, 60), 5),
    "other": (("klatt", "klatt2", "klatt3", "klatt4"), (132, 158, 182, 208), (40, 60), 2),
}
LINES = {
    "en": "A small network wrote this chorale.",
    "zh": "小网络写了这首众赞歌。",
}


def spoken(part: str, seed: int = 0) -> Iterator[tuple[np.ndarray, int, str, int]]:
    """(what is heard, digit, language, words a minute) of each word of a part."""
    variants, speeds, pitches, count = PARTS[part]
    rng = np.random.default_rng([seed, len(part)])
    for language, words in DIGITS.items():
        for variant in variants:
            for digit, word in enumerate(words):
                for _ in range(count):
                    voice = Voice(language, variant, int(rng.choice(speeds)), int(rng.choice(pitches)))
                    yield heard(*say(word, voice)), digit, language, voice.words_per_minute


def main() -> None:
    parser = argparse.ArgumentParser(description="Let espeak-ng say digits and two sentences.")
    parser.add_argument("--folder", type=Path, default=data_folder())
    folder = parser.parse_args().folder
    arrays = {}
    for part in PARTS:
        mels, labels, languages, speeds = zip(*spoken(part), strict=True)
        arrays |= {
            f"{part}_shades": to_levels(np.stack(mels)),
            f"{part}_labels": np.array(labels, np.int8),
            f"{part}_chinese": np.array([language == "zh" for language in languages]),
            f"{part}_speed": np.array(speeds, np.int16),
        }
        print(f"{part}: {len(labels)} words, {LEVELS} levels")
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    files = {"spoken_digits.npz": buffer.getvalue()}
    for language, line in LINES.items():
        samples, rate = say(line, Voice(language, "f3", 180))
        files[f"spoken_{language}.wav"] = wav_bytes(np.clip(resampled(samples, rate, RATE_HZ), -1, 1), RATE_HZ)
    for name, content in files.items():
        write(folder / name, content)
        print(f"{name}: {len(content):,} bytes, SHA-256 {hashlib.sha256(content).hexdigest()}")


if __name__ == "__main__":
    main()
