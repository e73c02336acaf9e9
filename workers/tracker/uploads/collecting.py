"""Removing what nobody needs any more, and finding what the database and the disks do not agree about.

The database comes first: an upload is GONE there, which no move can undo, before its bytes are. A result that may still
need an upload keeps it from becoming GONE, in the same transaction that asks; and what is in the data set is there in a
copy. So a kill at any point leaves at worst bytes that nobody reaches, and those are found by `fsck_objects`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from workers.failpoints import failpoint
from workers.tracker.moves.uploads import collectable, gone
from workers.tracker.states import UploadState
from workers.tracker.store import Tx
from workers.tracker.uploads import TargetError
from workers.tracker.uploads.reserving import Uploads

_OPEN = frozenset({UploadState.RESERVED, UploadState.PARTIAL})


@dataclass(frozen=True, slots=True)
class Collected:
    """What one call removed."""

    uploads: int
    bytes: int  # as declared
    failed: int  # given up, and their bytes are still there: `fsck_objects` finds them


async def collect(uploads: Uploads, *, older_than: float, most: int = 500) -> Collected:
    """Remove uploads that were never finished, of results that are not believed, and of those already in the data set.

    Args:
        uploads: the campaign's.
        older_than: seconds for which nothing must have happened to an upload: bytes, or its promotion.
        most: uploads in one call.

    Raises:
        StoreError: the database cannot.
    """
    now = uploads.clock()

    def mark(tx: Tx) -> list[tuple[str, str, int]]:
        found = collectable(tx, now, older_than=older_than, most=most)
        given_up = set(gone(tx, now, [one.upload for one in found]))
        return [(one.upload, one.target, one.bytes) for one in found if one.upload in given_up]

    marked = await uploads.store.do(mark)
    failpoint("uploads.marked_gone")
    failed = 0
    for upload, target, _ in marked:
        failed += not await _removed(uploads, upload, target)
    failpoint("uploads.collected")
    return Collected(len(marked), sum(count for _, _, count in marked), failed)


async def fsck_objects(uploads: Uploads, *, mend: bool = False) -> list[str]:
    """Every object without a row and every row without its object, as sentences; empty where all is well.

    Args:
        uploads: the campaign's.
        mend: remove objects that no row needs (a kill in the middle of `collect`, a permit used after its time). What a
            row needs is never touched, and what lacks its bytes is for the operator to decide.

    Raises:
        StoreError, TargetError: the database, or a target, cannot be asked.
    """
    said = []
    for name, target in uploads.targets.items():
        found = await target.objects()  # first: what is reserved and sent meanwhile has a row when rows are read
        rows = await uploads.store.look(partial(_rows, target=name))
        needed = {upload for upload, row in rows.items() if row.needs_object or row.state in _OPEN}
        for upload in sorted(found.keys() - needed):
            why = f"its row says {rows[upload].state.value}" if upload in rows else "it has no row"
            done = ", removed" if mend and await _removed(uploads, upload, name) else ""
            said.append(f"{name}: object {upload} is not needed: {why}{done}")
        for upload, row in sorted(rows.items()):
            if row.needs_object and found.get(upload) != row.bytes:
                said.append(
                    f"{name}: upload {upload} is {row.state.value}, {row.bytes} bytes: found {found.get(upload)}"
                )
    return said + await _unknown_targets(uploads)


async def _removed(uploads: Uploads, upload: str, target: str) -> bool:
    try:
        return target in uploads.targets and await uploads.targets[target].remove(upload)
    except TargetError:
        uploads.failed(target)
        return False


@dataclass(frozen=True, slots=True)
class _Row:
    state: UploadState
    bytes: int

    @property
    def needs_object(self) -> bool:
        """Whether all bytes must be there."""
        return self.state in {UploadState.STORED, UploadState.PROMOTED}


def _rows(tx: Tx, target: str) -> dict[str, _Row]:
    """Every upload of a target."""
    rows = tx.all("SELECT id, state, bytes FROM uploads WHERE target = ?", target)
    return {str(row["id"]): _Row(UploadState(row["state"]), int(row["bytes"])) for row in rows}


async def _unknown_targets(uploads: Uploads) -> list[str]:
    rows = await uploads.store.look(
        lambda tx: tx.all("SELECT target, COUNT(*) AS uploads FROM uploads WHERE state != 'gone' GROUP BY target")
    )
    return [
        f"{row['target']}: {row['uploads']} uploads are on this target, which settings.toml names no more"
        for row in rows
        if row["target"] not in uploads.targets
    ]
