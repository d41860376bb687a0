"""The machine itself: interpreter, frameworks and their devices, memory, disk, Jupyter, fonts."""

import os
import platform
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from aigc_course.kit import runtime
from aigc_course.kit.commands.doctor.check import Check, judged, shown
from aigc_course.kit.runtime import say

OLDEST_PYTHON, NEWEST_PYTHON = (3, 11), (3, 13)  # what the course is tested with
PROBE_SECONDS = 120
FREE_MEMORY_GIB = 2.0  # the kernel of a notebook may take 1.7
FREE_DISK_GIB = 1.0
CGROUP_LIMITS = (  # limit and use of memory in a container: version 2, version 1
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)
PROBES = {  # what a framework says about itself
    "NumPy": "import numpy as np; np.ones((9, 9)) @ np.ones(9); print(np.__version__)",
    "PyTorch": "import torch; print(torch.__version__, 'cuda' if torch.cuda.is_available() else 'mps' if "
    "torch.backends.mps.is_available() else 'cpu', sep=', ')",
    "TensorFlow": "import sys, tensorflow as tf; print(tf.__version__, 'cpu' if not "
    "tf.config.list_physical_devices('GPU') else 'mps' if sys.platform == 'darwin' else 'cuda', sep=', ')",
}
CHINESE_FONTS = (
    *("Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans SC", "Source Han Sans SC", "WenQuanYi Zen Hei"),
    *("WenQuanYi Micro Hei", "PingFang SC", "Heiti SC", "Hiragino Sans GB", "Microsoft YaHei", "SimHei"),
)


def python() -> Check:
    """The interpreter."""
    value = f"{platform.python_version()}, {platform.system()} {platform.machine()}"
    if sys.version_info[:2] > NEWEST_PYTHON:
        advice = say(
            "比课程测试过的版本新；若有包装不上或运行出错，请改用Python 3.13。",
            "Newer than the versions the course is tested with; if a package is missing or fails, use Python 3.13.",
        )
        return Check("Python", value, "hint", advice)
    advice = say("请安装Python 3.11、3.12或3.13。", "Install Python 3.11, 3.12 or 3.13.")
    return judged("Python", value, sys.version_info >= OLDEST_PYTHON, advice, "problem")


def frameworks() -> list[Check]:
    """Whether each framework can be imported, and the device that it sees."""
    with ThreadPoolExecutor() as pool:
        return list(pool.map(probe, PROBES, PROBES.values()))


def probe(framework: str, program: str) -> Check:
    """Run a program that imports the framework; its last line is what it found, or what went wrong."""
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONWARNINGS": "ignore"}
    quiet["KERAS_HOME"] = os.devnull  # without a home, Keras would make a folder named ~ where it runs
    name = say(f"{framework}自检", f"{framework} at work")
    command = [sys.executable, "-c", program]
    try:
        result = subprocess.run(
            command, capture_output=True, text=True, timeout=PROBE_SECONDS, check=False, env=os.environ | quiet
        )
    except subprocess.TimeoutExpired:
        value = say(f"{PROBE_SECONDS}秒内没有响应", f"no answer within {PROBE_SECONDS} s")
        return Check(name, value, "problem", say("请关闭其他程序后重试。", "Close other programs and try again."))
    if result.returncode:
        said = result.stderr.strip().splitlines()
        reason = said[-1] if said else say(f"退出码{result.returncode}", f"exit status {result.returncode}")
        advice = say(
            "请重新安装：删除.venv，再执行make learn，或pip install --force-reinstall该包。",
            "Install it again: remove .venv and run make learn, or pip install --force-reinstall that package.",
        )
        return Check(name, reason, "problem", advice)
    value = result.stdout.strip().splitlines()[-1]
    device = value.partition(", ")[2]
    wanted = os.environ.get("AIGC_DEVICE")
    advice = say(
        f"AIGC_DEVICE={wanted}，但{framework}用不了这种设备：请取消AIGC_DEVICE，或安装支持它的版本。",
        f"AIGC_DEVICE={wanted}, but {framework} does not see it: unset AIGC_DEVICE, or install a build with it.",
    )
    return judged(name, value, not device or wanted not in ("cuda", "mps") or wanted == device, advice, "problem")


