"""What of a run is stored: outputs without the traces of progress bars, widgets, clocks and one author's machine."""

import re
from pathlib import Path

from nbformat import NotebookNode

from tools.authoring.notebooks import METADATA, ROOT, code_cells

WIDGET = "application/vnd.jupyter.widget-view+json"
NOISE = (  # what Jupyter, Colab and others write into a cell's metadata
    "ExecuteTime", "collapsed", "colab", "editable", "execution", "id", "jp-MarkdownHeadingCollapsed", "outputId",
    "scrolled", "trusted", "vscode",
)  # fmt: skip
COLOURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
TQDM = re.compile(r"\d+%\|.*\|.*\d+/\d+|\d+(?:it|B) \[\d\d:\d\d,")
KERAS = re.compile(r"^\s*\d+/(?:\d+|Unknown)\s+[━╸╺]+\s*\S+(?: \S+/(?:step|epoch))?(?: - )?")


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
    """The outputs worth keeping, and the first line of each message on stderr that is no progress bar."""
    kept, messages = [], []
    for output in merged([output for output in outputs if shows_without_widgets(output)]):
        if output.output_type == "stream":
            output.text = tidy_text(output.text, root)
            if output.name == "stderr":
                messages += output.text.strip().splitlines()[:1]
                continue
            if not output.text.strip():
                continue
        for kind in [kind for kind in output.get("data", {}) if kind.startswith("text/")]:
            output.data[kind] = without_paths(output.data[kind], root)
        kept.append(output)
    return merged(kept), messages


def shows_without_widgets(output: NotebookNode) -> bool:
    """Whether more is left of an output without a widget's view (which, without its state, shows as an error)."""
    if WIDGET not in output.get("data", {}):
        return True
    del output.data[WIDGET]
    return bool(set(output.data) - {"text/plain"})


def merged(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """The outputs with neighbours of the same stream made one, in place."""
    result = []
    for output in outputs:
        last = result[-1] if result else NotebookNode()
        if output.output_type == "stream" and last.get("name") == output.name:
            last.text += output.text
        else:
            result.append(output)
    return result


def tidy_text(text: str, root: Path = ROOT) -> str:
    """Printed text as it stands at the end on a terminal, without progress bars and absolute paths."""
    lines = []
    for line in COLOURS.sub("", text).split("\n"):
        had_bar = "\r" in line or "\b" in line
        last = line.rstrip("\r\b").rsplit("\r", 1)[-1].rsplit("\b", 1)[-1]
        if TQDM.search(last):
            continue
        clean = KERAS.sub("", last)
        if clean or not (had_bar or last):
            lines.append(clean.rstrip() if had_bar else clean)
    return without_paths("\n".join(lines), root)


def without_paths(text: str, root: Path = ROOT) -> str:
    """The text with the repository's folder cut off and the author's home as ~."""
    return text.replace(f"{root}/", "").replace(str(root), ".").replace(f"{Path.home()}/", "~/")
