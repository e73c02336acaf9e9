"""Merkle trees as RFC 6962 has them, and the algorithms of RFC 9162 (2.1) for proofs. Pure; SHA-256; digests are bytes.

A leaf is hashed behind a zero byte and a node behind a one, so that no node passes for a leaf.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256

#: the root of a tree without leaves
EMPTY = sha256(b"").digest()


def leaf_hash(data: bytes) -> bytes:
    """What a leaf of these data counts as in the tree."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """What joins two subtrees."""
    return sha256(b"\x01" + left + right).digest()


class Growing:
    """A tree to which leaves are added at its end, in memory of the tree's height.

    >>> tree = Growing()
    >>> tree.add(b"")
    >>> tree.root().hex()[:16]
    '6e340b9cffb37a98'
    """

    def __init__(self) -> None:
        self._whole: list[tuple[int, bytes]] = []  # complete subtrees from the left: leaves in them, hash
        self.leaves = 0

    def add(self, data: bytes) -> None:
        """Append a leaf of these data."""
        size, joined = 1, leaf_hash(data)
        while self._whole and self._whole[-1][0] == size:
            joined = node_hash(self._whole.pop()[1], joined)
            size *= 2
        self._whole.append((size, joined))
        self.leaves += 1

    def root(self) -> bytes:
        """Over all leaves so far."""
        if not self._whole:
            return EMPTY
        joined = self._whole[-1][1]
        for _size, left in reversed(self._whole[:-1]):
            joined = node_hash(left, joined)
        return joined


def root_of(leaves: Iterable[bytes]) -> bytes:
    """The root over leaves of these data, in order."""
    tree = Growing()
    for data in leaves:
        tree.add(data)
    return tree.root()


def inclusion_proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The hashes that lead from leaf `index` to the root, from below.

    Raises:
        IndexError: there is no such leaf.
    """
    if not 0 <= index < len(leaves):
        raise IndexError(f"no leaf {index} in a tree of {len(leaves)}")
    level = [leaf_hash(data) for data in leaves]
    path = []
    while len(level) > 1:
        if (beside := index ^ 1) < len(level):
            path.append(level[beside])
        alone = level[len(level) - len(level) % 2 :]  # the last of an odd number goes up as it is
        level = [node_hash(level[place], level[place + 1]) for place in range(0, len(level) - 1, 2)] + alone
        index //= 2
    return path


def verify_inclusion(root: bytes, data: bytes, index: int, size: int, proof: Sequence[bytes]) -> bool:
    """Whether the proof shows that leaf `index` of a tree of `size` leaves with this root has these data."""
    if not 0 <= index < size:
        return False
    place, last, joined = index, size - 1, leaf_hash(data)
    for beside in proof:
        if last == 0:
            return False
        if place & 1 or place == last:
            joined = node_hash(beside, joined)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            joined = node_hash(joined, beside)
        place, last = place >> 1, last >> 1
    return last == 0 and joined == root
