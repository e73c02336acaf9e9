"""From a finished job to its result: where files go, and what must be there before a result counts."""

from __future__ import annotations

from workers.protocol.messages import ReserveUpload
from workers.tracker.folder import token_digest
from workers.tracker.moves import uploads
from workers.tracker.store import Tx
from workers.tracker.uploads import new_upload_id
from workers.tracker.uploads.reserving import NoRoomError
from workers.tracker.web.call import Answer, Call, Refused
from workers.tracker.web.knowing import bearer


async def choose_target(call: Call) -> tuple[str, str]:
    """Where a new upload would go ("" where nothing has room), and what it would be called."""
    try:
        target = await call.tracker.room.target_for(call.asked(ReserveUpload).file.bytes, call.now)
    except NoRoomError:
        target = ""  # the upload may have been reserved before: then it has its room
    return target, new_upload_id()


def reserve(tx: Tx, call: Call) -> Answer:
    """POST /v1/leases/{lease}/uploads."""
    file, lease, (target, upload_id) = call.asked(ReserveUpload).file, call.named("lease"), call.prepared
    known = tx.one("SELECT id FROM uploads WHERE lease = ? AND name = ? AND state <> 'gone'", lease, file.name)
    if not file.bytes:
        raise Refused(422, "empty", f"{file.name} is empty: no job makes such a file")
    if known is None:
        most = call.tracker.campaign.upload_bytes
        row = tx.one("SELECT COALESCE(SUM(bytes), 0) AS bytes FROM uploads WHERE lease = ?", lease)
        assert row is not None
        if row["bytes"] + file.bytes > most:
            raise Refused(413, "too_long", f"the files of one job have {most} bytes at most in this campaign")
        if not target:
            raise Refused(503, "no_room", "no storage has room now; keep the file and come again", 120.0)
    made = uploads.reserve(tx, call.now, worker=call.worker, lease=lease, file=file, target=target, upload_id=upload_id)
    made = call.tracker.uploads.elsewhere(tx, call.now, made, target, upload_id)
    permit = call.tracker.uploads.permit(made)
    return Answer(201 if known is None else 200, permit)


async def settle(call: Call) -> None:
    """Before a result: count what went past the tracker to a storage, or was whole when the tracker was killed.

    Nothing is done for somebody else's lease: hashing takes a while, and strangers must not be able to ask for it.
    """
    lease, digest = call.named("lease"), token_digest(bearer(call.request))
    found = await call.tracker.store.look(
        lambda tx: tx.one(
            "SELECT u.id FROM workers w JOIN uploads u ON u.worker = w.id"
            " WHERE w.key_digest = ? AND u.lease = ? AND u.state IN ('reserved', 'partial')",
            digest, lease,
        )
    )  # fmt: skip
    if found is not None:
        await call.tracker.uploads.settle_lease(lease)
