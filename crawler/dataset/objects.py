"""Where the files of versions lie, by the SHA-256 of their bytes: the interface, and a folder on this machine.

A file is never written twice and never changed, so that whoever has its digest has it for good, until it is purged.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from crawler.commit import atomic_path, make_folder, remove, sweep
from crawler.dataset.manifest import Stored
from crawler.errors import DatasetError

_DIGEST = re.compile(r"[0-9a-f]{64}")
#: bytes that are read, hashed and written at once
BLOCK = 4 * 1024 * 1024
#: of a file whose bytes are not those of its digest
OTHER_BYTES = "has other bytes than its marker says, or changed while it was read; make the shard again"


class Objects(Protocol):
    """Files by their content. May be used by several threads at once, and by several processes."""

    def put(self, path: Path, expect: Stored | None = None) -> Stored:
        """Store a copy of the file; nothing is written where it is there already. It lasts when this returns.

        Args:
            path: the file.
            expect: what it is said to be. Where that is there already, the file is not even read.

        Raises:
            DatasetError: the file is not what was expected, or changed while it was read.
            StoreUnavailableError: the store failed.
            OSError: the file cannot be read, or the disk is full.
        """
        ...

    def put_bytes(self, content: bytes) -> Stored:
        """Store these bytes.

        Raises:
            StoreUnavailableError, OSError: as `put`.
        """
        ...

    def open_local(self, stored: Stored) -> Path:
        """A file on this machine to read it from, never to write to: the object itself, or a verified download.

        Its size is right. That the bytes of a local store still are what they were is for `found` to say.

        Raises:
            DatasetError: there is no such object, or it has another size or, as it came, other bytes.
            StoreUnavailableError, OSError: as `put`.
        """
        ...

    def copy(self, stored: Stored, path: Path) -> None:
        """Write a verified copy to `path`, whole or not at all; nothing is left in a cache.

        Raises:
            DatasetError, StoreUnavailableError, OSError: as `open_local`.
        """
        ...

    def read(self, stored: Stored) -> bytes:
        """Its bytes, verified.

        Raises:
            DatasetError: there is no such object, or its bytes are others.
            StoreUnavailableError, OSError: as `put`.
        """
        ...

    def checked(self, stored: Stored) -> Path:
        """As `open_local`, of bytes that were verified now, from the store itself.

        Raises:
            DatasetError: it is missing, or not what it was.
            StoreUnavailableError, OSError: as `put`.
        """
        ...

    def has(self, sha256: str) -> bool:
        """Whether it is there."""
        ...

    def found(self, sha256: str) -> Stored | None:
        """What lies in its place now, hashed anew from the store itself, not from a cache; None where nothing does."""
        ...

    def forget(self, stored: Stored) -> None:
        """Let go of a download of it, where there is one: whoever goes through a whole version does so."""
        ...

    def delete(self, sha256: str) -> None:
        """Take it away, from caches, too; nothing happens where it is not there. For purges only."""
        ...

    def tidy(self) -> None:
        """Remove what killed processes left half-written; what living ones are writing stays."""
        ...

    def listed(self) -> Iterator[str]:
        """The digests of all objects, in order; what else lies there is passed over."""
        ...

    def where(self, sha256: str) -> str:
        """Its name in the store, for messages."""
        ...


def name_of(sha256: str) -> str:
    """Where an object lies in a store.

    Raises:
        DatasetError: this is no digest, but maybe a path that leads elsewhere.
    """
    if _DIGEST.fullmatch(sha256) is None:
        raise DatasetError(f"{sha256!r} is not a SHA-256 in hex")
    return f"objects/{sha256[:2]}/{sha256}"


def digest_in(name: str) -> str | None:
    """The digest in an object's name; None for any other file."""
    sha256 = name.rpartition("/")[2]
    return sha256 if _DIGEST.fullmatch(sha256) and name.endswith(f"objects/{sha256[:2]}/{sha256}") else None


