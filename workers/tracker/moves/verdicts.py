"""What becomes of a result that was looked at (T5)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from workers.tracker.moves.blame import MOST_WANTED
from workers.tracker.moves.checks import check_order, next_to_check
from workers.tracker.moves.job_state import JobNow, Standing, locked, settle, standing, to_state, told
from workers.tracker.moves.jobs import import_jobs
from workers.tracker.moves.ledger import credited
from workers.tracker.moves.promotions import promoted, to_promote
from workers.tracker.moves.quota import doubled, lowered
from workers.tracker.moves.records import Concluded, MoveRefused, NewJob
from workers.tracker.moves.taking import trust_state
from workers.tracker.moves.workers import release_all, worker_by_id
from workers.tracker.states import JobState, ResultState, WorkerState
from workers.tracker.store import Row, Tx
from workers.tracker.trust import Belief, Said, Signal
from workers.tracker.trust.beliefs import is_whole, state_after, updated
from workers.tracker.trust.policy import Policy

__all__ = ["check_order", "conclude", "next_to_check", "promoted", "to_promote"]

#: after a look that could not look, the next is tried so much later
_LATER_SECONDS = 600.0
_STATES = {Said.GOOD: ResultState.VALID, Said.BAD: ResultState.INVALID, Said.ODD: ResultState.SUSPICIOUS}
_OPEN = frozenset({ResultState.RECEIVED, ResultState.CHECKING, ResultState.SUSPICIOUS})


def conclude(
    tx: Tx,
    now: float,
    *,
    result: int,
    said: Said,
    signals: Sequence[Signal],
    policy: Policy,
    pairs: int,
    bytes: int,  # noqa: A002 - the column's name
) -> Concluded:
    """Write a verdict down with all that follows from it: signals, trust, ledger, quota, the job's state; or nothing.

    GOOD makes a result valid, and canonical if the job has none yet; the job's suspicious results are then looked at
    again, against it. BAD makes it invalid. ODD makes it suspicious: one more account is asked for the job. NOTHING:
    it is looked at again later. A GOOD result of a job that needs another one still, waits for it.

    Args:
        tx: the transaction.
        now: the tracker's time.
        result: its id.
        said: what all looks say together.
        signals: of each look; kept for ever.
        policy: the numbers of trust.
        pairs: that the result adds to the data set.
        bytes: the same.

    Raises:
        MoveRefused: 404, there is no such result.
    """
    row = tx.one("SELECT job FROM results WHERE id = ?", result)
    if row is None:
        raise MoveRefused("unknown_result", f"there is no result {result}", 404)
    job = locked(tx, row["job"])
    row = tx.one(
        "SELECT id, lease, job, worker, account, version, kind, state, canonical FROM results WHERE id = ?" + tx.lock,  # noqa: S608 - constants
        result,
    )
    assert row is not None
    trust = _Trust.of(tx, now, row)
    if ResultState(row["state"]) not in _OPEN:
        return _told(row, job, trust, trust.state, ResultState(row["state"]), changed=False)
    has = standing(tx, job.id)
    if said is Said.NOTHING or (said is Said.GOOD and _waits(job, has)):
        _put_back(tx, result, None if said is Said.GOOD else now + _LATER_SECONDS)
        return _told(row, job, trust, trust.state, ResultState.RECEIVED, changed=False)
    canonical = said is Said.GOOD and not has.canonical and not job.gold
    _write_result(tx, now, row, _STATES[said], canonical=canonical, why=_why(signals))
    after = _write_trust(tx, now, row, trust, signals, policy)
    if canonical:
        credited(tx, now, row, jobs=1, pairs=pairs, bytes=bytes)
    _write_quota(tx, row["worker"], said)
    job = _job_after(tx, now, job, said, has, row)
    if after is WorkerState.QUARANTINED and trust.state is not after:
        told(tx, now, "worker quarantined", worker=row["worker"], job=job.id, detail=_why(signals))
        release_all(tx, now, row["worker"], row["kind"])
    return _told(row, job, trust, after, _STATES[said], canonical=canonical)


@dataclass(frozen=True, slots=True)
class _Trust:
    """What a worker was believed before."""

    belief: Belief
    state: WorkerState
    checked_at: float | None
    last_good_result: int
    legacy: bool

    @classmethod
    def of(cls, tx: Tx, now: float, result: Row) -> _Trust:
        worker = worker_by_id(tx, now, result["worker"])
        assert worker is not None
        row = tx.one(
            "SELECT good, bad, checked_at, last_good_result FROM trust"  # noqa: S608 - constants
            " WHERE account = ? AND worker = ? AND version = ? AND kind = ?" + tx.lock,
            result["account"], result["worker"], result["version"], result["kind"],
        )  # fmt: skip
        state = trust_state(tx, worker, result["version"], result["kind"])
        if row is None:
            return cls(Belief(), state, None, 0, worker.legacy)
        return cls(Belief(row["good"], row["bad"]), state, row["checked_at"], row["last_good_result"], worker.legacy)


def _waits(job: JobNow, has: Standing) -> bool:
    """Whether another result must come before this one can be believed."""
    return not job.gold and not has.canonical and has.done < job.need


def _put_back(tx: Tx, result: int, until: float | None) -> None:
    tx.run(
        "UPDATE results SET state = 'received', checker = '', check_until = ? WHERE id = ?"
        " AND state IN ('received', 'checking')",
        until, result,
    )  # fmt: skip


def _write_result(tx: Tx, now: float, row: Row, state: ResultState, *, canonical: bool, why: str) -> None:
    tx.run(
        "UPDATE results SET state = ?, canonical = ?, concluded_at = ?, checker = '', check_until = NULL, why = ?"
        " WHERE id = ?",
        state.value, int(canonical), now, why, row["id"],
    )  # fmt: skip


def _write_trust(tx: Tx, now: float, row: Row, trust: _Trust, signals: Sequence[Signal], policy: Policy) -> WorkerState:
    """Keep the signals, and what they teach; the worker's state after it."""
    who = (row["worker"], row["account"], row["version"], row["kind"])
    signal_rows: list[tuple[object, ...]] = [
        (row["id"], *who, one.name, one.said.value, one.looked, one.wrong, one.detail[:1_000], now) for one in signals
    ]
    if signal_rows:
        tx.many(
            "INSERT INTO signals (result, worker, account, version, kind, name, verdict, looked, wrong, detail, at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            signal_rows,
        )
    since = 0.0 if trust.checked_at is None else now - trust.checked_at
    belief = updated(trust.belief, signals, since, policy, row["kind"])
    after = state_after(trust.state, belief, signals, policy)
    if trust.legacy and after in {WorkerState.ACTIVE, WorkerState.TRUSTED}:
        after = WorkerState.PROBATION  # what comes by the old API is never believed without a second opinion
    last_good = max(trust.last_good_result, row["id"]) if is_whole(signals) else trust.last_good_result
    tx.run(
        "INSERT INTO trust (worker, account, version, kind, good, bad, state, checked_at, last_good_result)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (account, worker, version, kind) DO UPDATE SET"
        " good = excluded.good, bad = excluded.bad, state = excluded.state, checked_at = excluded.checked_at,"
        " last_good_result = excluded.last_good_result",
        *who, belief.good, belief.bad, after.value, now, last_good,
    )  # fmt: skip
    return after


