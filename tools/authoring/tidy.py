"""What of a run is stored: outputs without the traces of widgets, terminals, clocks and one author's machine.

Progress bars never come here: chapters are executed with TQDM_DISABLE=1, and Keras is told verbose=0 or 2.
"""

import re
from pathlib import Path

from nbformat import NotebookNode

from tools.authoring.notebooks import METADATA, ROOT, code_cells

WIDGET = "application/vnd.jupyter.widget-view+json"
NOISE = (  # what Jupyter, Colab and others write into a cell's metadata
    "ExecuteTime", "collapsed", "colab", "editable", "execution", "id", "jp-MarkdownHeadingCollapsed", "outputId",
    "scrolled", "trusted", "vscode",
)  # fmt: skip
COLORS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
OVERWRITTEN = re.compile(r"[^\n]*\r")  # on a terminal


def tidy(nb: NotebookNode, root: Path = ROOT) -> list[str]:
    """Clean an executed notebook in place; return a line for each message on stderr that was dropped."""
    nb.metadata = NotebookNode({key: NotebookNode(value) for key, value in METADATA.items()})
    nb.nbformat, nb.nbformat_minor = 4, 5
    dropped = []
    for cell in nb.cells:
        for key in NOISE:
            cell.metadata.pop(key, None)
        if cell.metadata.get("tags") == []:
            del cell.metadata["tags"]
    for count, cell in enumerate(code_cells(nb), start=1):
        cell.execution_count = count
        kept, messages = tidy_outputs(cell.outputs, root)
        for output in kept:
            if output.output_type == "execute_result":
                output.execution_count = count
        cell.outputs = kept
        dropped += [f"[{cell.id}] {message}" for message in messages]
    return dropped


def tidy_outputs(outputs: list[NotebookNode], root: Path = ROOT) -> tuple[list[NotebookNode], list[str]]:
    """The outputs worth keeping, neighboring prints made one, and the first line of each message on stderr."""
    kept, messages = [], []
    for output in filter(shows_without_widgets, outputs):
        if output.get("name") == "stderr":
            messages += output.text.strip().splitlines()[:1]
        elif output.get("name") == "stdout" and kept and kept[-1].get("name") == "stdout":
            kept[-1].text += output.text
        else:
            kept.append(output)
    for output in kept:
        if output.output_type == "stream":
            output.text = tidy_text(output.text, root)
        for kind in [kind for kind in output.get("data", {}) if kind.startswith("text/")]:
            output.data[kind] = without_paths(output.data[kind], root)
    return [output for output in kept if output.get("text", "a picture").strip()], messages


def shows_without_widgets(output: NotebookNode) -> bool:
    """Whether more is left of an output without a widget's view (which, without its state, shows as an error)."""
    if output.get("data", {}).pop(WIDGET, None) is None:
        return True
    return bool(set(output.data) - {"text/plain"})


def tidy_text(text: str, root: Path = ROOT) -> str:
    """Printed text as it stands at the end on a terminal without colors, without absolute paths."""
    return without_paths(OVERWRITTEN.sub("", COLORS.sub("", text).replace("\r\n", "\n")), root)


def without_paths(text: str, root: Path = ROOT) -> str:
    """The text with the repository's folder cut off and the author's home as ~."""
    return text.replace(f"{root}/", "").replace(str(root), ".").replace(f"{Path.home()}/", "~/")