def hashed(path: Path) -> Stored:
    """What a file is as an object.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb", buffering=0) as file:
        return Stored(hashlib.file_digest(file, "sha256").hexdigest(), os.fstat(file.fileno()).st_size)


class LocalObjects:
    """`Objects` in a folder. What is being written lies in `incoming`, on the same disk, until it is whole."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.incoming = folder / "incoming"

    def put(self, path: Path, expect: Stored | None = None) -> Stored:
        """See `Objects`."""
        stored = expect or hashed(path)
        if not self._is_there(stored):
            self._write(path, stored)
        return stored

    def put_bytes(self, content: bytes) -> Stored:
        """See `Objects`."""
        stored = Stored(hashlib.sha256(content).hexdigest(), len(content))
        if not self._is_there(stored):
            target = self._target(stored)
            with atomic_path(target, through=self.incoming) as temporary:
                temporary.write_bytes(content)
                temporary.chmod(0o444)
        return stored

    def open_local(self, stored: Stored) -> Path:
        """See `Objects`."""
        path = self._path(stored.sha256)
        try:
            size = path.stat().st_size
        except FileNotFoundError as error:
            raise DatasetError(f"{path}: is missing; `pairtrawl dataset verify` says what else is") from error
        if size != stored.bytes:
            raise DatasetError(f"{path}: has {size} bytes and not {stored.bytes}; restore it from a backup")
        return path

    def copy(self, stored: Stored, path: Path) -> None:
        """See `Objects`."""
        source = self.open_local(stored)
        with atomic_path(path) as temporary:
            if _copied(source, temporary) != stored.sha256:
                raise DatasetError(f"{source}: has other bytes than it had; restore it from a backup")

    def read(self, stored: Stored) -> bytes:
        """See `Objects`."""
        content = self.open_local(stored).read_bytes()
        if hashlib.sha256(content).hexdigest() != stored.sha256:
            raise DatasetError(f"{self._path(stored.sha256)}: has other bytes than it had; restore it from a backup")
        return content

    def checked(self, stored: Stored) -> Path:
        """See `Objects`."""
        path = self.open_local(stored)
        if hashed(path) != stored:
            raise DatasetError(f"{path}: has other bytes than it had; restore it from a backup")
        return path

    def has(self, sha256: str) -> bool:
        """See `Objects`."""
        return self._path(sha256).is_file()

    def found(self, sha256: str) -> Stored | None:
        """See `Objects`."""
        try:
            return hashed(self._path(sha256))
        except FileNotFoundError:
            return None

    def forget(self, stored: Stored) -> None:
        """See `Objects`: here an object is no download."""

    def tidy(self) -> None:
        """See `Objects`."""
        if self.incoming.is_dir():
            sweep(self.incoming)

    def delete(self, sha256: str) -> None:
        """See `Objects`."""
        path = self._path(sha256)
        if path.parent.is_dir():
            remove(path)

    def listed(self) -> Iterator[str]:
        """See `Objects`."""
        for folder in sorted((self._folder / "objects").glob("[0-9a-f][0-9a-f]")):
            yield from sorted(filter(None, (digest_in(path.as_posix()) for path in folder.iterdir())))

    def where(self, sha256: str) -> str:
        """See `Objects`."""
        return str(self._path(sha256))

    def _path(self, sha256: str) -> Path:
        return self._folder / name_of(sha256)

    def _is_there(self, stored: Stored) -> bool:
        try:
            return self._path(stored.sha256).stat().st_size == stored.bytes
        except FileNotFoundError:
            return False

    def _target(self, stored: Stored) -> Path:
        target = self._path(stored.sha256)
        make_folder(self.incoming)
        make_folder(target.parent)
        return target

    def _write(self, path: Path, stored: Stored) -> None:
        """Copy, and hash what was copied: the file may have changed since it was hashed first."""
        with atomic_path(self._target(stored), through=self.incoming) as temporary:
            if _copied(path, temporary) != stored.sha256:
                raise DatasetError(f"{path}: {OTHER_BYTES}")
            temporary.chmod(0o444)


def _copied(source: Path, target: Path) -> str:
    """Copy into a new file; returns the SHA-256 of what was copied."""
    digest = hashlib.sha256()
    with source.open("rb", buffering=0) as reader, target.open("xb", buffering=0) as writer:
        while block := reader.read(BLOCK):
            digest.update(block)
            left = memoryview(block)
            while left:
                left = left[writer.write(left) :]  # may take a part only
    return digest.hexdigest()
