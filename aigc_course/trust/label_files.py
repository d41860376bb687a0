"""Where a label stands in a picture, a sound and a film: an XMP packet in PNG, ID3 in WAV, a free-form atom in MP4.

Every file is written whole or not at all, and read by libraries whose parsers stumble in many ways over damaged ones:
all of these are a ValueError here.
"""

import io
import struct
import zlib
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO
from xml.etree import ElementTree
from xml.sax.saxutils import quoteattr

from aigc_course.storage.files import check_regular, replacing, write

NAMESPACE = "http://www.tc260.org.cn/ns/AIGC/1.0/"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
XMP_KEY = "XML:com.adobe.xmp"  # the PNG text chunk that holds an XMP packet
MP4_KEY = "----:cn.org.tc260:AIGC"
LONGEST = 100_000  # characters of an XMP packet that are read


def write_text(path: Path, text: str) -> None:
    """Put a label's text into a .png, .wav or .mp4 file; its pictures and sounds stay as they are.

    FileNotFoundError without the file, another OSError where a folder has its place or the name cannot be, ValueError
    for another kind of file or a damaged one.
    """
    _formats(path)[0](path, text)


def read_text(path: Path) -> str | None:
    """The text of the label in a file, None without one; errors as `write_text`."""
    return _formats(path)[1](path)


def _formats(path: Path) -> tuple[Callable[[Path, str], None], Callable[[Path], str | None]]:
    """How to write and how to read a file of this kind."""
    check_regular(path)
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file; make it first, then label it")
    kind = path.suffix.lower()
    if kind not in FORMATS:
        raise ValueError(f"{path.name}: labels are written into {', '.join(FORMATS)}")
    return FORMATS[kind]


def _write_png(path: Path, text: str) -> None:
    from PIL import PngImagePlugin

    with _opened_image(path) as image:
        info = PngImagePlugin.PngInfo()
        for name, value in image.info.items():
            if isinstance(name, str) and isinstance(value, str) and name != XMP_KEY:
                info.add_itxt(name, value)
        packet = (
            f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{RDF}"><rdf:Description rdf:about="" '
            f'xmlns:TC260="{NAMESPACE}" TC260:AIGC={quoteattr(text)}/></rdf:RDF></x:xmpmeta>'
        )
        info.add_itxt(XMP_KEY, packet)
        with replacing(path) as file:
            image.save(file, "PNG", pnginfo=info)


def _read_png(path: Path) -> str | None:
    with _opened_image(path) as image:
        packet = image.info.get(XMP_KEY)
    if packet is None:
        return None
    if len(packet) > LONGEST:
        raise ValueError(f"{path.name}: an XMP packet of {len(packet):,} characters is not read")
    try:
        tree = ElementTree.fromstring(packet)
    except ElementTree.ParseError as error:
        raise ValueError(f"{path.name}: its XMP packet is damaged: {error}") from error
    found = [part.get(f"{{{NAMESPACE}}}AIGC") for part in tree.iter(f"{{{RDF}}}Description")]
    return next((text for text in found if text is not None), None)


def _opened_image(path: Path):
    """The picture, all of it read; Pillow says in many ways that a file is damaged."""
    from PIL import Image

    content = path.read_bytes()  # so that an OSError from here on is the picture's, not the disk's
    try:
        image = Image.open(io.BytesIO(content), formats=["PNG"])
        image.load()
    except (
        OSError,
        SyntaxError,
        ValueError,
        EOFError,
        Image.DecompressionBombError,
        struct.error,
        zlib.error,
    ) as error:
        raise ValueError(f"{path.name} is no PNG picture, or a damaged one ({error}); make it again") from error
    return image


def _write_wav(path: Path, text: str) -> None:
    from mutagen.id3 import TXXX

    def tag(sound: Any) -> None:
        sound.tags.delall("TXXX:AIGC")
        sound.tags.add(TXXX(encoding=3, desc="AIGC", text=[text]))

    _write_tagged(path, tag, _wav_label, text)


def _wav_label(content: BinaryIO) -> tuple[Any, str | None]:
    """A sound, and the text of its label."""
    from mutagen.wave import WAVE

    found = ((sound := WAVE(content)).tags or {}).get("TXXX:AIGC")
    return sound, None if found is None else str(found.text[0])


def _write_mp4(path: Path, text: str) -> None:
    from mutagen.mp4 import AtomDataType, MP4FreeForm

    def tag(clip: Any) -> None:
        clip.tags[MP4_KEY] = [MP4FreeForm(text.encode(), AtomDataType.UTF8)]

    _write_tagged(path, tag, _mp4_label, text)


def _mp4_label(content: BinaryIO) -> tuple[Any, str | None]:
    """A film, and the text of its label."""
    from mutagen.mp4 import MP4

    found = ((clip := MP4(content)).tags or {}).get(MP4_KEY)
    return clip, bytes(found[0]).decode(errors="replace") if found else None


Read = Callable[[BinaryIO], tuple[Any, str | None]]


def _read_tagged(path: Path, read: Read) -> str | None:
    return _opened(path, io.BytesIO(path.read_bytes()), read)[1]


def _write_tagged(path: Path, tag: Callable[[Any], None], read: Read, text: str) -> None:
    """Tag a copy in memory, see that the label can be read there, then replace the file: mutagen writes in place."""
    content = io.BytesIO(path.read_bytes())
    media, _ = _opened(path, content, read)
    if media.tags is None:
        media.add_tags()
    tag(media)
    content.seek(0)
    with suppress(Exception):  # of a damaged file; what came of it is seen below
        media.save(content)
    content.seek(0)
    if _opened(path, content, read)[1] != text:
        raise ValueError(f"{path.name} is damaged: a label put into it cannot be read back; make the file again")
    write(path, content.getvalue())


def _opened(path: Path, content: BinaryIO, read: Read) -> tuple[Any, str | None]:
    """What `read` finds; ValueError for a file that is not of this kind."""
    try:
        return read(content)
    except Exception as problem:  # mutagen lets through what its parsers stumble over, not only MutagenError
        kind = path.suffix[1:].upper()
        raise ValueError(f"{path.name} is no {kind} file, or a damaged one ({problem}); make it again") from problem


FORMATS = {
    ".png": (_write_png, _read_png),
    ".wav": (_write_wav, partial(_read_tagged, read=_wav_label)),
    ".mp4": (_write_mp4, partial(_read_tagged, read=_mp4_label)),
}
