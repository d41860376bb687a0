"""The transform, mel bands and the way back agree with librosa; bad input is told."""

import math

import librosa
import numpy as np
import pytest

from aigc_course.sound import spectrogram as ours

RATE = 8000


@pytest.fixture(scope="module")
def sound():
    t = np.arange(6000) / RATE
    return 0.3 * np.sin(2 * np.pi * (300 + 400 * t) * t) + 0.05 * np.random.default_rng(0).standard_normal(len(t))


@pytest.mark.parametrize(("window_length", "hop"), [(512, 128), (320, 160), (256, 100)])
def test_the_transform_is_librosas_and_the_way_back_gives_the_samples(sound, window_length, hop):
    spectrum = ours.stft(sound, window_length, hop)
    theirs = librosa.stft(sound, n_fft=window_length, hop_length=hop).T
    assert np.abs(spectrum - theirs).max() < 1e-5
    assert np.abs(ours.istft(spectrum, len(sound), hop) - sound)[: -window_length // 2].max() < 1e-10
    back = librosa.istft(theirs.T, n_fft=window_length, hop_length=hop, length=len(sound))
    assert np.abs(ours.istft(spectrum, len(sound), hop) - back)[: -window_length // 2].max() < 1e-5


def test_mel_bands_are_librosas(sound):
    theirs = librosa.filters.mel(sr=RATE, n_fft=512, n_mels=40, htk=True, norm=None)
    assert np.abs(ours.mel_filters(RATE) - theirs).max() < 1e-5
    energy = librosa.feature.melspectrogram(y=sound, sr=RATE, n_fft=512, hop_length=128, n_mels=40, htk=True, norm=None)
    assert np.abs(ours.log_mel(sound, RATE) - np.log(np.maximum(energy.T, ours.FLOOR))).max() < 1e-5
    assert ours.mel_to_hertz(ours.hertz_to_mel(440.0)) == pytest.approx(440)


@pytest.mark.parametrize("momentum", [0.0, 0.99])
def test_griffin_lim_comes_as_near_as_librosas(sound, momentum):
    magnitudes = np.abs(ours.stft(sound))
    phases = np.random.default_rng(3).random(magnitudes.shape)

    class Same(np.random.RandomState):  # librosa draws (bins, frames), we draw (frames, bins): the same numbers
        def random(self, size):
            return phases.T

    found = ours.griffin_lim(magnitudes, len(sound), momentum=momentum, seed=np.random.default_rng(3))
    theirs = librosa.griffinlim(
        magnitudes.T, n_iter=32, hop_length=128, momentum=momentum, random_state=Same(), length=len(sound)
    )
    own, other = (ours.spectral_convergence(magnitudes, samples) for samples in (found, theirs))
    assert own <= other * (1 + 1e-6)
    start = ours.griffin_lim(magnitudes, len(sound), num_iterations=0)
    assert own < 0.5 * ours.spectral_convergence(magnitudes, start)


def test_silence_is_no_trouble():
    silent = np.zeros(1000)
    assert np.allclose(ours.log_mel(silent, RATE), math.log(ours.FLOOR))
    magnitudes = np.abs(ours.stft(silent))
    assert not ours.griffin_lim(magnitudes, 1000).any()
    assert ours.spectral_convergence(magnitudes, silent) == 0
    assert ours.spectral_convergence(magnitudes, np.ones(1000)) == math.inf


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: ours.stft(np.zeros(0)), "at least one sample"),
        (lambda: ours.stft(np.zeros((2, 9))), "one channel"),
        (lambda: ours.stft(np.array([0.0, math.nan])), "NaN"),
        (lambda: ours.stft(np.zeros(9), 511), "even length"),
        (lambda: ours.stft(np.zeros(9), 512, 300), "half as hop"),
        (lambda: ours.mel_filters(0), "sample_rate_hz"),
        (lambda: ours.mel_filters(RATE, high_hz=5000), "within 0..4000"),
        (lambda: ours.mel_filters(RATE, 64, 40), "hold no frequency"),
        (lambda: ours.griffin_lim(-np.ones((3, 5)), 9), "not negative"),
        (lambda: ours.griffin_lim(np.ones((3, 5)), 9, momentum=1.0), "momentum"),
    ],
)
def test_bad_input_is_told(call, said):
    with pytest.raises(ValueError, match=said):
        call()
