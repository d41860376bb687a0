"""Arrays in, Axes out: the figures of the course in one style, each shown with a text for those who cannot see it.

The colors are Okabe and Ito's, told apart with any kind of color vision; the paper is white, so a figure reads alike
on a light and a dark page. Helpers draw on `ax` and return it; only `show` displays.

A figure is displayed as HTML, <img alt="..." src="data:...">, since that is where the text reaches the reader: in
JupyterLab and nbconvert's pages and slides, which ignore the `alt` of a bare image's metadata (of 92 figures exported
so, none kept its text). The picture is stored once, so a notebook is no larger, and `width` lets twice as many pixels
as the page has make it sharp. The price: an export to PDF shows the text in the picture's place, as a terminal does.
"""

import html
import inspect
import io
import re
from collections.abc import Sequence
from typing import Any, Literal, overload

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from aigc_course.kit.display import show_page
from aigc_course.kit.figures.labels import families, label

BLACK, ORANGE, SKY, GREEN, YELLOW, BLUE, RED, PURPLE = (
    "#000000", "#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7",
)  # fmt: skip
PALETTE = (BLUE, ORANGE, SKY, RED, BLACK, GREEN, PURPLE, YELLOW)

PAGE_DOTS_PER_INCH = 90  # of the page that the figure stands on
SHARP, LESS_SHARP = 180, 144  # dots per inch of the picture: a modern screen has two for each of the page
MANY_BYTES = 30_000  # a sharp picture of more is stored less sharp, so that a notebook stays below 400 kB
COLORS = (32, 64, 255)  # of a palette; the fewest that do not show are taken
LARGEST_CHANGE = 0.5  # of 255, the mean over a picture: far below what one can see
CHINESE = re.compile(r"[\u3400-\u9fff]")
STYLE = {
    "axes.prop_cycle": plt.cycler(color=PALETTE),
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "axes.labelsize": 9,
    "axes.grid": True,
    "grid.color": "#e3e3e3",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "image.cmap": "gray_r",
}


@overload
def figure(
    nrows: Literal[1] = 1, ncols: Literal[1] = 1, *, width: float = 7.0, height: float = 3.0
) -> tuple[Figure, Axes]: ...


@overload
def figure(
    nrows: int = 1, ncols: int = 1, *, width: float = 7.0, height: float = 3.0, **kwargs: Any
) -> tuple[Figure, np.ndarray]: ...


def figure(
    nrows: int = 1, ncols: int = 1, *, width: float = 7.0, height: float = 3.0, **kwargs: Any
) -> tuple[Figure, Any]:
    """`fig, axes = figure(...)`: plt.subplots in the course's style; `width` and `height` in inches for the whole."""
    plt.rcParams.update(STYLE | {"font.family": families()})
    fig, axes = plt.subplots(nrows, ncols, figsize=(width, height), layout="constrained", **kwargs)
    for ax in fig.axes:  # DejaVu first: Chinese fonts lack the minus sign in 10^-2
        ax.tick_params(which="both", labelfontfamily=families()[::-1])
    return fig, axes


def show(drawing: Figure | Axes | np.ndarray, alt: str) -> None:
    """Display a figure (or the figure of these Axes); alt: a sentence on what is seen, in the notebook's language."""
    if not is_sentence(alt):
        raise ValueError(
            f'alt="{alt}" is too short: say in a whole sentence, ending in a full stop (. or 。), what is to be seen'
        )
    fig = drawing if isinstance(drawing, Figure) else np.asarray(drawing, dtype=object).flat[0].figure
    show_png(png_of(fig), alt)
    plt.close(fig)


def is_sentence(text: str) -> bool:
    """At least five words and a full stop, or at least eight Chinese characters and theirs."""
    text = text.rstrip()
    if CHINESE.search(text):
        return len(CHINESE.findall(text)) >= 8 and text.endswith("。")
    return len(text.split()) >= 5 and text.endswith(".")


def png_of(fig: Figure) -> bytes:
    """The figure as the bytes of a PNG, small and sharp; the same figure gives the same bytes.

    A drawing gets a palette; a photograph keeps its colors, and as many dots as the page has, since its own are fewer.
    """
    for dots_per_inch in (SHARP, LESS_SHARP):
        png = with_palette(rendered(fig, dots_per_inch))
        if png is None:
            return rendered(fig, PAGE_DOTS_PER_INCH)
        if len(png) <= MANY_BYTES:
            break
    return png


def rendered(fig: Figure, dots_per_inch: int) -> bytes:
    """The figure as the bytes of a PNG in full color, which says how many dots an inch it has."""
    buffer = io.BytesIO()
    fig.savefig(buffer, format="png", dpi=dots_per_inch, metadata={"Software": None})
    return buffer.getvalue()


