"""Ids of rows in bulk (`content_id`, DataComp's uid): 128 bits each, by their bytes; and DataComp's form of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

#: DataComp's: the first and the last 16 hex digits of an id
PAIRS = np.dtype([("f0", "<u8"), ("f1", "<u8")])
Uids = NDArray[np.uint8]  # N x 16, sorted by their bytes, each once


def as_pairs(uids: Uids) -> NDArray[np.void]:
    """Ids as DataComp's lists hold them: two whole numbers, the leading one first."""
    return np.ascontiguousarray(uids).view(">u8").astype("<u8").reshape(-1, 2).view(PAIRS).reshape(-1)


def from_pairs(pairs: NDArray[np.void]) -> Uids:
    """Ids out of the form of DataComp's lists.

    Raises:
        ValueError: they are of another form.
    """
    if (
        pairs.ndim != 1
        or pairs.dtype.names is None
        or [pairs.dtype[name].str for name in pairs.dtype.names]
        != [
            "<u8",
            "<u8",
        ]
    ):
        raise ValueError('not of dtype "u8,u8"')
    return np.ascontiguousarray(pairs).view("<u8").astype(">u8").view(np.uint8).reshape(-1, 16)


def sorted_uids(uids: Uids) -> Uids:
    """The ids in the order of their bytes, each once."""
    pairs = as_pairs(uids)
    high, low = pairs["f0"], pairs["f1"]
    order = np.argsort(high, kind="stable")
    high, low = high[order], low[order]
    if len(high) > 1 and bool((high[1:] == high[:-1]).any()):  # of 64 bits: only the same id again, or next to never
        order = np.lexsort((low, high))
        high, low = high[order], low[order]
        fresh = np.concatenate(([True], (high[1:] != high[:-1]) | (low[1:] != low[:-1])))
        high, low = high[fresh], low[fresh]
    return np.stack([high, low], axis=1).astype(">u8").view(np.uint8).reshape(-1, 16)


def among(uids: Uids, wanted: Uids) -> NDArray[np.bool_]:
    """Which of the ids are among `wanted`, which are sorted."""
    if not len(wanted):
        return np.zeros(len(uids), np.bool_)
    own, there = as_pairs(uids), as_pairs(wanted)
    # Ids are hashes, so that their first halves are next to always different: searched by these, then compared whole.
    place = np.searchsorted(there["f0"], own["f0"])
    found = np.zeros(len(own), np.bool_)
    while True:
        here = np.minimum(place, len(there) - 1)
        open_ = (place < len(there)) & (there["f0"][here] == own["f0"]) & ~found
        if not open_.any():
            return found
        found |= open_ & (there["f1"][here] == own["f1"])
        place = place + 1
