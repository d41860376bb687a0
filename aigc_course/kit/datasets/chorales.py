"""Bach's chorales as scores on a grid, read from data/chorales.npz; `datasets.load_chorales` is the way in."""

from typing import TYPE_CHECKING, NamedTuple

from aigc_course.kit.datasets.course_files import course_file
from aigc_course.kit.runtime import say

if TYPE_CHECKING:
    import numpy as np

FILE = "chorales.npz"
SHA256 = "f65ecd7d21cefd86ce526eb8167fb1536984ee20feb3b6187d2bc1cde8f2f051"


class Chorale(NamedTuple):
    """A chorale as it is stored; `sound.scores.Score(grid, begin)` is what the course computes with."""

    name: str  # in music21's corpus, such as "bwv347"
    grid: "np.ndarray"  # (steps, 4) int8, soprano to bass: MIDI where a note begins, 0 a silence, -1 goes on
    begin: int  # the sixteenth of the bar on which it begins


class Chorales(NamedTuple):
    """The fixed split: settings of one tune are on one side."""

    training: list[Chorale]
    validation: list[Chorale]
    test: list[Chorale]


def load_chorales() -> Chorales:
    """Bach's four-part chorales in 4/4 on a grid of sixteenths; prints a line that says how many.

    Raises FileNotFoundError and ValueError as `course_file`.
    """
    import numpy as np

    with np.load(course_file(FILE, SHA256), allow_pickle=False) as stored:
        grids = np.split(stored["grid"], np.cumsum(stored["length"])[:-1])
        names, begins, splits = stored["name"].tolist(), stored["begin"].tolist(), stored["split"].tolist()
    found = Chorales([], [], [])
    for name, grid, begin, split in zip(names, grids, begins, splits, strict=True):
        found[split].append(Chorale(name, grid, begin))
    counts = [len(part) for part in found]
    print(
        say(
            f"巴赫众赞歌：训练{counts[0]}首，验证{counts[1]}首，测试{counts[2]}首（十六分音符网格，随课程提供）",
            f"Bach's chorales: {counts[0]} for training, {counts[1]} for validation, {counts[2]} for the test "
            "(grid of sixteenths, ships with the course)",
        )
    )
    return found