def _write_quota(tx: Tx, worker: int, said: Said) -> None:
    if said is Said.GOOD:
        doubled(tx, worker)
    elif said is Said.BAD:
        lowered(tx, worker)


def _job_after(tx: Tx, now: float, job: JobNow, said: Said, has: Standing, row: Row) -> JobNow:
    """The job, in the state that follows from the verdict."""
    if job.gold:
        return _gold_used(tx, now, job, row["id"])
    if has.canonical:
        return job
    if said is Said.ODD:
        job = replace(job, need=job.need + 1)
        if job.need > MOST_WANTED:
            told(tx, now, "poisoned", job=job.id, detail=f"{job.need - 1} accounts, and no result that is believed")
            job = to_state(tx, job, JobState.POISONED)
    if said is Said.GOOD:
        tx.run(
            "UPDATE results SET state = 'received', check_until = NULL WHERE job = ? AND state = 'suspicious'", job.id
        )
    return settle(tx, now, job)


def _gold_used(tx: Tx, now: float, job: JobNow, result: int) -> JobNow:
    """A gold copy is used once: its lease must not be told by its age. A fresh copy takes its place."""
    if job.state is JobState.CANCELLED:
        return job
    row = tx.one("SELECT content_id, input, form, input_sha256, input_bytes, gold_json FROM jobs WHERE id = ?", job.id)
    assert row is not None
    fresh = hashlib.sha256(f"{row['content_id']} used by {result}".encode()).hexdigest()[:32]
    copy = NewJob(
        job.kind, job.number, fresh, row["input"], row["form"], row["input_sha256"], row["input_bytes"],
        row["gold_json"],
    )  # fmt: skip
    import_jobs(tx, now, [copy])
    return to_state(tx, job, JobState.CANCELLED)


def _why(signals: Sequence[Signal]) -> str:
    """For operators: what was not good."""
    return "; ".join(f"{one.name}: {one.said}" for one in signals if one.said is not Said.GOOD)[:500]


def _told(
    row: Row,
    job: JobNow,
    trust: _Trust,
    after: WorkerState,
    state: ResultState,
    *,
    canonical: bool | None = None,
    changed: bool = True,
) -> Concluded:
    return Concluded(
        result=row["id"], state=state, canonical=row["canonical"] == 1 if canonical is None else canonical, job=job.id,
        job_state=job.state, before=trust.state, after=after, worker=row["worker"],
        last_good_result=trust.last_good_result, changed=changed,
    )  # fmt: skip
