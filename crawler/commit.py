"""How a file of ours comes to be: written under another name, flushed to the disk, then renamed into place.

A reader therefore sees the old file, or the new one, or none: never half of one, not after a kill and not after a power
cut. What a killed run leaves behind is named like nothing else and carries the process that made it, so that `sweep`
can clear it without touching a run that is still at work in the same folder.

A file system that thousands of machines share likes few operations and large ones. There a file is written `through` a
disk of the machine's own, and reaches the shared folder in one piece (docs/decisions/0023-node-local.md).
"""

from __future__ import annotations

import errno
import os
import platform
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

#: a leftover of another machine's process is only taken for dead at this age; jobs take minutes
_OLD_SECONDS = 24 * 3600

#: bytes that a copy reads and writes at once: the largest block that GPFS is set up with
_BLOCK = 16 * 1024 * 1024
#: what file systems answer that have no way to flush a folder
_CANNOT_FLUSH = frozenset({errno.EINVAL, errno.ENOTSUP, errno.ENOSYS})
#: what file systems answer that have no hard links
_CANNOT_LINK = frozenset({errno.EPERM, errno.ENOTSUP, errno.ENOSYS})

_TEMPORARY = re.compile(r"\..+\.(?P<host>[a-z0-9_]+)-(?P<process>[0-9]+)-[0-9a-f]{16}\.partial")


def temporary_path(path: Path) -> Path:
    """A name in the folder of `path` that no other process or call uses, and that `sweep` knows."""
    return path.with_name(f".{path.name}.{_host()}-{os.getpid()}-{secrets.token_hex(8)}.partial")


def write_atomically(path: Path, content: bytes) -> None:
    """Put `content` at `path`, whole or not at all; it is on the disk when this returns.

    Raises:
        OSError: the disk is full or the folder cannot be written; what was at `path` is still there.
    """
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def write_first(path: Path, content: bytes) -> bool:
    """Put `content` at `path`, whole, unless something is there; of many at the same time one comes first.

    Returns whether it was this one. Where the file system knows no hard links, two at the very same moment may both
    think so; then the later one's content stays: read it back.

    Raises:
        OSError: the disk is full or the folder cannot be written.
    """
    if path.exists():
        return False
    temporary = temporary_path(path)
    with _discarded_unless_moved(temporary):
        temporary.write_bytes(content)
        _flush(temporary)
        try:
            path.hardlink_to(temporary)
        except FileExistsError:
            _discard(temporary)
            return False
        except OSError as error:
            if error.errno not in _CANNOT_LINK:
                raise
            temporary.replace(path)
        else:
            _discard(temporary)
    _flush_folder(path.parent)
    return True


@contextmanager
def atomic_path(path: Path, *, through: Path | None = None) -> Iterator[Path]:
    """A temporary path to write to, which becomes `path` when the block ends well and is removed when it does not.

    It lies in the folder `through`, or else in that of `path`. From another disk its content is copied beside `path`,
    in large blocks, under a temporary name that `sweep` knows; only when that copy is flushed and of the right size
    does it become `path`.

    Raises:
        OSError: from the block, or because its file cannot be copied, flushed or renamed. A shared file system may say
            as late as that that the disk or a quota is full. What was at `path` is still there, unless all that failed
            was to flush the folder: then the new file is there, and may not outlive a power cut.
    """
    temporary = temporary_path(path if through is None else through / path.name)
    with _discarded_unless_moved(temporary):
        yield temporary
        if through is None or _same_disk(through, path.parent):
            _flush(temporary)
            _land(temporary, path)
        else:
            _copy_into_place(temporary, path)
    _flush_folder(path.parent)


@contextmanager
def atomic_folder(path: Path, *, through: Path | None = None) -> Iterator[Path]:
    """A new folder to put files into, which becomes `path` when the block ends well and is removed when it does not.

    It lies in the folder `through`, or else in that of `path`, as with `atomic_path`. A folder that was at `path` goes
    when the new one is ready; for a moment there is none, so that a mark beside it must not vouch for it then.

    Raises:
        OSError: as `atomic_path`.
    """
    temporary = temporary_path(path if through is None else through / path.name)
    landing = temporary if through is None or _same_disk(through, path.parent) else temporary_path(path)
    old = temporary_path(path)
    with ExitStack() as undo:
        undo.callback(_discard_folder, temporary)
        undo.callback(_discard_folder, landing)
        temporary.mkdir()
        yield temporary
        if landing != temporary:
            shutil.copytree(temporary, landing)
        # thousands of small files: one by one they would take minutes to flush
        os.sync()
        with suppress(FileNotFoundError):
            path.rename(old)
            undo.callback(_discard_folder, old)
        landing.rename(path)
    _flush_folder(path.parent)


