"""The accounts of old clients: one for a nickname, which proves nothing and can take nobody's name."""

from __future__ import annotations

from workers.tracker.legacy.words import LONGEST_NICKNAME, cleaned
from workers.tracker.moves.accounts import open_account
from workers.tracker.store import Tx

#: nicknames with an account of their own; whoever comes later shares one
MOST_ACCOUNTS = 10_000
#: what stands behind a nickname, so that nobody is taken for the account of that name
_MARK = " (old client)"
_SHARED = "others"


def account_for(tx: Tx, now: float, *, nickname: str, token_digest: str, network: str) -> int:
    """The account for a nickname; it is opened where there is none yet.

    Args:
        tx: the transaction.
        now: by the tracker's clock.
        nickname: as the client says.
        token_digest: of a token that nobody has: old clients never prove who they are.
        network: of the caller, as a keyed digest.
    """
    row = tx.one("SELECT COUNT(*) AS n FROM accounts WHERE legacy = 1")
    crowded = row is not None and row["n"] >= MOST_ACCOUNTS
    name = _SHARED if crowded else cleaned(nickname, LONGEST_NICKNAME).strip() or "anonymous"
    for shown in (name + _MARK, f"{name}{_MARK} {token_digest[:16]}"):  # the second where a real account took the first
        found = tx.one("SELECT id, legacy FROM accounts WHERE name = ?", shown)
        if found is not None and found["legacy"]:
            return int(found["id"])
        if found is None:
            break
    return open_account(tx, now, name=shown, token_digest=token_digest, network=network, legacy=True)
