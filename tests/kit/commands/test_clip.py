"""`sample clip` writes a labeled film with sound, the same for the same seed, and refuses other files."""

import pytest

from aigc_course.kit.commands import clip
from aigc_course.trust.labels import read_label
from aigc_course.video.mux import read_mp4


def test_a_film_with_sound_and_its_label(tmp_path, capsys):
    clip.sample_clip(tmp_path / "a.mp4", 3)
    assert "labeled as generated" in capsys.readouterr().out
    movie = read_mp4(tmp_path / "a.mp4")
    assert movie.frames.shape[1:] == (240, 320, 3)
    assert movie.fps == 12 and abs(len(movie.frames) / movie.fps - len(movie.samples) / movie.sample_rate) < 0.2
    assert abs(movie.samples).max() > 0.05
    label = read_label(tmp_path / "a.mp4")
    assert label is not None and label.kind == "1" and label.producer == clip.PRODUCER
    assert (tmp_path / "a.mp4").stat().st_size < 150_000
    assert [file.name for file in tmp_path.iterdir()] == ["a.mp4"]


def test_the_seed_decides():
    first, again, other = (clip.pictures(seed) for seed in (1, 1, 2))
    assert (first == again).all() and not (first == other).all()


@pytest.mark.parametrize("name", ["a.avi", "a", "nowhere/a.mp4"])
def test_other_files_are_refused_before_anything_is_made(name, tmp_path):
    with pytest.raises(ValueError, match=r"mp4|folder"):
        clip.sample_clip(tmp_path / name, 0)
