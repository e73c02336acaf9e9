"""Which target an upload goes to, and when it counts as stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from workers.failpoints import failpoint
from workers.protocol.messages import UploadPermit
from workers.tracker.clock import Clock
from workers.tracker.moves.records import MoveRefused, UploadRow
from workers.tracker.moves.uploads import emptied, moved, redirected, stored, uploads_of
from workers.tracker.states import UploadState
from workers.tracker.store import Store, Tx
from workers.tracker.uploads import Target, TargetError, WrongBytesError
from workers.tracker.uploads.disk import DiskTarget
from workers.tracker.uploads.objects import BusyError
from workers.tracker.uploads.s3 import S3Target
from workers.tracker.uploads.settings import Disk, Targets

_OPEN = frozenset({UploadState.RESERVED, UploadState.PARTIAL})
_KEPT = frozenset({UploadState.STORED, UploadState.PROMOTED})


class NoRoomError(Exception):
    """No target takes a new upload of this size now. `retry_after` in seconds."""

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


@dataclass(slots=True)
class Uploads:
    """All targets of a campaign, and which of them rest after a failure."""

    store: Store
    clock: Clock
    targets: Mapping[str, Target]  # in the order of preference
    settings: Targets = field(default_factory=Targets)
    _rests_until: dict[str, float] = field(default_factory=dict)

    @property
    def origins(self) -> dict[str, str]:
        """What the addresses of permits begin with that do not lead to the tracker itself, by target."""
        return {name: target.origin for name, target in self.targets.items() if target.origin}

    async def room(self) -> int:
        """Bytes that new uploads may fill, over all targets that work."""
        return sum((await self._rooms()).values())

    async def target_for(self, count: int) -> str:
        """The name of the target that a new upload of so many bytes should go to: the first that has room.

        Raises:
            NoRoomError: none has.
        """
        for name, room in (await self._rooms()).items():
            if count <= min(room, self.targets[name].most_bytes):
                return name
        raise NoRoomError(f"no storage has room for {count} bytes now", self.settings.rest_seconds)

    def permit(self, upload: UploadRow) -> UploadPermit:
        """How the bytes of a reserved upload are sent; "stored" where they are there. Asks nobody."""
        if upload.state in _KEPT:
            return UploadPermit(upload=upload.upload, how="stored", offset=upload.bytes)
        return self.target_of(upload).permit(upload)

    def elsewhere(self, tx: Tx, now: float, upload: UploadRow, target: str, upload_id: str) -> UploadRow:
        """A move: an open upload whose own target failed lately, or is no more, goes to another, under another id.

        Who asks for a permit again is not made to wait for a storage that is down while another has room.

        Args:
            tx: the transaction.
            now: by the tracker's clock.
            upload: as it is known.
            target: what `target_for` says; "" where nothing has room.
            upload_id: for the new one.
        """
        well = upload.target in self.targets and not self._is_resting(upload.target)
        if upload.state not in _OPEN or not target or well:
            return upload
        return redirected(tx, now, upload.upload, target=target, upload_id=upload_id)

    def target_of(self, upload: UploadRow) -> Target:
        """Where an upload goes, or lies.

        Raises:
            TargetError: the settings do not name that target any more.
        """
        target = self.targets.get(upload.target)
        if target is None:
            raise TargetError(
                f"upload {upload.upload} is on target {upload.target!r}, which settings.toml names no more"
            )
        return target

    async def settle(self, upload: UploadRow) -> bool:
        """Look whether an open upload is whole, and let it count as stored if it is. Returns whether it is stored.

        Raises:
            WrongBytesError: it was whole and wrong. It is removed and reserved again: all of it must be sent anew.
            BusyError: it is being sent.
            TargetError: its target cannot tell.
            MoveRefused: it is not wanted any more.
        """
        if upload.state in _KEPT:
            return True
        if upload.state not in _OPEN:
            return False
        try:
            whole = await self.target_of(upload).is_whole(upload)
        except WrongBytesError:
            await self.begun_again(upload)
            raise
        except TargetError:
            self.failed(upload.target)
            raise
        if whole:
            await self.arrived(upload)
        return whole

    async def settle_lease(self, lease: str) -> None:
        """Settle whatever of a lease is open, before its result is taken.

        That is what went past us to a storage, and what was whole when the tracker was killed. What cannot be settled
        stays open, and the result is then refused.
        """
        for upload in await self.store.look(lambda tx: uploads_of(tx, lease)):
            try:
                await self.settle(upload)
            except (WrongBytesError, BusyError, TargetError, MoveRefused):
                continue

    async def arrived(self, upload: UploadRow) -> None:
        """The object is whole, hashed and sealed: it counts. Raises MoveRefused: it is not wanted any more."""
        now = self.clock()
        await self.store.do(lambda tx: stored(tx, now, upload.upload, upload.sha256))
        failpoint("uploads.stored")

    async def begun_again(self, upload: UploadRow) -> None:
        """Its bytes were removed: they must all be sent anew."""
        now = self.clock()
        await self.store.do(lambda tx: emptied(tx, now, upload.upload))

    async def moved(self, upload: UploadRow, offset: int) -> None:
        """So many bytes are there: for the room that is still promised, and against removal of what moves."""
        now = self.clock()
        await self.store.do(lambda tx: moved(tx, now, upload.upload, offset))

    def failed(self, target: str) -> None:
        """A target has failed: it gets nothing new for a while."""
        self._rests_until[target] = self.clock() + self.settings.rest_seconds

    async def close(self) -> None:
        """Close all targets."""
        for target in self.targets.values():
            await target.close()

    def _is_resting(self, target: str) -> bool:
        return self._rests_until.get(target, 0.0) > self.clock()

    async def _rooms(self) -> dict[str, int]:
        promised, held = await self.store.look(_promised_and_held)
        rooms = {}
        for name, target in self.targets.items():
            if self._is_resting(name):
                continue
            try:
                rooms[name] = await target.room(promised.get(name, 0), held.get(name, 0))
            except TargetError:
                self.failed(name)
        return rooms


def open_uploads(settings: Targets, folder: Path, store: Store, clock: Clock) -> Uploads:
    """The targets that the settings name. Opens folders; asks no network.

    Args:
        settings: `[uploads]`.
        folder: CAMPAIGN/tracker, to which folders are relative.
        store: the campaign's.
        clock: the tracker's.

    Raises:
        OSError: a folder cannot be made.
        SettingsError: a bucket's settings are wrong, or there are no credentials for it.
        MissingPackageError: a bucket was named, and the extra s3 is not installed.
    """
    targets: dict[str, Target] = {}
    for one in settings.targets:
        if isinstance(one, Disk):
            targets[one.name] = DiskTarget(
                one, folder / (one.folder or "objects"),
                idle_seconds=settings.idle_seconds, block_seconds=settings.block_seconds,
            )  # fmt: skip
        else:
            targets[one.name] = S3Target(one, folder / "fetched" / one.name)
    return Uploads(store, clock, targets, settings)


def _promised_and_held(tx: Tx) -> tuple[dict[str, int], dict[str, int]]:
    """Bytes not sent yet, and bytes that are there, of every target."""
    promised: dict[str, int] = {}
    held: dict[str, int] = {}
    for row in tx.all(
        "SELECT target, state, SUM(bytes) AS bytes, SUM(offset_bytes) AS sent FROM uploads"
        " WHERE state IN ('reserved', 'partial', 'stored') GROUP BY target, state"
    ):
        target, total = row["target"], int(row["bytes"])
        sent = total if row["state"] == UploadState.STORED else int(row["sent"])
        promised[target] = promised.get(target, 0) + total - sent
        held[target] = held.get(target, 0) + sent
    return promised, held
