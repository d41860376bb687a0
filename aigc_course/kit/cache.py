"""Where downloads are kept: a folder that can be read and filled, or one that serves until the session ends."""

import atexit
import errno
import os
import shutil
import tempfile
from functools import cache
from pathlib import Path

from aigc_course.kit.downloads import reason
from aigc_course.kit.runtime import data_folder


def cache_folder() -> Path:
    """Where downloads are kept: AIGC_CACHE, else data/cache in a checkout, else the user's cache folder.

    The folder is made. If nothing can be written there, a temporary folder serves until the process ends.
    """
    if wanted := os.environ.get("AIGC_CACHE"):
        return _writable(Path(wanted))
    data = data_folder()
    if (data.parent / "pyproject.toml").is_file():
        return _writable(data / "cache")
    import platformdirs

    return _writable(platformdirs.user_cache_path("aigc_course"))


@cache
def _writable(folder: Path) -> Path:
    """`folder` if it can be read and filled or is filled already, else a temporary one; looked at once a process."""
    try:
        folder = folder.expanduser()  # RuntimeError where there is no such user
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except (OSError, RuntimeError) as error:
        if getattr(error, "errno", 0) == errno.ENOSPC or _is_filled(folder):
            return folder  # full, or read-only but filled (a lecturer's shared folder): what is there can be used
        substitute = Path(tempfile.mkdtemp(prefix="aigc_course-"))
        atexit.register(shutil.rmtree, substitute, ignore_errors=True)
        print(
            f"The cache folder {folder} cannot be written ({reason(error)}). Downloads go to a temporary folder and "
            "are lost when this session ends; set AIGC_CACHE to a folder of your own to keep them."
        )
        return substitute


def _is_filled(folder: Path) -> bool:
    try:
        return any(folder.iterdir())
    except OSError:
        return False
