"""What was answered to an Idempotency-Key: the same bytes again, for whoever has lost them."""

from __future__ import annotations

from collections.abc import Callable

from workers.tracker.moves.records import MoveRefused
from workers.tracker.store import Tx


def once(
    tx: Tx, now: float, *, who: str, key: str, asked_sha256: str, answer: Callable[[], tuple[int, bytes]]
) -> tuple[int, bytes]:
    """The answer to a request: made, and remembered, in this transaction; or the one that was remembered.

    A request that is refused is not remembered: nothing has happened for it, and it may be asked again.

    Args:
        tx: the transaction, which the moves of `answer` use, too.
        now: the tracker's time.
        who: whose keys these are: keys of two workers do not meet.
        key: the Idempotency-Key.
        asked_sha256: of what was asked: method, address and body.
        answer: makes status and body, which is UTF-8.

    Raises:
        MoveRefused: 409, the key was used for something else.
    """
    # first come: whoever comes with the same key at the same time waits here, for the other's end
    first = tx.run(
        "INSERT INTO replies (who, key, asked_sha256, status, told, at) VALUES (?, ?, ?, 0, '', ?)"
        " ON CONFLICT (who, key) DO NOTHING",
        who, key, asked_sha256, now,
    )  # fmt: skip
    if not first:
        row = tx.one("SELECT asked_sha256, status, told FROM replies WHERE who = ? AND key = ?", who, key)
        assert row is not None
        if row["asked_sha256"] != asked_sha256:
            raise MoveRefused("conflict", "this Idempotency-Key was used for another request", 409)
        return int(row["status"]), str(row["told"]).encode()
    status, body = answer()
    tx.run("UPDATE replies SET status = ?, told = ? WHERE who = ? AND key = ?", status, body.decode(), who, key)
    return status, body


def forget_old(tx: Tx, now: float, older_than: float, most: int = 5_000) -> int:
    """Forget answers of more than `older_than` seconds ago, `most` at a time; returns how many."""
    return tx.run(
        "DELETE FROM replies WHERE (who, key) IN (SELECT who, key FROM replies WHERE at < ? ORDER BY at LIMIT ?)",
        now - older_than, most,
    )  # fmt: skip
