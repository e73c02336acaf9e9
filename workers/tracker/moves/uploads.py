"""Files that workers upload: promised, on their way, whole, in the data set, or gone."""

from __future__ import annotations

from collections.abc import Sequence

from workers.protocol.messages import Artefact
from workers.tracker.moves.job_state import locked
from workers.tracker.moves.leases import lease_of
from workers.tracker.moves.records import MoveRefused, UploadRow, Worker
from workers.tracker.states import LeaseState, UploadState
from workers.tracker.store import Row, Tx

_UPLOAD = "SELECT id, lease, worker, name, bytes, sha256, state, offset_bytes, target, made_at, moved_at FROM uploads "
#: files of one lease: as many as a manifest lists
MOST_FILES = 64
#: nothing that anybody may still want: neither of a lease that may submit, nor of a result that waits or is believed.
#: What is in the data set is there in a copy
_UNWANTED = (
    "(state = 'promoted' OR NOT EXISTS (SELECT 1 FROM leases l WHERE l.id = uploads.lease"
    " AND l.state IN ('active', 'expired', 'released', 'failed') AND l.hard_at > ?)"
    " AND NOT EXISTS (SELECT 1 FROM results r WHERE r.lease = uploads.lease"
    " AND (r.state IN ('received', 'checking', 'suspicious') OR r.canonical = 1)))"
)


def reserve(
    tx: Tx, now: float, *, worker: Worker, lease: str, file: Artefact, target: str, upload_id: str
) -> UploadRow:
    """Promise room for one file of a lease; the same answer every time. One that was removed may come again.

    Raises:
        MoveRefused: 403, the lease is not this worker's, or was revoked; 409, another file was promised under this
            name, or the result is there already; 410, too late; 422, too many files.
    """
    mine = lease_of(tx, worker, lease)
    known = tx.one(_UPLOAD + "WHERE lease = ? AND name = ?" + tx.lock, lease, file.name)
    if known is not None and (known["bytes"], known["sha256"]) != (file.bytes, file.sha256):
        raise MoveRefused("conflict", f"other bytes were promised for {file.name} under this lease", 409)
    if known is not None and known["state"] != UploadState.GONE:
        return _upload(known)
    check_open(mine.state, mine.hard_at, now)
    if known is None:
        locked(tx, mine.job)  # two requests must not count the files at the same time
        many = tx.one("SELECT COUNT(*) AS files FROM uploads WHERE lease = ?", lease)
        if many is not None and many["files"] >= MOST_FILES:
            raise MoveRefused("too_many_files", f"a job has {MOST_FILES} files at most", 422)
        tx.run(
            "INSERT INTO uploads (id, lease, worker, name, bytes, sha256, state, target, made_at, moved_at)"
            " VALUES (?, ?, ?, ?, ?, ?, 'reserved', ?, ?, ?) ON CONFLICT (lease, name) DO NOTHING",
            upload_id, lease, worker.id, file.name, file.bytes, file.sha256, target, now, now,
        )  # fmt: skip
    else:
        tx.run(
            "UPDATE uploads SET id = ?, state = 'reserved', offset_bytes = 0, target = ?, made_at = ?, moved_at = ?"
            " WHERE id = ?",
            upload_id, target, now, now, known["id"],
        )  # fmt: skip
    row = tx.one(_UPLOAD + "WHERE lease = ? AND name = ?", lease, file.name)
    assert row is not None
    return _upload(row)


def check_open(state: LeaseState, hard_at: float, now: float) -> None:
    """Let a lease go on to upload and submit.

    Raises:
        MoveRefused: 403, it was revoked; 409, its result is there; 410, it is too late.
    """
    if state is LeaseState.REVOKED:
        raise MoveRefused("revoked", "this lease was revoked: drop its work and go on", 403)
    if state is LeaseState.SUBMITTED:
        raise MoveRefused("conflict", "this lease has its result already", 409)
    if now >= hard_at:
        raise MoveRefused("too_late", "this lease ended too long ago: drop its work and go on", 410)


def moved(tx: Tx, now: float, upload: str, offset: int) -> None:
    """So many bytes of it are here, on disk. Never less than was known before."""
    tx.run(
        "UPDATE uploads SET state = 'partial', offset_bytes = ?, moved_at = ? WHERE id = ?"
        " AND state IN ('reserved', 'partial') AND offset_bytes <= ? AND bytes >= ?",
        offset, now, upload, offset, offset,
    )  # fmt: skip


