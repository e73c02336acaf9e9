"""Accounts: who is behind workers."""

from __future__ import annotations

from workers.tracker.moves.records import Account, MoveRefused
from workers.tracker.store import Tx


def open_account(tx: Tx, now: float, *, name: str, token_digest: str, network: str, legacy: bool = False) -> int:
    """Open an account; returns its number.

    Args:
        tx: the transaction.
        now: the tracker's time.
        name: shown on pages.
        token_digest: SHA-256 of its token, hex; the token itself is kept nowhere.
        network: of whoever opens it, as a keyed digest.
        legacy: it came by the old API, and is never trusted.

    Raises:
        MoveRefused: 409, another has that name.
    """
    row = tx.one(
        "INSERT INTO accounts (name, token_digest, opened_at, network, legacy) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT DO NOTHING RETURNING id",
        name, token_digest, now, network, int(legacy),
    )  # fmt: skip
    if row is None:
        raise MoveRefused("name_taken", "another account has this name; choose another one", 409)
    return int(row["id"])


def account_of(tx: Tx, now: float, token_digest: str) -> Account | None:  # noqa: ARG001 - a move has the time
    """The account whose token has this digest."""
    row = tx.one("SELECT id, name, legacy FROM accounts WHERE token_digest = ?", token_digest)
    return None if row is None else Account(row["id"], row["name"], row["legacy"] == 1)
