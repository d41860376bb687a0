"""Sound: tones from sines, music from a small transformer, spectrograms, spoken digits."""
