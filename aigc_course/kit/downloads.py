"""Fetch files so that nothing half-finished or altered is ever used.

A file is written beside its place, checked by SHA-256 and then moved there in one step; a lock keeps the others waiting
meanwhile, and the operating system frees it when its owner is killed. Whatever goes wrong is a DownloadError with one
reason, so that the next source can be asked: networks, settings and caches go wrong in more ways than can be named.
"""

import errno
import hashlib
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

from aigc_course.storage.files import remove_unfinished, replacing

CONNECT_SECONDS = 3  # how long a host may take to answer, all in all, before it counts as unreachable
STALL_SECONDS = 6  # how long a running download may stand still, or stay behind SLOWEST
NEXT_STALL_SECONDS = 2  # the same, once a host has stalled: the next ones are not waited for so long
SLOWEST = 20_000  # bytes a second; with STALL_SECONDS, the deadline of a file
LOCK_SECONDS = 900  # how long to wait for another process that fetches the same files
CHUNK = 2**14  # bytes
NO_ROOM = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))  # no quotas on Windows

unreachable: dict[str, str] = {}  # host: why; asked once a session
stalled: set[str] = set()  # hosts that answered and then made a download wait in vain


class DownloadError(OSError):
    """A file could not be had; the message says in one line from where, why, and what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(one_line(message))


def offline() -> bool:
    """True when AIGC_OFFLINE=1 forbids asking the network (for a lecture hall without one, and for tests)."""
    return os.environ.get("AIGC_OFFLINE", "").strip().lower() not in ("", "0", "false", "no", "off", "n", "f")


def one_line(text: str) -> str:
    """A text that can be shown: settings may hold line breaks, and bytes that are no letters."""
    return " ".join(text.split()).encode("utf-8", "backslashreplace").decode("utf-8")


def reason(error: BaseException) -> str:
    """What went wrong, in one short line: the kind of error, and what the system said at bottom, if it did."""
    root = error
    while inner := root.__cause__ or root.__context__:
        root = inner
    said = root.strerror if isinstance(root, OSError) and root.strerror else str(error)
    line = one_line((str(said).strip().splitlines() or [""])[0])
    return f"{type(error).__name__}: {line:.160}" if line else type(error).__name__


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def is_intact(path: Path, sha256: str) -> bool:
    """True when `path` is a file that can be read, with exactly the bytes that `sha256` stands for."""
    try:
        return path.is_file() and sha256_of(path) == sha256
    except OSError:
        return False


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock beside `path`: one process at a time, freed by the system even when its owner is killed."""
    from filelock import FileLock, Timeout

    lock = FileLock(f"{path}.lock")
    try:
        lock.acquire(timeout=LOCK_SECONDS)
    except Timeout as error:
        raise DownloadError(
            f"another process has been downloading {path.name} for {LOCK_SECONDS // 60} minutes; "
            f"end it, or remove {path}.lock"
        ) from error
    except (OSError, NotImplementedError) as error:  # some network disks know no locks
        problem = f"{path}.lock cannot be locked ({reason(error)}); set AIGC_CACHE to another folder"
        raise DownloadError(problem) from error
    try:
        yield
    finally:
        lock.release()


def install(path: Path, sha256: str, write: Callable[[BinaryIO], object]) -> Path:
    """Let `write(file)` fill a file, check it, and only then give it its place at `path`; return `path`.

    To be called by one process at a time (`locked`). Raises DownloadError when the disk is full, the folder cannot be
    written or the bytes are not the expected ones; whatever stood at `path` before is then untouched.
    """
    with storing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_unfinished(path)
        with replacing(path) as file:
            write(file)
            file.seek(0)
            if (arrived := hashlib.file_digest(file, "sha256").hexdigest()) != sha256:
                raise DownloadError(f"{path.name} is not the expected file: SHA-256 {arrived}, expected {sha256}")
    return path


@contextmanager
def storing(path: Path) -> Iterator[None]:
    """Turn the system's errors while writing to `path` into a DownloadError that says what to do."""
    try:
        yield
    except DownloadError:
        raise
    except OSError as error:
        said = (error.strerror or str(error)).partition("; ")[0]  # what can be done is said below
        try:
            free = f" ({shutil.disk_usage(next(p for p in path.parents if p.exists())).free / 2**20:,.0f} MiB free)"
        except OSError:
            free = ""
        raise DownloadError(f"{path} cannot be written: {said}{free}. {way_out(error)}.") from error


