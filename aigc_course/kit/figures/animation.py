"""Figures one after the other as one moving picture that every viewer of notebooks can show: an animated PNG.

A drawing has few colors; with a palette it takes a third of the space, so an animation is not much larger than a plot.
"""

import io
from collections.abc import Iterable

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from aigc_course.kit.figures.plotting import rendered, show_png

DOTS_PER_INCH = 120  # fewer than a still picture has: it is stored once a frame


def show_animation(figures: Iterable[Figure], alt: str, *, seconds: float = 1.0, num_colors: int = 64) -> None:
    """Display the figures in turn, `seconds` each and the last one longer, three times; then the last one stays.

    figures:  all of one size; they are closed.  A viewer that shows no animation shows the last one.
    alt:      a sentence at least, in the notebook's language, that says what is to be seen
    """
    show_png(animated_png(figures, seconds=seconds, num_colors=num_colors), alt)


def animated_png(figures: Iterable[Figure], *, seconds: float = 1.0, num_colors: int = 64) -> bytes:
    """The figures as the bytes of an animated PNG, in at most `num_colors` colors so that it stays small."""
    from PIL import Image

    frames = []
    for fig in figures:
        frames.append(Image.open(io.BytesIO(rendered(fig, DOTS_PER_INCH))).convert("RGB"))
        plt.close(fig)
    if len({frame.size for frame in frames}) != 1:
        raise ValueError(f"an animation needs figures of one size, not {sorted({frame.size for frame in frames})}")
    width, height = frames[0].size
    column = Image.new("RGB", (width, height * len(frames)))  # all of them at once, so that they share a palette
    for number, frame in enumerate(frames):
        column.paste(frame, (0, number * height))
    column = column.quantize(num_colors, kmeans=1)
    frames = [column.crop((0, top, width, top + height)) for top in range(0, column.height, height)]
    buffer = io.BytesIO()
    pauses = [int(1000 * seconds)] * (len(frames) - 1) + [int(3000 * seconds)]
    inches = {"dpi": (DOTS_PER_INCH, DOTS_PER_INCH)}
    moving = {"save_all": True, "default_image": True, "append_images": frames, "duration": pauses, "loop": 3}
    frames[-1].save(buffer, "PNG", optimize=True, **inches, **(moving if len(frames) > 1 else {}))
    return buffer.getvalue()
