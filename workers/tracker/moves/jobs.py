"""Jobs: how they come in, are held back, asked for again, and taken out."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import groupby, islice
from typing import Literal

from workers.tracker.moves.chance import place_of
from workers.tracker.moves.job_state import counted, locked, settle, standing, to_state, told
from workers.tracker.moves.records import MoveRefused, NewJob
from workers.tracker.states import JobState
from workers.tracker.store import Tx

#: rows of one INSERT: 9 parameters each, and SQLite takes 32,766 of them, PostgreSQL 65,535
_ROWS = 2_000
_INSERT = (
    "INSERT INTO jobs (kind, number, content_id, input, form, input_sha256, input_bytes, state, shuffle, gold,"
    " gold_json, made_from) VALUES "
)


def content_id(kind: str, number: int, input: str, recipe_digest: str) -> str:  # noqa: A002 - the column's name
    """What makes a job the same job: 128 bits of SHA-256, hex."""
    text = f"{kind}\n{number}\n{recipe_digest}\n{input}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def import_jobs(tx: Tx, now: float, specs: list[NewJob], *, made_from: int | None = None) -> int:  # noqa: ARG001 - a move has the time
    """Add those jobs that are not there yet (by content id); returns how many were not.

    Harmless to repeat, so that an import may be cut into pieces, stopped, and begun again. Millions come in fastest in
    the order of their content ids (`chance.place_of` says why).

    Args:
        tx: the transaction.
        now: the tracker's time.
        specs: the jobs.
        made_from: the job whose committed result is their input; they are taken back with it.
    """
    new: Counter[tuple[str, int, str]] = Counter()
    ordered = sorted(specs, key=lambda one: (one.kind, one.gold_json != ""))  # else in the order that they came in
    for (kind, gold), some in groupby(ordered, key=lambda one: (one.kind, int(one.gold_json != ""))):
        row = f"(?, ?, ?, ?, ?, ?, ?, 'ready', ?, {gold}, ?, {'NULL' if made_from is None else int(made_from)})"
        for few in _pieces(some, _ROWS):
            values: list[object] = []
            for one in few:
                values += (
                    kind, one.number, one.content_id, one.input, one.form, one.input_sha256, one.input_bytes,
                    place_of(one.content_id), one.gold_json,
                )  # fmt: skip
            rows = ", ".join([row] * len(few))
            sql = f"{_INSERT}{rows} ON CONFLICT (content_id) DO NOTHING"
            new[kind, gold, JobState.READY.value] += tx.run(sql, *values)
    counted(tx, new)
    return new.total()


def requeue(tx: Tx, now: float, job: int) -> None:
    """Let a job that is set aside, held back or cancelled be done (again), with its failures forgotten.

    Raises:
        MoveRefused: 404, there is none; 409, it has a result that is believed: revoke that.
    """
    _exists(tx, job)
    one = locked(tx, job)
    if standing(tx, job).canonical:
        raise MoveRefused("conflict", f"job {job} has a result that is believed: revoke that instead", 409)
    tx.run("UPDATE leases SET fault = 'local' WHERE job = ? AND state IN ('failed', 'expired')", job)
    free = to_state(tx, replace(one, not_before=0.0, failures=0), JobState.READY, was=one.state)
    settle(tx, now, free)
    told(tx, now, "requeued", job=job)


def cancel(tx: Tx, now: float, job: int) -> None:
    """Take a job out: its leases are revoked, its results are not looked at.

    Raises:
        MoveRefused: 404, there is none; 409, it has a result that is believed: revoke that.
    """
    _exists(tx, job)
    one = locked(tx, job)
    if standing(tx, job).canonical:
        raise MoveRefused("conflict", f"job {job} has a result that is believed: revoke that instead", 409)
    take_out(tx, one.id)
    to_state(tx, one, JobState.CANCELLED)
    told(tx, now, "cancelled", job=job)


def take_out(tx: Tx, job: int) -> None:
    """Revoke the leases and the unjudged results of a job that is locked."""
    tx.run("UPDATE leases SET state = 'revoked' WHERE job = ? AND state = 'active'", job)
    tx.run(
        "UPDATE results SET state = 'revoked', why = 'the job was taken out' WHERE job = ?"
        " AND state IN ('received', 'checking', 'suspicious')",
        job,
    )


def reopened(tx: Tx, now: float, job: int) -> None:
    """What follows from a job that is committed again is wanted again."""
    for row in tx.all("SELECT id FROM jobs WHERE made_from = ? AND state = 'cancelled' ORDER BY id", job):
        one = locked(tx, row["id"])
        free = to_state(tx, replace(one, need=1, not_before=0.0), JobState.READY, was=one.state)
        settle(tx, now, free)


def input_known(tx: Tx, now: float, job: int, sha256: str, bytes: int) -> None:  # noqa: A002, ARG001 - the column's name; a move has the time
    """Write down what a job's input file is, when it is first handed out. What is known already stays."""
    tx.run("UPDATE jobs SET input_sha256 = ?, input_bytes = ? WHERE id = ? AND input_sha256 = ''", sha256, bytes, job)


def counts(tx: Tx) -> dict[str, dict[str, int]]:
    """Jobs by kind and state, without gold copies; states without jobs are not there."""
    found: dict[str, dict[str, int]] = {}
    for row in tx.all(
        "SELECT kind, state, CAST(SUM(jobs) AS BIGINT) AS jobs FROM job_counts WHERE gold = 0"
        " GROUP BY kind, state HAVING SUM(jobs) <> 0"
    ):
        found.setdefault(row["kind"], {})[row["state"]] = int(row["jobs"])
    return found


def pause(tx: Tx, now: float, paused: bool | Literal["drain"]) -> None:
    """Hand out no leases (True), none and have workers finish and stop ("drain"), or go on (False)."""
    word = "drain" if paused == "drain" else "paused" if paused else ""
    tx.run(
        "INSERT INTO meta (key, value) VALUES ('paused', ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        word,
    )
    told(tx, now, word or "resumed")


def is_paused(tx: Tx) -> str:
    """Whether leases are held back: "paused", "drain", or "" where they are not."""
    row = tx.one("SELECT value FROM meta WHERE key = 'paused'")
    return "" if row is None else str(row["value"])


def _exists(tx: Tx, job: int) -> None:
    if tx.one("SELECT id FROM jobs WHERE id = ?", job) is None:
        raise MoveRefused("unknown_job", f"there is no job {job}", 404)


def _pieces(items: Iterable[NewJob], most: int) -> Iterator[list[NewJob]]:
    rest = iter(items)
    while piece := list(islice(rest, most)):
        yield piece
