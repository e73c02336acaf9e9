"""Objects in a folder: one file for each upload, from its first byte to its removal under one name.

The name is the upload's id, which the server made; the file lies in a folder of its first two digits, which goes when
its last file does. How far an upload is, is the file's length and nothing else. Who writes holds the file's lock, also
against other processes. A file without write permission is sealed: all its bytes were there and had the right hash.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from workers.tracker.uploads import is_upload_id
from workers.tracker.uploads.checksums import sha256_of

_SEALED = 0o444
_OPEN = 0o600
#: a folder may go between its making and the opening of a file in it; twice in a row is no accident
_TRIES = 10


class BusyError(Exception):
    """Somebody else writes to this object at this moment."""


@dataclass(slots=True)
class OpenObject:
    """An object that is written to by nobody else while this is open. All methods block: call them in a thread."""

    path: Path
    handle: int
    is_new: bool  # its entry in the folder is not flushed yet

    @property
    def length(self) -> int:
        """Bytes that are there."""
        return os.fstat(self.handle).st_size

    @property
    def is_sealed(self) -> bool:
        """Whether it was found whole before."""
        return not os.fstat(self.handle).st_mode & stat.S_IWUSR

    def append(self, block: bytes | bytearray) -> None:
        """Write at the end.

        Raises:
            OSError: the disk is full, or broken; a part of the block may have been written: ask `length`.
        """
        left = memoryview(block)
        start = self.length
        while left:
            written = os.pwrite(self.handle, left, start)
            left, start = left[written:], start + written

    def cut(self, length: int) -> None:
        """Forget what is beyond."""
        os.ftruncate(self.handle, length)

    def flush(self) -> None:
        """What was written lasts when this returns."""
        os.fsync(self.handle)
        if self.is_new:
            _flush_folder(self.path.parent)
            _flush_folder(self.path.parent.parent)
            self.is_new = False

    def sha256(self) -> str:
        """Of all bytes, hex; read back from the file."""
        return sha256_of(self.handle)

    def seal(self) -> None:
        """Nobody writes to it from now on."""
        os.fchmod(self.handle, _SEALED)
        os.fsync(self.handle)

    def discard(self) -> None:
        """Remove it, and its folder if it was the last there; it stays removed after a power cut."""
        self.path.unlink(missing_ok=True)
        _flush_folder(self.path.parent)
        _drop_empty(self.path.parent)


@dataclass(frozen=True, slots=True)
class ObjectFolder:
    """All objects of one target."""

    root: Path

    def path(self, upload: str) -> Path:
        """Where an upload's object lies.

        Raises:
            ValueError: this is no id of ours. Nothing else ever becomes part of a path.
        """
        if not is_upload_id(upload):
            raise ValueError(f"no upload has the id {upload[:50]!r}")
        return self.root / upload[:2] / upload

    def durable_length(self, upload: str) -> int:
        """Bytes that are there and would be after a power cut; 0 where there is no object.

        Raises:
            OSError: it cannot be flushed.
        """
        try:
            handle = os.open(self.path(upload), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            return 0
        try:
            os.fsync(handle)
            return os.fstat(handle).st_size
        finally:
            os.close(handle)

    @contextmanager
    def opened(self, upload: str, *, make: bool) -> Iterator[OpenObject | None]:
        """The object, locked; made where it is missing and `make` says so, else None.

        Raises:
            BusyError: another has the lock.
            OSError: it cannot be opened.
        """
        path = self.path(upload)
        handle, is_new = self._open(path, make)
        if handle is None:
            yield None
            return
        try:
            _lock(handle, path)
            yield OpenObject(path, handle, is_new)
        finally:
            os.close(handle)

    def remove(self, upload: str) -> bool:
        """Remove an object; False where somebody writes to it just now.

        Raises:
            OSError: it cannot be removed.
        """
        try:
            with self.opened(upload, make=False) as found:
                if found is not None:
                    found.discard()
        except BusyError:
            return False
        return True

    def found(self) -> dict[str, int]:
        """Bytes of every object, by id. Files that are called otherwise are none of ours, and are left alone.

        Raises:
            OSError: the folder cannot be read.
        """
        lengths = {}
        for shard in _entries(self.root):
            if shard.is_dir(follow_symlinks=False):
                for entry in _entries(Path(shard.path)):
                    if is_upload_id(entry.name) and entry.name.startswith(shard.name):
                        with suppress(FileNotFoundError):  # removed meanwhile
                            lengths[entry.name] = entry.stat(follow_symlinks=False).st_size
        return lengths

    def _open(self, path: Path, make: bool) -> tuple[int | None, bool]:
        """An open file and whether it was made now."""
        flags = os.O_NOFOLLOW | os.O_CLOEXEC  # a link put here by whomever leads nowhere
        for _ in range(_TRIES):
            try:
                try:
                    return os.open(path, os.O_RDWR | flags), False
                except PermissionError:  # sealed; not for root, whom `is_sealed` tells
                    return os.open(path, os.O_RDONLY | flags), False
            except FileNotFoundError:
                if not make:
                    return None, False
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with suppress(FileNotFoundError, FileExistsError):  # an emptied folder was taken away; another was first
                return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | flags, _OPEN), True
        raise OSError(errno.EBUSY, "the folder comes and goes", str(path.parent))


def _lock(handle: int, path: Path) -> None:
    """Raises BusyError."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise BusyError(path.name) from error
    try:
        same = os.path.samestat(os.fstat(handle), path.stat(follow_symlinks=False))
    except FileNotFoundError:
        same = False
    if not same:  # removed between the opening and the lock: what is written here nobody would find
        raise BusyError(path.name)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except FileNotFoundError:
        return []


def _flush_folder(folder: Path) -> None:
    with suppress(FileNotFoundError):  # it was taken away with its last file
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _drop_empty(folder: Path) -> None:
    with suppress(OSError):  # not empty: others lie in it
        folder.rmdir()
