"""A hosted session in imitation: an environment without the course, Colab's folder and module, a public address."""

import os
import shutil
import subprocess
import sysconfig
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ADDRESS = "https://github.com/somebody/aigc_course"
COLAB = """\
import sys, types
sys.modules["google.colab"] = types.ModuleType("google.colab")
"""


def run(*words: object, **options) -> subprocess.CompletedProcess:
    """Run a command; its output is the message when it fails."""
    result = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False, **options)
    assert result.returncode == 0, result.stdout + result.stderr
    return result


def without_the_course(folder: Path) -> Path:
    """The interpreter of a new environment: the dependencies are lent by this one, the course is not there."""
    venv.create(folder / "venv", symlinks=True)  # pip is lent as well
    python = folder / "venv" / "bin" / "python"
    lent = folder / "lent"
    lent.mkdir()
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if "aigc_course" not in entry.name:
            (lent / entry.name).symlink_to(entry)
    ours = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").stdout.strip()
    Path(ours, "lent.pth").write_text(f"{lent}\n", encoding="utf-8")
    return python


@contextmanager
def content(scratch: Path) -> Iterator[Path]:
    """Colab's working folder, or one like it where that may not be made."""
    folder = Path("/content")
    try:
        folder.mkdir()
    except OSError:
        folder = scratch / "content"
        folder.mkdir()
    yield folder
    shutil.rmtree(folder)


def settings(home: Path) -> dict[str, str]:
    """An environment in which the public address leads to this repository, and nobody's cache and settings are seen."""
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "AIGC_CACHE")}
    return kept | {
        "AIGC_OFFLINE": "1",
        "HOME": str(home),
        "GIT_CONFIG_COUNT": "2",
        "GIT_CONFIG_KEY_0": f"url.file://{ROOT}.insteadOf",
        "GIT_CONFIG_VALUE_0": ADDRESS,
        "GIT_CONFIG_KEY_1": "safe.directory",
        "GIT_CONFIG_VALUE_1": "*",
    }
