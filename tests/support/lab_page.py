"""What a learner does with a chapter that is open in JupyterLab, done by a browser that a program drives."""

import json
import time
from pathlib import Path

STILL_SECONDS = 240  # for one cell, on a machine that does other things as well
WRITING_SECONDS = 5  # how long JupyterLab may take to write the file


def forget_outputs(file: Path) -> None:
    """Empty the copy's outputs, so that everything seen below was computed just now."""
    notebook = json.loads(file.read_text("utf-8"))
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell |= {"outputs": [], "execution_count": None}
    file.write_text(json.dumps(notebook), encoding="utf-8")


def stored(file: Path) -> dict:
    """The notebook as it lies on disk; read again when JupyterLab was just writing it."""
    deadline = time.monotonic() + WRITING_SECONDS
    while True:
        try:
            return json.loads(file.read_text("utf-8"))
        except ValueError:  # no whole JSON, or a character cut in two
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def code_cells(file: Path) -> list[dict]:
    return [cell for cell in stored(file)["cells"] if cell["cell_type"] == "code"]


def run_all_cells(page, file: Path) -> None:
    """Choose Run > Run All Cells, and wait until the saved copy holds every cell's outputs, none of them an error."""
    page.wait_for_selector(".jp-Notebook .jp-Cell")
    page.get_by_text("| Idle").wait_for(timeout=60_000)  # the status bar: what is run before that is forgotten
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    ready, since = 0, time.monotonic()
    while True:
        page.wait_for_timeout(1000)
        page.keyboard.press("Control+s")
        cells = code_cells(file)
        before, ready = ready, sum(bool(cell["execution_count"]) for cell in cells)
        since = since if ready == before else time.monotonic()
        waited = time.monotonic() - since
        assert waited < STILL_SECONDS, f"{ready} of {len(cells)} cells have run, no other for {waited:.0f} s"
        errors = [output for cell in cells for output in cell["outputs"] if output["output_type"] == "error"]
        assert not errors, "\n".join(errors[0]["traceback"])
        if ready == len(cells):
            return


def figures_appear(page, file: Path) -> None:
    """Every figure that the cells drew is on the page, a picture that the browser can show, with its text."""
    outputs = [output.get("data", {}) for cell in code_cells(file) for output in cell["outputs"]]
    drawn = sum("".join(data.get("text/html", "")).startswith("<img ") for data in outputs)
    assert drawn > 0
    figures = page.locator(".jp-OutputArea img[alt]").evaluate_all("all => all.map(one => [one.naturalWidth, one.alt])")
    assert len(figures) >= drawn
    assert all(width > 0 and len(alt) > 10 for width, alt in figures)


def cell_of(page, file: Path, cell_id: str):
    """A cell on the page, by its id in the notebook."""
    ids = [cell["id"] for cell in stored(file)["cells"]]
    return page.locator(".jp-Notebook .jp-Cell").nth(ids.index(cell_id))


def still(page, element):
    """Scroll to an element and wait until it rests: JupyterLab lays out the cells above it meanwhile."""
    before = None
    for _ in range(50):
        element.scroll_into_view_if_needed()
        page.wait_for_timeout(300)
        if (box := element.bounding_box()) == before:
            return box
        before = box
    raise AssertionError("the page does not come to rest")


def changes(page, look, act) -> None:
    """Do something, and wait until what `look` sees is neither empty nor what it saw before."""
    before, _ = look(), act()
    deadline = time.monotonic() + 60
    while look() in (before, ""):
        assert time.monotonic() < deadline, f"still the same: {before[:200]}"
        page.wait_for_timeout(200)


def quiz_answers_a_click(page, file: Path) -> None:
    """A click on an option of the quiz brings what is right or wrong about it."""
    (quiz,) = [cell["id"] for cell in code_cells(file) if "quiz" in cell["metadata"].get("tags", [])]
    option = cell_of(page, file, quiz).locator(".jp-OutputArea details").first
    remark = option.locator("p")
    still(page, option)
    assert not remark.is_visible()
    option.locator("summary").click()
    remark.wait_for(state="visible")
    assert len(remark.inner_text()) > len("Not so.")


def drawing_reaches_the_kernel(page, file: Path) -> None:
    """A digit drawn with the mouse: the cell that reads it, run again, shows another picture."""
    reading = cell_of(page, file, "read-the-drawing")
    box = still(page, cell_of(page, file, "draw").locator("canvas"))
    page.mouse.move(box["x"] + 140, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + 140, box["y"] + 240, steps=10)
    page.mouse.up()

    def run_again():
        reading.locator(".jp-InputPrompt").click()
        page.keyboard.press("Shift+Enter")

    picture = "cell => cell.querySelector('.jp-OutputArea img')?.src ?? ''"
    changes(page, lambda: reading.evaluate(picture), run_again)


def slider_moves(page, file: Path) -> None:
    """The slider turns the digit, and the answer beside it changes."""
    cell = cell_of(page, file, "slider")
    handle = cell.locator(".noUi-handle")
    still(page, handle)
    handle.focus()
    changes(page, lambda: cell.locator(".widget-html-content").inner_text(), lambda: page.keyboard.press("ArrowRight"))
