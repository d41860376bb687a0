"""Links inside the repository, rewritten so that they lead from page to page of the book.

A page is written `page:NAME`, a place on it `place:NAME#ID` and the other edition's page `other:NAME`: docs/conf.py
says what address each becomes. What is not in the book is linked in the public repository, if there is one.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import quote, unquote

PICTURE = re.compile(r"!\[([^\]]*)\]\(https?:[^)]*\)")  # a badge: a reader's browser fetches nothing from other hosts
LINK = r"(?<!!)\[(?P<words>(?:[^\[\]`]|`[^`]*`|\[[^\]]*\])*)\]\(\s*<?(?P<target>[^)\s>]+)>?\s*\)"
CODE_OR_LINK = re.compile(rf"```.*?```|{LINK}|`[^`\n]*`", re.DOTALL)
HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$", re.MULTILINE)
FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:|//", re.IGNORECASE)

Places = dict[str, str]  # what stands after # in a link to a notebook -> the id of that place on its page


def places(notebook: dict) -> Places:
    """The headings of a notebook as JupyterLab and GitHub write them in links, each with its id on the page."""
    found: Places = {}
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            for number, heading in enumerate(HEADING.findall(FENCE.sub("", "".join(cell["source"])))):
                plain = re.sub(r"\]\([^)]*\)|[`*\[\]]", "", heading).strip()
                for written in (plain.replace(" ", "-"), re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")):
                    found.setdefault(written, place(cell["id"], number))
    return found


def place(cell_id: str, number: int = 0) -> str:
    """The id of a cell's place on its page; further headings of the same cell are counted."""
    return cell_id.lower().replace("_", "-") + (f"-{number + 1}" if number else "")


class Rewriter:
    """Rewrites the links of one edition's texts."""

    def __init__(
        self,
        root: Path,
        pages: Mapping[Path, str],
        others: Mapping[Path, str],
        places_of: Callable[[Path], Places],
        address: str | None,
    ):
        self.root = root  # the repository
        self.pages = pages  # file -> the name of its page in this edition
        self.others = others  # the same of the other edition
        self.places_of = places_of  # notebook -> its places
        self.address = address  # of the public repository; None while there is none

    def __call__(self, text: str, file: Path) -> str:
        """`text`, which stands in `file`, with its links rewritten; ValueError for one that leads nowhere."""
        return CODE_OR_LINK.sub(lambda found: self._link(found, file) if found["target"] else found[0], text)

    def _link(self, found: re.Match, file: Path) -> str:
        words, target = PICTURE.sub(r"\1", found["words"]), found["target"]
        if ELSEWHERE.match(target):
            return f"[{words}]({target})"
        name, _, anchor = unquote(target).partition("#")
        path = (file.parent / name).resolve() if name else file
        if not path.exists():
            raise ValueError(f"{file.relative_to(self.root)} links to {target}, which does not exist")
        if path not in self.pages and path in self.others:
            return f"[{words}](other:{self.others[path]})"
        if path not in self.pages:
            return self._in_repository(words, path)
        if not anchor:
            return f"[{words}](page:{self.pages[path]})"
        if path.suffix == ".ipynb":
            if anchor not in (known := self.places_of(path)):
                raise ValueError(f"{file.relative_to(self.root)} links to {target}; {path.name} has no such heading")
            return f"[{words}](place:{self.pages[path]}#{known[anchor]})"
        return f"[{words}](#{anchor})" if path == file else f"[{words}](page:{self.pages[path]})"

    def _in_repository(self, words: str, path: Path) -> str:
        if self.address is None or not path.is_relative_to(self.root):
            return words
        kind = "tree" if path.is_dir() else "blob"
        return f"[{words}]({self.address}/{kind}/main/{quote(path.relative_to(self.root).as_posix())})"
