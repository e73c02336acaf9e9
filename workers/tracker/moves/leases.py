"""Leases: a job lent to a worker for a while. The tracker's clock alone ends them."""

from __future__ import annotations

from workers.protocol.faults import Fault
from workers.tracker.moves.blame import failed_again, pardon, weigh
from workers.tracker.moves.job_state import JobNow, locked, settle
from workers.tracker.moves.jobs import is_paused
from workers.tracker.moves.quota import lowered
from workers.tracker.moves.reaping import outage, reap
from workers.tracker.moves.records import LeaseRow, MoveRefused, Renewed, Terms, Worker
from workers.tracker.moves.taking import take
from workers.tracker.states import JobState, LeaseState
from workers.tracker.store import Row, Tx

__all__ = ["fail", "give_back", "held", "lease_of", "outage", "reap", "renew", "take"]

_JOINED = (
    "SELECT l.id, l.job, l.fence, l.expires_at, l.hard_at, l.state, j.kind, j.number, j.form, j.input, j.input_sha256,"
    " j.input_bytes FROM leases l JOIN jobs j ON j.id = l.job WHERE "
)
#: states of a job in which nobody else's result is wanted
_SETTLED = frozenset({JobState.VERIFIED, JobState.COMMITTED, JobState.CANCELLED})


def held(tx: Tx, now: float, worker: Worker) -> list[LeaseRow]:  # noqa: ARG001 - a move has the time
    """What the worker holds, for one that was killed and has forgotten."""
    return [_lease(row) for row in tx.all(_JOINED + "l.worker = ? AND l.state = 'active' ORDER BY l.id", worker.id)]


def lease_of(tx: Tx, worker: Worker, lease: str) -> LeaseRow:
    """A lease of this worker's, in whatever state.

    Raises:
        MoveRefused: 403, it is somebody else's, or nobody's: which of the two, is not told.
    """
    row = tx.one(_JOINED + "l.id = ? AND l.worker = ?", lease, worker.id)
    if row is None:
        raise MoveRefused("unknown_lease", "this worker has no such lease: ask for what it holds, and go on", 403)
    return _lease(row)


def renew(
    tx: Tx, now: float, *, worker: Worker, lease: str, stage: str, done: int, total: int, terms: Terms
) -> Renewed:
    """Extend a lease; one that has expired comes to life again where nobody else has taken its place.

    Raises:
        MoveRefused: 403, it is not this worker's.
    """
    mine = lease_of(tx, worker, lease)
    if mine.state is LeaseState.SUBMITTED:
        return Renewed(0.0, "continue")
    if mine.state not in {LeaseState.ACTIVE, LeaseState.EXPIRED} or now >= mine.hard_at:
        return Renewed(0.0, "abandon")
    expires_at = min(now + terms.lease_seconds, mine.hard_at)
    wanted = _is_wanted(tx, mine.job)
    extended = tx.run(
        "UPDATE leases SET expires_at = ?, seen_at = ?, stage = ?, done = ?, total = ?"
        " WHERE id = ? AND state = 'active'",
        expires_at, now, stage, done, total, lease,
    )  # fmt: skip
    if not wanted:
        return Renewed(0.0, "abandon")
    if not extended and not _revived(tx, now, worker, mine, expires_at):
        return Renewed(mine.hard_at - now, "continue")  # late results are welcome
    return Renewed(expires_at - now, "drain" if is_paused(tx) == "drain" else "continue")


def give_back(tx: Tx, now: float, *, worker: Worker, lease: str, why: str) -> None:
    """End a lease unharmed: no penalty for the worker, nor for the job. One that has ended already stays as it is.

    Raises:
        MoveRefused: 403, it is not this worker's.
    """
    ended = _ended(tx, worker, lease, LeaseState.RELEASED, "", why, now)
    if ended is not None:
        settle(tx, now, ended)


def fail(tx: Tx, now: float, *, worker: Worker, lease: str, fault: str, detail: str) -> None:
    """End a lease because the job failed. One that has ended already stays as it is.

    Raises:
        MoveRefused: 403, it is not this worker's.
    """
    ended = _ended(tx, worker, lease, LeaseState.FAILED, fault, detail, now)
    if ended is None:
        return
    weigh(tx, now, ended, waits=fault != Fault.LOCAL)
    if fault in {Fault.LOCAL, Fault.BUG}:
        lowered(tx, worker.id)
    if failed_again(tx, now, worker.id):
        pardon(tx, now, worker.id)


def _ended(tx: Tx, worker: Worker, lease: str, state: LeaseState, fault: str, detail: str, now: float) -> JobNow | None:
    """End an active lease; its job, locked, or None where it had ended before."""
    mine = lease_of(tx, worker, lease)
    if mine.state is not LeaseState.ACTIVE:
        return None
    job = locked(tx, mine.job)
    ended = tx.run(
        "UPDATE leases SET state = ?, fault = ?, detail = ?, seen_at = ? WHERE id = ? AND state = 'active'",
        state.value, fault, detail[:4_000], now, lease,
    )  # fmt: skip
    return job if ended else None


def _is_wanted(tx: Tx, job: int) -> bool:
    row = tx.one("SELECT state FROM jobs WHERE id = ?", job)
    return row is not None and JobState(row["state"]) not in _SETTLED


def _revived(tx: Tx, now: float, worker: Worker, mine: LeaseRow, expires_at: float) -> bool:
    """Make an expired lease active again where its job is free, and the account has no other lease or result of it."""
    job = locked(tx, mine.job)
    if job.state not in {JobState.READY, JobState.BACKOFF}:
        return False
    other = tx.one(
        "SELECT 1 AS it FROM leases WHERE job = ? AND account = ? AND state = 'active' UNION ALL SELECT 1 FROM results"
        " WHERE job = ? AND account = ?",
        mine.job, worker.account, mine.job, worker.account,
    )  # fmt: skip
    if other is not None:
        return False
    revived = tx.run(
        "UPDATE leases SET state = 'active', expires_at = ?, seen_at = ? WHERE id = ? AND state = 'expired'",
        expires_at, now, mine.lease,
    )  # fmt: skip
    weigh(tx, now, job, waits=False)
    return revived == 1


def _lease(row: Row) -> LeaseRow:
    return LeaseRow(
        lease=row["id"], job=row["job"], fence=row["fence"], kind=row["kind"], number=row["number"], form=row["form"],
        input=row["input"], input_sha256=row["input_sha256"], input_bytes=row["input_bytes"],
        expires_at=row["expires_at"], hard_at=row["hard_at"], state=LeaseState(row["state"]),
    )  # fmt: skip
