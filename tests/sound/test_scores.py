"""Scores on a grid, harmony, tones and files."""

import math

import mido
import numpy as np
import pytest

from aigc_course.sound import files, harmony, synthesis
from aigc_course.sound.scores import HOLD, Note, Score, notes_of, sounding

GRID = np.array([[72, 67, 60, 48], [-1, -1, -1, 50], [74, 0, -1, -1], [-1, -1, 62, -1]])


def score_of(*chords):
    return Score(np.array(chords))


def test_notes_and_what_sounds_by_hand():
    score = Score(GRID, 12)
    assert sounding(score).tolist() == [[72, 67, 60, 48], [72, 67, 60, 50], [74, 0, 60, 50], [74, 0, 62, 50]]
    assert notes_of(score)[:3] == [Note(0, 72, 0, 2), Note(0, 74, 2, 2), Note(1, 67, 0, 2)]
    assert sum(note.length for note in notes_of(score)) == 14  # the alto is silent for two steps
    assert (sounding(score.transposed(3)) == np.where(sounding(score) > 0, sounding(score) + 3, 0)).all()


@pytest.mark.parametrize(
    ("grid", "begin", "said"),
    [
        (GRID[:, :3], 0, "soprano to bass"),
        (GRID[:0], 0, "at least one step"),
        (GRID.astype(float), 0, "whole numbers"),
        (GRID + 100, 0, "allowed are 21 to 108"),
        (np.where(GRID == 0, -2, GRID), 0, "allowed are"),
        (GRID[1:], 0, "never began"),
        (GRID, 16, "0 to 15"),
    ],
)
def test_scores_that_cannot_be_sung(grid, begin, said):
    with pytest.raises(ValueError, match=said):
        Score(grid, begin)


def test_parallels_are_found_where_they_were_planted_and_nowhere_else():
    fifth = score_of([79, 72, 67, 48], [81, 72, 67, 50])  # soprano and bass: 31 to 31 half steps, a fifth and octaves
    assert harmony.parallels(fifth, harmony.FIFTH) == [(1, 0, 3)]
    assert harmony.parallels(fifth, harmony.OCTAVE) == []
    assert harmony.parallels(score_of([72, 67, 60, 48], [74, 67, 60, 50]), harmony.OCTAVE) == [(1, 0, 3)]
    assert harmony.parallels(score_of([79, 72, 67, 48], [-1, -1, -1, -1]), harmony.FIFTH) == []  # nobody moves
    assert harmony.parallels(score_of([67, 65, 62, 60], [74, 65, 62, 43]), harmony.FIFTH) == []  # 7 to 31, contrary
    measured = harmony.measures([fifth], ((57, 81), (53, 74), (48, 69), (48, 48)))
    assert measured.fifths == pytest.approx(100 / (2 / 4))
    assert measured.in_range == pytest.approx(7 / 8)


def test_share_in_key():
    assert harmony.in_key_share(score_of([72, 67, 64, 60], [74, 69, 65, 59])) == 1.0  # C major
    assert harmony.in_key_share(score_of([73, 68, 65, 61], [75, 70, 66, 60])) == 1.0  # in any key
    assert (
        harmony.in_key_share(Score(np.array([[60 + i, HOLD, HOLD, HOLD] if i else [60, 0, 0, 0] for i in range(12)])))
        == 7 / 12
    )
    assert math.isnan(harmony.in_key_share(score_of([0, 0, 0, 0])))


def test_tones_have_the_frequency_of_their_pitch():
    assert synthesis.frequency_of(69) == 440
    assert synthesis.frequency_of(60) == pytest.approx(261.6256, abs=1e-3)
    samples = synthesis.tone(441.0, 1.0, 8000, (1.0, 0.5))
    assert len(samples) == 8000
    spectrum = np.abs(np.fft.rfft(samples)) / 4000
    assert np.flatnonzero(spectrum > 1e-6).tolist() == [441, 882]
    assert spectrum[[441, 882]] == pytest.approx([2 / 3, 1 / 3])
    high = np.abs(np.fft.rfft(synthesis.tone(3000.0, 1.0, 8000)))
    assert np.flatnonzero(high > 1e-3).tolist() == [3000]  # its multiples would be folded back


