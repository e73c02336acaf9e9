"""What only an operator sees."""

from __future__ import annotations

from collections import Counter

from workers.protocol.versions import version_key
from workers.tracker.moves.figure_records import OperatorFigures, Poisoned, Suspicious, VersionFigures
from workers.tracker.moves.overview import overview
from workers.tracker.moves.uploads import promised_bytes
from workers.tracker.moves.worker_figures import strictest
from workers.tracker.states import VersionState, WorkerState
from workers.tracker.store import Row, Tx

_MINUTES_10, _HOUR, _DAY, _WEEK = 600.0, 3600.0, 86_400.0, 7 * 86_400.0
_SHOWN = 100


def operator(tx: Tx, now: float) -> OperatorFigures:
    """Queues, expiries, doubtful workers, room for uploads, jobs that are set aside."""
    oldest = tx.one("SELECT received_at FROM results WHERE state IN ('received', 'checking') ORDER BY id LIMIT 1")
    open_uploads = tx.all(
        "SELECT state, COUNT(*) AS many, CAST(SUM(bytes) AS BIGINT) AS bytes FROM uploads"
        " WHERE state IN ('reserved', 'partial', 'stored') GROUP BY state UNION ALL"
        " SELECT 'promoted', COUNT(*), CAST(COALESCE(SUM(bytes), 0) AS BIGINT) FROM uploads"
        " WHERE state = 'promoted'"
    )
    return OperatorFigures(
        overview=overview(tx, now),
        oldest_waiting_at=None if oldest is None else oldest["received_at"],
        expiring_soon=_many(
            tx, "SELECT COUNT(*) AS many FROM leases WHERE state = 'active' AND expires_at < ?", now + _MINUTES_10
        ),
        expired_hour=_expired(tx, now - _HOUR), expired_day=_expired(tx, now - _DAY), promised_bytes=promised_bytes(tx),
        stored_bytes=sum(row["bytes"] for row in open_uploads if row["state"] in {"stored", "promoted"}),
        uploads={row["state"]: row["many"] for row in open_uploads if row["many"]}, suspicious=_suspicious(tx, now),
        poisoned=_poisoned(tx), versions=_versions(tx, now), events=_events(tx),
    )  # fmt: skip


def _many(tx: Tx, sql: str, *values: object) -> int:
    row = tx.one(sql, *values)
    return 0 if row is None else int(row["many"])


def _expired(tx: Tx, since: float) -> int:
    return _many(tx, "SELECT COUNT(*) AS many FROM leases WHERE state = 'expired' AND expires_at >= ?", since)


def _suspicious(tx: Tx, now: float) -> list[Suspicious]:
    """Those who have fallen, are doubted or suspended, or of whose results something was odd; the worst first."""
    signals: dict[int, Counter[str]] = {}
    for row in tx.all("SELECT worker, verdict FROM signals WHERE verdict IN ('bad', 'odd') AND at >= ?", now - _WEEK):
        signals.setdefault(row["worker"], Counter())[row["verdict"]] += 1
    doubted = {row["worker"] for row in tx.all(
        "SELECT worker FROM trust WHERE state IN ('suspect', 'quarantined', 'banned') UNION"
        " SELECT id FROM workers WHERE state IN ('suspect', 'suspended', 'quarantined', 'banned')"
    )}  # fmt: skip
    worst = sorted(
        doubted | signals.keys(),
        key=lambda one: (-signals[one]["bad"] if one in signals else 0, one not in doubted, one),
    )
    return [_one_suspicious(tx, one, signals.get(one, Counter())) for one in worst[:_SHOWN]]


def _one_suspicious(tx: Tx, worker: int, signals: Counter[str]) -> Suspicious:
    row = tx.one(
        "SELECT w.name, w.state, w.version, a.name AS account_name FROM workers w JOIN accounts a ON a.id = w.account"
        " WHERE w.id = ?",
        worker,
    )
    assert row is not None
    believed = tx.all("SELECT state FROM trust WHERE worker = ? AND version = ?", worker, row["version"])
    last = tx.all(
        "SELECT name, verdict, detail FROM signals WHERE worker = ? AND verdict IN ('bad', 'odd')"
        " ORDER BY id DESC LIMIT 5",
        worker,
    )
    return Suspicious(
        worker=worker, name=row["name"], account=row["account_name"],
        state=strictest(WorkerState(row["state"]), [WorkerState(one["state"]) for one in believed]),
        version=row["version"], bad=signals["bad"], odd=signals["odd"],
        signals=[(one["name"], one["verdict"], one["detail"]) for one in last],
    )  # fmt: skip


def _poisoned(tx: Tx) -> list[Poisoned]:
    rows = tx.all("SELECT id, kind, number, failures FROM jobs WHERE state = 'poisoned' ORDER BY id LIMIT ?", _SHOWN)
    return [
        Poisoned(
            job=row["id"], kind=row["kind"], number=row["number"], failures=row["failures"], said=_said(tx, row["id"])
        )
        for row in rows
    ]


def _said(tx: Tx, job: int) -> list[tuple[int, str, str]]:
    rows = tx.all(
        "SELECT worker, fault, detail FROM leases WHERE job = ? AND state IN ('failed', 'expired')"
        " ORDER BY fence DESC LIMIT 20",
        job,
    )
    return [(row["worker"], row["fault"], row["detail"]) for row in rows]


def _versions(tx: Tx, now: float) -> list[VersionFigures]:
    heard = {row["version"]: row["many"] for row in tx.all(
        "SELECT version, COUNT(*) AS many FROM workers WHERE seen_at >= ? GROUP BY version", now - _DAY
    )}  # fmt: skip
    states = {row["version"]: row["state"] for row in tx.all("SELECT version, state FROM versions")}
    return [
        VersionFigures(version, states.get(version, VersionState.OK.value), heard.get(version, 0))
        for version in sorted(heard.keys() | states.keys(), key=version_key, reverse=True)
    ]


def _events(tx: Tx) -> list[tuple[float, str, str]]:
    rows = tx.all("SELECT at, what, worker, job, detail FROM events ORDER BY id DESC LIMIT 50")
    return [(row["at"], row["what"], _detail(row)) for row in rows]


def _detail(row: Row) -> str:
    whom = [f"{name} {row[name]}" for name in ("worker", "job") if row[name] is not None]
    return ": ".join(part for part in (", ".join(whom), row["detail"]) if part)