def with_palette(png: bytes) -> bytes | None:
    """The same picture in as few of COLORS as do not show, a fraction of the size; None if 255 would show too."""
    from PIL import Image

    image = Image.open(io.BytesIO(png))
    resolution, image = image.info["dpi"], image.convert("RGB")
    for number in COLORS:
        fewer = image.quantize(number, dither=Image.Dither.NONE)
        change = np.abs(np.asarray(image, dtype=int) - np.asarray(fewer.convert("RGB"), dtype=int)).mean()
        if change <= LARGEST_CHANGE:
            buffer = io.BytesIO()
            fewer.save(buffer, "PNG", optimize=True, dpi=resolution)
            return buffer.getvalue()
    return None


def show_png(png: bytes, alt: str) -> None:
    """Display the bytes of a PNG with its text."""
    page = page_picture(png, alt)
    show_page(page["text/html"], page["text/plain"])


def page_picture(png: bytes, alt: str) -> dict[str, str]:
    """The bytes of a PNG as a page shows them: as large as the figure is in inches, with its text; by MIME type."""
    import base64

    from PIL import Image

    image = Image.open(io.BytesIO(png))
    width = round(image.width * PAGE_DOTS_PER_INCH / round(image.info["dpi"][0]))
    source = f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}"
    return {"text/html": f'<img alt="{html.escape(alt)}" width="{width}" src="{source}">', "text/plain": alt}


def show_source(thing: Any) -> None:
    """Show the source of a function, class or module of the course, in color."""
    from IPython.display import Code, display

    try:
        source = inspect.getsource(thing)
    except (TypeError, OSError) as error:
        raise ValueError(
            f"there is no Python source to show for {thing!r}; give a function, class or module that a file defines"
        ) from error
    display(Code(source.rstrip(), language="python"))


def plot_images(images: np.ndarray, titles: Sequence[str] = (), *, ncols: int = 10, scale: float = 0.75) -> Figure:
    """A sheet of small pictures, `ncols` a row.

    images: (n, height, width), dark = large;  titles: one short line above each, or none
    """
    images = np.asarray(images)
    nrows = -(-len(images) // ncols)
    height = scale * (1.35 if len(titles) else 1.05)
    fig, axes = figure(nrows, ncols, width=scale * ncols, height=height * nrows, squeeze=False)
    for ax in axes.flat:
        ax.set_axis_off()
    for ax, image in zip(axes.flat, images, strict=False):
        ax.imshow(image)
    for ax, title in zip(axes.flat, titles, strict=False):
        ax.set_title(title, fontsize=8)
    return fig


def plot_curves(curves: dict[str, Sequence[float]], *, xlabel: str, ylabel: str, ax: Axes | None = None) -> Axes:
    """One line per entry of `curves`, against 1, 2, 3, ...; a short one with a dot at each value."""
    ax = ax or figure()[1]
    for name, values in curves.items():
        steps = np.arange(1, len(values) + 1)
        ax.plot(steps, values, label=name, marker="o" if len(values) <= 20 else None, markersize=4)
    ax.set(xlabel=xlabel, ylabel=ylabel)
    locator = ax.xaxis.get_major_locator()
    locator.set_params(integer=True)  # pyright: ignore[reportCallIssue]  matplotlib's; there is no half step
    if len(curves) > 1:
        ax.legend()
    return ax


def plot_confusion(matrix: np.ndarray, *, ax: Axes | None = None) -> Axes:
    """A confusion matrix: rows true, columns predicted; the diagonal is left white, so that mistakes stand out.

    matrix: (k, k) counts
    """
    ax = ax or figure(width=4.6, height=4.2)[1]
    mistakes = np.array(matrix, dtype=float)
    np.fill_diagonal(mistakes, 0)
    ax.imshow(mistakes, cmap="Oranges", vmax=max(1.0, mistakes.max()) * 1.3)
    ax.grid(False)
    for (row, column), count in np.ndenumerate(matrix):
        if count:
            color = "#707070" if row == column else "black"
            ax.text(column, row, f"{count:,}", ha="center", va="center", fontsize=7, color=color)
    ax.set(
        xlabel=label("predicted class"),
        ylabel=label("true class"),
        xticks=range(len(matrix)),
        yticks=range(len(matrix)),
    )
    return ax


def plot_reliability(
    confidence: np.ndarray, accuracy: np.ndarray, count: np.ndarray, *, ax: Axes | None = None
) -> Axes:
    """A reliability diagram: how often the model is right, against how sure it says it is; dot area = number of images.

    confidence, accuracy: (bins,) mean of each bin, NaN where it is empty;  count: (bins,) images in the bin
    """
    ax = ax or figure(width=4.2, height=3.6)[1]
    filled = np.asarray(count) > 0
    ax.plot([0, 1], [0, 1], color="#909090", linestyle="--", linewidth=1, label=label("perfectly calibrated"))
    ax.scatter(confidence[filled], accuracy[filled], s=12 + 250 * count[filled] / count.sum(), color=BLUE, alpha=0.85)
    ax.plot(confidence[filled], accuracy[filled], color=BLUE, linewidth=1, label=label("the model"))
    ax.set(xlabel=label("confidence"), ylabel=label("share that is right"), xlim=(0, 1.06), ylim=(0, 1.06))
    ax.legend(loc="upper left")
    return ax
