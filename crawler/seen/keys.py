"""Keys: 76 bits of a hash, enough to tell five billion apart.

Of 5e9 keys two are expected to be equal by chance with a probability of (5e9)^2 / 2 / 2^76 = 1.7e-4; 64 bits would give
0.7. The first 12 bits say in which of 4,096 partitions a key lies and need no room there, so a key takes 8 bytes.
Content ids (xxh3) do not resist an attacker who makes collisions on purpose; what he wins is that one pair is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

PARTITION_BITS = 12
PARTITIONS = 1 << PARTITION_BITS
#: hex digits that a hash must have at least
LEAST_DIGITS = 32

#: one key: its partition, and the 64 bits after those that name the partition
KEY = np.dtype({"names": ["part", "tail"], "formats": ["<u2", "<u8"], "offsets": [0, 8], "itemsize": 16})

Keys: TypeAlias = NDArray[np.void]  # of dtype KEY, shape (N,)


def keys_of(hexes: Sequence[str]) -> Keys:
    """The keys of hashes in hex, all of one length: content ids (32 digits) or SHA-256 (64), in their order.

    Raises:
        ValueError: one is no hash in hex, is shorter than 32 digits, or has another length than the first.
    """
    if not hexes:
        return np.empty(0, KEY)
    digits = len(hexes[0])
    if digits < LEAST_DIGITS or any(len(one) != digits for one in hexes):
        raise ValueError(f"hashes must all have the same number of hex digits, at least {LEAST_DIGITS}")
    raw = np.frombuffer(bytes.fromhex("".join(hexes)), np.uint8)
    if len(raw) * 2 != digits * len(hexes):  # fromhex passes over spaces
        raise ValueError("a hash holds something else than hex digits")
    words = np.ascontiguousarray(raw.reshape(len(hexes), -1)[:, :16]).view(">u8").astype(np.uint64)
    keys = np.empty(len(hexes), KEY)
    high, low = words[:, 0], words[:, 1]
    keys["part"] = high >> np.uint64(64 - PARTITION_BITS)
    keys["tail"] = (high << np.uint64(PARTITION_BITS)) | (low >> np.uint64(64 - PARTITION_BITS))
    return keys


def come_again(keys: Keys) -> NDArray[np.bool_]:
    """True for each key that stands earlier in the same array, too."""
    order = np.lexsort((keys["tail"], keys["part"]))  # stable: of equal keys the first comes first
    ordered = keys[order]
    again = np.zeros(len(keys), np.bool_)
    again[order[1:]] = (ordered["part"][1:] == ordered["part"][:-1]) & (ordered["tail"][1:] == ordered["tail"][:-1])
    return again
