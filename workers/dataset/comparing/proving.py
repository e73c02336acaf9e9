"""Proofs about a version, made of its store: that a row is in it, and that no row has a certain id or address."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from crawler.dataset.cutting_tables import read_table
from crawler.dataset.keys import Keys
from crawler.dataset.manifest import Commit, Shard, SignedCommit
from crawler.dataset.merkle import EMPTY, inclusion_proof, node_hash
from crawler.dataset.merkle import leaf_hash as hashed_leaf
from crawler.dataset.proofs import AbsenceProof, Neighbour, RowProof, ShardLeaf, Statement, statement_message
from crawler.dataset.row_digests import KEY, texts_of
from crawler.dataset.store import Store
from crawler.dataset.tables import mask_of, packed_mask, standing
from crawler.errors import DatasetError, InputError
from crawler.urls import normalise
from workers.dataset.columns import Table, strings
from workers.dataset.commits.committing import version_leaf
from workers.dataset.comparing.joining import ShardRows, uids_in
from workers.dataset.comparing.proving_subset import signed_commit
from workers.progress import Phase

Of = Literal["uid", "url"]
#: columns of addresses by which people ask for their pictures
_ADDRESSES = ("url", "final_url")
_ID = re.compile(r"[0-9a-fA-F]{32}")
Keyed = NDArray[np.uint8]  # N x 16 or N x 32, sorted, each once


def key_of(of: Of, asked: str) -> bytes:
    """The key of an id (32 hex digits) or of an address.

    Raises:
        InputError: it is none.
    """
    if of == "url":
        return hashlib.sha256(_normal(asked).encode("utf-8", "replace")).digest()
    if not _ID.fullmatch(asked):  # it is not repeated: it may be an address that somebody asks for
        raise InputError("what is asked for is no id of 32 hex digits; of an address say `--of url`")
    return bytes.fromhex(asked)


def prove_rows(store: Store, version: str, of: Of, asked: str, *, phase: Phase | None = None) -> list[RowProof]:
    """A proof for each row of a version with this id or address; none where there is no such row.

    Raises:
        InputError: there is no such version, or this is no id.
        DatasetError: a file of the version is missing.
        StoreUnavailableError, OSError: as `Objects.open_local`.
    """
    found, commit = store.read_commit(version)
    key = np.frombuffer(key_of(of, asked), np.uint8)
    leaves = [version_leaf(shard) for shard in store.shards(commit)]
    signed = signed_commit(store, found)
    proofs = []
    for place, shard in enumerate(store.shards(commit)):
        if phase is not None:
            phase.advance(1)
        rows = ShardRows(store, shard)
        hits = np.flatnonzero((keys_in(store, shard, of) == key).all(axis=2).any(axis=1))
        for hit in hits[np.isin(hits, rows.positions_in_file)].tolist():
            position = int(rows.positions[np.searchsorted(rows.positions_in_file, hit)])
            proofs.append(_proof(store, signed, (shard, place, leaves), position, hit))
    return proofs


def prove_absence(
    store: Store, keys: Keys, version: str, of: Of, asked: str, *, phase: Phase | None = None
) -> AbsenceProof:
    """A proof that no row of a version has this id or address. The whole version is read, and the tree signed.

    Raises:
        InputError: a row has it, or some rows were purged, so that nobody can say what they had.
        DatasetError: a file of the version is missing.
        StoreUnavailableError, OSError: as `Objects.open_local`.
    """
    found, commit = store.read_commit(version)
    key = key_of(of, asked)
    tree = KeyTree(all_keys(store, commit, of, phase=phase))
    place = tree.place_of(key)
    if tree.has(place, key):
        raise InputError(f"{version}: a row has this {of}; `prove row` proves that")
    statement = Statement(commit.dataset, found, commit.root, of, len(tree), tree.root.hex())
    return AbsenceProof(
        statement=statement,
        author=keys.author,
        signature=keys.sign(statement_message(statement)),
        key=key.hex(),
        left=tree.neighbour(place - 1),
        right=tree.neighbour(place),
    )


def all_keys(store: Store, commit: Commit, of: Of, *, phase: Phase | None = None) -> Keyed:
    """The keys of all rows of a version, sorted, each once.

    Raises:
        InputError: rows were purged.
        DatasetError, StoreUnavailableError, OSError: as `prove_absence`.
    """
    parts = []
    for shard in store.shards(commit):
        if standing(store, shard.table).gone:
            raise InputError(
                f"shard {shard.name}: rows of it were purged: nobody can say what they were; take a later version"
            )
        here = keys_in(store, shard, of)[ShardRows(store, shard).positions_in_file]
        parts.append(sorted_keys(here.reshape(-1, here.shape[2])))
        if phase is not None:
            phase.advance(1)
    width = 16 if of == "uid" else 32
    return sorted_keys(np.concatenate([np.empty((0, width), np.uint8), *parts]))


def keys_in(store: Store, shard: Shard, of: Of) -> NDArray[np.uint8]:
    """The keys of each row of a shard's table: rows x keys a row x bytes; a row with fewer repeats its first."""
    if of == "uid":
        return uids_in(Table.open(standing(store, shard.table).path))[:, np.newaxis, :]
    table = Table.open(standing(store, shard.table).path)
    columns = [name for name in _ADDRESSES if name in table.names]
    if not columns:
        raise InputError(f"shard {shard.name}: has no column of addresses")
    digests = bytearray()
    for part in table.batches(columns):
        for addresses in zip(*(strings(part, name).to_pylist() for name in columns), strict=True):
            for address in addresses:
                digests += hashlib.sha256(_normal(address or addresses[0] or "").encode("utf-8", "replace")).digest()
    return np.frombuffer(bytes(digests), np.uint8).reshape(-1, len(columns), 32)


