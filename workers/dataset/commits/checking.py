"""One shard of a version, compared with what the version says of it, bit by bit and row by row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np

from crawler.dataset.manifest import Shard, Stored
from crawler.dataset.merkle import root_of
from crawler.dataset.row_digests import digests, leaf_data
from crawler.dataset.store import Store
from crawler.dataset.tables import Standing, mask_of, positions_of, standing
from crawler.dataset.tar_index import index_of, read_index
from crawler.errors import DatasetError, InputError

_SALT = 16
_LEAF = 32


def check_shard(store: Store, shard: Shard, authors: set[str]) -> tuple[list[str], Counter[str]]:
    """What is wrong with a shard, each sentence with the name of the file, and how many rows were purged, by takedown.

    Args:
        store: where it lies.
        shard: as a version names it.
        authors: public keys of those who may redact.

    Raises:
        StoreUnavailableError, OSError: the store failed.
    """
    look = _Look(store, shard, authors)
    found = look.files()
    try:
        if not look.problems:
            look.rows(found)
    except (DatasetError, InputError) as error:
        look.problems.append(f"shard {shard.name}: {error}")
    purged = {row: one.takedown for file in found.values() for one in file.redactions for row in one.rows}
    for file in found.values():
        store.objects.forget(file.stored)
    return look.problems, Counter(purged.values())


class _Look:
    def __init__(self, store: Store, shard: Shard, authors: set[str]) -> None:
        self._store = store
        self._shard = shard
        self._authors = authors
        self.problems: list[str] = []

    def files(self) -> dict[str, Standing]:
        """The files of the shard, each hashed anew, or what stands in for them."""
        shard = self._shard
        named = {"table": shard.table, "tar": shard.tar, "index": shard.index, "leaves": shard.leaves,
                 "salts": shard.salts, "mask": shard.mask}  # fmt: skip
        found = {}
        for what, stored in named.items():
            if stored is None:
                continue
            try:
                found[what] = self._file(what, stored)
            except DatasetError as error:
                self.problems.append(f"{what} of shard {shard.name}: {error}")
        return found

    def _file(self, what: str, stored: Stored) -> Standing:
        file = standing(self._store, stored, check=True)
        if file.redactions and what in ("leaves", "mask"):
            raise DatasetError(f"{self._store.objects.where(stored.sha256)}: was redacted, which nothing asks for")
        for one in file.redactions:
            if one.author not in self._authors:
                raise DatasetError(f"redactions/{one.object}.json is signed by a stranger, {one.author}")
            if any(not 0 <= row < self._shard.rows for row in one.rows):
                raise DatasetError(f"redactions/{one.object}.json names rows that the shard does not have")
        return file

    def rows(self, found: dict[str, Standing]) -> None:
        """The rows against their leaves. Raises DatasetError and InputError for what cannot be read."""
        shard, table, leaves = self._shard, found["table"], found["leaves"].path.read_bytes()
        salts = found["salts"].path.read_bytes()
        if len(leaves) != _LEAF * shard.rows or len(salts) != _SALT * shard.rows:
            raise DatasetError(
                f"has {len(leaves) // _LEAF} leaves and {len(salts) // _SALT} salts of {shard.rows} rows"
            )
        if root_of(_cut(leaves, _LEAF)).hex() != shard.root:
            raise DatasetError(f"{self._where('leaves', found)}: the tree over them has another root")
        index = read_index(found["index"].path) if "index" in found else None
        if "tar" in found and (index is None or not index_of(found["tar"].path).equals(index)):
            raise DatasetError(f"{self._where('index', found)}: is not the index of the tar")
        gone = frozenset[int]().union(*(file.gone for file in found.values()))
        if any(salts[_SALT * row : _SALT * (row + 1)] != bytes(_SALT) for row in gone):
            raise DatasetError(f"{self._where('salts', found)}: has the salts of purged rows still")
        positions = positions_of(shard.rows, table.gone).tolist()
        told = list(digests(table.path, index))
        if len(told) != len(positions):
            raise DatasetError(f"{self._where('table', found)}: has {len(told)} rows and not {len(positions)}")
        for place, digest in zip(positions, told, strict=True):
            salt = salts[_SALT * place : _SALT * (place + 1)]
            if leaf_data(salt, digest) != leaves[_LEAF * place : _LEAF * (place + 1)]:
                raise DatasetError(f"{self._where('table', found)}: row {place} is not the row of its leaf")
        self._sums(found, 0 if index is None else len(index))

    def _sums(self, found: dict[str, Standing], samples: int) -> None:
        redacted = "tar" in found and found["tar"].gone
        if samples != self._shard.samples and not redacted:
            raise DatasetError(f"has {samples} samples and not {self._shard.samples}")
        masked = mask_of(self._store, self._shard)  # raises where it does not fit
        if masked is None and (self._shard.masked or self._shard.masked_samples):
            raise DatasetError("says that rows are masked, and has no mask")
        if masked is not None and not 0 <= self._shard.masked_samples <= int(np.count_nonzero(masked)):
            raise DatasetError("says that more samples are masked than rows")

    def _where(self, what: str, found: dict[str, Standing]) -> str:
        return f"{what} {self._store.objects.where(found[what].stored.sha256)}"


def _cut(packed: bytes, size: int) -> Iterator[bytes]:
    return (packed[place : place + size] for place in range(0, len(packed), size))
