"""Files that come with the course, in its data folder: there and whole, or an error that says what to do."""

from pathlib import Path

from aigc_course.kit.downloads import is_intact
from aigc_course.kit.runtime import data_folder, say


def get_it_again(name: str) -> str:
    """What to do about a file or folder of the data folder that is missing or damaged, in the reader's language."""
    return say(
        f"它随课程提供，请重新下载课程，或运行git checkout -- data/{name}",
        f"it comes with the course: download the course again, or run git checkout -- data/{name}",
    )


def course_file(name: str, sha256: str) -> Path:
    """The path of data/`name`.

    Raises FileNotFoundError where it is missing, ValueError where its bytes are not those that `sha256` stands for.
    """
    path = data_folder() / name
    if not path.is_file():
        raise FileNotFoundError(say(f"没有{path}；{get_it_again(name)}", f"{path} is not there; {get_it_again(name)}"))
    if not is_intact(path, sha256):
        raise ValueError(say(f"{path}已损坏；{get_it_again(name)}", f"{path} is damaged; {get_it_again(name)}"))
    return path
