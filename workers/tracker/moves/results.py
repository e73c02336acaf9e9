"""Results come in: written down once, whatever happens to the reply, and whoever was first."""

from __future__ import annotations

from workers.protocol.messages import Manifest, canonical
from workers.tracker.moves.job_state import DECIDABLE, JobNow, locked, settle, standing, state_for
from workers.tracker.moves.leases import lease_of
from workers.tracker.moves.records import LeaseRow, MoveRefused, Worker
from workers.tracker.moves.uploads import check_open
from workers.tracker.states import JobState, LeaseState
from workers.tracker.store import Tx


def submit(
    tx: Tx, now: float, *, worker: Worker, lease: str, manifest: Manifest, manifest_sha256: str, signature: str
) -> str:
    """Take a result whose files are all here. The caller has checked the signature and the recipe.

    Returns:
        "accepted"; "late": its lease had ended, and nobody else has finished; "replica": somebody has, and it is kept
        to compare; "duplicate": it is known already.

    Raises:
        MoveRefused: 403, the lease is not this worker's, or was revoked; 409, it has another result; 410, it is too
            late; 422, the manifest is not of this lease, or a file of it is not stored.
    """
    job = locked(tx, lease_of(tx, worker, lease).job)
    mine = lease_of(tx, worker, lease)  # anew: what happened while the job was waited for has happened
    known = tx.one("SELECT manifest_sha256 FROM results WHERE lease = ?", lease)
    if known is not None and known["manifest_sha256"] != manifest_sha256:
        raise MoveRefused("conflict", "another manifest was submitted for this lease", 409)
    if known is not None:
        return "duplicate"
    check_open(mine.state, mine.hard_at, now)
    _check_manifest(mine, manifest)
    if job.state is JobState.CANCELLED and not job.gold:  # a gold copy is like any job that somebody has finished
        raise MoveRefused("revoked", "this job was taken out: drop its work and go on", 403)
    _check_stored(tx, lease, manifest)
    outcome = _outcome(tx, now, job, mine, worker)
    tx.run(
        "INSERT INTO results (lease, job, worker, account, version, kind, received_at, state, due, manifest_json,"
        " manifest_sha256, signature) VALUES (?, ?, ?, ?, ?, ?, ?, 'received', ?, ?, ?, ?)",
        lease, mine.job, worker.id, worker.account, manifest.version, mine.kind, now,
        int(job.state in DECIDABLE or job.state is JobState.CANCELLED), canonical(manifest).decode(), manifest_sha256,
        signature,
    )  # fmt: skip
    tx.run("UPDATE leases SET state = 'submitted', seen_at = ? WHERE id = ?", now, lease)
    tx.run("UPDATE workers SET failures_in_a_row = 0, seen_at = ? WHERE id = ?", now, worker.id)
    settle(tx, now, job)
    return outcome


def _check_manifest(mine: LeaseRow, manifest: Manifest) -> None:
    """The manifest must be of this lease: an old fence must not stand for a new one."""
    theirs = (manifest.lease, manifest.fence, manifest.kind, manifest.number)
    if theirs != (mine.lease, mine.fence, mine.kind, mine.number) or manifest.job not in {mine.job, mine.told_job}:
        raise MoveRefused("wrong_manifest", "the manifest is of another lease, fence or job than this", 422)
    if len({one.name for one in manifest.artefacts}) != len(manifest.artefacts):
        raise MoveRefused("wrong_manifest", "the manifest names a file twice", 422)


def _check_stored(tx: Tx, lease: str, manifest: Manifest) -> None:
    rows = tx.all("SELECT name, bytes, sha256 FROM uploads WHERE lease = ? AND state = 'stored'" + tx.lock, lease)  # noqa: S608 - constants
    here = {(row["name"], row["bytes"], row["sha256"]) for row in rows}
    missing = [one.name for one in manifest.artefacts if (one.name, one.bytes, one.sha256) not in here]
    if missing:
        raise MoveRefused("not_stored", f"not all files of the manifest are here whole: {', '.join(missing)}", 422)


def _outcome(tx: Tx, now: float, job: JobNow, mine: LeaseRow, worker: Worker) -> str:
    if mine.state is LeaseState.ACTIVE and job.fence == 1:
        return "accepted"  # nobody else ever had it
    has = standing(tx, job.id)
    before = state_for(job, has, now)
    finished = before in {JobState.SUBMITTED, JobState.VERIFIED, JobState.COMMITTED, JobState.CANCELLED}
    own = tx.one(
        "SELECT 1 AS it FROM results WHERE job = ? AND account = ? AND state IN ('received', 'checking', 'suspicious')",
        job.id, worker.account,
    )  # fmt: skip
    if finished or own is not None:
        return "replica"
    return "accepted" if mine.state is LeaseState.ACTIVE else "late"
