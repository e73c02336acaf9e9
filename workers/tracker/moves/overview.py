"""The campaign as everybody may see it. Reads only; gold copies are in none of it."""

from __future__ import annotations

from workers.tracker.moves.figure_records import AtWork, Leader, Overview, Rate
from workers.tracker.moves.jobs import counts, is_paused
from workers.tracker.moves.worker_figures import strictest
from workers.tracker.states import JobState, WorkerState
from workers.tracker.store import Row, Tx

_NOW_SECONDS = 900.0
_HOUR = 3600.0
_SHOWN = 50


def overview(tx: Tx, now: float) -> Overview:
    """The campaign as everybody may see it."""
    credit = tx.one(
        "SELECT CAST(COALESCE(SUM(jobs), 0) AS BIGINT) AS jobs, CAST(COALESCE(SUM(pairs), 0) AS BIGINT) AS pairs,"
        " CAST(COALESCE(SUM(bytes), 0) AS BIGINT) AS bytes FROM credit"
    )
    accounts = tx.one(
        "SELECT COUNT(*) AS accounts FROM"
        " (SELECT account FROM credit GROUP BY account HAVING SUM(jobs) > 0) AS with_work"
    )
    waiting = _count(tx, "SELECT COUNT(*) AS many FROM results WHERE state IN ('received', 'checking')")
    replicas = _count(
        tx,
        "SELECT COUNT(*) AS many FROM results WHERE state = 'valid' AND canonical = 0"
        " AND NOT EXISTS (SELECT 1 FROM jobs j WHERE j.id = results.job AND j.gold = 1)",
    )
    heard = _heard_of(tx, now)
    assert credit is not None
    assert accounts is not None
    return Overview(
        jobs={kind: {JobState(state): many for state, many in some.items()} for kind, some in counts(tx).items()},
        verified_jobs=credit["jobs"], verified_pairs=credit["pairs"], verified_bytes=credit["bytes"],
        results_waiting=waiting, replicas=replicas, workers_now=len(heard),
        accounts_now=len({row["account"] for row in heard}), accounts=accounts["accounts"],
        leases_now=_count(tx, "SELECT COUNT(*) AS many FROM leases WHERE state = 'active'"),
        at_work=[_at_work(tx, row, now) for row in heard[:_SHOWN]], rates=_hours(tx, now), happened=_happened(tx, now),
        paused=is_paused(tx),
    )  # fmt: skip


def rates(tx: Tx, now: float, seconds: float) -> Rate:
    """What was verified in the last `seconds`, less what was taken back."""
    return _rate(tx, now - seconds, now)


def leaders(tx: Tx, now: float, most: int) -> list[Leader]:  # noqa: ARG001 - a move has the time
    """Accounts by verified jobs, `most` of them. Nobody is led by pairs: they are easily made."""
    rows = tx.all(
        "SELECT c.account, a.name, CAST(SUM(c.jobs) AS BIGINT) AS jobs, CAST(SUM(c.pairs) AS BIGINT) AS pairs,"
        " CAST(SUM(c.bytes) AS BIGINT) AS bytes, COUNT(DISTINCT c.worker) AS workers FROM credit c"
        " JOIN accounts a ON a.id = c.account GROUP BY c.account, a.name HAVING SUM(c.jobs) > 0"
        " ORDER BY SUM(c.jobs) DESC, c.account LIMIT ?",
        most,
    )
    return [
        Leader(
            account=row["account"], name=row["name"], jobs=row["jobs"], pairs=row["pairs"], bytes=row["bytes"],
            workers=row["workers"], last_at=_last_at(tx, row["account"]),
        )
        for row in rows
    ]  # fmt: skip


def _last_at(tx: Tx, account: int) -> float:
    row = tx.one("SELECT at FROM ledger WHERE account = ? AND jobs > 0 ORDER BY id DESC LIMIT 1", account)
    return 0.0 if row is None else float(row["at"])


def _count(tx: Tx, sql: str) -> int:
    row = tx.one(sql)
    return 0 if row is None else int(row["many"])


def _rate(tx: Tx, begin: float, end: float) -> Rate:
    row = tx.one(
        "SELECT CAST(COALESCE(SUM(jobs), 0) AS BIGINT) AS jobs, CAST(COALESCE(SUM(pairs), 0) AS BIGINT) AS pairs"
        " FROM ledger WHERE at >= ? AND at < ?",
        begin, end,
    )  # fmt: skip
    assert row is not None
    return Rate(at=begin, seconds=end - begin, jobs=row["jobs"], pairs=row["pairs"])


def _hours(tx: Tx, now: float) -> list[Rate]:
    """The last 24 whole hours and this one, oldest first."""
    this = now - now % _HOUR
    whole = [_rate(tx, this - back * _HOUR, this - (back - 1) * _HOUR) for back in range(24, 0, -1)]
    return [*whole, Rate(this, now - this, *_jobs_and_pairs(_rate(tx, this, this + _HOUR)))]


def _jobs_and_pairs(rate: Rate) -> tuple[int, int]:
    return rate.jobs, rate.pairs


def _heard_of(tx: Tx, now: float) -> list[Row]:
    """Workers that were heard of lately, by themselves or by a lease's heartbeat; the newest first."""
    return tx.all(
        "SELECT w.id, w.account, w.name, w.version, w.state, a.name AS account_name, h.seen_at, h.leases FROM (SELECT"
        " worker, MAX(seen_at) AS seen_at, CAST(SUM(leases) AS BIGINT) AS leases FROM (SELECT id AS worker, seen_at,"
        " 0 AS leases FROM workers WHERE seen_at >= ? UNION ALL SELECT worker, seen_at, 1 FROM leases"
        " WHERE state = 'active') AS seen GROUP BY worker HAVING MAX(seen_at) >= ?) AS h"
        " JOIN workers w ON w.id = h.worker JOIN accounts a ON a.id = w.account ORDER BY h.seen_at DESC, w.id",
        now - _NOW_SECONDS, now - _NOW_SECONDS,
    )  # fmt: skip


def _at_work(tx: Tx, row: Row, now: float) -> AtWork:  # noqa: ARG001 - as the others
    lease = tx.one(
        "SELECT j.kind, l.stage, l.done, l.total FROM leases l JOIN jobs j ON j.id = l.job WHERE l.worker = ?"
        " AND l.state = 'active' ORDER BY l.granted_at DESC LIMIT 1",
        row["id"],
    )
    lent = {} if lease is None else dict(lease)
    believed = tx.all("SELECT state FROM trust WHERE worker = ? AND version = ?", row["id"], row["version"])
    states = [WorkerState(one["state"]) for one in believed]
    return AtWork(
        worker=row["id"], name=row["name"], account=row["account_name"],
        state=strictest(WorkerState(row["state"]), states), leases=row["leases"], seen_at=row["seen_at"], **lent,
    )  # fmt: skip


def _happened(tx: Tx, now: float) -> dict[str, int]:
    rows = tx.all(
        "SELECT what, COUNT(*) AS many FROM events WHERE at >= ? GROUP BY what ORDER BY what", now - 24 * _HOUR
    )
    return {row["what"]: row["many"] for row in rows}
