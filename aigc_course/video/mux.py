"""One file with picture and sound that browsers play: H.264 and AAC in MP4, by PyAV (FFmpeg's libraries).

The file appears whole or not at all. Its table of contents stands in front ("faststart"), so that a page can begin to
play before the whole file is there.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from math import isfinite
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from aigc_course.storage.files import beside, check_regular, naming, removed_in_the_end
from aigc_course.video.clips import check_clip

VIDEO_CODECS = ("libx264", "libopenh264", "h264_videotoolbox", "h264_nvenc", "h264_mf")  # the first one that is there
AUDIO_CODECS = ("aac", "aac_at", "aac_mf")
RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)  # of samples a second, that AAC knows
QUALITY = 26  # libx264's constant rate factor: 0 keeps everything, 51 nearly nothing
AUDIO_BITS = 48_000  # a second
LOUDEST = 1.0


class MissingCodec(RuntimeError):
    """This build of FFmpeg cannot write what browsers play; the message says what to install."""


class Movie(NamedTuple):
    """A file that was read back."""

    frames: np.ndarray  # (n, height, width, 3) uint8
    times: np.ndarray  # (n,) seconds at which each is shown
    fps: float
    samples: np.ndarray  # (m,) float32, mono, -1..1; none in a silent film
    sample_rate: int  # 0 in a silent film
    sound_begins: float  # seconds


def write_mp4(
    frames: np.ndarray,
    fps: float,
    samples: np.ndarray | None,
    sample_rate: int,
    path: str | Path,
    quality: int = QUALITY,
    audio_bits: int = AUDIO_BITS,
) -> None:
    """Write a film with its sound.

    frames   (n, height, width, 3) uint8, even height and width;  fps: frames per second, above 0 up to 120
    samples  (m,) floats in -1..1, one channel, `sample_rate` a second; None or none for a silent film
    quality  0 (everything kept, large) to 51;  audio_bits: a second
    ValueError for what cannot be a film, MissingCodec, OSError where the file cannot be written; then, as when the
    process is ended, an earlier file at `path` is untouched and no half one stands there.
    """
    path = Path(path)
    check_film(frames, fps, quality)
    sound = check_sound(samples, sample_rate)
    video_codec, audio_codec = codec_of(VIDEO_CODECS), codec_of(AUDIO_CODECS) if len(sound) else ""
    check_regular(path)
    if not path.resolve().parent.is_dir():
        raise FileNotFoundError(f"{path.parent} is no folder; make it first, then write {path.name}")
    part = beside(path)
    with removed_in_the_end(part), naming(path, part), as_os_errors(path):
        with part.open("xb"):  # a file that nobody else has, or the system's own word on why not
            pass
        encode(
            part,
            frames,
            Fraction(fps).limit_denominator(1001),
            sound,
            sample_rate,
            video_codec,
            audio_codec,
            quality,
            audio_bits,
        )
        os.replace(part, path)


def check_film(frames: np.ndarray, fps: float, quality: int) -> None:
    """ValueError, with what to do, unless frames and numbers make a film."""
    check_clip(frames, "the film")
    if frames.shape[1] % 2 or frames.shape[2] % 2:
        raise ValueError(
            f"frames of {frames.shape[1]} x {frames.shape[2]}: H.264 keeps one color for 2 x 2 pixels, so both must be "
            "even; cut off a row or a column"
        )
    if isinstance(fps, bool) or not isinstance(fps, int | float) or not isfinite(fps) or not 0 < fps <= 120:
        raise ValueError(f"fps {fps!r}: expected frames per second, above 0 up to 120, such as 25")
    if quality not in range(52):
        raise ValueError(f"quality {quality!r}: expected a whole number, 0 (large, everything kept) to 51")


def check_sound(samples: np.ndarray | None, sample_rate: int) -> np.ndarray:
    """The samples as float32, none for a silent film; ValueError, with what to do, for what is no sound."""
    if samples is None or not len(samples):
        return np.empty(0, np.float32)
    samples = np.asarray(samples)
    if sample_rate not in RATES:
        raise ValueError(f"sample_rate {sample_rate!r}: AAC knows {', '.join(map(str, RATES))} samples per second")
    if samples.ndim != 1 or not np.issubdtype(samples.dtype, np.floating):
        raise ValueError(f"samples {samples.dtype} {samples.shape}: expected floats (m,) in -1..1, one channel")
    if not np.isfinite(samples).all():
        raise ValueError("the samples hold NaN or infinity; look for a division by 0 where they were made")
    if (peak := float(np.abs(samples).max())) > LOUDEST + 1e-6:
        raise ValueError(f"the samples reach {peak:.3g}; beyond 1 they would be cut off. Divide them by {peak:.3g}")
    return samples.astype(np.float32)


def codec_of(names: Sequence[str]) -> str:
    """The first of these encoders that this FFmpeg has; MissingCodec without one."""
    import av
    from av.codec.codec import UnknownCodecError

    for name in names:
        try:
            av.Codec(name, "w")
        except UnknownCodecError:
            continue
        return name
    raise MissingCodec(
        f"this build of PyAV has none of the encoders {', '.join(names)}; install the one from the package index: its "
        "wheel carries them: pip install --force-reinstall --no-deps av"
    )


@contextmanager
def as_os_errors(path: Path) -> Iterator[None]:
    """FFmpeg's errors about files name `path`, which the caller knows; what it says of codecs becomes RuntimeError."""
    from av.error import FFmpegError

    try:
        yield
    except FFmpegError as error:
        if isinstance(error, OSError) and error.errno:
            raise OSError(error.errno, f"{error.strerror}; the film was not written", str(path)) from error
        raise RuntimeError(f"FFmpeg could not write {path.name}: {error}; no file was left") from error


