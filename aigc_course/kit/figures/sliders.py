"""A figure with sliders: moving one draws it again; without a front end that moves, the first picture stands there.

Both are one output: a page with widgets shows the sliders, every other page (a stored notebook, GitHub, the web book,
slides, a PDF) the picture with its text. `make execute` stores the picture alone.
"""

from collections.abc import Callable
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from aigc_course.kit.display import show_page
from aigc_course.kit.figures.labels import phrase
from aigc_course.kit.figures.plotting import is_sentence, page_picture, png_of

VIEW = "application/vnd.jupyter.widget-view+json"
Range = tuple[float, float, float, float]


def sliders(draw: Callable[..., Figure | Axes], alt: str, **ranges: Range) -> None:
    """Show the figure draw(name=value, ...) with a slider for each name.

    alt: a sentence on what is to be seen at the start;  ranges: name=(smallest, largest, step, value at the start);
    four whole numbers make a slider of whole numbers. Beside it stands the word for its name, as `phrase` gives it.
    Raises ValueError for an `alt` that is no sentence and for a range without that order.
    """
    if not is_sentence(alt):
        raise ValueError(
            f'alt="{alt}" is too short: say in a whole sentence, ending in a full stop, what is to be seen'
        )
    for name, numbers in ranges.items():
        if len(numbers) != 4 or not (numbers[0] <= numbers[3] <= numbers[1] and numbers[2] > 0):
            raise ValueError(f"{name}={numbers}: give (smallest, largest, step, value at the start), in this order")
    first = picture(draw, alt, {name: numbers[3] for name, numbers in ranges.items()})
    box = live(draw, alt, ranges, first["text/html"])
    model = {"version_major": 2, "version_minor": 0, "model_id": box.model_id}
    show_page(first["text/html"], first["text/plain"], {VIEW: model})


def picture(draw: Callable[..., Figure | Axes], alt: str, values: dict[str, float]) -> dict[str, str]:
    """What `draw` draws for these values, by MIME type."""
    import matplotlib.pyplot as plt

    drawing = draw(**values)
    fig = drawing if isinstance(drawing, Figure) else drawing.figure.figure  # of the Axes
    page = page_picture(png_of(fig), alt)  # pyright: ignore[reportArgumentType]
    plt.close(fig)
    return page


def live(draw: Callable[..., Figure | Axes], alt: str, ranges: dict[str, Range], first: str) -> Any:
    """The sliders above the picture, an ipywidgets.VBox; an error of `draw` stands below."""
    import ipywidgets

    page, problems = ipywidgets.HTML(first), ipywidgets.Output()
    handles = {}
    for name, (low, high, step, start) in ranges.items():
        is_whole = all(isinstance(number, int) for number in (low, high, step, start))
        kind = ipywidgets.IntSlider if is_whole else ipywidgets.FloatSlider
        handles[name] = kind(value=start, min=low, max=high, step=step, continuous_update=False)

    def renew(_: object) -> None:
        problems.clear_output()
        with problems:
            page.value = picture(draw, alt, {name: handle.value for name, handle in handles.items()})["text/html"]

    rows = []
    for name, handle in handles.items():
        handle.observe(renew, names="value")
        rows.append(ipywidgets.HBox([ipywidgets.Label(phrase(name.replace("_", " "))), handle]))
    return ipywidgets.VBox([*rows, page, problems])
