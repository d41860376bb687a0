"""Spoken digits and sentences that the course had read aloud once, so that nothing must be installed for them."""

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from aigc_course.kit.datasets.course_files import course_file
from aigc_course.kit.runtime import language, say

if TYPE_CHECKING:
    import numpy as np

FILES = {
    "spoken_digits.npz": "0ce4b194b9a7b181305c6d234262177d62c3f29d7270b505f9f375aa8cc6bafb",
    "spoken_en.wav": "0379ec7cb498bb98ebb1c841b9902069202ad77978d240b72147125236d9d7e3",
    "spoken_zh.wav": "a40df443b99f3300744dd357ff029dbe285645506dcd8050ca101b0e9dd98f3f",
}
PARTS = ("training", "test", "other")


class SpokenDigits(NamedTuple):
    """Words of one part; `sound.speech.from_levels(shades)` makes spectrograms of them."""

    shades: "np.ndarray"  # (n, 32, 20) uint8
    labels: "np.ndarray"  # (n,) int8, 0 to 9
    chinese: "np.ndarray"  # (n,) bool; the others are English
    speed: "np.ndarray"  # (n,) words per minute


def load_spoken_digits() -> dict[str, SpokenDigits]:
    """English and Chinese digits by espeak-ng's voices: "training"; "test", by other voices at other speeds; "other".

    The last are voices of another synthesizer. Prints a line that says how many words there are.
    Raises FileNotFoundError and ValueError as `spoken_file`.
    """
    import numpy as np

    with np.load(spoken_file("spoken_digits.npz"), allow_pickle=False) as stored:
        parts = {part: SpokenDigits(*(stored[f"{part}_{name}"] for name in SpokenDigits._fields)) for part in PARTS}
    counts = [len(part.labels) for part in parts.values()]
    print(
        say(
            f"读出的数字：训练{counts[0]}个词，测试{counts[1]}个，另一种合成器{counts[2]}个（espeak-ng读出，随课程提供）",
            f"spoken digits: {counts[0]} words for training, {counts[1]} for the test, {counts[2]} by another "
            "synthesizer (read by espeak-ng, ship with the course)",
        )
    )
    return parts


def spoken_line() -> Path:
    """A WAV file with a sentence in the reader's language, read by espeak-ng; errors as `spoken_file`."""
    return spoken_file(f"spoken_{language()}.wav")


def spoken_file(name: str) -> Path:
    """One of FILES in the course's data; errors as `course_file`."""
    return course_file(name, FILES[name])
