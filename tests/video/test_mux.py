"""One file with picture and sound: in step, whole or not at all, with clear words where it cannot be."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from aigc_course.trust.labels import Label, read_label, write_label
from aigc_course.video import mux
from aigc_course.video.mux import MissingCodec, read_mp4, write_mp4
from tools.authoring.notebooks import ROOT
from tools.site.browser import served, watched
from tools.test import CHROMIUMS

STEP_SECONDS = 0.040  # picture and sound at most so far apart


def flash_and_click(fps, sample_rate, seconds=3):
    """A dark silent film with a white frame and a click at each whole second but the first."""
    frames = np.full((round(seconds * fps), 48, 64, 3), 20, np.uint8)
    samples = np.zeros(seconds * sample_rate, np.float32)
    for second in range(1, seconds):
        frames[round(second * fps)] = 255
        samples[second * sample_rate : second * sample_rate + sample_rate // 500] = 0.9
    return frames, samples


def offsets(path):
    """Seconds from each flash to its click, measured in the decoded file."""
    movie = read_mp4(path)
    bright = movie.times[movie.frames.mean(axis=(1, 2, 3)) > 128]
    loud = np.flatnonzero(np.abs(movie.samples) > 0.3) / movie.sample_rate + movie.sound_begins
    return [loud[np.abs(loud - flash) < 0.4][0] - flash for flash in bright]


@pytest.mark.parametrize(("fps", "sample_rate"), [(25, 44_100), (12, 16_000), (30, 22_050), (29.97, 48_000)])
def test_flash_and_click_are_in_step_in_the_decoded_file(fps, sample_rate, tmp_path):
    write_mp4(*mixed(flash_and_click(fps, sample_rate), fps, sample_rate), tmp_path / "a.mp4")
    found = offsets(tmp_path / "a.mp4")
    assert len(found) == 2
    assert max(map(abs, found)) <= STEP_SECONDS


def mixed(film, fps, sample_rate):
    frames, samples = film
    return frames, fps, samples, sample_rate


def test_the_measure_sees_sound_that_is_late(tmp_path):
    frames, samples = flash_and_click(25, 16_000)
    write_mp4(frames, 25, np.roll(samples, 16_000 // 10), 16_000, tmp_path / "a.mp4")
    assert all(abs(offset - 0.1) < 0.02 for offset in offsets(tmp_path / "a.mp4"))


def test_what_is_read_back_is_what_was_written(tmp_path):
    time = np.arange(32_000) / 16_000
    y, x = np.mgrid[:48, :64]
    frames = np.stack([np.stack([x * 3, y * 4, 0 * x + 10 * number], axis=-1) for number in range(24)]).astype(np.uint8)
    write_mp4(frames, 12, 0.5 * np.sin(2 * np.pi * 440 * time), 16_000, tmp_path / "a.mp4", quality=10)
    movie = read_mp4(tmp_path / "a.mp4")
    assert movie.fps == 12 and movie.sample_rate == 16_000
    assert np.abs(movie.frames.astype(int) - frames).mean() < 4
    middle = movie.samples[8000:16_000]
    assert abs(np.abs(np.fft.rfft(middle)).argmax() * 16_000 / 8000 - 440) < 3
    assert abs(len(movie.samples) - 32_000) <= 2048


def test_the_table_of_contents_stands_in_front_also_after_labeling(tmp_path):
    path = tmp_path / "a.mp4"
    write_mp4(*mixed(flash_and_click(25, 16_000), 25, 16_000), path)
    write_label(path, Label("course", "1"))
    content = path.read_bytes()
    assert 0 < content.find(b"moov") < content.find(b"mdat")
    assert read_label(path) == Label("course", "1")
    assert max(map(abs, offsets(path))) <= STEP_SECONDS


@pytest.mark.parametrize("samples", [None, np.empty(0, np.float32)])
def test_a_silent_film_of_one_frame(samples, tmp_path):
    write_mp4(np.zeros((1, 16, 16, 3), np.uint8), 25, samples, 0, tmp_path / "a.mp4")
    movie = read_mp4(tmp_path / "a.mp4")
    assert movie.frames.shape == (1, 16, 16, 3) and len(movie.samples) == movie.sample_rate == 0


FRAMES, SAMPLES = flash_and_click(25, 16_000, 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"frames": FRAMES[:, :47]}, "must be even"),
        ({"frames": FRAMES.astype(float)}, "expected uint8"),
        ({"frames": FRAMES[:0]}, "at least one frame"),
        ({"frames": [FRAMES[0], FRAMES[0][:40]]}, "np.stack"),
        ({"fps": 0}, "fps 0"),
        ({"fps": float("nan")}, "fps nan"),
        ({"fps": "25"}, "fps '25'"),
        ({"sample_rate": 0}, "sample_rate 0"),
        ({"sample_rate": float("nan")}, "sample_rate nan"),
        ({"sample_rate": 15_999}, "AAC knows 8000"),
        ({"samples": np.zeros((2, 9))}, "one channel"),
        ({"samples": np.zeros(9, np.int16)}, "expected floats"),
        ({"samples": np.full(9, np.nan)}, "NaN or infinity"),
        ({"samples": np.array([0.0, 2.5])}, "Divide them by 2.5"),
        ({"quality": 60}, "quality 60"),
    ],
)
def test_what_is_no_film_is_refused_and_nothing_is_written(change, message, tmp_path):
    given = {"frames": FRAMES, "fps": 25, "samples": SAMPLES, "sample_rate": 16_000} | change
    with pytest.raises(ValueError, match=message):
        write_mp4(**given, path=tmp_path / "a.mp4")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("names", ["VIDEO_CODECS", "AUDIO_CODECS"])
def test_a_missing_codec_is_named_and_an_earlier_file_stays(names, monkeypatch, tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"earlier")
    monkeypatch.setattr(mux, names, ("no_such_encoder",))
    with pytest.raises(MissingCodec, match=r"no_such_encoder.*pip install"):
        write_mp4(FRAMES, 25, SAMPLES, 16_000, tmp_path / "a.mp4")
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [("a.mp4", b"earlier")]


def test_places_where_no_file_can_be_written(tmp_path):
    with pytest.raises(FileNotFoundError, match="is no folder"):
        write_mp4(FRAMES, 25, SAMPLES, 16_000, tmp_path / "nowhere" / "a.mp4")
    (tmp_path / "folder.mp4").mkdir()
    with pytest.raises(IsADirectoryError):
        write_mp4(FRAMES, 25, SAMPLES, 16_000, tmp_path / "folder.mp4")
    with pytest.raises(OSError, match="regular"):
        write_mp4(FRAMES, 25, SAMPLES, 16_000, "/dev/null")


def test_a_full_disk_leaves_no_half_file_and_the_earlier_one(tmp_path, monkeypatch):
    (tmp_path / "a.mp4").write_bytes(b"earlier")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(mux, "encode", full)
    with pytest.raises(OSError, match="No space left"):
        write_mp4(FRAMES, 25, SAMPLES, 16_000, tmp_path / "a.mp4")
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [("a.mp4", b"earlier")]


@pytest.mark.skipif(os.name != "posix", reason="needs signals")
@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGKILL])
def test_a_killed_encoder_leaves_no_half_film(ending, tmp_path):
    path = tmp_path / "a.mp4"
    path.write_bytes(b"earlier")
    program = Path(__file__).parents[1] / "support" / "killed_film.py"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    child = subprocess.Popen([sys.executable, program, path], stdout=subprocess.PIPE, text=True, env=environment)
    assert child.stdout.readline() == "begun\n"
    child.send_signal(ending)
    assert child.wait(60) != 0
    assert path.read_bytes() == b"earlier"
    if ending == signal.SIGTERM:  # SIGKILL leaves nobody to tidy up
        assert [file.name for file in tmp_path.iterdir()] == ["a.mp4"]


def test_files_that_are_no_films(tmp_path):
    with pytest.raises(FileNotFoundError, match="write the film first"):
        read_mp4(tmp_path / "a.mp4")
    (tmp_path / "a.mp4").write_bytes(b"not a film at all")
    with pytest.raises(ValueError, match="is no film, or a damaged one"):
        read_mp4(tmp_path / "a.mp4")
    write_mp4(FRAMES, 25, SAMPLES, 16_000, tmp_path / "b.mp4")
    whole = (tmp_path / "b.mp4").read_bytes()
    for kept in (200, len(whole) - 1500):
        (tmp_path / "b.mp4").write_bytes(whole[:kept])
        with pytest.raises(ValueError, match="damaged"):
            read_mp4(tmp_path / "b.mp4")


PLAYED = """async (jumps) => {
  const film = document.querySelector("video");
  await film.play();
  await new Promise((resolve) => { film.onended = resolve; });
  const canvas = document.createElement("canvas"), brightness = [];
  canvas.width = film.videoWidth; canvas.height = film.videoHeight;
  const pen = canvas.getContext("2d");
  for (const time of jumps) {
    film.currentTime = time;
    await new Promise((resolve) => { film.onseeked = resolve; });
    pen.drawImage(film, 0, 0);
    brightness.push(pen.getImageData(20, 20, 1, 1).data[0]);
  }
  return {error: film.error, duration: film.duration, width: film.videoWidth, brightness,
          heard: film.webkitAudioDecodedByteCount, seen: film.webkitDecodedFrameCount};
}"""


@pytest.mark.browser
@pytest.mark.parametrize("embedded", [True, False])
def test_it_plays_in_a_real_browser(embedded, tmp_path):
    from IPython.display import Video
    from playwright.sync_api import sync_playwright

    write_mp4(*mixed(flash_and_click(25, 44_100), 25, 44_100), tmp_path / "a.mp4")
    write_label(tmp_path / "a.mp4", Label("course", "1"))
    content = (tmp_path / "a.mp4").read_bytes()
    video = '<video src="a.mp4"></video>'
    if embedded:
        video = Video(content, embed=True, mimetype="video/mp4")._repr_html_()
    (tmp_path / "index.html").write_text(video, encoding="utf-8")
    chromium = next(filter(None, map(shutil.which, CHROMIUMS)))
    with served(tmp_path) as address, sync_playwright() as playwright:
        flags = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        page = browser.new_page()
        seen = watched(page)
        page.goto(f"{address}/index.html")
        played = page.evaluate(PLAYED, [0.52, 1.02, 1.52] if embedded else [])  # the small server knows no ranges
        browser.close()
    assert played["error"] is None and seen == {"elsewhere": [], "missing": [], "errors": []}
    assert played["width"] == 64 and played["duration"] == pytest.approx(3, abs=0.15)
    assert played["heard"] > 0 and played["seen"] >= 70
    if embedded:
        dark, flash, dark_again = played["brightness"]
        assert flash > 200 and max(dark, dark_again) < 60
