"""Cards of a film, such as its title: lines of text drawn into an array, Chinese only where a font has it."""

from collections.abc import Sequence

import numpy as np

from aigc_course.kit.figures.labels import ADVICE, CHINESE, covering_font, font_file

INK, PAPER = "#102A43", "#F7F4EA"


def card(lines: Sequence[tuple[str, float]], width: int, height: int, ink: str = INK, paper: str = PAPER) -> np.ndarray:
    """Lines of text in the middle of a picture (height, width, 3) uint8.

    lines: text and its height in pixels, from the top down. A line with Chinese characters that no installed font has
    is left out, never drawn as boxes, and one line says how to get a font.
    ValueError where nothing is left to draw, or the lines do not fit.
    """
    import matplotlib.pyplot as plt
    from matplotlib.font_manager import FontProperties

    shown = [(text, size, covering_font(text) if CHINESE.search(text) else "DejaVu Sans") for text, size in lines]
    if missing := [text for text, _, font in shown if font is None]:
        print(ADVICE if len(missing) < len(shown) else f"{ADVICE} No font for: {missing[0]}")
    shown = [(text, size, font) for text, size, font in shown if font is not None]
    if not shown:
        raise ValueError("a card needs at least one line that can be drawn; add an English one")
    total = sum(1.5 * size for _, size, _ in shown)
    if total > height:
        raise ValueError(f"lines of {total:.0f} pixels together on a card of {height}: make them smaller")
    fig = plt.figure(figsize=(width / 100, height / 100), dpi=100, facecolor=paper)
    top = (height + total) / 2
    for text, size, font in shown:
        face = FontProperties(fname=font_file(font), size=0.72 * size)  # in points; 100 an inch
        drawn = fig.text(0.5, (top - 0.75 * size) / height, text, font=face, color=ink, ha="center", va="center")
        if drawn.get_window_extent().width > width:
            plt.close(fig)
            raise ValueError(f"“{text}” is wider than the card of {width} pixels; make it smaller, or shorter")
        top -= 1.5 * size
    fig.canvas.draw()
    picture = np.asarray(fig.canvas.buffer_rgba())[..., :3].copy()  # pyright: ignore[reportAttributeAccessIssue]  Agg's
    plt.close(fig)
    return picture
