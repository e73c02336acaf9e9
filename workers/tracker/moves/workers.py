"""Workers: machines that do jobs, whether they may, and in which version."""

from __future__ import annotations

import msgspec

from workers.protocol.messages import Register
from workers.protocol.versions import version_key
from workers.tracker.moves.job_state import locked, settle, told
from workers.tracker.moves.records import MoveRefused, Worker
from workers.tracker.states import VersionState, WorkerState
from workers.tracker.store import Row, Tx

_WORKER = (
    "SELECT w.id, w.account, w.name, w.version, w.environment, w.public_key, w.state, w.state_until, w.selftest_ok,"
    " w.quota, w.network, a.legacy FROM workers w JOIN accounts a ON a.id = w.account WHERE "
)
#: in these nothing of a worker's goes on
FALLEN = frozenset({WorkerState.QUARANTINED, WorkerState.BANNED})
#: leases at a time, of one that has done nothing yet, and of the best
FIRST_QUOTA = 4.0
MOST_QUOTA = 64.0


def register(tx: Tx, now: float, *, account: int, asked: Register, key_digest: str, network: str) -> int:
    """Add a machine to an account; returns its number. It gets jobs once it has passed its self-test."""
    row = tx.one(
        "INSERT INTO workers (account, name, key_digest, public_key, version, environment, machine_json, network,"
        " state, quota, registered_at, seen_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
        account, asked.name, key_digest, asked.public_key, asked.version, asked.environment,
        msgspec.json.encode(asked.machine).decode(), network, WorkerState.ACTIVE.value, FIRST_QUOTA, now, now,
    )  # fmt: skip
    assert row is not None
    return int(row["id"])


def worker_of(tx: Tx, now: float, key_digest: str) -> Worker | None:
    """The worker whose key has this digest. A suspension that is over is not shown any more."""
    row = tx.one(_WORKER + "w.key_digest = ?", key_digest)
    return None if row is None else _worker(row, now)


def worker_by_id(tx: Tx, now: float, worker: int) -> Worker | None:
    """The worker of this number."""
    row = tx.one(_WORKER + "w.id = ?", worker)
    return None if row is None else _worker(row, now)


def selftest_passed(tx: Tx, now: float, worker: Worker, version: str, environment: str, ok: bool) -> None:
    """Write down how the self-test of a version in an environment went.

    Where the environment is another than before, other packages decode and score: what the worker is believed for is
    forgotten. A new version begins with nothing anyway.
    """
    tx.run(
        "UPDATE workers SET version = ?, environment = ?, selftest_ok = ?, seen_at = ? WHERE id = ?",
        version, environment, int(ok), now, worker.id,
    )  # fmt: skip
    if environment != worker.environment:
        back_to_probation(tx, now, worker.id, "another environment")


def back_to_probation(tx: Tx, now: float, worker: int, why: str) -> None:
    """Forget what speaks for a worker; what speaks against it stays."""
    changed = tx.run(
        "UPDATE trust SET good = 1, state = 'probation' WHERE worker = ?"
        " AND state IN ('probation', 'active', 'trusted')",
        worker,
    )
    if changed:
        told(tx, now, "probation", worker=worker, detail=why)


def seen_from(tx: Tx, now: float, worker: Worker, network: str) -> None:
    """Write down that a worker is at another network than before.

    Machines move, and that is allowed. A key that is in two places at once is not: when it comes back to the network
    that it left less than an hour ago, it is two machines, and back on probation.
    """
    if network == worker.network:
        return
    row = tx.one("SELECT network_before, network_at FROM workers WHERE id = ?" + tx.lock, worker.id)  # noqa: S608 - constants
    assert row is not None
    if row["network_before"] == network and now - row["network_at"] < 3600.0:
        back_to_probation(tx, now, worker.id, "one key in two networks at once")
    tx.run(
        "UPDATE workers SET network = ?, network_before = ?, network_at = ? WHERE id = ?",
        network, worker.network, now, worker.id,
    )  # fmt: skip


def set_state(tx: Tx, now: float, worker: int, state: WorkerState, why: str, until: float | None = None) -> None:
    """The operator's word on a worker, or its suspension. One that falls loses its leases; its jobs are free again.

    Raises:
        MoveRefused: 404, there is none of this number.
    """
    if state in FALLEN:
        release_all(tx, now, worker)
    changed = tx.run("UPDATE workers SET state = ?, state_until = ? WHERE id = ?", state.value, until, worker)
    if not changed:
        raise MoveRefused("unknown_worker", f"there is no worker {worker}", 404)
    if state is WorkerState.ACTIVE:  # released: what checks have made of it is forgiven, and it begins as a new one
        tx.run(
            "UPDATE trust SET good = 1, bad = 1, state = 'probation' WHERE worker = ?"
            " AND state IN ('suspect', 'quarantined', 'banned')",
            worker,
        )
    told(tx, now, f"worker {state.value}", worker=worker, detail=why)


def release_all(tx: Tx, now: float, worker: int, kind: str | None = None) -> None:
    """Revoke a worker's active leases (of one kind, or all)."""
    rows = tx.all(
        "SELECT l.id, l.job FROM leases l JOIN jobs j ON j.id = l.job WHERE l.worker = ? AND l.state = 'active'"
        " AND (CAST(? AS TEXT) IS NULL OR j.kind = ?) ORDER BY l.job",
        worker, kind, kind,
    )  # fmt: skip
    for row in rows:
        job = locked(tx, row["job"])
        if tx.run("UPDATE leases SET state = 'revoked' WHERE id = ? AND state = 'active'", row["id"]):
            settle(tx, now, job)


def set_version(tx: Tx, now: float, version: str, state: VersionState, why: str) -> None:
    """The operator's word on a version of the client."""
    tx.run(
        "INSERT INTO versions (version, state, why) VALUES (?, ?, ?)"
        " ON CONFLICT (version) DO UPDATE SET state = excluded.state, why = excluded.why",
        version, state.value, why,
    )  # fmt: skip
    told(tx, now, f"version {state.value}", detail=f"{version}: {why}")


def check_version(tx: Tx, version: str, min_version: str) -> None:
    """Let a version through.

    Raises:
        MoveRefused: 426, it is too old, or blocked.
    """
    key = version_key(version)
    if key < version_key(min_version):
        raise MoveRefused(
            "version_blocked", f"version {version} is too old for this campaign: install {min_version} or newer", 426
        )
    for row in tx.all("SELECT version, why FROM versions WHERE state = 'blocked'"):
        if version_key(row["version"]) == key:
            why = f" ({row['why']})" if row["why"] else ""
            raise MoveRefused("version_blocked", f"version {version} gets no jobs{why}: install a newer one", 426)


def _worker(row: Row, now: float) -> Worker:
    state, until = WorkerState(row["state"]), row["state_until"]
    if state is WorkerState.SUSPENDED and until is not None and until <= now:
        state, until = WorkerState.ACTIVE, None
    return Worker(
        id=row["id"], account=row["account"], name=row["name"], version=row["version"],
        environment=row["environment"], public_key=row["public_key"], state=state,
        selftest_ok=row["selftest_ok"] == 1, quota=row["quota"], network=row["network"], legacy=row["legacy"] == 1,
        until=until,
    )  # fmt: skip
