"""Which jobs a worker gets."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from workers.tracker.moves.chance import draw, lease_id, somewhere
from workers.tracker.moves.job_state import COLUMNS, JobNow, settle, to_state
from workers.tracker.moves.jobs import is_paused
from workers.tracker.moves.records import LeaseRow, MoveRefused, Redundancy, Terms, Worker
from workers.tracker.moves.workers import FALLEN, check_version
from workers.tracker.states import JobState, LeaseState, WorkerState
from workers.tracker.store import Row, Tx

#: jobs that are looked at for one lease, from a random place on: where an account has done most of what is left (and
#: others are to do it again), a request must not read all of it
_LOOKED_AT = 200
#: an account whose result was wrong may try the job again after so long: where there is only one account, who else
_REST_SECONDS = 86_400.0

_SPEC = f"{COLUMNS}, form, input, input_sha256, input_bytes, gold_json"


@dataclass(frozen=True, slots=True)
class Taker:
    """A worker that asks for jobs of one kind."""

    worker: Worker
    version: str
    kind: str
    state: WorkerState
    terms: Terms
    policy: Redundancy


def take(
    tx: Tx,
    now: float,
    *,
    worker: Worker,
    kinds: Sequence[str],
    most: int,
    version: str,
    terms: Terms,
    policy: Redundancy,
) -> list[LeaseRow]:
    """Lease jobs to a worker: `most` at a time at most, as far as its quota goes; none where there are none now.

    Never one job twice to an account, nor its replica to a neighbour in the same network. In random order, so that
    pages of one site do not go out together.

    Raises:
        MoveRefused: 426, the version is too old or blocked; 403, the worker has fallen, is suspended, or must pass its
            self-test first; 429, it holds as many leases as it may.
    """
    check_version(tx, version, terms.min_version)
    room = _room(tx, now, worker, version, most)
    if is_paused(tx):
        return []
    takers = _takers(tx, worker, kinds, version, terms, policy)
    leases: list[LeaseRow] = []
    for taker in takers:
        while len(leases) < room:
            found = _next_job(tx, now, taker)
            if found is None:
                break
            leases.append(_granted(tx, now, taker, found))
    if leases:
        tx.run("UPDATE workers SET seen_at = ? WHERE id = ?", now, worker.id)
    return leases


def trust_state(tx: Tx, worker: Worker, version: str, kind: str) -> WorkerState:
    """What the worker is believed for this version and kind; one that came by the old API stays on probation."""
    row = tx.one(
        "SELECT state FROM trust WHERE account = ? AND worker = ? AND version = ? AND kind = ?",
        worker.account, worker.id, version, kind,
    )  # fmt: skip
    state = WorkerState.PROBATION if row is None else WorkerState(row["state"])
    return WorkerState.PROBATION if worker.legacy and state not in FALLEN | {WorkerState.SUSPECT} else state


def _room(tx: Tx, now: float, worker: Worker, version: str, most: int) -> int:
    """How many leases the worker may get now, at least 1."""
    row = tx.one(
        "SELECT state, state_until, version, selftest_ok, quota,"  # noqa: S608 - constants
        " (SELECT COUNT(*) FROM leases WHERE worker = ? AND state = 'active') AS held"
        " FROM workers WHERE id = ?" + tx.lock,
        worker.id, worker.id,
    )  # fmt: skip
    assert row is not None
    state, until = WorkerState(row["state"]), row["state_until"]
    if state in FALLEN:
        raise MoveRefused(
            "quarantined", "this worker gets no jobs until an operator has looked at it: write to them", 403
        )
    if state is WorkerState.SUSPENDED:
        if until is None or until > now:
            wait = None if until is None else until - now
            raise MoveRefused(
                "suspended",
                "many jobs in a row failed here: `pairtrawl work --check` says what may be wrong",
                403,
                wait,
            )
        tx.run("UPDATE workers SET state = 'active', state_until = NULL WHERE id = ?", worker.id)
    if row["selftest_ok"] != 1 or row["version"] != version:
        raise MoveRefused("selftest_wanted", "this version has not passed the self-test of the campaign yet", 403)
    room = min(most, int(row["quota"]) - int(row["held"]))
    if room < 1:
        raise MoveRefused("quota", f"this worker holds {row['held']} leases: finish or release one", 429, 60.0)
    return room


def _takers(
    tx: Tx, worker: Worker, kinds: Sequence[str], version: str, terms: Terms, policy: Redundancy
) -> list[Taker]:
    every = [Taker(worker, version, kind, trust_state(tx, worker, version, kind), terms, policy) for kind in kinds]
    allowed = [taker for taker in every if taker.state not in FALLEN]
    if not allowed:
        raise MoveRefused("quarantined", "this worker gets no jobs of these kinds until an operator has looked", 403)
    return allowed


def _next_job(tx: Tx, now: float, taker: Taker) -> Row | None:
    """A free job that this worker may do, locked."""
    if taker.policy.gives_gold(taker.state, draw()):
        for row in _locked(tx, _from_somewhere(tx, taker.kind, gold=True)):
            if not _knows_gold(tx, taker.worker.account, row):
                return row
    for row in _locked(tx, _from_somewhere(tx, taker.kind, gold=False)):
        if row["fence"] == 0 or not _is_barred(tx, now, taker.worker, row["id"]):
            return row
    return None


def _from_somewhere(tx: Tx, kind: str, *, gold: bool) -> Iterator[int]:
    """Ids of free jobs in their order, from a random place on, and then from its beginning. Not locked."""
    only = "gold = 1" if gold else "gold = 0"
    start = somewhere()
    for where, few in (("shuffle >= ?", 4), ("shuffle >= ?", _LOOKED_AT), ("shuffle < ?", _LOOKED_AT)):
        rows = tx.all(
            f"SELECT id FROM jobs WHERE kind = ? AND state = 'ready' AND {only} AND {where}"  # noqa: S608 - constants
            " ORDER BY shuffle LIMIT ?",
            kind, start, few,
        )  # fmt: skip
        yield from (row["id"] for row in rows)


def _locked(tx: Tx, ids: Iterator[int]) -> Iterator[Row]:
    """Those that are still free, locked. No other transaction is waited for: then it takes this one."""
    for job in ids:
        row = tx.one(f"SELECT {_SPEC} FROM jobs WHERE id = ? AND state = 'ready'{tx.skip_locked}", job)  # noqa: S608 - constants
        if row is not None:
            yield row


def _is_barred(tx: Tx, now: float, worker: Worker, job: int) -> bool:
    """Whether the account, or somebody in the worker's network, has the job, or a result of it that counts."""
    mine = tx.one(
        "SELECT 1 AS it FROM leases WHERE job = ? AND account = ? AND state = 'active' UNION ALL"
        " SELECT 1 FROM results WHERE job = ? AND account = ? AND (state IN ('received', 'checking', 'suspicious')"
        " OR (state = 'invalid' AND concluded_at > ?))",
        job, worker.account, job, worker.account, now - _REST_SECONDS,
    )  # fmt: skip
    if mine is not None or not worker.network:
        return mine is not None
    near = tx.one(
        "SELECT 1 AS it FROM leases l JOIN workers w ON w.id = l.worker WHERE l.job = ? AND l.state = 'active'"
        " AND w.network = ? UNION ALL SELECT 1 FROM results r JOIN workers w ON w.id = r.worker WHERE r.job = ?"
        " AND w.network = ? AND r.state IN ('received', 'checking', 'suspicious')",
        job, worker.network, job, worker.network,
    )  # fmt: skip
    return near is not None


