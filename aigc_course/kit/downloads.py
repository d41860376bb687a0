"""Fetch files so that nothing half-finished or altered is ever used.

A file is written beside its place, checked by SHA-256 and then moved there in one step; a lock keeps the others waiting
meanwhile, and the operating system frees it when its owner is killed. pooch does the fetching.
"""

import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from aigc_course.kit.runtime import data_folder

CONNECT_SECONDS = 3  # how long a host may take to answer before it counts as unreachable
STALL_SECONDS = 15  # how long a running download may stand still
LOCK_SECONDS = 900  # how long to wait for another process that fetches the same files

unreachable: dict[str, str] = {}  # host: why; asked once a session


class DownloadError(OSError):
    """A file could not be had; the message says from where, why, and what to do."""


def offline() -> bool:
    """True when AIGC_OFFLINE=1 forbids asking the network (for a lecture hall without one, and for tests)."""
    return os.environ.get("AIGC_OFFLINE", "0") not in ("", "0")


def cache_folder() -> Path:
    """Where downloads are kept: AIGC_CACHE, else data/cache in a checkout, else the user's cache folder.

    The folder is made. If nothing can be written there, a temporary folder serves until the process ends.
    """
    if wanted := os.environ.get("AIGC_CACHE"):
        return _writable(Path(wanted).expanduser())
    data = data_folder()
    if (data.parent / "pyproject.toml").is_file():
        return _writable(data / "cache")
    import platformdirs

    return _writable(platformdirs.user_cache_path("aigc_course"))


@cache
def _writable(folder: Path) -> Path:
    """`folder` if it can be read and filled or is filled already, else a temporary one; looked at once a process."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError as error:
        if error.errno == errno.ENOSPC or (folder.is_dir() and any(folder.iterdir())):
            return folder  # full, or read-only but filled (a lecturer's shared folder): what is there can be used
        substitute = Path(tempfile.mkdtemp(prefix="aigc_course-"))
        print(
            f"The cache folder {folder} cannot be written ({error.strerror}). Downloads go to a temporary folder and "
            "are gone when this session ends; set AIGC_CACHE to a folder of yours to keep them."
        )
        return substitute


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_intact(path: Path, sha256: str) -> bool:
    """True when `path` is a file with exactly the bytes that `sha256` stands for."""
    return path.is_file() and sha256_of(path) == sha256


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock beside `path`: one process at a time, freed by the system even when its owner is killed."""
    from filelock import FileLock, Timeout

    try:
        with FileLock(f"{path}.lock", timeout=LOCK_SECONDS):
            yield
    except Timeout as error:
        raise DownloadError(
            f"another process has been fetching {path.name} for {LOCK_SECONDS // 60} minutes; "
            f"end it, or remove {path}.lock"
        ) from error


def install(path: Path, sha256: str, write: Callable[[Path], None]) -> Path:
    """Let `write(part)` make the file, check it, and only then move it to `path`; return `path`.

    Raises DownloadError when the disk is full, the folder cannot be written or the bytes are not the expected ones;
    whatever stood at `path` before is then untouched.
    """
    with storing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.part")
        part.unlink(missing_ok=True)  # left by a process that was killed
        try:
            write(part)
            if (arrived := sha256_of(part)) != sha256:
                raise DownloadError(f"{path.name} is not the expected file: SHA-256 {arrived}, expected {sha256}")
            os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)
    return path


@contextmanager
def storing(path: Path) -> Iterator[None]:
    """Turn the system's errors while writing to `path` into a DownloadError that says what to do."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM):
            raise
        free = shutil.disk_usage(next(p for p in path.parents if p.exists())).free
        raise DownloadError(
            f"{path} cannot be written: {error.strerror} ({free / 2**20:,.0f} MiB free). "
            "Make room, or set AIGC_CACHE to a folder on another disk."
        ) from error


def answering(urls: list[str]) -> list[str]:
    """Those of `urls` whose hosts answer within CONNECT_SECONDS, in the given order; all are asked at the same time."""
    hosts = {urlsplit(url).hostname or url: url for url in reversed(urls)}
    new = [(host, url) for host, url in hosts.items() if host not in unreachable]
    with ThreadPoolExecutor(max_workers=max(1, len(new))) as pool:
        for (host, _), answers in zip(new, pool.map(_answers, [url for _, url in new]), strict=True):
            if not answers:
                unreachable[host] = f"{host} does not answer"
    return [url for url in urls if not silence_of(url)]


def silence_of(url: str) -> str:
    """Why the host of `url` was found silent this session; empty when it was not."""
    return unreachable.get(urlsplit(url).hostname or "", "")


def _answers(url: str) -> bool:
    """True when the host of `url` sends anything at all; the environment's proxies are used."""
    import requests

    try:
        requests.head(url, timeout=CONNECT_SECONDS, allow_redirects=False)
    except requests.RequestException:
        return False
    return True


def fetch(urls: list[str], path: Path, sha256: str) -> str:
    """Fetch one file from the first mirror that delivers it intact; return the host it came from.

    urls:    the same file at several places, the preferred one first
    path:    where it shall lie; an intact file there is kept, a damaged one replaced
    sha256:  of its bytes
    Raises DownloadError with every mirror's reason when none delivers.
    """
    import pooch
    import requests

    if is_intact(path, sha256):
        return "cache"
    problems = []
    downloader = pooch.HTTPDownloader(progressbar=True, timeout=(CONNECT_SECONDS, STALL_SECONDS), chunk_size=2**16)
    for url in answering(urls):
        host = urlsplit(url).hostname or url
        try:
            install(path, sha256, lambda part, url=url: downloader(url, part, None))
            return host
        except (requests.RequestException, DownloadError) as error:
            problems.append(f"{host}: {error}")
    silent = sorted({silence_of(url) for url in urls} - {""})
    raise DownloadError(f"{path.name} could not be fetched: " + "; ".join(problems + silent))
