"""Invitations: each opens one account. Kept by digest, in the table of odds and ends."""

from __future__ import annotations

from workers.tracker.folder import token_digest
from workers.tracker.store import Tx
from workers.tracker.web.call import Refused

_UNUSED = "unused"


def invite(tx: Tx, now: float, digest: str) -> None:  # noqa: ARG001 - a move has the time
    """Make the invitation of this digest good for one account."""
    tx.run("INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT DO NOTHING", _key(digest), _UNUSED)


def use(tx: Tx, now: float, invitation: str, account: int) -> None:  # noqa: ARG001 - a move has the time
    """Use an invitation up.

    Raises:
        Refused: 403, there is none such, or it was used.
    """
    used = tx.run(
        "UPDATE meta SET value = ? WHERE key = ? AND value = ?", f"account {account}",
        _key(token_digest(invitation)), _UNUSED,
    )  # fmt: skip
    if not used:
        raise Refused(403, "invitation", "this campaign needs an invitation that is not used yet; ask its operators")


def _key(digest: str) -> str:
    return f"invitation {digest}"