def sorted_keys(keys: NDArray[np.uint8]) -> Keyed:
    """Keys in the order of their bytes, each once."""
    if len(keys) < 2:
        return keys
    words = np.ascontiguousarray(keys).view(">u8").astype(np.uint64)
    words = words[np.argsort(words[:, 0], kind="stable")]
    if (words[1:, 0] == words[:-1, 0]).any():  # 64 bits of hashes: the same key again, or next to never
        words = words[np.lexsort(words.T[::-1])]
        words = words[np.concatenate(([True], (words[1:] != words[:-1]).any(axis=1)))]
    return words.astype(">u8").view(np.uint8).reshape(-1, keys.shape[1])


class KeyTree:
    """The tree over sorted keys, all of its levels in memory: 64 bytes a key."""

    def __init__(self, keys: Keyed) -> None:
        self._keys = keys
        width = keys.shape[1]
        content = keys.tobytes()
        level = [hashed_leaf(content[at : at + width]) for at in range(0, len(content), width)]
        self._levels = [b"".join(level)]
        while len(level) > 1:
            alone = level[len(level) - len(level) % 2 :]
            level = [node_hash(one, other) for one, other in zip(level[::2], level[1::2], strict=False)] + alone
            self._levels.append(b"".join(level))
        self.root = level[0] if level else EMPTY

    def __len__(self) -> int:
        return len(self._keys)

    def place_of(self, key: bytes) -> int:
        """How many keys are smaller."""
        low, high = 0, len(self._keys)
        while low < high:
            middle = (low + high) // 2
            low, high = (middle + 1, high) if self._keys[middle].tobytes() < key else (low, middle)
        return low

    def has(self, place: int, key: bytes) -> bool:
        """Whether this key stands there."""
        return place < len(self._keys) and self._keys[place].tobytes() == key

    def neighbour(self, place: int) -> Neighbour | None:
        """A key with its path; None outside of the tree."""
        if not 0 <= place < len(self._keys):
            return None
        path, index = [], place
        for level in self._levels[:-1]:
            beside = index ^ 1
            if 32 * beside < len(level):
                path.append(level[32 * beside : 32 * beside + 32].hex())
            index //= 2
        return Neighbour(place, self._keys[place].tobytes().hex(), tuple(path))


def _proof(
    store: Store, signed: SignedCommit, where: tuple[Shard, int, Sequence[bytes]], position: int, in_file: int
) -> RowProof:
    shard, place, shard_leaves = where
    leaves = store.objects.read(shard.leaves)
    salts = store.objects.open_local(standing(store, shard.salts).stored).read_bytes()
    text = _text(store, shard, in_file)
    parts = [leaves[at : at + 32] for at in range(0, len(leaves), 32)]
    masked = mask_of(store, shard)
    salt = salts[16 * position : 16 * position + 16]
    if hashlib.sha256(salt + hashlib.sha256(text).digest()).digest() != parts[position]:
        raise DatasetError(f"shard {shard.name}: row {position} is not the one of its leaf; verify the version")
    return RowProof(
        signed=signed,
        shard=ShardLeaf(
            shard.name,
            shard.root,
            shard.mask.sha256 if shard.mask else "",
            shard.table.sha256,
            shard.tar.sha256 if shard.tar else "",
        ),
        shard_index=place,
        shard_count=len(shard_leaves),
        shard_path=tuple(one.hex() for one in inclusion_proof(shard_leaves, place)),
        row=base64.b64encode(text).decode(),
        salt=salt.hex(),
        row_index=position,
        row_count=shard.rows,
        row_path=() if masked is not None else tuple(one.hex() for one in inclusion_proof(parts, position)),
        mask="" if masked is None else base64.b64encode(packed_mask(masked)).decode(),
        leaves="" if masked is None else base64.b64encode(leaves).decode(),
    )


def _text(store: Store, shard: Shard, in_file: int) -> bytes:
    """The cell of a row."""
    import pyarrow as pa  # noqa: PLC0415 - heavy
    import pyarrow.compute as pc  # noqa: PLC0415 - heavy

    rows = read_table(standing(store, shard.table).path).slice(in_file, 1).combine_chunks().to_batches()[0]
    image = None
    if shard.index is not None:
        index = read_table(standing(store, shard.index).path)
        own = index.filter(pc.equal(index.column("key"), rows.column(KEY)[0]))
        image = own.column("image_sha256")[0].as_py() if len(own) else None
    return bytes(next(iter(texts_of(rows, pa.array([image], pa.string())))))


def _normal(address: str) -> str:
    """The address as it is compared: normalised, or as it is written where it is no address of the web."""
    return normalise(address) or address