def stored(tx: Tx, now: float, upload: str, sha256: str) -> None:
    """It is whole; `sha256` is what the tracker itself has computed of its bytes.

    Raises:
        MoveRefused: 404, there is no such upload, or it was removed; 422, these are not the bytes that were promised.
    """
    row = tx.one(_UPLOAD + "WHERE id = ?" + tx.lock, upload)
    if row is None or row["state"] == UploadState.GONE:
        raise MoveRefused("unknown_upload", "there is no such upload: ask for it anew", 404)
    if row["sha256"] != sha256:
        raise MoveRefused("wrong_bytes", f"these are not the bytes that were promised for {row['name']}", 422)
    tx.run(
        "UPDATE uploads SET state = 'stored', offset_bytes = bytes, moved_at = ? WHERE id = ?"
        " AND state IN ('reserved', 'partial')",
        now, upload,
    )  # fmt: skip


def emptied(tx: Tx, now: float, upload: str) -> None:
    """What came of it was wrong and has been removed: it begins anew."""
    tx.run(
        "UPDATE uploads SET state = 'reserved', offset_bytes = 0, moved_at = ? WHERE id = ?"
        " AND state IN ('reserved', 'partial')",
        now, upload,
    )  # fmt: skip


def redirected(tx: Tx, now: float, upload: str, *, target: str, upload_id: str) -> UploadRow:
    """An upload that is not whole goes to another target, from its first byte, under another id.

    Raises:
        MoveRefused: 404, there is no such upload.
    """
    tx.run(
        "UPDATE uploads SET id = ?, target = ?, state = 'reserved', offset_bytes = 0, moved_at = ?"
        " WHERE id = ? AND target <> ? AND state IN ('reserved', 'partial')",
        upload_id, target, now, upload, target,
    )  # fmt: skip
    row = upload_of(tx, upload_id) or upload_of(tx, upload)
    if row is None:
        raise MoveRefused("unknown_upload", "there is no such upload: ask for it anew", 404)
    return row


def upload_of(tx: Tx, upload: str) -> UploadRow | None:
    """The upload of this id."""
    row = tx.one(_UPLOAD + "WHERE id = ?", upload)
    return None if row is None else _upload(row)


def uploads_of(tx: Tx, lease: str) -> list[UploadRow]:
    """Those of a lease, by name."""
    return [_upload(row) for row in tx.all(_UPLOAD + "WHERE lease = ? ORDER BY name", lease)]


def promised_bytes(tx: Tx) -> int:
    """Room that is promised to uploads that are not whole yet, less what has come of them."""
    row = tx.one(
        "SELECT CAST(COALESCE(SUM(bytes - offset_bytes), 0) AS BIGINT) AS bytes FROM uploads"
        " WHERE state IN ('reserved', 'partial', 'stored') AND state <> 'stored'"
    )
    return 0 if row is None else int(row["bytes"])


def collectable(tx: Tx, now: float, *, older_than: float, most: int) -> list[UploadRow]:
    """Uploads that nobody wants any more and that have not moved for `older_than` seconds, `most` of them.

    Of these `gone` is told first; then the bytes of those that it names are removed (invariant 17).
    """
    rows: list[Row] = []
    for some in ("state IN ('reserved', 'partial', 'stored')", "state = 'promoted'"):
        rows += tx.all(
            f"{_UPLOAD}WHERE {some} AND moved_at < ? AND {_UNWANTED} ORDER BY moved_at LIMIT ?",
            now - older_than, now, most - len(rows),
        )  # fmt: skip
    return [_upload(row) for row in rows]


def gone(tx: Tx, now: float, uploads: Sequence[str]) -> list[str]:
    """Give uploads up; returns those that are given up now, or were before: only their bytes may be removed.

    One that somebody has come to want meanwhile stays.
    """
    given_up = []
    for upload in uploads:  # each is locked first: what is read after that is the last word
        tx.one("SELECT id FROM uploads WHERE id = ?" + tx.lock, upload)  # noqa: S608 - constants
        tx.run(
            "UPDATE uploads SET state = 'gone', offset_bytes = 0, moved_at = ? WHERE id = ? AND state <> 'gone' AND "  # noqa: S608 - constants
            + _UNWANTED,
            now, upload, now,
        )  # fmt: skip
        row = tx.one("SELECT state FROM uploads WHERE id = ?", upload)
        if row is None or row["state"] == UploadState.GONE:
            given_up.append(upload)
    return given_up


def _upload(row: Row) -> UploadRow:
    return UploadRow(
        upload=row["id"], lease=row["lease"], worker=row["worker"], name=row["name"], bytes=row["bytes"],
        sha256=row["sha256"], state=UploadState(row["state"]), offset=row["offset_bytes"], target=row["target"],
        made_at=row["made_at"], moved_at=row["moved_at"],
    )  # fmt: skip
