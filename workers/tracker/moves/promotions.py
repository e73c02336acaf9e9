"""Which results go into the data set, and that they are there (T6)."""

from __future__ import annotations

from collections.abc import Sequence

from workers.tracker.moves.checks import manifest_of
from workers.tracker.moves.job_state import locked, to_state
from workers.tracker.moves.jobs import import_jobs, reopened
from workers.tracker.moves.records import MoveRefused, NewJob, Promotion
from workers.tracker.moves.uploads import uploads_of
from workers.tracker.states import JobState
from workers.tracker.store import Tx


def to_promote(tx: Tx, now: float, most: int) -> list[Promotion]:  # noqa: ARG001 - a move has the time
    """Canonical results that are not in the data set yet, `most` of them.

    Not of jobs of which a revoked result is still in there: that must go first, for it has the same names.
    """
    rows = tx.all(
        "SELECT r.id, r.lease, r.job, r.worker, r.manifest_json, j.kind, j.number, j.input, j.form FROM jobs j"
        " JOIN results r ON r.job = j.id AND r.canonical = 1 WHERE j.state = 'verified' AND NOT EXISTS (SELECT 1 FROM"
        " results o WHERE o.job = j.id AND o.state = 'revoked' AND o.in_data = 1) ORDER BY j.id LIMIT ?",
        most,
    )
    return [
        Promotion(
            result=row["id"], job=row["job"], kind=row["kind"], number=row["number"], input=row["input"],
            form=row["form"], worker=row["worker"], manifest=manifest_of(row), uploads=uploads_of(tx, row["lease"]),
        )
        for row in rows
    ]  # fmt: skip


def promoted(tx: Tx, now: float, result: int, follow: Sequence[NewJob] = ()) -> bool:
    """The files of a canonical result are in the data set: its job is committed, and jobs that follow from it come in.

    Returns whether it is: False where the result was revoked meanwhile. Then it is to be withdrawn (`to_withdraw`).

    Raises:
        MoveRefused: 404, there is no such result.
    """
    row = tx.one("SELECT job FROM results WHERE id = ?", result)
    if row is None:
        raise MoveRefused("unknown_result", f"there is no result {result}", 404)
    job = locked(tx, row["job"])
    row = tx.one("SELECT lease, canonical FROM results WHERE id = ?", result)
    assert row is not None
    tx.run("UPDATE results SET in_data = 1 WHERE id = ?", result)
    if row["canonical"] != 1:
        return False
    tx.run(
        "UPDATE uploads SET state = 'promoted', moved_at = ? WHERE lease = ? AND state = 'stored'", now, row["lease"]
    )
    to_state(tx, job, JobState.COMMITTED)
    import_jobs(tx, now, list(follow), made_from=job.id)
    reopened(tx, now, job.id)
    return True
