"""How a file of ours comes to be: written under another name, flushed to the disk, then renamed into place.

A reader therefore sees the old file, or the new one, or none: never half of one, not after a kill and not after a power
cut. What a killed run leaves behind is named like nothing else and carries the process that made it, so that `sweep`
can clear it without touching a run that is still at work in the same folder.
"""

from __future__ import annotations

import os
import platform
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

#: a leftover of another machine's process is only taken for dead at this age; jobs take minutes
_OLD_SECONDS = 24 * 3600

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


@contextmanager
def atomic_path(path: Path, *, through: Path | None = None) -> Iterator[Path]:
    """A temporary path to write to, which becomes `path` when the block ends well and is removed when it does not.

    It lies in the folder `through`, on the same disk, or else in that of `path`.

    Raises:
        OSError: from the block, or because its file cannot be flushed or renamed; what was at `path` is still there.
    """
    temporary = temporary_path(path if through is None else through / path.name)
    try:
        yield temporary
        _flush(temporary)
        temporary.replace(path)
        _flush_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)  # gone already where the rename came about


def remove(path: Path) -> None:
    """Take a file away, if it is there, so that it stays away after a power cut."""
    path.unlink(missing_ok=True)
    _flush_folder(path.parent)


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
            path.unlink(missing_ok=True)  # another sweep may be at work
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


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _flush_folder(folder: Path) -> None:
    """A rename is on the disk only when its folder is; Windows has no way to ask for that."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
