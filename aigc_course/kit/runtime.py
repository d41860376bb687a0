"""What every notebook asks first: the reader's language, the scale, the device, the seed and the threads.

No framework is imported here: torch and TensorFlow are asked only when the notebook has loaded them.
"""

import ctypes
import io
import json
import os
import platform
import random
import sys
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

LANGUAGES = ("zh", "en")
SCALES = ("quick", "full")
DEVICES = ("cpu", "cuda", "mps")
MOST_THREADS = 1024
MMAP_THRESHOLD, LARGE_BLOCK = -3, 2**20  # the number of a setting of mallopt; bytes
MOST_REPETITIONS = 4_000_000  # set_seed() multiplies by 1,000, and a seed has 32 bits

_facts = {"language": "en"}  # what this run uses: language, scale, device, data source


class WrongSetting(ValueError):
    """An environment variable of the course holds what it cannot mean; the message says what is allowed."""


def start(language: str) -> None:
    """Begin a notebook of the edition `language` ("zh" or "en"): check the settings, keep the output tidy.

    Prints one line that says which scale and which machine the results below come from.
    Raises ValueError for an unknown language, AIGC_SCALE, AIGC_DEVICE, AIGC_THREADS or AIGC_SEED.
    """
    if language not in LANGUAGES:
        raise ValueError(f'start("{language}"): the editions are {" and ".join(map(repr, LANGUAGES))}')
    record("language", language)
    print_whatever_comes()
    give_memory_back()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow's start-up chatter
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    if os.path.expanduser("~") == "~":  # noqa: PTH111 - no home: there Keras makes a folder of this name where it runs
        os.environ.setdefault("KERAS_HOME", str(data_folder() / "cache" / "keras"))
    seed_offset(), wanted_device()
    from aigc_course import __version__

    cores = num_threads()
    print(f"aigc_course {__version__}, scale {scale_name()}, {cores} CPU {'core' if cores == 1 else 'cores'}")


def print_whatever_comes() -> None:
    """A terminal that cannot show a character, such as a check mark in GBK, now shows "?" instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a notebook's streams are others, and can show all
            stream.reconfigure(errors="replace")


def give_memory_back() -> None:
    """Large blocks of memory go back to the system as soon as they are free, for hosted sessions have 2 GiB.

    Otherwise glibc keeps them, and a small block behind each hinders it from using them again: chapter 3.3 then needs
    0.6 GB more. Other C libraries are left as they are. Source: mallopt(3).
    """
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).mallopt(MMAP_THRESHOLD, LARGE_BLOCK)


def language() -> str:
    """The reader's language, "zh" or "en", as the setup cell said it."""
    return _facts["language"]


def say(zh: str, en: str) -> str:
    """Whichever of the two texts is in the reader's language."""
    return zh if language() == "zh" else en


def _setting(name: str, allowed: tuple[str, ...], default: str) -> str:
    """The environment variable `name`, or `default`; WrongSetting when it is not one of `allowed`."""
    value = os.environ.get(name) or default
    if value not in allowed:
        raise WrongSetting(
            f"{name}={value} is not known; allowed: {', '.join(allowed)}. Unset {name} to get the default ({default})."
        )
    return value


def _whole_number(name: str, default: int, smallest: int, largest: int) -> int:
    text = os.environ.get(name) or str(default)
    if not text.isdecimal() or not smallest <= int(text) <= largest:
        allowed = f"a whole number from {smallest} to {largest:,}"
        raise WrongSetting(f"{name}={text} is not {allowed}. Unset {name} to get {default}.")
    return int(text)


def scale_name() -> str:
    """ "quick" (a chapter in a minute or so on two cores) or "full" (the article's own numbers); AIGC_SCALE chooses."""
    name = _setting("AIGC_SCALE", SCALES, "quick")
    record("scale", name)
    return name


def scale(*, quick: T, full: T) -> T:
    """`quick` or `full`, whichever AIGC_SCALE asks for: `num_epochs = scale(quick=2, full=50)`."""
    return full if scale_name() == "full" else quick


def wanted_device() -> str:
    """AIGC_DEVICE ("cpu", "cuda", "mps"), or "auto" when it is not set."""
    return _setting("AIGC_DEVICE", ("auto", *DEVICES), "auto")


def device() -> str:
    """The device that the loaded framework shall compute on: "cuda", "mps" or "cpu".

    AIGC_DEVICE overrides; asking for a device that the framework does not see is a RuntimeError.
    Without a loaded framework the answer is "cpu".
    """
    wanted = wanted_device()
    seen = _devices_seen()
    if wanted == "auto":
        chosen = next(name for name in ("cuda", "mps", "cpu") if name in seen)
    elif wanted in seen:
        chosen = wanted
    else:
        raise RuntimeError(
            f"AIGC_DEVICE={wanted}, but the framework sees only: {', '.join(seen)}. "
            "Unset AIGC_DEVICE, or install a build of the framework that supports the device."
        )
    record("device", chosen)
    return chosen


