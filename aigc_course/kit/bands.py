"""Expected results: is a measured value where the same program's values lay for other seeds?

data/expected_results.csv holds, per quantity, scale, device and data source, the interval into which a new run falls
99 times in 100 (`make bands` measures it over several seeds).
"""

import json
import math
import os
import tomllib
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from aigc_course.kit import runtime
from aigc_course.kit.runtime import language, say
from aigc_course.storage.tables import ADVICE, read_rows

COLUMNS = ("quantity", "scale", "device", "data", "low", "high", "mean", "seeds", "date", "machine")
DATA = ("full", "sample", "none")


class Band(NamedTuple):
    """One row of data/expected_results.csv; the first four fields are its key."""

    quantity: str
    scale: str
    device: str
    data: str
    low: float
    high: float
    mean: float
    seeds: int
    date: str
    machine: str

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What a value must agree in to be compared with this band."""
        return self[:4]

    @property
    def interval(self) -> str:
        """Its bounds as text."""
        bounds = dict.fromkeys(f"{bound:.10g}" for bound in (self.low, self.high))  # once, if they are the same
        return "–".join(bounds)


def expect(quantity: str, value: Any, data: str = "none") -> None:
    """Print the value with its band and whether it lies inside, in the reader's language.

    quantity:  a name that is unique in the course, such as "05_1.cnn_accuracy"; that of a share, never outside 0..1,
               says so: accuracy, precision, recall, share, rate, probability, ...
    data:      what it was computed from: "full" or "sample" (see Digits.is_full), "none" where nothing was loaded
    Without a band for this device, scale and data the value is printed and nothing is claimed.
    With AIGC_STRICT=1 a value outside its band, or one that is not finite, is an AssertionError. AIGC_BANDS_LOG=FILE
    appends each value to a file of JSON lines. ValueError for another `data`, TypeError for what is no single number.
    """
    if data not in DATA:
        raise ValueError(f'data="{data}" is not known; allowed: "full", "sample", "none"')
    number = as_number(quantity, value)
    key = (quantity, runtime.scale_name(), runtime.device(), data)
    log(key, number)
    band = next((band for band in read() if band.key == key), None)
    inside = band is not None and band.low <= number <= band.high
    message = _message(number, key, band, inside)
    failed = not math.isfinite(number) or (band is not None and not inside)
    if failed and os.environ.get("AIGC_STRICT", "0") not in ("", "0"):
        raise AssertionError(message)
    print(message)


def _message(number: float, key: tuple[str, str, str, str], band: Band | None, inside: bool) -> str:
    quantity, *where = key
    where[-1] = {"full": say("全部数据", "all of the data"), "sample": say("自带样本", "the bundled sample")}.get(
        key[-1], ""
    )
    where = say("，", ", ").join(filter(None, where))
    value = f"{_called(quantity)} = {_like(number, band) if band else f'{number:.5g}'}"
    if not math.isfinite(number):
        return value + say(
            "：不是有限的数，前面的计算有问题：除以0，对0取对数，或者训练发散（学习率太大？）。",
            ": not a finite number. Something went wrong earlier: a division by 0, the log of 0, "
            "or training that diverged (is the learning rate too large?).",
        )
    if band is None:
        return value + say(
            f"（{where}；这种设备、规模和数据还没有测过预期范围）",
            f" ({where}; no band has been measured yet for this device, scale and data)",
        )
    measured = say(f"{where}；{band.seeds}个随机种子，{band.date}", f"{where}; {band.seeds} seeds, {band.date}")
    if inside:
        return value + say(f"，在预期范围{band.interval}之内（{measured}）", f", inside {band.interval} ({measured})")
    return value + say(
        f"，在预期范围{band.interval}之外（{measured}，{band.machine}）。\n"
        "单凭运气，100次运行约有1次会这样。其他可能：有单元格被改动、跳过或中途停下；框架版本或处理器与测量时不同，"
        "这时差别通常很小。先重启内核，从头运行全部单元格；若仍在范围之外，再看你改过的地方。",
        f", outside {band.interval} ({measured}, {band.machine}).\n"
        "By chance alone this happens in about 1 run in 100. Otherwise, a cell was changed, skipped or interrupted, "
        "or the framework's version or the processor is different, which usually makes a small difference. "
        "Restart the kernel and run all cells; if the value stays outside, look at what you changed.",
    )


def _called(quantity: str) -> str:
    """The quantity as the reader's language calls it: in Chinese its own name behind what it is."""
    chinese = chinese_names().get(quantity) if language() == "zh" else None
    return f"{chinese}（{quantity}）" if chinese else quantity


@cache
def chinese_names() -> dict[str, str]:
    """Quantity -> what it is, in Chinese, from bands.toml."""
    return tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))["zh"]


def as_number(quantity: str, value: Any) -> float:
    """The value as a float: Python's and NumPy's numbers, tensors with one element."""
    try:
        if isinstance(value, str | bytes):
            raise TypeError("a string is not a number, even if it looks like one")
        return float(value)
    except (TypeError, ValueError, RuntimeError) as error:
        shape = getattr(value, "shape", None)
        given = f"of shape {tuple(shape)}" if shape is not None else f"{value!r:.60}"
        raise TypeError(
            f'expect("{quantity}", ...) needs one number, not {type(value).__name__} {given}; '
            "give its mean, or one element of it"
        ) from error


def _like(number: float, band: Band) -> str:
    """The value with a digit more than its bounds, so that one can see how far inside it lies."""
    digits = max(len(f"{bound:.10f}".rstrip("0").partition(".")[2]) for bound in (band.low, band.high))
    return f"{number:.{digits + 1}f}" if digits else f"{number:.10g}"


def log(key: tuple[str, str, str, str], number: float) -> None:
    """Append the value to the file AIGC_BANDS_LOG, if that is set."""
    if file := os.environ.get("AIGC_BANDS_LOG"):
        line = dict(zip(COLUMNS[:4], key, strict=True)) | {"value": number, "seed": runtime.seed_offset()}
        with Path(file).open("a", encoding="utf-8") as opened:
            opened.write(json.dumps(line) + "\n")


def read(file: Path | None = None) -> list[Band]:
    """All bands, of data/expected_results.csv unless another file is named; ValueError for a row that is none."""
    file = file or runtime.data_folder() / "expected_results.csv"
    names, rows = read_rows(file)
    if names != COLUMNS:
        raise ValueError(f"{file.name}: the first line must be {','.join(COLUMNS)}; {ADVICE}")
    return [_band(file, number, list(row.values())) for number, row in enumerate(rows, start=2)]


def _band(file: Path, number: int, row: list[str]) -> Band:
    try:
        quantity, scale, device, data, low, high, mean, seeds, date, machine = row
        band = Band(quantity, scale, device, data, float(low), float(high), float(mean), int(seeds), date, machine)
    except ValueError as error:
        raise ValueError(f"{file.name}, line {number}: {error}; expected {','.join(COLUMNS)}; {ADVICE}") from error
    if not band.low <= band.high:
        raise ValueError(f"{file.name}, line {number}: low {low} is not at most high {high}; {ADVICE}")
    return band
