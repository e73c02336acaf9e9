"""Which rows of a version a subset has: by a condition, by a list of ids, by a share of the ids, or all of these."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from crawler.dataset.manifest import Shard
from crawler.dataset.store import Store
from crawler.dataset.tables import standing
from crawler.dataset.uids import Uids, as_pairs
from crawler.errors import InputError, SettingsError
from workers.dataset.columns import Table
from workers.dataset.comparing.conditions import Condition
from workers.dataset.comparing.joining import ShardRows

_NPY = b"\x93NUMPY"
_ID = re.compile("[0-9a-fA-F]{32}")


@dataclass(frozen=True, slots=True)
class Choice:
    """What is asked for; a row has to fit all of it."""

    where: Condition | None = None
    #: ids as DataComp's lists hold them, sorted; a mapped file
    uids: NDArray[np.void] | None = None
    #: of all ids; the same rows for the same seed, and a smaller share is a part of a larger one
    share: float | None = None
    seed: int = 0

    def of(self, store: Store, shard: Shard) -> NDArray[np.int64]:
        """Positions of the rows of a shard that are chosen; ascending.

        Raises:
            SettingsError: a column is not there, or cannot be compared so.
            DatasetError: a file of the shard is missing.
        """
        rows = ShardRows(store, shard)
        chosen = np.ones(len(rows.positions), np.bool_)
        if self.uids is not None:
            chosen &= _listed(self.uids, rows.uids)
        if self.share is not None:
            chosen &= drawn(rows.uids, self.share, self.seed)
        if self.where is not None and chosen.any():
            chosen &= self._fitting(self.where, store, shard)[rows.positions_in_file]
        return rows.positions[chosen]

    def _fitting(self, where: Condition, store: Store, shard: Shard) -> NDArray[np.bool_]:
        """For each row of the table."""
        table = Table.open(standing(store, shard.table).path)
        if missing := [name for name in where.columns if name not in table.names]:
            raise SettingsError(
                f"{where.written}: shard {shard.name} has no column {', '.join(missing)}; "
                f"it has {', '.join(sorted(set(table.names.values())))}"
            )
        parts = [where.holds(part) for part in table.batches(where.columns)]
        return np.concatenate([np.empty(0, np.bool_), *parts])


def drawn(uids: Uids, share: float, seed: int = 0) -> NDArray[np.bool_]:
    """Which ids are drawn: each with this chance, by itself, and the same ones wherever they stand.

    The leading 64 bits of an id, mixed with the seed by SplitMix64 (Steele, Lea, Flood 2014), are compared with the
    share of all numbers.
    """
    if share >= 1:
        return np.ones(len(uids), np.bool_)
    return _mixed(as_pairs(uids)["f0"] ^ _mixed(np.array([seed], np.uint64))) < np.uint64(int(share * 2.0**64))


def listed_ids(path: Path) -> NDArray[np.void]:
    """Ids out of a file: DataComp's (numpy, dtype "u8,u8", sorted), or a text of 32 hex digits a line.

    Raises:
        InputError: it cannot be read as either.
    """
    from workers.export.uid_files import open_uids  # noqa: PLC0415 - heavy

    try:
        with path.open("rb") as file:
            if file.read(len(_NPY)) == _NPY:
                return open_uids(path)
        words = path.read_text("ascii").split()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as a list of ids: {error}") from error
    if any(_ID.fullmatch(word) is None for word in words):
        raise InputError(f"{path}: is neither DataComp's file of ids nor a text of 32 hex digits a line")
    raw = bytes.fromhex("".join(words))
    return np.unique(as_pairs(np.frombuffer(raw, np.uint8).reshape(-1, 16)))


def _listed(subset: NDArray[np.void], uids: Uids) -> NDArray[np.bool_]:
    from workers.export.uid_files import look_up  # noqa: PLC0415 - heavy

    _, times = look_up(subset, as_pairs(uids))
    return np.asarray(times > 0)


def _mixed(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    with np.errstate(over="ignore"):  # it is meant to wrap
        mixed = numbers + np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return mixed ^ (mixed >> np.uint64(31))
