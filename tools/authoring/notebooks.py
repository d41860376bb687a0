"""Finding, reading and writing the course's notebooks; the small facts that every author's tool needs."""

import ast
import re
import sys
import tomllib
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from aigc_course.storage import files

ROOT = Path(__file__).resolve().parents[2]
EDITIONS = ("zh", "en")
SLIDE_TYPES = ("slide", "subslide", "fragment", "skip", "notes")
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {
        "file_extension": ".py",  # without these two, nbconvert --to script writes a .txt
        "name": "python",
        "nbconvert_exporter": "python",
        "pygments_lexer": "ipython3",
    },
}
NAME = re.compile(r"(?P<number>\d\d(?:_\d)?)_[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
PLACEHOLDER = "https://github.com/OWNER/"
MAGIC = re.compile(r"^(\s*)[%!].*$", re.MULTILINE)

# No magic and no function of IPython's: exported as a script, the cell does the same. The name that it brings is one
# that no chapter gives to anything else, so that it may be run again at any time.
SETUP = """\
import sys
try:
    from aigc_course import kit
except ImportError:  {why}
kit.start("{edition}")"""
INSTALL = """\
# the notebook came alone, as on Colab: install the course
    import subprocess
    course = "aigc_course @ git+{repository}"
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", course], check=True)
    from aigc_course import kit"""
NO_ADDRESS = """\
# and there is no public address yet to install it from
    sys.exit(
        "aigc_course is not installed, and has no public address yet: in its folder, run pip install . "
        "课程尚未安装，也还没有公开网址：请在课程文件夹中执行pip install ."
    )"""


def chapter_number(stem: str) -> str:
    """ "05_1" for 05_1_mnist_classifier, "00" for 00_start_here; ValueError for a name that is no chapter's."""
    if not (match := NAME.fullmatch(stem)):
        raise ValueError(
            f'"{stem}" is no chapter name; expected two digits, perhaps _digit, then lower-case words, '
            "such as 05_2_text_generation or 08_challenges"
        )
    return match["number"]


def other(edition: str) -> str:
    """The edition that `edition` is not."""
    return EDITIONS[1 - EDITIONS.index(edition)]


def path_of(stem: str, edition: str, root: Path = ROOT) -> Path:
    """Where the chapter `stem` of one edition lies."""
    return root / "notebooks" / edition / f"{stem}.ipynb"


def stems(root: Path = ROOT) -> list[str]:
    """The chapters' file names without ending, in order; a chapter that only one edition has counts too."""
    return sorted({path.stem for edition in EDITIONS for path in (root / "notebooks" / edition).glob("*.ipynb")})


def find(chapters: list[str], root: Path = ROOT) -> list[str]:
    """The stems that `chapters` name: a number ("05_1"), a whole part ("05") or a file name; all of them for []."""
    known = stems(root)
    found = []
    for chapter in chapters:
        matches = [s for s in known if s == chapter or s.startswith(f"{chapter}_")]
        if not matches:
            numbers = ", ".join(chapter_number(stem) for stem in known) or "none yet"
            raise ValueError(
                f'there is no chapter "{chapter}"; there are: {numbers}. `make chapter NAME=...` makes one'
            )
        found += [stem for stem in matches if stem not in found]
    return found if chapters else known


def read(path: Path) -> NotebookNode:
    """The notebook at `path`; ValueError when the file is not JSON of format 4."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is no notebook: {error}. Take the last good one: git checkout -- {path}") from error
    except OSError as error:
        way_out = f"take it from git: git checkout -- {path}"
        raise FileNotFoundError(f"{path} is missing or cannot be read ({error.strerror}); {way_out}") from error
    return from_text(text, path)


def from_text(text: str, path: Path) -> NotebookNode:
    """The notebook written in `text`; `path` is only named in the error."""
    try:
        return nbformat.reads(text, as_version=4)
    except (nbformat.reader.NotJSONError, nbformat.ValidationError, AttributeError, KeyError, RecursionError) as error:
        raise ValueError(f"{path} is no notebook: {error}. Take the last good one: git checkout -- {path}") from error


def to_text(nb: NotebookNode) -> str:
    """The notebook as it is stored in git: keys sorted, indent 1, Chinese characters as such, a newline at the end."""
    nbformat.validate(nb)
    return nbformat.writes(nb).rstrip("\n") + "\n"


def write(path: Path, nb: NotebookNode) -> bool:
    """Store the notebook if it differs from the file; return whether it did. The file is replaced in one step."""
    return write_text(path, to_text(nb))


def write_text(path: Path, text: str) -> bool:
    """Store `text` if it differs from the file; return whether it did."""
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    files.write(path, text.encode())
    return True


def tags(cell: NotebookNode) -> set[str]:
    """The tags of a cell."""
    return set(cell.metadata.get("tags", []))


def code_cells(nb: NotebookNode) -> list[NotebookNode]:
    """The code cells, in order."""
    return [cell for cell in nb.cells if cell.cell_type == "code"]


def by_id(nb: NotebookNode) -> dict[str, NotebookNode]:
    """The cells under their ids."""
    return {cell.id: cell for cell in nb.cells}


def parse(source: str) -> ast.Module:
    """The syntax tree of a code cell; lines of magic (%pip, !ls) count as `pass`."""
    return ast.parse(MAGIC.sub(r"\1pass", source))


def repository(root: Path = ROOT) -> str:
    """The course's public address, from [project.urls] Repository in pyproject.toml."""
    address = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["urls"]["Repository"]
    if not re.fullmatch(r"https://github\.com/[\w.-]+/[\w.-]+", address):
        raise ValueError(f"pyproject.toml: Repository = {address}; expected https://github.com/OWNER/NAME")
    return address


def is_placeholder(address: str) -> bool:
    """Whether the course has no public address yet: nothing can be opened or installed from this one."""
    return address.startswith(PLACEHOLDER)


def setup_source(edition: str, address: str) -> str:
    """The source of the setup cell, the same in every notebook but for the edition's literal."""
    why = NO_ADDRESS if is_placeholder(address) else INSTALL.format(repository=address)
    return SETUP.format(edition=edition, why=why)


def shown(path: Path, root: Path = ROOT) -> str:
    """The path as an author knows it: relative to the repository."""
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


def stop(error: Exception) -> int:
    """Say on stderr what an author has to correct; the exit status 1."""
    print(f"error: {error}", file=sys.stderr)
    return 1