def test_the_envelope_rises_falls_stays_and_ends():
    loud = synthesis.envelope(8000, 8000, 0.1, 0.2, 0.5, 0.25)
    assert loud[[0, 400, 800]] == pytest.approx([0, 0.5, 1])
    assert loud[[1600, 2400, 5000]] == pytest.approx([0.75, 0.5, 0.5])
    assert loud[7000] == pytest.approx(0.25)
    assert loud.max() <= 1
    assert synthesis.envelope(40, 8000)[-1] < 0.05  # too short for all of it


def test_a_score_is_heard_where_its_notes_are_and_never_clips():
    loud = score_of(*[[81, 74, 69, 64]] * 8)
    samples = synthesis.render(loud, 8000, 60)
    assert samples.dtype == np.float32
    assert len(samples) == 8 * 2000
    assert np.abs(samples).max() <= synthesis.HEADROOM
    silent = synthesis.render(score_of([0, 0, 0, 0], [-1, -1, -1, -1]), 8000)
    assert not silent.any()
    one = synthesis.render(score_of([0, 0, 0, 0], [69, 0, 0, 0]), 8000, 60)
    assert not one[:2000].any()
    assert np.abs(np.fft.rfft(one[2000:])).argmax() == round(440 * 2000 / 8000)


@pytest.mark.parametrize("rate", [0, -8000, 8000.5, math.nan, math.inf, "8000", None, True, 10**9])
def test_a_sample_rate_that_is_none(rate):
    with pytest.raises(ValueError, match="sample_rate_hz"):
        synthesis.check_rate(rate)
    with pytest.raises(ValueError, match="sample_rate_hz"):
        files.wav_bytes(np.zeros(4), rate)


def test_clipping_is_told_and_a_way_out_works(tmp_path):
    loud = np.array([0.5, 1.5, -2.0])
    with pytest.raises(synthesis.Clipping, match=r"2 of 3 samples lie outside -1..1, the loudest at 2.00"):
        files.write_wav(tmp_path / "a.wav", loud, 8000)
    assert not list(tmp_path.iterdir())
    quiet = synthesis.loudness_limited(loud)
    files.write_wav(tmp_path / "a.wav", quiet, 8000)
    samples, rate = files.read_wav(tmp_path / "a.wav")
    assert rate == 8000
    assert samples == pytest.approx(quiet, abs=1e-4)
    assert synthesis.loudness_limited(np.zeros(3)).tolist() == [0, 0, 0]


@pytest.mark.parametrize("samples", [np.zeros((2, 2)), np.zeros(3, int), np.array([math.nan])])
def test_samples_that_are_none(samples):
    with pytest.raises(ValueError, match="samples"):
        files.wav_bytes(samples, 8000)


def test_damaged_files_are_told(tmp_path):
    (tmp_path / "a.wav").write_bytes(b"RIFF")
    with pytest.raises(ValueError, match="no WAV file"):
        files.read_wav(tmp_path / "a.wav")
    (tmp_path / "a.mid").write_bytes(b"MThd")
    with pytest.raises(ValueError, match="no MIDI file"):
        files.midi_label(tmp_path / "a.mid")
    (tmp_path / "b.wav").write_bytes(files.wav_bytes(np.zeros(4), 8000, 8))
    with pytest.raises(ValueError, match="of 8 bits"):
        files.read_wav(tmp_path / "b.wav")
    with pytest.raises(OSError, match="nowhere"):
        files.write_wav(tmp_path / "nowhere" / "a.wav", np.zeros(4), 8000)


def test_midi_holds_the_notes_and_the_label(tmp_path):
    score = Score(GRID, 12)
    files.write_midi(tmp_path / "a.mid", score, 120, '{"Label": "1", "名": "曲"}')
    assert files.midi_label(tmp_path / "a.mid") == '{"Label": "1", "名": "曲"}'
    file = mido.MidiFile(tmp_path / "a.mid", charset="utf-8")
    assert file.length == pytest.approx(0.5)  # a quarter, at 120 a minute
    notes = []
    for voice, track in enumerate(file.tracks[1:]):
        now, began = 0, {}
        for message in track:
            now += message.time
            if message.type == "note_on":
                began[message.note] = now
            elif message.type == "note_off":
                start = began.pop(message.note)
                notes.append(Note(voice, message.note, start // 120, (now - start) // 120))
        assert not began
    assert notes == notes_of(score)
    files.write_midi(tmp_path / "b.mid", score)
    assert files.midi_label(tmp_path / "b.mid") is None
