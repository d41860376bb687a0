"""Files that appear whole or not at all. No framework is imported here: whatever writes a file may use it."""

import errno
import os
import re
import secrets
import signal
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

OTHER_DISK = "make room, or name a place on another disk"
OWN_FOLDER = "name a folder of your own, where you may write"
WAYS_OUT = {  # what can be done about an error of the system
    errno.ENOSPC: OTHER_DISK,
    getattr(errno, "EDQUOT", errno.ENOSPC): OTHER_DISK,  # not on Windows
    errno.EFBIG: "this system allows no file so large here: raise the limit (ulimit -f), or name another disk",
    errno.EROFS: OWN_FOLDER,
    errno.EACCES: OWN_FOLDER,
    errno.EPERM: OWN_FOLDER,
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.ENOENT: "make the folder first",
    errno.ENOTDIR: "a file stands where a folder is expected: name another place",
    errno.ELOOP: "a link there leads to itself: remove it, or name another place",
    errno.EISDIR: "a folder has that name: name a file",
    errno.EIO: "the disk does not work: name a place on another one",
}
ENDINGS = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]

_tidying: list[Callable[[], object]] = []  # what is to be done if a signal ends this process


def write(path: str | Path, content: bytes, keep_as: Path | None = None) -> None:
    """Write a file at once; arguments and errors as for `replacing`."""
    with replacing(path, keep_as) as file:
        file.write(content)


@contextmanager
def replacing(path: str | Path, keep_as: Path | None = None) -> Iterator[BinaryIO]:
    """`with replacing(path) as file:` writes bytes that become the file at `path` when the block ends.

    The file can be read back inside the block. It lies beside its place, under a name of its own, and is flushed to the
    disk before it moves there. When the block raises, the disk is full or SIGTERM ends the process, it is removed and
    what stood at `path` is untouched.
    keep_as: the name under which the earlier file stays
    Raises OSError where the file cannot be written, also where a folder, a device or a pipe has its place.
    """
    path = Path(path)
    for place in (path, keep_as or path):
        check_regular(place)
    part = beside(path)
    with removed_in_the_end(part), naming(path, part):
        with part.open("x+b") as file:  # x: a file of our own, never one that a link leads to
            yield file
            file.flush()
            os.fsync(file.fileno())
        if keep_as and path.exists():
            keep(path, keep_as)
        os.replace(part, path)


def beside(path: Path) -> Path:
    """A name beside `path` that no other writer takes."""
    return path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")


@contextmanager
def removed_in_the_end(part: Path) -> Iterator[None]:
    """Remove `part`, if it is still there, however the block ends; short of SIGKILL, that is."""

    def remove() -> None:
        part.unlink(missing_ok=True)

    with tidied(remove):
        try:
            yield
        finally:
            with suppress(OSError):  # on a read-only disk even this fails, and must not hide what went wrong before
                remove()


def keep(path: Path, name: Path) -> None:
    """Give the file at `path` a second name; where the disk knows only one name a file, that name alone."""
    second = beside(name)
    with removed_in_the_end(second):
        try:
            os.link(path, second)
        except OSError:
            os.replace(path, name)
        else:
            os.replace(second, name)


def check_regular(path: Path) -> None:
    """OSError when something stands at `path` that is no regular file, such as a folder, /dev/null or a pipe."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return
    except OSError as error:  # a link to itself, a name too long, a folder that may not be looked into
        error.strerror = f"{error.strerror}; {WAYS_OUT.get(error.errno or 0, 'name another place')}"
        raise
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, f"{os.strerror(errno.EISDIR)}; {WAYS_OUT[errno.EISDIR]}", str(path))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "a device or a pipe, not a regular file", str(path))


def remove_unfinished(path: Path) -> None:
    """Remove what killed writers of `path` left behind; to be called where no other process can be writing it."""
    left = re.compile(rf"\.{re.escape(path.name)}\.[0-9a-f]{{16}}\.part")
    for part in path.parent.glob(".*.part"):
        if left.fullmatch(part.name):
            part.unlink(missing_ok=True)


@contextmanager
def naming(path: Path, part: Path) -> Iterator[None]:
    """Let the system's errors about `part` name `path`, which the caller knows, and what can be done."""
    try:
        yield
    except OSError as error:
        way_out = WAYS_OUT.get(error.errno or 0)
        if error.filename == str(part) or (error.filename is None and way_out):
            error.filename = str(path)
            error.strerror = f"{error.strerror}; {way_out}" if way_out else error.strerror
        raise


@contextmanager
def tidied(tidy: Callable[[], object]) -> Iterator[None]:
    """While the block runs, a signal that ends the process has `tidy()` done first.

    Python lets only the main thread do so; a handler that the program has set itself is left alone.
    """
    mine = []
    if threading.current_thread() is threading.main_thread():
        mine = [number for number in ENDINGS if signal.getsignal(number) == signal.SIG_DFL]

    def end(number: int, frame: object) -> None:
        for task in list(_tidying):
            with suppress(OSError):
                task()
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(number)

    _tidying.append(tidy)
    for number in mine:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in mine:
            signal.signal(number, signal.SIG_DFL)
        _tidying.remove(tidy)
