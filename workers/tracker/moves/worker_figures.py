"""One worker's own page."""

from __future__ import annotations

from collections.abc import Iterable

from workers.tracker.moves.figure_records import Checked, HeldLease, WorkerFigures
from workers.tracker.states import WorkerState
from workers.tracker.store import Row, Tx

_DAYS_30 = 30 * 86_400.0
#: from the mildest to the strictest
_ORDER = (
    WorkerState.TRUSTED, WorkerState.ACTIVE, WorkerState.PROBATION, WorkerState.SUSPECT, WorkerState.SUSPENDED,
    WorkerState.QUARANTINED, WorkerState.BANNED,
)  # fmt: skip


def strictest(own: WorkerState, believed: Iterable[WorkerState]) -> WorkerState:
    """The state that is shown: of the worker itself (ACTIVE says nothing) and of what it is believed for each kind."""
    known = [*believed]
    if own is not WorkerState.ACTIVE:
        known.append(own)
    return max(known, key=_ORDER.index, default=WorkerState.PROBATION)


def worker_page(tx: Tx, now: float, worker: int) -> WorkerFigures | None:
    """One worker, as everybody may see it; None where there is none of this number."""
    row = tx.one(
        "SELECT w.id, w.name, w.state, w.state_until, w.version, w.selftest_ok, w.quota, w.registered_at, w.seen_at,"
        " a.name AS account_name FROM workers w JOIN accounts a ON a.id = w.account WHERE w.id = ?",
        worker,
    )
    if row is None:
        return None
    own, until = WorkerState(row["state"]), row["state_until"]
    if own is WorkerState.SUSPENDED and until is not None and until <= now:
        own, until = WorkerState.ACTIVE, None
    trust = _trust(tx, worker, row["version"])
    credit = _credit(tx, worker)
    return WorkerFigures(
        worker=row["id"], name=row["name"], account=row["account_name"], state=strictest(own, trust.values()),
        until=until, version=row["version"], selftest_ok=row["selftest_ok"] == 1, quota=row["quota"],
        registered_at=row["registered_at"], seen_at=row["seen_at"], trust=trust, verified_jobs=credit["jobs"],
        verified_pairs=credit["pairs"], verified_bytes=credit["bytes"],
        results=_by_state(tx, "SELECT state, COUNT(*) AS many FROM results WHERE worker = ? GROUP BY state", worker),
        leases=_leases(tx, worker, now), held=_held(tx, worker), checked=_checked(tx, worker),
    )  # fmt: skip


def _trust(tx: Tx, worker: int, version: str) -> dict[str, WorkerState]:
    rows = tx.all("SELECT kind, state FROM trust WHERE worker = ? AND version = ? ORDER BY kind", worker, version)
    return {row["kind"]: WorkerState(row["state"]) for row in rows}


def _credit(tx: Tx, worker: int) -> Row:
    row = tx.one(
        "SELECT CAST(COALESCE(SUM(jobs), 0) AS BIGINT) AS jobs, CAST(COALESCE(SUM(pairs), 0) AS BIGINT) AS pairs,"
        " CAST(COALESCE(SUM(bytes), 0) AS BIGINT) AS bytes FROM credit WHERE worker = ?",
        worker,
    )
    assert row is not None
    return row


def _by_state(tx: Tx, sql: str, *values: object) -> dict[str, int]:
    return {row["state"]: row["many"] for row in tx.all(sql, *values)}


def _leases(tx: Tx, worker: int, now: float) -> dict[str, int]:
    """Of the last 30 days; those that were given back are not counted."""
    return _by_state(
        tx,
        "SELECT state, COUNT(*) AS many FROM leases WHERE worker = ? AND state = 'active' GROUP BY state UNION ALL"
        " SELECT state, COUNT(*) FROM leases WHERE worker = ? AND state IN ('failed', 'expired') AND granted_at >= ?"
        " GROUP BY state UNION ALL"
        " SELECT 'submitted', COUNT(*) FROM results WHERE worker = ? AND received_at >= ? HAVING COUNT(*) > 0",
        worker, worker, now - _DAYS_30, worker, now - _DAYS_30,
    )  # fmt: skip


def _held(tx: Tx, worker: int) -> list[HeldLease]:
    rows = tx.all(
        "SELECT j.kind, j.number, l.stage, l.done, l.total, l.granted_at, l.expires_at FROM leases l"
        " JOIN jobs j ON j.id = l.job WHERE l.worker = ? AND l.state = 'active' ORDER BY l.granted_at DESC",
        worker,
    )
    return [HeldLease(**dict(row)) for row in rows]


def _checked(tx: Tx, worker: int) -> list[Checked]:
    """Gold jobs are not told, or workers could count them."""
    rows = tx.all(
        "SELECT name, CAST(SUM(looked) AS BIGINT) AS looked, CAST(SUM(wrong) AS BIGINT) AS wrong,"
        " COUNT(CASE WHEN verdict = 'good' THEN 1 END) AS good, COUNT(CASE WHEN verdict = 'bad' THEN 1 END) AS bad,"
        " COUNT(CASE WHEN verdict = 'odd' THEN 1 END) AS odd FROM signals WHERE worker = ?"
        " AND name NOT IN ('gold', 'canary') GROUP BY name ORDER BY name",
        worker,
    )
    return [Checked(**dict(row)) for row in rows]
