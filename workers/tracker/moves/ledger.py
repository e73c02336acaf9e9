"""Verified work: rows that are only ever added, and their sums."""

from __future__ import annotations

from workers.tracker.store import Row, Tx


def credited(tx: Tx, now: float, result: Row, *, jobs: int, pairs: int, bytes: int) -> None:  # noqa: A002 - the column's name
    """Add a row of the ledger for a result (a row with id, job, worker, account, kind): its worth, or less."""
    who = (result["worker"], result["account"], result["kind"])
    tx.run(
        "INSERT INTO ledger (result, job, worker, account, kind, jobs, pairs, bytes, at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        result["id"], result["job"], *who, jobs, pairs, bytes, now,
    )  # fmt: skip
    tx.run(
        "INSERT INTO credit (worker, account, kind, jobs, pairs, bytes) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (worker, kind) DO UPDATE SET jobs = credit.jobs + excluded.jobs,"
        " pairs = credit.pairs + excluded.pairs, bytes = credit.bytes + excluded.bytes",
        *who, jobs, pairs, bytes,
    )  # fmt: skip


def taken_back(tx: Tx, now: float, result: Row) -> None:
    """Add the row that makes a result worth nothing."""
    worth = tx.one(
        "SELECT SUM(jobs) AS jobs, CAST(SUM(pairs) AS BIGINT) AS pairs, CAST(SUM(bytes) AS BIGINT) AS bytes"
        " FROM ledger WHERE result = ?",
        result["id"],
    )
    if worth is not None and worth["jobs"]:
        credited(tx, now, result, jobs=-worth["jobs"], pairs=-worth["pairs"], bytes=-worth["bytes"])
