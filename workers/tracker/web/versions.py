"""Versions of the client: blocked ones get no jobs, and what they hold ends or does not, as the operator has set."""

from __future__ import annotations

from workers.protocol.versions import version_key
from workers.tracker.moves import workers
from workers.tracker.settings import Versions
from workers.tracker.states import VersionState
from workers.tracker.store import Tx


def set_version(tx: Tx, now: float, version: str, state: VersionState, why: str, settings: Versions) -> None:
    """The operator's word on a version.

    Args:
        tx: the transaction.
        now: the tracker's time.
        version: of the client.
        state: what it may do from now on.
        why: told to whoever is refused.
        settings: whether the leases of a version that is blocked end at once.
    """
    workers.set_version(tx, now, version, state, why)
    if state is not VersionState.BLOCKED or settings.leases_of_blocked == "accept":
        return
    key = version_key(version)
    for row in tx.all("SELECT worker, version FROM leases WHERE state = 'active' GROUP BY worker, version"):
        if version_key(row["version"]) == key:
            workers.release_all(tx, now, row["worker"])
