"""What a benchmark hands over: one comparison with a peer, both measured in the same process or run."""

import json
import os
import statistics
from collections.abc import Sequence
from pathlib import Path

LOG = "AIGC_FIGURES"  # a file of JSON lines; set by tools.performance


def digits(number: float) -> str:
    """A number with three digits, never as a power of ten."""
    return f"{number:.0f}" if number >= 100 else f"{number:.3g}"


def speed(name: str, ours: Sequence[float], peer: Sequence[float], unit: str, device: str = "cpu") -> None:
    """Note how long both took, one number a round; ratios above 1 say that ours is faster.

    name: "autograd.torch", a key of words.toml;  unit: of the numbers, such as "ms"
    """
    if len(ours) != len(peer) or not ours:
        raise ValueError(f"{name}: {len(ours)} and {len(peer)} rounds; expected equally many, at least one")
    ratios = sorted(theirs / mine for mine, theirs in zip(ours, peer, strict=True))
    line = {
        "figure": name,
        "device": device,
        "ours": digits(statistics.median(ours)),
        "peer": digits(statistics.median(peer)),
        "unit": unit,
        "ratio": digits(statistics.median(ratios)),
        "lowest": digits(ratios[0]),
        "highest": digits(ratios[-1]),
        "rounds": len(ratios),
    }
    if file := os.environ.get(LOG):
        with Path(file).open("a", encoding="utf-8") as opened:
            opened.write(json.dumps(line) + "\n")
