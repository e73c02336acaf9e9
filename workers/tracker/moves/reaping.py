"""What time alone brings about: leases run out, jobs that had to wait are free again."""

from __future__ import annotations

from collections import Counter

from workers.tracker.moves.blame import failed_again, pardon, weigh
from workers.tracker.moves.job_state import fold_counts, locked_if_free, settle, told
from workers.tracker.moves.quota import lowered
from workers.tracker.moves.records import Reaped
from workers.tracker.states import JobState
from workers.tracker.store import Tx


def reap(tx: Tx, now: float, *, most: int = 500) -> Reaped:
    """Expire leases whose time is over and free jobs that have waited, `most` of each; call again while there is more.

    What another transaction has in hand is left for the next time: nobody is waited for.
    """
    due = tx.all(
        "SELECT id, job, worker FROM leases WHERE state = 'active' AND expires_at <= ? ORDER BY expires_at LIMIT ?",
        now, most,
    )  # fmt: skip
    silent: Counter[int] = Counter()
    poisoned = 0
    for row in due:
        job = locked_if_free(tx, row["job"])
        if job is None or not tx.run(
            "UPDATE leases SET state = 'expired' WHERE id = ? AND state = 'active' AND expires_at <= ?", row["id"], now
        ):
            continue
        silent[row["worker"]] += 1
        weighed = weigh(tx, now, job, waits=True)
        poisoned += weighed.state is JobState.POISONED and job.state is not JobState.POISONED
    suspended = [worker for worker, leases in sorted(silent.items()) if _fell_silent(tx, now, worker, leases)]
    for worker in suspended:
        pardon(tx, now, worker)
    waiting = tx.all(
        "SELECT id FROM jobs WHERE state = 'backoff' AND not_before <= ? ORDER BY not_before LIMIT ?", now, most
    )
    woken = 0
    for row in waiting:
        job = locked_if_free(tx, row["id"])
        if job is not None:
            woken += settle(tx, now, job).state is not JobState.BACKOFF
    fold_counts(tx)
    return Reaped(
        expired=silent.total(), woken=woken, poisoned=poisoned, suspended=len(suspended),
        more=len(due) == most or len(waiting) == most,
    )  # fmt: skip


def outage(tx: Tx, now: float, seconds: float) -> int:
    """Give back to all leases the time that the tracker was away, so that none ends because of it; returns how many.

    For a gap that the tracker's clock has not left out by itself. Once for each outage: the caller knows which.
    """
    given = tx.run(
        "UPDATE leases SET expires_at = expires_at + ?, hard_at = hard_at + ? WHERE state = 'active'", seconds, seconds
    )
    tx.run(
        "UPDATE leases SET hard_at = hard_at + ? WHERE state IN ('failed', 'expired') AND state = 'expired'"
        " AND hard_at > ?",
        seconds, now - seconds,
    )  # fmt: skip
    told(tx, now, "outage", detail=f"{seconds:.0f} s; {given} leases extended")
    return given


def _fell_silent(tx: Tx, now: float, worker: int, leases: int) -> bool:
    """Leases that run out together are one failure of their worker: it went away once."""
    lowered(tx, worker, by=leases)
    return failed_again(tx, now, worker)
