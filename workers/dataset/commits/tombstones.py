"""Ids that a version's sets of removals name: what was published as removed does not come back by a merge."""

from __future__ import annotations

import msgspec
import numpy as np

from crawler.dataset.manifest import Commit, Tombstones
from crawler.dataset.store import Store
from crawler.dataset.uids import Uids, sorted_uids
from crawler.errors import DatasetError


def refused_by(store: Store, commit: Commit, *, but: Commit | None = None) -> Uids:
    """Ids that are removed for good in a version, sorted; without the sets that the version `but` carries, too.

    Raises:
        DatasetError: a set is missing or cannot be read.
        StoreUnavailableError, OSError: as `Objects.read`.
    """
    known = set(but.tombstones) if but else set()
    parts = [np.empty((0, 16), np.uint8)]
    for stored in commit.tombstones:
        if stored in known:
            continue
        try:
            told = msgspec.json.decode(store.objects.read(stored), type=Tombstones)
            parts.append(np.frombuffer(bytes.fromhex("".join(told.uids)), np.uint8).reshape(-1, 16))
        except (msgspec.DecodeError, ValueError) as error:
            where = store.objects.where(stored.sha256)
            raise DatasetError(f"{where}: cannot be read as a set of removals: {error}") from error
    return sorted_uids(np.concatenate(parts))
