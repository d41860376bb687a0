"""Sound and music in files: WAV for samples, MIDI for scores; written whole or not at all."""

import io
import wave
from pathlib import Path

import numpy as np

from aigc_course.sound.scores import STEPS, Score, notes_of
from aigc_course.sound.synthesis import Clipping, check_rate
from aigc_course.storage.files import write

TICKS = 480  # of a quarter note in our MIDI files
VELOCITY = 72
TEXT = "AIGC: "  # before the label of generated content, in a text event of a MIDI file


def pcm(samples: np.ndarray, bits: int = 16) -> np.ndarray:
    """Samples in -1..1 as whole numbers of 16 bits with a sign, or of 8 bits with 128 for silence, as WAV has them.

    Raises Clipping for louder ones, which would be distorted, and ValueError for other shapes and for NaN.
    """
    samples = np.asarray(samples)
    if samples.ndim != 1 or not np.issubdtype(samples.dtype, np.floating):
        raise ValueError(f"samples {samples.dtype} {samples.shape}: expected floats (n,), one channel")
    if not np.isfinite(samples).all():
        raise ValueError(f"{np.sum(~np.isfinite(samples))} of {len(samples)} samples are NaN or infinite")
    loud = np.abs(samples) > 1
    if loud.any():
        raise Clipping(
            f"{loud.sum()} of {len(samples)} samples lie outside -1..1, the loudest at {np.abs(samples).max():.2f}: "
            "in a file they would be cut off, which distorts; make the sound quieter first, with "
            "synthesis.loudness_limited(samples)"
        )
    if bits not in (8, 16):
        raise ValueError(f"bits {bits}: expected 16, or 8 for a file of half the size with audible noise")
    return np.round(32767 * samples).astype("<i2") if bits == 16 else np.round(128 + 127 * samples).astype(np.uint8)


def wav_bytes(samples: np.ndarray, sample_rate_hz: float, bits: int = 16) -> bytes:
    """A WAV file of one channel; errors as of `pcm` and `check_rate`."""
    rate, content = check_rate(sample_rate_hz), pcm(samples, bits).tobytes()
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(bits // 8)
        file.setframerate(rate)
        file.writeframes(content)
    return buffer.getvalue()


def write_wav(path: str | Path, samples: np.ndarray, sample_rate_hz: float) -> None:
    """Write a WAV file; errors as of `wav_bytes`, OSError where it cannot be written."""
    write(path, wav_bytes(samples, sample_rate_hz))


def read_wav(path: str | Path) -> tuple[np.ndarray, int]:
    """(samples (n,) float32 in -1..1, sample rate) of a WAV file with one channel of 16 bits; else ValueError."""
    try:
        with wave.open(str(path), "rb") as file:
            kind = (file.getnchannels(), file.getsampwidth())
            rate, content = file.getframerate(), file.readframes(file.getnframes())
    except (wave.Error, EOFError) as error:
        raise ValueError(f"{path} is no WAV file, or a damaged one: {error}") from error
    if kind != (1, 2):
        raise ValueError(f"{path} has {kind[0]} channels of {8 * kind[1]} bits; expected one of 16")
    return np.frombuffer(content, "<i2").astype(np.float32) / 32767, check_rate(rate)


def midi_bytes(score: Score, quarters_per_minute: float = 90.0, label: str = "") -> bytes:
    """A MIDI file with one track for each voice; `label`: of generated content, JSON, put into a text event."""
    import mido

    file = mido.MidiFile(ticks_per_beat=TICKS, charset="utf-8")
    head = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(quarters_per_minute))])
    if label:
        head.append(mido.MetaMessage("text", text=TEXT + label))
    file.tracks.append(head)
    for voice in range(score.grid.shape[1]):
        events = []
        for note in notes_of(score):
            if note.voice == voice:
                begin, end = note.start * TICKS // STEPS, (note.start + note.length) * TICKS // STEPS
                events += [(begin, "note_on", note.pitch), (end, "note_off", note.pitch)]
        track, now = mido.MidiTrack(), 0
        for at, kind, pitch in sorted(events, key=lambda event: (event[0], event[1] == "note_on")):
            track.append(mido.Message(kind, channel=voice, note=pitch, velocity=VELOCITY, time=at - now))
            now = at
        file.tracks.append(track)
    buffer = io.BytesIO()
    file.save(file=buffer)
    return buffer.getvalue()


def write_midi(path: str | Path, score: Score, quarters_per_minute: float = 90.0, label: str = "") -> None:
    """Write a MIDI file; OSError where it cannot be written."""
    write(path, midi_bytes(score, quarters_per_minute, label))


def midi_label(path: str | Path) -> str | None:
    """The label of generated content in a MIDI file, JSON; None without one, ValueError for another kind of file."""
    import mido

    try:
        tracks = mido.MidiFile(str(path), charset="utf-8").tracks
    except (OSError, EOFError, ValueError, IndexError, KeyError) as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise ValueError(f"{path} is no MIDI file, or a damaged one: {error}") from error
    texts = [message.text for track in tracks for message in track if message.type == "text"]
    return next((text.removeprefix(TEXT) for text in texts if text.startswith(TEXT)), None)
