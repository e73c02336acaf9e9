"""Which result is looked at next, and by whom."""

from __future__ import annotations

import msgspec

from workers.protocol.messages import Manifest
from workers.tracker.moves.records import CheckOrder, Other
from workers.tracker.moves.taking import trust_state
from workers.tracker.moves.uploads import uploads_of
from workers.tracker.moves.workers import worker_by_id
from workers.tracker.states import ResultState, WorkerState
from workers.tracker.store import Row, Tx

_RESULT = (
    "SELECT id, lease, job, worker, account, version, kind, received_at, state, canonical, manifest_json FROM results"
)


def next_to_check(tx: Tx, now: float, *, checker: str, seconds: float) -> CheckOrder | None:
    """A result that waits, the oldest first; it is this checker's for so many seconds. None where none waits.

    A result waits until its job has as many as it needs, so that they are looked at together.
    """
    row = tx.one(
        f"{_RESULT} WHERE state IN ('received', 'checking') AND due = 1"
        f" AND (check_until IS NULL OR check_until <= ?) ORDER BY id LIMIT 1{tx.skip_locked}",
        now,
    )
    if row is None:
        return None
    tx.run(
        "UPDATE results SET state = 'checking', checker = ?, check_until = ? WHERE id = ?",
        checker, now + seconds, row["id"],
    )  # fmt: skip
    return _order(tx, now, row)


def check_order(tx: Tx, now: float, result: int) -> CheckOrder | None:
    """One result as a checker sees it, whatever its state; nothing changes."""
    row = tx.one(f"{_RESULT} WHERE id = ?", result)
    return None if row is None else _order(tx, now, row)


def _order(tx: Tx, now: float, row: Row) -> CheckOrder:
    job = tx.one(
        "SELECT kind, number, input, form, input_sha256, input_bytes, gold_json FROM jobs WHERE id = ?", row["job"]
    )
    assert job is not None
    others = tx.all(
        f"{_RESULT} WHERE job = ? AND id <> ? AND state IN ('received', 'checking', 'suspicious', 'valid') ORDER BY id",
        row["job"], row["id"],
    )  # fmt: skip
    return CheckOrder(
        result=row["id"], lease=row["lease"], worker=row["worker"], account=row["account"], version=row["version"],
        kind=job["kind"], number=job["number"], job=row["job"], input=job["input"], form=job["form"],
        input_sha256=job["input_sha256"], input_bytes=job["input_bytes"], gold_json=job["gold_json"],
        received_at=row["received_at"], trust=_trust(tx, now, row), manifest=manifest_of(row),
        uploads=uploads_of(tx, row["lease"]), others=[_other(tx, now, one) for one in others],
        network=_network(tx, now, row),
    )  # fmt: skip


def _other(tx: Tx, now: float, row: Row) -> Other:
    return Other(
        result=row["id"], worker=row["worker"], account=row["account"], version=row["version"],
        state=ResultState(row["state"]), canonical=row["canonical"] == 1, trust=_trust(tx, now, row),
        manifest=manifest_of(row), uploads=uploads_of(tx, row["lease"]), network=_network(tx, now, row),
    )  # fmt: skip


def manifest_of(row: Row) -> Manifest:
    """The manifest of a row of results."""
    return msgspec.json.decode(row["manifest_json"], type=Manifest)


def _network(tx: Tx, now: float, row: Row) -> str:
    worker = worker_by_id(tx, now, row["worker"])
    assert worker is not None
    return worker.network


def _trust(tx: Tx, now: float, row: Row) -> WorkerState:
    worker = worker_by_id(tx, now, row["worker"])
    assert worker is not None
    return trust_state(tx, worker, row["version"], row["kind"])