def settings() -> Check:
    """The scale, the wanted device and the threads, as the environment sets them."""
    name = say("规模与线程", "scale and threads")
    try:
        threads = runtime.num_threads()
        chosen = f"AIGC_SCALE {runtime.scale_name()}, AIGC_DEVICE {runtime.wanted_device()}, "
        runtime.seed_offset()
    except ValueError as error:
        return Check(name, str(error), "problem", say("请取消或改正这个环境变量。", "Unset or correct that variable."))
    return Check(name, chosen + say(f"{threads}个线程", f"{threads} {'thread' if threads == 1 else 'threads'}"))


def memory() -> Check:
    """What a notebook can take: free memory, or less where a container is limited."""
    import psutil

    seen = psutil.virtual_memory()
    free, total = seen.available, seen.total
    limited = ""
    for limit_path, use_path in CGROUP_LIMITS:
        limit = Path(limit_path).read_text().strip() if Path(limit_path).is_file() else ""
        if limit.isdecimal() and int(limit) < total:
            total = int(limit)
            free = min(free, total - int(Path(use_path).read_text()))
            limited = say("（容器上限）", " (limit of the container)")
            break
    value = say(
        f"可用{free / 2**30:.1f} GiB，共{total / 2**30:.1f} GiB{limited}",
        f"{free / 2**30:.1f} GiB free of {total / 2**30:.1f} GiB{limited}",
    )
    advice = say(
        f"一章最多需要{FREE_MEMORY_GIB} GiB：请关闭其他程序和不用的内核。",
        f"A chapter may need {FREE_MEMORY_GIB} GiB: close other programs and unused kernels.",
    )
    return judged(say("内存", "memory"), value, free >= FREE_MEMORY_GIB * 2**30, advice)


def disk() -> Check:
    """Room where downloads are kept."""
    from aigc_course.kit.cache import cache_folder

    folder = cache_folder()
    free = shutil.disk_usage(folder).free
    value = say(f"{shown(folder)}可用{free / 2**30:.1f} GiB", f"{free / 2**30:.1f} GiB free in {shown(folder)}")
    advice = say("请腾出空间，或用AIGC_CACHE指定别处。", "Make room, or set AIGC_CACHE to a folder on another disk.")
    return judged(say("磁盘", "disk"), value, free >= FREE_DISK_GIB * 2**30, advice)


def kernel() -> Check:
    """Whether Jupyter's kernel "python3", which the notebooks ask for, is this very environment."""
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    name = say("Jupyter内核", "Jupyter kernel")
    advice = f"{Path(sys.executable).name} -m ipykernel install --sys-prefix"
    try:
        program = KernelSpecManager().get_kernel_spec("python3").argv[0]
    except NoSuchKernel:
        value = say("没有python3内核", "there is no kernel python3")
        return Check(name, value, "problem", f"pip install ipykernel; {advice}")
    except RuntimeError:  # a user whom the system does not know, in a container for example
        value = say("没有主目录，Jupyter无法启动", "without a home folder Jupyter cannot start")
        return Check(name, value, "hint", "export HOME=/tmp")
    if os.sep not in program or Path(program).parent == Path(sys.executable).parent:  # a bare "python" is ours
        return Check(name, say("python3，即本环境", "python3, of this environment"))
    return Check(name, say("python3属于另一个环境", "python3 belongs to another environment"), "hint", advice)


def chinese_font() -> Check:
    """A font for the figures that show Chinese text."""
    from matplotlib import font_manager

    known = {font.name for font in font_manager.fontManager.ttflist}
    found = next((name for name in CHINESE_FONTS if name in known), "")
    advice = say(
        "图中的汉字会显示为方框。Debian、Ubuntu：sudo apt install fonts-noto-cjk",
        "Chinese characters in figures appear as boxes. Debian, Ubuntu: sudo apt install fonts-noto-cjk",
    )
    return judged(say("中文字体", "Chinese font"), found or say("未找到", "none found"), bool(found), advice)
