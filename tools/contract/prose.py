"""What the chapter contract asks of written text: that it renders, and that a term comes with its English name."""

import re

from markdown_it import MarkdownIt
from nbformat import NotebookNode

from tools.authoring import glossary

MARKDOWN = MarkdownIt("commonmark").enable("table")
SHOWN_AS_TYPED = re.compile(r"<(code|pre)[^>]*>.*?</\1>|<!--.*?-->|\$\$.*?\$\$|\$[^$\n]+\$", re.DOTALL)
TAG = re.compile(r"<[^>]+>")
BACKTICKS = re.compile(r"`[^`]+`")


def raw_asterisks(text: str) -> list[str]:
    """The places where a reader of the rendered Markdown sees an asterisk: each is emphasis that did not work.

    In CommonMark a closing ** behind a full stop and right before a Chinese character closes nothing.
    """
    return re.findall(r"[^\n*]{0,20}\*[^\n]{0,20}", TAG.sub("", SHOWN_AS_TYPED.sub(" ", MARKDOWN.render(text))))


def raw_asterisks_in_hint(text: str) -> list[str]:
    """The same for texts of questions, which know `code` and nothing else; one * alone is a product."""
    return re.findall(r"[^\n*]{0,20}\*\*[^\n]{0,20}", BACKTICKS.sub("", text))


def rendering_problems(nb: NotebookNode) -> list[str]:
    """Text cells with emphasis that does not work."""
    texts = [cell for cell in nb.cells if cell.cell_type == "markdown"]
    return [f"[{cell.id}] shows an asterisk: {raw!r}" for cell in texts for raw in raw_asterisks(cell.source)]


def term_problems(nb: NotebookNode, edition: str) -> list[str]:
    """Terms of the glossary that a Chinese chapter brings in without their English names."""
    return glossary.without_english(nb, glossary.terms()) if edition == "zh" else []