def way_out(error: OSError) -> str:
    """What to do about a cache that cannot be written."""
    if error.errno in NO_ROOM:
        return "Make room, or set AIGC_CACHE to a folder on another disk"
    if error.errno == errno.EFBIG:
        return "Raise the limit (ulimit -f), or set AIGC_CACHE to a folder on another disk"
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return "Set AIGC_CACHE to a folder of your own, where you may write"
    if error.errno == errno.ENAMETOOLONG:
        return "Set AIGC_CACHE to a folder with a shorter name"
    return "Remove what stands in its place, or set AIGC_CACHE to another folder"


def host_of(url: str) -> str:
    """The host in an address, or all of an address that makes no sense."""
    try:
        return urlsplit(url).hostname or url
    except ValueError:
        return url


def answering(urls: list[str]) -> list[str]:
    """Those of `urls` whose hosts answer within CONNECT_SECONDS, in the given order; all are asked at the same time."""
    import requests  # noqa: F401  now, for it takes longer than some hosts

    new = {host_of(url): url for url in reversed(urls) if host_of(url) not in unreachable}
    silences: dict[str, str] = {}

    def ask(host: str, url: str) -> None:
        silences[host] = _silence(url)

    # a name that is looked up, or a header that trickles in, cannot be interrupted: such a thread is left to itself
    threads = [threading.Thread(target=ask, args=pair, daemon=True) for pair in new.items()]
    give_up = time.monotonic() + CONNECT_SECONDS
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, give_up - time.monotonic()))
    for host in new:
        if why := silences.get(host, "it is silent"):
            unreachable[host] = f"{host} does not answer ({why})"
    return [url for url in urls if not silence_of(url)]


def silence_of(url: str) -> str:
    """Why the host of `url` was found silent this session; empty when it was not."""
    return unreachable.get(host_of(url), "")


def _silence(url: str) -> str:
    """Empty when the host of `url` sends anything at all, else why not; the environment's proxies are used."""
    import requests

    try:
        requests.head(url, timeout=CONNECT_SECONDS, allow_redirects=False).close()
    except Exception as error:  # requests lets through errors of sockets, certificates, proxies, .netrc, host names ...
        return reason(error)
    return ""


def fetch(urls: list[str], path: Path, sha256: str, size: int) -> str:
    """Fetch one file from the first mirror that delivers it intact; return the host it came from.

    urls:    the same file at several places, the preferred one first
    path:    where it shall lie; an intact file there is kept, a damaged one replaced
    sha256:  of its bytes
    size:    how many they are; no mirror can make it write more
    Raises DownloadError with every mirror's reason when none delivers.
    """
    if is_intact(path, sha256):
        return "cache"
    problems, asked = [], answering(urls)
    silent = sorted({silence_of(url) for url in urls if url not in asked})
    for url in asked:
        host, began, patience = host_of(url), time.monotonic(), NEXT_STALL_SECONDS if stalled else STALL_SECONDS
        try:
            install(path, sha256, lambda file, url=url, patience=patience: _transfer(url, file, size, patience))
            return host
        except DownloadError as error:
            problems.append(f"{host}: {error}")
            if time.monotonic() - began >= patience:  # not to be waited for again, for the next file
                unreachable[host] = f"{host} stalls"
                stalled.add(host)
    raise DownloadError(f"{path.name} could not be fetched: " + "; ".join(problems + silent))


def _transfer(url: str, file: BinaryIO, size: int, patience: float) -> None:
    """Write what `url` sends to `file`; DownloadError, with the reason, for whatever goes wrong, or takes too long."""
    import requests
    from tqdm import tqdm

    arrived, problems = 0, []

    def receive() -> None:
        nonlocal arrived
        try:
            with requests.get(url, stream=True, timeout=(CONNECT_SECONDS, patience)) as answer:
                answer.raise_for_status()
                for chunk in answer.iter_content(CHUNK):  # unpacked, where the host has packed it
                    if arrived + len(chunk) > size:
                        raise DownloadError(f"it sends more than the {size:,} bytes of the file")
                    with storing(Path(file.name)):
                        file.write(chunk)
                    arrived += len(chunk)
        except DownloadError as error:
            problems.append(str(error))
        except Exception as error:  # see _silence
            problems.append(str(error) if isinstance(error, requests.HTTPError) else reason(error))

    # a thread of its own: bytes that come one by one keep every read waiting, and none of them for too long
    thread, began = threading.Thread(target=receive, daemon=True), time.monotonic()
    thread.start()
    with tqdm(total=size, unit="B", unit_scale=True, leave=False) as bar:
        while thread.is_alive():
            thread.join(0.1)
            bar.update(arrived - bar.n)
            seconds = time.monotonic() - began
            if thread.is_alive() and seconds > patience + arrived / SLOWEST:
                raise DownloadError(f"only {arrived:,} of {size:,} bytes came in {seconds:.0f} seconds")
    if problems:
        raise DownloadError(problems[0])