def _devices_seen() -> list[str]:
    seen = ["cpu"]
    if torch := sys.modules.get("torch"):
        if torch.cuda.is_available():
            seen.append("cuda")
        if torch.backends.mps.is_available():
            seen.append("mps")
    elif (tf := sys.modules.get("tensorflow")) and tf.config.list_physical_devices("GPU"):
        seen.append("mps" if sys.platform == "darwin" else "cuda")
    return seen


def has_bfloat16(device: Any) -> bool:
    """Whether a device ("cpu", "cuda", ... or a torch.device) multiplies in bfloat16 itself; others are slower with it.

    For "cuda" the loaded torch is asked; without one the answer is False.
    """
    kind = getattr(device, "type", device)
    if kind == "cuda":
        torch = sys.modules.get("torch")
        return torch is not None and torch.cuda.is_available() and torch.cuda.is_bf16_supported()
    told = Path("/proc/cpuinfo")
    if kind != "cpu" or not told.is_file():
        return False
    return any(flag in told.read_text(encoding="utf-8", errors="replace") for flag in ("avx512_bf16", "amx_bf16"))


def seed_offset() -> int:
    """AIGC_SEED (default 0): repeats a whole notebook with other random numbers; `make bands` uses it."""
    return _whole_number("AIGC_SEED", 0, 0, MOST_REPETITIONS)


def set_seed(seed: int) -> int:
    """Seed Python, NumPy and whichever of torch and TensorFlow is loaded; return the seed that was used.

    AIGC_SEED shifts it by 1,000 a step, so that the seeds of one notebook never meet those of another repetition.
    """
    seed = int(seed) + 1000 * seed_offset()
    if not 0 <= seed < 2**32:
        raise ValueError(f"seed {seed} is not in 0 .. 2**32 - 1")
    random.seed(seed)
    import numpy as np

    np.random.seed(seed)  # noqa: NPY002  libraries such as scikit-learn still draw from the global generator
    if torch := sys.modules.get("torch"):
        torch.manual_seed(seed)
    if tf := sys.modules.get("tensorflow"):
        tf.keras.utils.set_random_seed(seed)
    record("device", device())
    return seed


def num_threads(task: str = "large") -> int:
    """Threads for a "small" task (tiny matrices: one, more only get in each other's way) or a "large" one (every core).

    AIGC_THREADS sets the number for large tasks, for example when several notebooks run side by side.
    """
    if task not in ("small", "large"):
        raise ValueError(f'task "{task}" is not known; allowed: small, large')
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    wanted = _whole_number("AIGC_THREADS", available, 1, MOST_THREADS)
    return 1 if task == "small" else wanted


def use_threads(task: str = "large") -> int:
    """Let NumPy and the loaded frameworks compute with `num_threads(task)` threads; return that number.

    TensorFlow takes the number only before its first operation: call this right after the imports.
    """
    import threadpoolctl

    number = num_threads(task)
    threadpoolctl.threadpool_limits(number)
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(number)
    if tf := sys.modules.get("tensorflow"):
        threading = tf.config.threading
        if threading.get_intra_op_parallelism_threads() != number:
            try:
                threading.set_intra_op_parallelism_threads(number)
                threading.set_inter_op_parallelism_threads(number)
            except RuntimeError as error:
                raise RuntimeError(
                    f"TensorFlow has already run something and keeps its threads; to get {number}, "
                    "restart the kernel and call use_threads() right after the imports"
                ) from error
    return number


def data_folder() -> Path:
    """The folder `data/` that comes with the course: beside the package in a checkout, inside it when installed."""
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "data", package.parent / "data"):
        if (folder / "README.md").is_file():
            return folder
    raise FileNotFoundError(
        f"the course's data folder is neither in {package} nor next to it; install the package again: "
        "pip install --force-reinstall aigc_course"
    )


def record(name: str, value: str) -> None:
    """Remember a fact about this run; with AIGC_FACTS=FOLDER also in FOLDER/<process id>.json, for the tests' table."""
    _facts[name] = value
    if folder := os.environ.get("AIGC_FACTS"):
        path = Path(folder) / f"{os.getpid()}.json"
        path.write_text(json.dumps(_facts), encoding="utf-8")


def facts() -> dict[str, str]:
    """A copy of what was recorded: scale, device, data source."""
    return dict(_facts)