def _knows_gold(tx: Tx, account: int, row: Row) -> bool:
    """Whether an account has had this gold job, another copy of it, or the job that it copies."""
    told = json.loads(row["gold_json"])
    original = told.get("of") if isinstance(told, dict) else None
    had = tx.one(
        "SELECT 1 AS it FROM leases l JOIN jobs j ON j.id = l.job WHERE l.account = ? AND j.gold = 1 AND j.kind = ?"
        " AND j.number = ? UNION ALL SELECT 1 FROM leases WHERE job = ? AND account = ?",
        account, row["kind"], row["number"], original if isinstance(original, int) else 0, account,
    )  # fmt: skip
    return had is not None


def _granted(tx: Tx, now: float, taker: Taker, row: Row) -> LeaseRow:
    """Lease a job that is locked."""
    job = JobNow.of(row)
    wanted = 1 if job.gold else taker.policy.results_wanted(taker.state, draw())
    job = replace(job, fence=job.fence + 1, need=max(job.need, wanted))
    lease, terms = lease_id(), taker.terms
    hard_at = now + terms.hard_seconds
    expires_at = min(now + terms.lease_seconds, hard_at)
    tx.run(
        "INSERT INTO leases (id, job, worker, account, fence, state, version, granted_at, expires_at, hard_at, seen_at)"
        " VALUES (?, ?, ?, ?, ?, 'active', ?, ?, ?, ?, ?)",
        lease, job.id, taker.worker.id, taker.worker.account, job.fence, taker.version, now, expires_at, hard_at, now,
    )  # fmt: skip
    if job.fence == 1 and job.need == 1:  # nobody else ever had it: what `settle` would find out
        to_state(tx, job, JobState.LEASED)
    else:
        settle(tx, now, job)
    return LeaseRow(
        lease=lease, job=job.id, fence=job.fence, kind=job.kind, number=job.number, form=row["form"],
        input=row["input"], input_sha256=row["input_sha256"], input_bytes=row["input_bytes"], expires_at=expires_at,
        hard_at=hard_at, state=LeaseState.ACTIVE,
    )  # fmt: skip
