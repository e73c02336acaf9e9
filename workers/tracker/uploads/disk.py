"""Uploads in a folder of the tracker's machine, received by tus 1.0."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from workers.failpoints import failpoint
from workers.protocol.messages import UploadPermit
from workers.tracker.moves.records import UploadRow
from workers.tracker.uploads import FullError, LostObjectError, TargetError, WrongBytesError
from workers.tracker.uploads.checksums import Checksum
from workers.tracker.uploads.objects import ObjectFolder, OpenObject
from workers.tracker.uploads.receiving import Body, CutOffError, Threads, receive
from workers.tracker.uploads.settings import Disk

#: a disk that has none left says one of these; EFBIG: the process may not write files of that size
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
#: more writers than that only make a disk seek
_THREADS = 4


class OffsetError(Exception):
    """A chunk does not begin where the object ends. `offset` is where it ends, durably."""

    def __init__(self, offset: int) -> None:
        super().__init__(f"the next byte is {offset}")
        self.offset = offset


class SealedError(Exception):
    """The object is whole and hashed; no byte of it changes any more."""


@dataclass(frozen=True, slots=True)
class Reached:
    """How far an upload is after a chunk."""

    offset: int
    whole: bool  # hashed, and what was declared


class DiskTarget:
    """`Target` on a local disk."""

    def __init__(self, settings: Disk, folder: Path, *, idle_seconds: float, block_seconds: float) -> None:
        """See `Targets`; `folder` is where the objects lie, made where it is missing."""
        self.name = settings.name
        self.most_bytes = 2**62
        self.origin = ""
        self._objects = ObjectFolder(folder)
        self._reserve = settings.reserve_bytes
        self._idle_seconds, self._block_seconds = idle_seconds, block_seconds
        self._threads = Threads(_THREADS)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    async def room(self, promised: int, _held: int) -> int:
        """See `Target`."""
        with _translated(self.name):
            free = (await self._threads.run(shutil.disk_usage, self._objects.root)).free
        return max(0, free - promised - self._reserve)

    def permit(self, upload: UploadRow) -> UploadPermit:
        """See `Target`."""
        return UploadPermit(
            upload=upload.upload, how="tus", address=f"/v1/uploads/{upload.upload}", expires_in=self._idle_seconds
        )

    async def offset(self, upload: str) -> int:
        """Bytes that are there and stay. Raises TargetError."""
        with _translated(self.name):
            return await self._threads.run(self._objects.durable_length, upload)

    async def append(
        self, upload: UploadRow, offset: int, body: Body, count: int, checksum: Checksum | None
    ) -> Reached:
        """Take a chunk of `count` bytes that begins at `offset` and fits into what was declared.

        After the last byte the whole is hashed, and sealed or removed.

        Raises:
            BusyError: another request sends to the same upload.
            SealedError, OffsetError, WrongChunkError, WrongBytesError: see there.
            CutOffError: the client went away; what came is kept.
            FullError: the disk is full.
            TargetError: the disk does not work.
        """
        assert 0 <= offset <= offset + count <= upload.bytes
        with _translated(self.name), self._objects.opened(upload.upload, make=not offset) as found:
            length = found.length if found else 0
            if found and found.is_sealed:
                raise SealedError(upload.upload)
            if not found or length != offset:
                raise OffsetError(length)
            try:
                await receive(body, found, count, checksum, self._threads, self._block_seconds)
            except CutOffError:
                failpoint("uploads.cut_off")
                raise
            failpoint("uploads.flushed")
            return Reached(found.length, found.length == upload.bytes and await self._conclude(found, upload))

    async def is_whole(self, upload: UploadRow) -> bool:
        """See `Target`. Also raises BusyError: it is being written or hashed at this moment."""
        with _translated(self.name), self._objects.opened(upload.upload, make=False) as found:
            return found is not None and found.length == upload.bytes and await self._conclude(found, upload)

    async def path_or_fetch(self, upload: UploadRow) -> Path:
        """See `Target`."""
        path = self._objects.path(upload.upload)
        with _translated(self.name):
            try:
                same = await self._threads.run(_is_same, path, upload)
            except FileNotFoundError:
                same = False
        if not same:
            raise LostObjectError(f"{upload.upload}: its object is not on {self.name!r} any more as it was stored")
        return path

    async def let_go(self, upload: UploadRow) -> None:
        """See `Target`."""

    async def remove(self, upload: str) -> bool:
        """See `Target`."""
        with _translated(self.name):
            return await self._threads.run(self._objects.remove, upload)

    async def objects(self) -> dict[str, int]:
        """See `Target`."""
        with _translated(self.name):
            return await self._threads.run(self._objects.found)

    async def close(self) -> None:
        """See `Target`."""
        self._threads.close()

    async def _conclude(self, found: OpenObject, upload: UploadRow) -> bool:
        """Hash what is all there; seal it if it is what was declared, else remove it and raise WrongBytesError."""
        sha256 = await self._threads.run(found.sha256)
        failpoint("uploads.hashed")
        if sha256 != upload.sha256:
            await self._threads.run(found.discard)
            failpoint("uploads.discarded")
            raise WrongBytesError(f"the {upload.bytes} bytes hash to {sha256}, and {upload.sha256} was declared")
        await self._threads.run(found.seal)
        failpoint("uploads.sealed")
        return True


def _is_same(path: Path, upload: UploadRow) -> bool:
    with path.open("rb", buffering=0) as file:
        found = OpenObject(path, file.fileno(), is_new=False)
        return found.length == upload.bytes and found.sha256() == upload.sha256


@contextmanager
def _translated(target: str) -> Iterator[None]:
    """What a disk says, as TargetError."""
    try:
        yield
    except OSError as error:
        kind = FullError if error.errno in _FULL else TargetError
        raise kind(f"upload target {target!r}: {error}") from error
