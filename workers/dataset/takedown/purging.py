"""Bytes and metadata of removed rows go out of every version; leaves stay, and the roots of all versions still verify.

Each file of a shard that holds such a row is replaced: a stand-in without the row is stored, a signed redaction says
so, and only then the file itself is removed; the table comes last, for it says which rows they are. Killed anywhere,
the same command goes on. What a redaction names is a position in a shard, for everybody to read; so rows are purged
together with the decoys of their re-issue.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from crawler.dataset.cutting import cut_tar, read_table, write_table
from crawler.dataset.diffs import Uids, among, sorted_uids
from crawler.dataset.manifest import Redaction, Stored
from crawler.dataset.renumbering import Span
from crawler.dataset.store import Store
from crawler.dataset.tables import positions_of, standing
from crawler.dataset.tar_index import index_of, written_index
from crawler.errors import DatasetError
from workers.dataset.describing.gathering import forget
from workers.dataset.removed.register import RegisterFolder, TakedownError
from workers.dataset.takedown.forgetting import forget_steps
from workers.dataset.takedown.holding import Held, Positions, by_table, shards_with, uids_left
from workers.dataset.takedown.removing import Publisher
from workers.failpoints import failpoint

_SALT_BYTES = 16


@dataclass(slots=True)
class Purged:
    """What a purge did."""

    name: str  # what redactions call it
    rows: int = 0  # of all shards of all versions
    shards: int = 0
    objects: int = 0  # that were replaced


def purge(
    publisher: Publisher, register: RegisterFolder, takedowns: tuple[str, ...], *, unburied: bool = False
) -> Purged:
    """Remove what takedowns name, and the decoys of their re-issues, from every version of a store.

    Args:
        publisher: whose store and keys, and a folder for stand-ins until they are stored.
        register: knows which rows they are.
        takedowns: their names.
        unburied: also what no re-issue has buried: redactions then point at it.

    Raises:
        TakedownError: a takedown was not re-issued, rows of it stand only in older versions, or a line of versions
            still has them.
        SettingsError: there is no such takedown.
        DatasetError: a file of a version is missing.
    """
    store = publisher.store
    name, uids, real = _wanted(register, takedowns)
    _refuse_current(store, real)
    forget_steps(store, register)
    store.tidy()
    found = list(shards_with(store, sorted_uids(np.concatenate([uids, real]))))
    if not unburied:
        _refuse_unburied(found, uids, real)
    done = Purged(name)
    for group in by_table(found):
        for one in group:
            _purge_beside(publisher, done, one)
        _purge_table(publisher, done, group[0])
        failpoint("purge.shard_done")
    _empty_caches(store)
    if left := sum(1 for _ in shards_with(store, sorted_uids(np.concatenate([uids, real])))):
        raise DatasetError(f"{left} shards still hold rows that were purged: run the same command again")
    return done


def _wanted(register: RegisterFolder, takedowns: tuple[str, ...]) -> tuple[str, Uids, Uids]:
    """What redactions call it, the rows that re-issues have buried, and those that the takedowns name."""
    names = [register.takedown(one).id for one in takedowns]
    buried = [one for one in register.reissues() if one.commit and set(one.takedowns) & set(names)]
    uids = register.uids(*(one.id for one in buried)) if buried else np.empty((0, 16), np.uint8)
    name = buried[-1].id if buried else names[-1]
    return name, uids, register.uids(*names)


def _refuse_current(store: Store, real: Uids) -> None:
    """The newest version of each line has to be without the rows: a purge is no way to remove them from it."""
    for ref, at in store.refs().items():
        for shard in store.shards(store.read_commit(at)[1]):
            if among(uids_left(store, shard)[1], real).any():
                raise TakedownError(
                    f"{ref}: its newest version still has rows of the takedown; `dataset takedown cut` or `dataset "
                    "reissue` it first, so that nobody is served a version with holes"
                )


def _refuse_unburied(found: list[Held], uids: Uids, real: Uids) -> None:
    bare = sum(int((among(one.uids, real) & ~among(one.uids, uids)).sum()) for one in found)
    if bare:
        raise TakedownError(
            "rows of the takedown are in versions and in no re-issue: redactions would point at them. Re-issue first "
            "(`dataset reissue`); or, where the store is private or it cannot wait, say --unburied"
        )


def _purge_beside(publisher: Publisher, done: Purged, found: Held) -> None:
    """Replace the files of a shard but for its table."""
    shard, rows = found.shard, found.rows
    with tempfile.TemporaryDirectory(prefix="purge-", dir=publisher.scratch) as made:
        folder = Path(made)
        if shard.tar is not None:
            _replace(publisher, done, shard.tar, rows, lambda now: _tar_without(now, found.keys, folder))
        if shard.index is not None and shard.tar is not None:
            tar = shard.tar
            _replace(publisher, done, shard.index, rows, lambda _: _index_of(publisher.store, tar, folder))
        _replace(publisher, done, shard.salts, rows, lambda now: _salts_without(now, rows, folder))


def _purge_table(publisher: Publisher, done: Purged, found: Held) -> None:
    """Replace the table of a shard."""
    with tempfile.TemporaryDirectory(prefix="purge-", dir=publisher.scratch) as made:
        folder = Path(made)
        fresh = standing(publisher.store, found.shard.table)
        keep = np.flatnonzero(~np.isin(positions_of(found.shard.rows, fresh.gone), found.rows)).astype(np.int64)
        if _replace(publisher, done, found.shard.table, found.rows, lambda now: _table_without(now, keep, folder)):
            done.rows += len(found.rows)
            done.shards += 1


def _replace(
    publisher: Publisher, done: Purged, stored: Stored, rows: Positions, stand_in: Callable[[Path], Path]
) -> bool:
    """Put a stand-in in the place of what there is of an object; whether that was still to be done."""
    store = publisher.store
    now = standing(store, stored)
    while store.redaction(now.stored.sha256):  # a run was killed before it removed the object
        store.objects.delete(now.stored.sha256)
        now = standing(store, stored)
    if now.gone >= set(rows.tolist()):
        return False
    replaced_by = store.objects.put(stand_in(now.path))
    failpoint("purge.stand_in_stored")
    if replaced_by.sha256 == now.stored.sha256:  # nothing of the rows is in it: a picture that was never kept
        return False
    redaction = Redaction(
        object=now.stored.sha256, replaced_by=replaced_by, rows=tuple(rows.tolist()), takedown=done.name,
        author="", signature="",
    )  # fmt: skip
    store.write_redaction(redaction, publisher.keys)
    failpoint("purge.redaction_written")
    store.objects.delete(now.stored.sha256)
    failpoint("purge.object_deleted")
    done.objects += 1
    return True


def _tar_without(tar: Path, keys: frozenset[str], folder: Path) -> Path:
    index = index_of(tar)
    columns = (index.column(name).to_pylist() for name in ("key", "offset", "bytes"))
    staying = [Span(offset, size) for key, offset, size in zip(*columns, strict=True) if key not in keys]
    if len(staying) == len(index):
        return tar
    made = folder / "shard.tar"
    cut_tar(tar, made, staying)
    return made


def _index_of(store: Store, tar: Stored, folder: Path) -> Path:
    made = folder / "index.parquet"
    made.write_bytes(written_index(index_of(standing(store, tar).path)))
    return made


def _salts_without(salts: Path, rows: Positions, folder: Path) -> Path:
    content = bytearray(salts.read_bytes())
    for row in rows.tolist():
        content[row * _SALT_BYTES : (row + 1) * _SALT_BYTES] = bytes(_SALT_BYTES)
    made = folder / "salts"
    made.write_bytes(content)
    return made


def _table_without(table: Path, keep: Positions, folder: Path) -> Path:
    made = folder / "shard.parquet"
    write_table(made, read_table(table), keep, like=table)
    return made


def _empty_caches(store: Store) -> None:
    """What is replaced lies nowhere, on this machine's disk either: a purge of another machine cannot see to that.

    All that was ever redacted, for an earlier run may have been killed before it came here.
    """
    redacted = [name.rpartition("/")[2].removesuffix(".json") for name in store.documents.names("redactions/")]
    for sha256 in redacted:
        store.objects.delete(sha256)
    forget(store, redacted)
    store.tidy()
