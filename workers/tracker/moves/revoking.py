"""Taking back exactly what a worker contributed: nothing is deleted, everything is accounted for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from workers.tracker.moves.job_state import JobNow, locked, settle, to_state, told
from workers.tracker.moves.jobs import take_out
from workers.tracker.moves.ledger import taken_back
from workers.tracker.moves.records import MoveRefused, Revoked, Withdrawal
from workers.tracker.states import JobState, ResultState
from workers.tracker.store import Row, Tx

_RESULT = "SELECT id, lease, job, worker, account, kind, state, canonical, in_data FROM results "
_BELIEVED = "state IN ('received', 'checking', 'suspicious', 'valid')"


def revoke(
    tx: Tx,
    now: float,
    *,
    worker: int | None = None,
    account: int | None = None,
    since: float | None = None,
    results: Sequence[int] | None = None,
    why: str,
) -> Revoked:
    """Believe results no more: those of a worker or an account (received at `since` or later), or those named.

    Their jobs are ready again, committed ones too, and so the jobs that were made from what is taken back are held
    until it is there again; ledger rows get their negatives. Results that are invalid or revoked already stay as they
    are. Of several conditions all must hold.

    Raises:
        MoveRefused: 422, neither worker nor account nor results are named.
    """
    if worker is None and account is None and results is None:
        raise MoveRefused("nothing_named", "say whose results are to be revoked", 422)
    whose: list[tuple[str, object]] = [("received_at >= ?", -1e300 if since is None else since)]
    if worker is not None:
        whose.append(("worker = ?", worker))
    if account is not None:
        whose.append(("worker IN (SELECT id FROM workers WHERE account = ?)", account))
    if worker is None and account is None:
        whose += [("id >= ?", min(results or [0])), ("id <= ?", max(results or [0]))]
    rows = tx.all(
        f"SELECT id, job FROM results WHERE {_BELIEVED} AND {' AND '.join(one for one, _ in whose)} ORDER BY job, id",  # noqa: S608 - constants
        *(value for _, value in whose),
    )
    wanted = None if results is None else frozenset(results)
    taken = _Taken(why)
    for row in rows:
        if wanted is None or row["id"] in wanted:
            _revoke_one(tx, now, row["id"], locked(tx, row["job"]), taken)
    if taken.results:
        told(tx, now, "revoked", worker=worker, detail=f"{len(taken.results)} results: {why}"[:1_000])
    return Revoked(taken.results, taken.jobs, taken.files)


def contributed(tx: Tx, *, worker: int, version: str, kind: str, after: int) -> list[int]:
    """Results of a worker that came after one of its own and are believed or wait: what a fall takes back."""
    rows = tx.all(
        f"SELECT id FROM results WHERE worker = ? AND id > ? AND version = ? AND kind = ? AND {_BELIEVED} ORDER BY id",  # noqa: S608 - constants
        worker, after, version, kind,
    )  # fmt: skip
    return [row["id"] for row in rows]


def to_withdraw(tx: Tx, now: float, most: int) -> list[Withdrawal]:  # noqa: ARG001 - a move has the time
    """Revoked results whose files are, or may be, in the data set, `most` of them."""
    rows = tx.all(
        "SELECT r.id, r.job, j.kind, j.number FROM results r JOIN jobs j ON j.id = r.job"
        " WHERE r.state = 'revoked' AND r.in_data = 1 ORDER BY r.job LIMIT ?",
        most,
    )
    return [Withdrawal(row["id"], row["job"], row["kind"], row["number"]) for row in rows]


def withdrawn(tx: Tx, now: float, result: int) -> None:  # noqa: ARG001 - a move has the time
    """The files of a revoked result are in the data set no more."""
    tx.run("UPDATE results SET in_data = 0 WHERE id = ? AND state = 'revoked'", result)


@dataclass(slots=True)
class _Taken:
    why: str
    results: list[int] = field(default_factory=list)
    jobs: list[int] = field(default_factory=list)
    files: list[Withdrawal] = field(default_factory=list)


def _revoke_one(tx: Tx, now: float, result: int, job: JobNow, taken: _Taken) -> None:
    """Revoke a result of a job that is locked."""
    row = tx.one(_RESULT + "WHERE id = ?" + tx.lock, result)
    assert row is not None
    if ResultState(row["state"]) in {ResultState.INVALID, ResultState.REVOKED}:
        return
    # a canonical result of a job that is only verified may be on its way into the data set at this moment
    in_data = row["in_data"] == 1 or row["canonical"] == 1
    tx.run(
        "UPDATE results SET state = 'revoked', canonical = 0, in_data = ?, concluded_at = ?, checker = '',"
        " check_until = NULL, why = ? WHERE id = ?",
        int(in_data), now, taken.why[:500], result,
    )  # fmt: skip
    taken.results.append(result)
    if in_data:
        taken.files.append(Withdrawal(result, job.id, job.kind, job.number))
    if row["canonical"] == 1:
        taken_back(tx, now, row)
        _look_again(tx, job.id)
        _hold_what_follows(tx, now, job.id, taken)
    taken.jobs.append(job.id)
    settle(tx, now, replace(job, not_before=0.0))


def _look_again(tx: Tx, job: int) -> None:
    """Valid replicas of a job that has lost its canonical result may take its place, if their files are still here."""
    tx.run(
        "UPDATE results SET state = 'received', concluded_at = NULL, check_until = NULL"
        " WHERE job = ? AND state = 'valid'"
        " AND NOT EXISTS (SELECT 1 FROM uploads u WHERE u.lease = results.lease AND u.state <> 'stored')",
        job,
    )


def _hold_what_follows(tx: Tx, now: float, job: int, taken: _Taken) -> None:
    """Jobs whose input was taken back wait, cancelled, until it is there again; what was made of it goes as well."""
    for child in tx.all("SELECT id FROM jobs WHERE made_from = ? ORDER BY id", job):
        one = locked(tx, child["id"])
        for row in _canonical_of(tx, one.id):
            _revoke_one(tx, now, row["id"], one, taken)
            one = locked(tx, one.id)
        take_out(tx, one.id)
        tx.run("UPDATE jobs SET input_sha256 = '', input_bytes = 0 WHERE id = ?", one.id)
        to_state(tx, one, JobState.CANCELLED)


def _canonical_of(tx: Tx, job: int) -> list[Row]:
    return tx.all(f"SELECT id FROM results WHERE job = ? AND {_BELIEVED} ORDER BY id", job)  # noqa: S608 - constants
