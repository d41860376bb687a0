"""Labels come back whole from every format, content unharmed; forged ones are found, saving anew loses them."""

import errno
import json
import os
import wave
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from aigc_course.trust.label_files import XMP_KEY
from aigc_course.trust.labels import (
    SEEN,
    Label,
    is_signed,
    label_text,
    read_label,
    sign,
    text_label,
    write_label,
)

LABEL = Label('课程 & "course" <1>', "AIGC-2026-0001", propagator="nobody")
KEY = b"0123456789abcdef"


def png(path, seed=0):
    pixels = np.random.default_rng(seed).integers(0, 256, (12, 9, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return lambda: np.asarray(Image.open(path))


def wav(path, seed=0):
    samples = np.random.default_rng(seed).integers(-999, 999, 801, dtype=np.int16)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(samples.tobytes())

    def content():
        with wave.open(str(path), "rb") as file:
            return np.frombuffer(file.readframes(10_000), dtype=np.int16)

    return content


def mp4(path, seed=0):
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=5)
        stream.width = stream.height = 32
        stream.pix_fmt = "yuv420p"
        pictures = np.random.default_rng(seed).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())

    def content():
        with av.open(str(path)) as container:
            return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])

    return content


MAKERS = {"png": png, "wav": wav, "mp4": mp4}


@pytest.fixture(params=MAKERS)
def made(request, tmp_path):
    path = tmp_path / f"某 file.{request.param}"
    return path, MAKERS[request.param](path)


def test_a_label_comes_back_and_the_content_stays(made):
    path, content = made
    before = content()
    assert read_label(path) is None
    write_label(path, LABEL)
    assert read_label(path) == LABEL
    np.testing.assert_array_equal(content(), before)
    other = replace(LABEL, produce_id="2", kind="3")
    write_label(path, other)  # a second one takes the place of the first
    assert read_label(path) == other
    np.testing.assert_array_equal(content(), before)


def test_text(tmp_path):
    labeled = label_text("从前有一只猫。", LABEL, "zh")
    assert text_label(labeled) == LABEL
    assert labeled.rstrip().endswith(SEEN["zh"]) and "从前有一只猫。" in labeled
    assert text_label("从前有一只猫。") is None
    assert text_label(labeled.replace("\n", "\r\n")) == LABEL
    with pytest.raises(ValueError, match="already"):
        label_text(labeled, LABEL, "zh")
    with pytest.raises(ValueError, match="'fr'"):
        label_text("x", LABEL, "fr")


def test_the_object_is_that_of_the_standard():
    found = json.loads(LABEL.to_json())
    assert list(found) == [
        "Label", "ContentProducer", "ProduceID", "ReservedCode1", "ContentPropagator", "PropagateID", "ReservedCode2",
    ]  # fmt: skip
    assert found["Label"] == "1"


def test_another_program_finds_it_in_a_picture(tmp_path):
    png(tmp_path / "a.png")
    write_label(tmp_path / "a.png", LABEL)
    assert "ContentProducer" in Image.open(tmp_path / "a.png").info[XMP_KEY]


def test_other_texts_of_a_picture_stay(tmp_path):
    from PIL import PngImagePlugin

    info = PngImagePlugin.PngInfo()
    info.add_text("Title", "a picture")
    Image.new("L", (3, 3)).save(tmp_path / "a.png", pnginfo=info)
    write_label(tmp_path / "a.png", LABEL)
    assert Image.open(tmp_path / "a.png").info["Title"] == "a picture"


def test_a_full_disk_leaves_the_picture_as_it_was(tmp_path, monkeypatch):
    png(tmp_path / "a.png")
    before = (tmp_path / "a.png").read_bytes()

    def full(self, file, *_, **__):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(OSError, match="No space"):
        write_label(tmp_path / "a.png", LABEL)
    assert [file.name for file in tmp_path.iterdir()] == ["a.png"]
    assert (tmp_path / "a.png").read_bytes() == before


def test_a_picture_saved_again_has_lost_its_label(tmp_path):
    png(tmp_path / "a.png")
    write_label(tmp_path / "a.png", LABEL)
    Image.open(tmp_path / "a.png").resize((9, 12)).save(tmp_path / "b.png")
    assert read_label(tmp_path / "b.png") is None


def test_a_signature_finds_forged_labels_and_changed_content():
    signed = sign(LABEL, b"pixels", KEY)
    assert is_signed(signed, b"pixels", KEY)
    assert not is_signed(LABEL, b"pixels", KEY)
    assert not is_signed(replace(signed, producer="someone else"), b"pixels", KEY)
    assert not is_signed(signed, b"other pixels", KEY)
    assert not is_signed(signed, b"pixels", b"another key, as long")
    with pytest.raises(ValueError, match="16 or more"):
        sign(LABEL, b"", b"short")


@pytest.mark.parametrize("name", ["a.png", "a.wav", "a.mp4"])
@pytest.mark.parametrize("content", [b"", b"not what it says" * 9])
def test_damaged_files(name, content, tmp_path):
    (tmp_path / name).write_bytes(content)
    for call in (lambda: read_label(tmp_path / name), lambda: write_label(tmp_path / name, LABEL)):
        with pytest.raises(ValueError, match="damaged"):
            call()
    assert (tmp_path / name).read_bytes() == content


@pytest.mark.parametrize(
    "text", ["[" * 50_000, "{", "[]", '{"Label": 1}', '{"Label": "1", "ContentProducer": "x"}', '"x"', " " * 200_000]
)
def test_damaged_labels(text):
    with pytest.raises(ValueError, match="label"):
        Label.from_json(text)


@pytest.mark.parametrize("make", [wav, mp4], ids=["wav", "mp4"])
def test_a_full_disk_leaves_a_sound_and_a_film_as_they_were(make, tmp_path, monkeypatch):
    path = tmp_path / f"a.{make.__name__}"
    make(path)
    before = path.read_bytes()

    def full(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_label(path, LABEL)
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


def test_what_cannot_be_labeled(tmp_path):
    with pytest.raises(FileNotFoundError, match="make it first"):
        read_label(tmp_path / "none.png")
    (tmp_path / "a.doc").write_bytes(b"x")
    with pytest.raises(ValueError, match=r"\.png"):
        read_label(tmp_path / "a.doc")
    with pytest.raises(ValueError, match="kind '9'"):
        Label("x", "1", kind="9")
    with pytest.raises(ValueError, match="empty"):
        Label(" ", "1")
