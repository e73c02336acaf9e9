"""The rows of halves of WATs, and how many there are in each state: what `halves` and `clients` are made of."""

from __future__ import annotations

import hashlib
from enum import StrEnum

from workers.tracker.states import JobState
from workers.tracker.store import Row, Tx


class HalfState(StrEnum):
    """Of a half WAT that was offered to a client at least once; of the others there is no row."""

    OPEN = "open"  # wants a CPU or HYBRID client
    LEASED = "leased"
    GPU = "gpu"  # a CPU client says that it is done; wants a GPU client
    GPU_LEASED = "gpu_leased"
    CLAIMED = "claimed"  # a client says that all of it is done
    ASIDE = "aside"  # so many clients lost it that something is wrong with it
    CLOSED = "closed"  # our own job has its verified result: nobody needs the half any more


def digest(text: str) -> str:
    """What texts of strangers are looked up by: PostgreSQL's indexes take no long ones."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def of_number(tx: Tx, number: int) -> Row | None:
    """The row of a half, with the state of its job as `job_state` and its address as `input`."""
    return tx.one(
        "SELECT h.*, j.state AS job_state, j.input AS input FROM legacy_halves h JOIN jobs j ON j.id = h.job"
        " WHERE h.number = ?",
        number,
    )


def counts(tx: Tx) -> dict[HalfState, int]:
    """How many halves are in each state."""
    return {HalfState(row["state"]): int(row["halves"]) for row in tx.all("SELECT state, halves FROM legacy_counts")}


def move(tx: Tx, row: Row, state: HalfState, *, holder: str = "") -> None:
    """Put a half into another state; `holder` is the digest of who has it then."""
    tx.run("UPDATE legacy_halves SET state = ?, holder = ? WHERE number = ?", state.value, holder, row["number"])
    count(tx, HalfState(row["state"]), -1)
    count(tx, state, 1)


def count(tx: Tx, state: HalfState, more: int) -> None:
    """So many halves more are in a state."""
    tx.run(
        "INSERT INTO legacy_counts (state, halves) VALUES (?, ?)"
        " ON CONFLICT (state) DO UPDATE SET halves = legacy_counts.halves + excluded.halves",
        state.value, more,
    )  # fmt: skip


def is_over(row: Row) -> bool:
    """Whether the half's own job has its verified result, or was taken out."""
    return row["job_state"] in {JobState.VERIFIED, JobState.COMMITTED, JobState.CANCELLED}


def kept(tx: Tx, key: str, lock: str = "") -> int:
    """A number that is kept between moves; 0 at first."""
    row = tx.one(f"SELECT value FROM meta WHERE key = ?{lock}", key)  # noqa: S608 - the lock is ours, the key a value
    return int(row["value"]) if row else 0


def keep(tx: Tx, key: str, value: int) -> None:
    """Keep a number for later moves."""
    tx.run(
        "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        key, str(value),
    )  # fmt: skip
