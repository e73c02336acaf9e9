"""The small files of a store that have names: manifests, refs, redactions. The interface, and a folder as one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from crawler.commit import make_folder, remove, write_atomically, write_first
from crawler.errors import DatasetError


class Documents(Protocol):
    """Small files by name, such as `refs/heads/main`. Names are the caller's to check; they never come from a user.

    Every method raises StoreUnavailableError where the store fails, and OSError where the disk does.
    """

    def read(self, name: str) -> bytes | None:
        """Its content; None where there is no such file."""
        ...

    def create(self, name: str, content: bytes) -> bool:
        """Write it where there is none; of many at the same time one comes first. Returns whether it was this one."""
        ...

    def swap(self, name: str, expect: bytes | None, content: bytes) -> bool:
        """Write it if it holds `expect` (None: if it is not there), as one step. Returns whether it did."""
        ...

    def delete(self, name: str) -> None:
        """Take it away, if it is there."""
        ...

    def names(self, prefix: str) -> Iterator[str]:
        """Every name that begins so, in order. A prefix holds at least one folder: `commits/3f`."""
        ...


class LocalDocuments:
    """`Documents` in a folder. Swaps take their turns by a lock that the system lets go of, however a process ends."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, name: str) -> bytes | None:
        """See `Documents`."""
        try:
            return (self._folder / name).read_bytes()
        except FileNotFoundError:
            return None

    def create(self, name: str, content: bytes) -> bool:
        """See `Documents`."""
        path = self._folder / name
        make_folder(path.parent)
        return write_first(path, content)

    def swap(self, name: str, expect: bytes | None, content: bytes) -> bool:
        """See `Documents`.

        Raises:
            DatasetError: the folder's file system knows no locks, so that two could both win.
        """
        path = self._folder / name
        make_folder(path.parent)
        with _alone(self._folder / "lock"):
            if self.read(name) != expect:
                return False
            write_atomically(path, content)
            return True

    def delete(self, name: str) -> None:
        """See `Documents`."""
        path = self._folder / name
        if path.parent.is_dir():
            remove(path)

    def names(self, prefix: str) -> Iterator[str]:
        """See `Documents`."""
        folder, _, begin = prefix.rpartition("/")
        place = self._folder / folder
        if not place.is_dir():
            return
        for path in sorted(place.iterdir()):
            if path.name.startswith(begin) and not path.name.startswith("."):
                yield f"{folder}/{path.name}"


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Wait for the others' swaps, each of which takes as long as a small file."""
    import fcntl  # noqa: PLC0415 - not on every system

    handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
        except OSError as error:
            raise DatasetError(
                f"{lock}: cannot be locked ({error.strerror}); two committers could both win: put the store on a file "
                "system that knows locks, or on S3"
            ) from error
        yield
    finally:
        os.close(handle)