def encode(
    part: Path,
    frames: np.ndarray,
    rate: Fraction,
    sound: np.ndarray,
    sample_rate: int,
    video_codec: str,
    audio_codec: str,
    quality: int,
    audio_bits: int,
) -> None:
    """The work itself: arguments as in `write_mp4`, checked."""
    import av

    with av.open(str(part), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        video: Any = container.add_stream(video_codec, rate=rate)
        video.height, video.width = frames.shape[1:3]
        video.pix_fmt = "yuv420p"  # what browsers can show
        video.time_base = 1 / rate
        if video_codec == "libx264":
            video.options = {"crf": str(quality), "preset": "medium", "tune": "animation", "threads": "1"}
        audio: Any = container.add_stream(audio_codec, rate=sample_rate, layout="mono") if len(sound) else None
        if audio is not None:
            audio.bit_rate = audio_bits
        pending: Any = iter(audio_frames(sound, sample_rate))
        heard = 0  # samples that are in the file
        for number, picture in enumerate(frames):
            image = av.VideoFrame.from_ndarray(picture, format="rgb24")
            image.pts, image.time_base = number, 1 / rate
            container.mux(video.encode(image))
            while audio is not None and heard * rate < (number + 1) * sample_rate:  # sound beside its picture
                block = next(pending, None)
                if block is None:
                    break
                heard += block.samples
                container.mux(audio.encode(block))
        container.mux(video.encode())
        if audio is not None:
            for block in pending:
                container.mux(audio.encode(block))
            container.mux(audio.encode())


def audio_frames(sound: np.ndarray, sample_rate: int, block: int = 1024) -> Iterator[Any]:
    """The samples in blocks with their times, as PyAV wants them."""
    import av

    for begin in range(0, len(sound), block):
        frame = av.AudioFrame.from_ndarray(sound[None, begin : begin + block], format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = sample_rate, begin, Fraction(1, sample_rate)
        yield frame


def read_mp4(path: str | Path) -> Movie:
    """Frames and sound of a film; FileNotFoundError without the file, ValueError for one that is no film."""
    import av
    from av.error import FFmpegError

    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; write the film first")
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise ValueError(f"{path.name} has no picture: it is a sound, or a damaged film")
            promised = container.streams.video[0].frames
            rate = float(container.streams.video[0].average_rate or 0)
            pictures, times, sounds, begins, sample_rate = [], [], [], None, 0
            decoded: Any = container.decode(*container.streams.video[:1], *container.streams.audio[:1])
            for frame in decoded:
                if isinstance(frame, av.VideoFrame):
                    pictures.append(frame.to_ndarray(format="rgb24"))
                    times.append(frame.time)
                else:
                    begins = frame.time if begins is None else begins
                    sample_rate = frame.sample_rate
                    sounds.append(frame.to_ndarray().astype(np.float32).mean(axis=0))
    except FFmpegError as error:
        raise ValueError(f"{path.name} is no film, or a damaged one: {error}") from error
    if not pictures or len(pictures) < promised:
        raise ValueError(f"{path.name} is damaged: {len(pictures)} of its {promised} frames are there")
    samples = np.concatenate(sounds) if sounds else np.empty(0, np.float32)
    return Movie(np.stack(pictures), np.array(times), rate, samples, sample_rate, begins or 0.0)
