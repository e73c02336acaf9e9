"""How many leases a worker holds at a time: more with good results, fewer with bad ones (BOINC's rule)."""

from __future__ import annotations

from workers.tracker.moves.workers import MOST_QUOTA
from workers.tracker.store import Tx


def doubled(tx: Tx, worker: int) -> None:
    """After a good result: twice as many, up to the most."""
    tx.run(
        "UPDATE workers SET quota = CASE WHEN quota * 2 > ? THEN ? ELSE quota * 2 END WHERE id = ?",
        MOST_QUOTA, MOST_QUOTA, worker,
    )  # fmt: skip


def lowered(tx: Tx, worker: int, by: int = 1) -> None:
    """After bad results, or leases that ran out: one less for each, but one at least."""
    tx.run("UPDATE workers SET quota = CASE WHEN quota - ? < 1 THEN 1 ELSE quota - ? END WHERE id = ?", by, by, worker)
