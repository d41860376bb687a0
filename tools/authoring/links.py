"""Links inside the repository: from a text to a file or to a heading."""

import re
from pathlib import Path
from urllib.parse import unquote

from tools.authoring.editions import CODE_BLOCKS
from tools.authoring.notebooks import ROOT, read

TARGET = re.compile(
    r"\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)|(?:href|src)=\"([^\"]+)\"|^\[[^\]]+\]:\s*(\S+)", re.MULTILINE
)
HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$", re.MULTILINE)
NAMED = re.compile(r"(?:id|name)=\"([^\"]+)\"")
FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)


def anchors(text: str) -> set[str]:
    """What may stand after # in a link to this text: headings as GitHub and as JupyterLab write them, and named ids."""
    text = FENCE.sub("", text)
    found = set(NAMED.findall(text))
    for heading in HEADING.findall(text):
        plain = re.sub(r"\]\([^)]*\)|[`*\[\]]", "", heading).strip()
        found.add(plain.replace(" ", "-"))
        found.add(re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-"))
    return found


def file_anchors(path: Path) -> set[str] | None:
    """The anchors of a text file or a notebook; None for a file that has none to check."""
    if path.suffix == ".ipynb":
        return anchors("\n".join(cell.source for cell in read(path).cells if cell.cell_type == "markdown"))
    return anchors(path.read_text(encoding="utf-8")) if path.suffix == ".md" else None


def broken(text: str, path: Path, own_anchors: set[str] | None = None) -> list[str]:
    """One line for each link in `text`, which stands in the file `path`, that leads to no file or heading."""
    found = []
    for groups in TARGET.findall(CODE_BLOCKS.sub("", text)):
        target = next(filter(None, groups))
        if re.match(r"[a-z][a-z0-9+.-]*:|//", target, re.IGNORECASE):  # another host, mailto:, attachment:
            continue
        name, _, anchor = unquote(target).partition("#")
        file = (path.parent / name).resolve() if name else path
        if not file.exists():
            found.append(f"links to {target}, which does not exist")
        elif anchor:
            known = own_anchors if not name and own_anchors is not None else file_anchors(file)
            if known is not None and anchor not in known:
                found.append(f"links to {target}; {file.name} has no such heading")
    return found


def documents(root: Path = ROOT) -> list[Path]:
    """The repository's own text files."""
    found = [
        path for pattern in ("*.md", "data/**/*.md", "docs/**/*.md", "notebooks/*.md") for path in root.glob(pattern)
    ]
    return sorted(path for path in found if not {"cache", "_site", "_build", ".venv"} & set(path.parts))
