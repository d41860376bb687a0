"""A pad on which the learner draws a digit with mouse or finger; the picture arrives in Python as an array."""

from pathlib import Path

import anywidget
import numpy as np
import traitlets

from aigc_course.kit.runtime import data_folder, say


class DigitPad(anywidget.AnyWidget):
    """A drawing pad of 280×280 points; `pad.image` is the drawing as (28, 28) float in 0..1, 0 = paper, 1 = ink.

    Until something is drawn (or where no page is there to draw on), `pad.image` is a drawing that the course ships;
    `pad.drawn` says whether it is the learner's own.
    """

    _esm = Path(__file__).with_name("drawing.js")
    pixels = traitlets.List(trait=traitlets.Int(0, min=0, max=255)).tag(sync=True)  # 784 numbers, or none
    words = traitlets.Dict().tag(sync=True)

    def __init__(self) -> None:
        label = say("手写板：用鼠标或手指写一个数字", "Drawing pad: draw a digit with the mouse or a finger")
        super().__init__(words={"clear": say("清除", "Clear"), "label": label})

    @property
    def drawn(self) -> bool:
        """True when the learner has drawn something."""
        return any(self.pixels)

    @property
    def image(self) -> np.ndarray:
        """(28, 28) float64 in 0..1: the drawing, or the stored one when there is none."""
        if not self.drawn:
            return stored_drawing()
        return np.array(self.pixels, dtype=np.float64).reshape(28, 28) / 255


def stored_drawing() -> np.ndarray:
    """The drawing that the course ships, (28, 28) float64 in 0..1: a three, drawn on the pad with a mouse."""
    from PIL import Image

    with Image.open(data_folder() / "drawn_digit.png") as picture:
        return np.asarray(picture, dtype=np.float64) / 255