def make_folder(path: Path) -> None:
    """Make a folder, and those above it, that are there after a power cut, too; nothing where it is there.

    Raises:
        OSError: it cannot be made.
    """
    if path.is_dir():
        return
    make_folder(path.parent)
    path.mkdir(exist_ok=True)
    _flush_folder(path.parent)


def remove(path: Path) -> None:
    """Take a file away, if it is there, so that it stays away after a power cut."""
    path.unlink(missing_ok=True)
    _flush_folder(path.parent)


def flush(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk; some file systems cannot flush folders.

    Raises:
        OSError: a shared file system may say as late as now that the disk is full.
    """
    if path.is_dir():
        _flush_folder(path)
    else:
        _flush(path)


def sweep(folder: Path) -> list[Path]:
    """Remove the temporary files that dead runs left in `folder`; returns what was removed, sorted.

    Files of a living process of this machine stay, whoever's it is; those of another machine stay for a day.
    """
    removed = []
    for path in sorted(folder.iterdir()):
        found = _TEMPORARY.fullmatch(path.name)
        if found is None:
            continue
        if _is_dead(path, found["host"], int(found["process"])):
            _discard_folder(path) if path.is_dir() else path.unlink(missing_ok=True)  # another sweep may be at work
            removed.append(path)
    return removed


def _is_dead(path: Path, host: str, process: int) -> bool:
    if host == _host() and os.name == "posix":
        return not _is_alive(process)
    try:
        return time.time() - path.stat().st_mtime > _OLD_SECONDS
    except FileNotFoundError:
        return False


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True  # somebody else's, or a number that is no process of ours to judge
    return True


def _host() -> str:
    """This machine's name in letters that a file name can hold."""
    return re.sub(r"[^a-z0-9]", "_", platform.node().lower()) or "_"


def _same_disk(one: Path, other: Path) -> bool:
    return one.stat().st_dev == other.stat().st_dev


def _land(temporary: Path, path: Path) -> None:
    """Rename; or copy, where one disk has borders inside: two mounts, or folders with quotas (filesets, projects)."""
    try:
        temporary.replace(path)
    except OSError as error:
        if error.errno != errno.EXDEV or temporary.parent == path.parent:
            raise
        _copy_into_place(temporary, path)


def _copy_into_place(source: Path, path: Path) -> None:
    """Make `path` of a file of another disk; what was there is there until the copy is whole and flushed."""
    landing = temporary_path(path)
    with _discarded_unless_moved(landing):
        _copy(source, landing)
        landing.replace(path)
    _discard(source)


def _copy(source: Path, target: Path) -> None:
    """Copy into a new file and flush it.

    Raises:
        OSError: also what only shows when the file is flushed or closed, and EIO for a copy that came out too short.
    """
    block = memoryview(bytearray(_BLOCK))
    # unbuffered: a buffer would be flushed at closing, and an error could leave it to be written again
    with source.open("rb", buffering=0) as reader, target.open("xb", buffering=0) as writer:
        copied = 0
        while taken := reader.readinto(block):
            left = block[:taken]
            while left:
                left = left[writer.write(left) :]  # may take a part only: at a quota's edge, or after a signal
            copied += taken
        os.fsync(writer.fileno())
        found, wanted = os.fstat(writer.fileno()).st_size, os.fstat(reader.fileno()).st_size
    if not found == copied == wanted:
        raise OSError(errno.EIO, f"copied {copied} of {wanted} bytes, and the file system has {found}", str(target))


@contextmanager
def _discarded_unless_moved(temporary: Path) -> Iterator[None]:
    """The file is gone when the block fails. When it ends well it is not looked for: a shared disk has enough to do."""
    with ExitStack() as undo:
        undo.callback(_discard, temporary)
        yield
        undo.pop_all()


def _discard(path: Path) -> None:
    """Remove a temporary file. One that cannot be removed is left to `sweep`, and hides no error that came before."""
    with suppress(OSError):
        path.unlink(missing_ok=True)


def _discard_folder(path: Path) -> None:
    """Remove a temporary folder, if it is there still; what cannot be removed is left to `sweep`."""
    shutil.rmtree(path, ignore_errors=True)


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _flush_folder(folder: Path) -> None:
    """A rename is on the disk only when its folder is; Windows and some network file systems cannot be asked."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in _CANNOT_FLUSH:
            raise
    finally:
        os.close(handle)
