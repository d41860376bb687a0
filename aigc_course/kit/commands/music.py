"""What `python -m aigc_course sample music` does: a chorale by the model of this course, as sound or as notes.

The file carries the label of generated content: a WAV file in its ID3 metadata, a MIDI file in a text event.
"""

import hashlib
import sys
import tempfile
from pathlib import Path

from aigc_course.kit.commands.sampling import check_out
from aigc_course.kit.runtime import data_folder, say, use_threads

SOUNDS = {".wav": "samples that any player plays", ".mid": "notes, MIDI"}
PRODUCER = "aigc_course"
RATE_HZ = 22050


def sample_music(out: Path, seed: int, temperature: float, bars: int) -> None:
    """Write a chorale of at most `bars` bars into a .wav or .mid file with its label, and say so.

    Raises ValueError for a file or a setting out of range, FileNotFoundError where the model is missing.
    """
    from aigc_course.sound.chorale_model import load_chorale_model, write_chorale
    from aigc_course.sound.files import midi_bytes, wav_bytes
    from aigc_course.sound.synthesis import render
    from aigc_course.storage.files import write
    from aigc_course.trust.labels import Label

    check_out(out, SOUNDS)
    use_threads("small")
    model = load_chorale_model(data_folder() / "models" / "chorale_model")
    score = write_chorale(model, seed, 16 * bars, temperature)
    number = hashlib.sha256(score.grid.tobytes()).hexdigest()[:16]  # the same music has the same number
    label = Label(PRODUCER, f"chorale-{number}")
    if out.suffix.lower() == ".mid":
        write(out, midi_bytes(score, label=label.to_json()))
    else:
        write(out, labeled(wav_bytes(render(score, RATE_HZ), RATE_HZ), label))
    seconds = round(len(score.grid) / 4 / 1.5)  # 90 quarters a minute
    english = f"a chorale of {seconds} s in {out}, labeled as generated"
    print(say(f"已将{seconds}秒的众赞歌写入{out}，已标识为人工智能生成", english), file=sys.stdout)


def labeled(content: bytes, label) -> bytes:  # noqa: ANN001  a trust.labels.Label, which is imported when needed
    """A WAV file with its label: written beside, so that no unlabeled file ever stands at the place asked for."""
    from aigc_course.trust.labels import write_label

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "sound.wav"
        file.write_bytes(content)
        write_label(file, label)
        return file.read_bytes()
