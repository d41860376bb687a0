"""Which frequencies sound when: the short-time Fourier transform, mel bands, and the way back from magnitudes.

Sources: Griffin and Lim 1984 for the way back, Perraudin, Balazs, Søndergaard 2013 for its faster form; mel scale as in
HTK (O'Shaughnessy 1987).
"""

import math

import numpy as np

from aigc_course.sound.synthesis import check_rate

FLOOR = 1e-5  # quieter than this is as good as silent: logarithms need a floor


def hann(length: int) -> np.ndarray:
    """(length,) a window that fades in and out: sin²(pi n / length)."""
    return np.sin(np.pi * np.arange(length) / length) ** 2


def frames_of(samples: np.ndarray, window_length: int, hop: int) -> np.ndarray:
    """(frames, window_length): windows of the samples, the middle of frame i at sample i * hop; zeros beyond the ends.

    Raises ValueError for samples that are no row of finite floats, and for lengths that make no sense.
    """
    samples = np.asarray(samples, dtype=np.float64)
    if samples.ndim != 1 or len(samples) == 0:
        raise ValueError(f"samples {samples.shape}: expected (n,) with at least one sample, one channel")
    if not np.isfinite(samples).all():
        raise ValueError(f"{np.sum(~np.isfinite(samples))} of {len(samples)} samples are NaN or infinite")
    check_window(window_length, hop)
    padded = np.pad(samples, window_length // 2)
    starts = hop * np.arange(1 + len(samples) // hop)
    return padded[starts[:, None] + np.arange(window_length)]


def check_window(window_length: int, hop: int) -> None:
    """ValueError for a window that is odd or shorter than two hops: its frames could not be put together again."""
    if window_length < 4 or window_length % 2 or not 1 <= hop <= window_length // 2:
        raise ValueError(
            f"window_length {window_length}, hop {hop}: expected an even length of at least 4, and 1 to half as hop"
        )


def stft(samples: np.ndarray, window_length: int = 512, hop: int = 128) -> np.ndarray:
    """(frames, window_length // 2 + 1) complex: the Fourier transform of each windowed frame.

    Bin b stands for b · sample_rate / window_length hertz. Errors as of `frames_of`.
    """
    return np.fft.rfft(frames_of(samples, window_length, hop) * hann(window_length))


def istft(spectrum: np.ndarray, length: int, hop: int = 128) -> np.ndarray:
    """(length,) samples whose transform is as near as possible: windows are added up, and divided by what overlaps."""
    window_length = 2 * (spectrum.shape[1] - 1)
    check_window(window_length, hop)
    window = hann(window_length)
    pieces = np.fft.irfft(spectrum, window_length) * window  # (frames, window_length)
    total, weight = (np.zeros(window_length + hop * (len(pieces) - 1)) for _ in range(2))
    for number, piece in enumerate(pieces):
        total[number * hop :][:window_length] += piece
        weight[number * hop :][:window_length] += window**2
    inner = slice(window_length // 2, window_length // 2 + length)
    samples = total[inner] / np.maximum(weight[inner], 1e-8)
    return np.pad(samples, (0, length - len(samples)))


def hertz_to_mel(hertz: np.ndarray | float) -> np.ndarray:
    """2595 log10(1 + f / 700): steps on this scale are heard as about equally large."""
    return 2595 * np.log10(1 + np.asarray(hertz, dtype=np.float64) / 700)


def mel_to_hertz(mel: np.ndarray | float) -> np.ndarray:
    """The way back."""
    return 700 * (10 ** (np.asarray(mel, dtype=np.float64) / 2595) - 1)


def mel_filters(
    sample_rate_hz: float,
    window_length: int = 512,
    num_mels: int = 40,
    low_hz: float = 0.0,
    high_hz: float | None = None,
) -> np.ndarray:
    """(num_mels, window_length // 2 + 1): triangles whose corners are equally far apart in mel, 1 at the top.

    high_hz: None is half the sample rate.  ValueError for bands that are empty.
    """
    rate = check_rate(sample_rate_hz)
    high = rate / 2 if high_hz is None else high_hz
    if num_mels < 1 or not 0 <= low_hz < high <= rate / 2:
        raise ValueError(
            f"num_mels {num_mels} from {low_hz} to {high} Hz: expected at least one, within 0..{rate / 2:g}"
        )
    corners = mel_to_hertz(np.linspace(hertz_to_mel(low_hz), hertz_to_mel(high), num_mels + 2))  # (num_mels + 2,)
    bins = np.arange(window_length // 2 + 1) * rate / window_length
    left, middle, right = corners[:-2, None], corners[1:-1, None], corners[2:, None]
    filters = np.maximum(0, np.minimum((bins - left) / (middle - left), (right - bins) / (right - middle)))
    if empty := int((filters.sum(1) == 0).sum()):
        raise ValueError(f"{empty} of {num_mels} bands hold no frequency: take fewer bands or a longer window")
    return filters


def log_mel(
    samples: np.ndarray, sample_rate_hz: float, window_length: int = 512, hop: int = 128, num_mels: int = 40
) -> np.ndarray:
    """(frames, num_mels): log of the energy in each band, at least log(FLOOR), which is what silence gives."""
    power = np.abs(stft(samples, window_length, hop)) ** 2
    return np.log(np.maximum(power @ mel_filters(sample_rate_hz, window_length, num_mels).T, FLOOR))


def spectral_convergence(magnitudes: np.ndarray, samples: np.ndarray, hop: int = 128) -> float:
    """‖M - |STFT(x)|‖ / ‖M‖: 0 where the samples have exactly these magnitudes; 0 for silence that is silent."""
    found = np.abs(stft(samples, 2 * (magnitudes.shape[1] - 1), hop))
    wanted, off = float(np.linalg.norm(magnitudes)), float(np.linalg.norm(magnitudes - found))
    return off / wanted if wanted else (0.0 if off == 0 else math.inf)


def griffin_lim(
    magnitudes: np.ndarray,
    length: int,
    hop: int = 128,
    num_iterations: int = 32,
    momentum: float = 0.99,
    seed: int | np.random.Generator = 0,
) -> np.ndarray:
    """(length,) samples whose spectrogram has about these magnitudes (frames, bins).

    Begins with random phases; then again and again: to samples, back to a spectrum, keep its phases, put in the right
    magnitudes. `momentum` 0 is the method of 1984; with 0.99 each step is prolonged, which is faster.
    Raises ValueError for negative or non-finite magnitudes and settings out of range.
    """
    magnitudes = np.asarray(magnitudes, dtype=np.float64)
    if magnitudes.ndim != 2 or not np.isfinite(magnitudes).all() or (magnitudes < 0).any():
        raise ValueError(f"magnitudes {magnitudes.shape}: expected (frames, bins), finite and not negative")
    if num_iterations < 0 or not 0 <= momentum < 1:
        raise ValueError(f"num_iterations {num_iterations}, momentum {momentum}: expected at least 0, and 0 to below 1")
    window_length = 2 * (magnitudes.shape[1] - 1)
    phases = np.exp(2j * np.pi * np.random.default_rng(seed).random(magnitudes.shape))
    before = np.zeros_like(phases)
    for _ in range(num_iterations):
        now = stft(istft(magnitudes * phases, length, hop), window_length, hop)
        longer = now - momentum / (1 + momentum) * before
        phases = longer / np.maximum(np.abs(longer), 1e-16)
        before = now
    return istft(magnitudes * phases, length, hop)
