"""Spoken digits: what is heard, what is recognized, and texts that a voice does not speak."""

import numpy as np
import pytest

from aigc_course.kit.datasets import load_spoken_digits, spoken_line
from aigc_course.sound import files, speech
from aigc_course.sound.speech import Spoken, Voice, from_levels, heard, recognized, to_levels, train_listener


@pytest.fixture(scope="module")
def parts():
    found = load_spoken_digits()
    return {name: Spoken(from_levels(part.shades), part.labels.astype(np.int64)) for name, part in found.items()}


def test_unseen_voices_at_unseen_speeds_are_understood(parts):
    found = load_spoken_digits()
    assert not set(found["training"].speed) & set(found["test"].speed)
    model = train_listener(parts["training"], seed=0)
    assert (recognized(model, parts["test"].mels) == parts["test"].labels).mean() >= 0.98
    shuffled = np.random.default_rng(0).permutation(parts["training"].labels)
    blind = train_listener(parts["training"]._replace(labels=shuffled), seed=0, num_steps=50)
    assert (recognized(blind, parts["test"].mels) == parts["test"].labels).mean() < 0.4  # there is no leak


def test_stored_shades_are_near_what_was_heard():
    mels = np.random.default_rng(0).uniform(-3, 3, (2, 32, 20)).astype(np.float32)
    assert np.abs(from_levels(to_levels(mels)) - mels).max() <= 0.2 + 1e-6


def test_a_word_is_heard_at_any_loudness_and_silence_is_told():
    samples, rate = files.read_wav(spoken_line())
    word = samples[: rate // 2]
    assert heard(word, rate).shape == (speech.NUM_FRAMES, speech.NUM_MELS)
    assert np.allclose(heard(word, rate), heard(0.3 * word, rate), atol=1e-3)
    for silent in (np.zeros(4000), np.full(4000, 1e-6)):
        with pytest.raises(ValueError, match="silent"):
            heard(silent, rate)


@pytest.mark.parametrize(
    ("text", "language", "said"),
    [("你好", "en", 'does not speak "你好"'), ("tea", "zh", 'does not speak "tea"'), ("!?", "en", "nothing to say"),
     ("привет", "en", "does not speak"), ("", "zh", "nothing to say")],
)  # fmt: skip
def test_another_script_is_told(text, language, said):
    with pytest.raises(ValueError, match=said.replace("?", r"\?")):
        speech.say(text, Voice(language))


@pytest.mark.parametrize("settings", [{"language": "fr"}, {"variant": "x9"}, {"words_per_minute": 0}, {"pitch": 101}])
def test_voices_that_are_none(settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        Voice(**settings)


def test_without_espeak_it_is_said(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "espeakng_loader", None)
    speech.engine.cache_clear()
    assert not speech.has_voice()
    with pytest.raises(speech.NoVoice, match="pip install"):
        speech.say("hello")
    speech.engine.cache_clear()


def test_espeak_speaks_and_is_understood(parts):
    if not speech.has_voice():  # an extra: the stored words above test the rest
        with pytest.raises(speech.NoVoice, match="pip install"):
            speech.say("one")
        return
    model = train_listener(parts["training"], seed=0)
    words = [
        (digit, heard(*speech.say(word, Voice("en", "m5", 158)))) for digit, word in enumerate(speech.DIGITS["en"])
    ]
    right = recognized(model, np.stack([mel for _, mel in words])) == np.array([digit for digit, _ in words])
    assert right.sum() >= 9
    with pytest.raises(ValueError, match="has no voice"):
        speech.say("one", Voice(accent="no-such-voice"))
