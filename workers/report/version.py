"""The report of a version of a data set: its rows without those that it does not have, and how it came to be.

What a mask takes out and what a purge has removed is in no number, no list and no sample.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import numpy as np

from crawler.commit import write_atomically
from crawler.dataset.manifest import Commit, Shard
from crawler.dataset.store import Store
from crawler.dataset.tables import mask_of, positions_of, standing
from crawler.errors import DatasetError, InputError
from workers.dataset.comparing.comparing import compare
from workers.dataset.describing.statistics import Statistics
from workers.progress import Phase
from workers.report.finding import searchable
from workers.report.rows import Rows, open_rows
from workers.report.statistics import told_by_statistics
from workers.report.tables import told_by
from workers.report.times import moment
from workers.report.writing import Looked

#: versions that the history lists
_LISTED = 50


class Change(msgspec.Struct, frozen=True):
    """What a version changed, in rows, compared with its first parent."""

    added: int
    removed: int
    changed: int
    shards_changed: int


def look_at_version(store: Store, wanted: str, phase: Phase | None = None) -> Looked:
    """Everything known about a version, and a sample of its rows to search. `phase` is told of each shard.

    Raises:
        InputError: there is no such version, or a table cannot be read.
        DatasetError: something of it is missing or not what it should be.
        StoreUnavailableError, OSError: as `Store.read_commit`.
    """
    found, commit = store.read_commit(wanted)
    with open_version(store, commit, phase) as rows:
        told = told_by(rows)
        search = searchable(rows)
    report = _described(store, found, commit, told)
    report["search"] = {"rows": len(search["rows"]), "of": search["of"]}
    return Looked(report, search=search)


def look_at_statistics(store: Store, wanted: str) -> Looked:
    """The same of the statistics that are stored with the version: no table is read, nor downloaded.

    Raises:
        InputError: there is no such version, or it has none.
        DatasetError, StoreUnavailableError, OSError: as `look_at_version`.
    """
    found, commit = store.read_commit(wanted)
    stored = commit.descriptions.get("statistics.json")
    if stored is None:
        raise InputError(
            f"{store.address}: version {found[:12]} has no statistics; leave --stored out to count its rows"
        )
    try:
        statistics = msgspec.json.decode(store.objects.read(stored), type=Statistics)
    except msgspec.DecodeError as error:
        where = store.objects.where(stored.sha256)
        raise DatasetError(f"{where}: are no statistics: {error}; restore them from a backup") from error
    return Looked(_described(store, found, commit, told_by_statistics(statistics)))


@contextmanager
def open_version(store: Store, commit: Commit, phase: Phase | None = None) -> Iterator[Rows]:
    """The rows of a version, to be asked; of a bucket the tables are downloaded first.

    Raises:
        DatasetError, InputError, StoreUnavailableError, OSError: as `look_at_version`.
    """
    with TemporaryDirectory(prefix="pairtrawl-report-") as folder:
        tables: dict[Path, np.ndarray[Any, np.dtype[np.int64]]] = {}
        for number, shard in enumerate(store.shards(commit)):
            path, hidden = _table(store, shard)
            if path in tables:  # two shards of the same bytes may have masks of their own
                again = Path(folder) / f"{number:08d}.parquet"
                again.symlink_to(path.resolve())
                path = again
            tables[path] = hidden
            if phase is not None:
                phase.advance(1)
        masked: Mapping[Path, Any] = {path: places for path, places in tables.items() if len(places)}
        with open_rows(list(tables), hidden=masked) as rows:
            yield rows


def _table(store: Store, shard: Shard) -> tuple[Path, np.ndarray[Any, np.dtype[np.int64]]]:
    """The table of a shard as it is now, and which of its rows are masked, by their places in it."""
    table = standing(store, shard.table)
    masked = mask_of(store, shard)
    if masked is None:
        return table.path, np.empty(0, np.int64)
    return table.path, np.flatnonzero(masked[positions_of(shard.rows, table.gone)])


def _described(store: Store, found: str, commit: Commit, told: Mapping[str, Any]) -> dict[str, Any]:
    shards = masked = 0
    for shard in store.shards(commit):
        shards += 1
        masked += shard.masked
    totals = {
        "candidates": told.get("totals", {}).get("rows", 0),
        "kept": told.get("totals", {}).get("kept", 0),
        "shards": shards,
        "masked": masked,
        "bytes_written": commit.bytes,
    }
    return {
        **told,
        "kind": "version",
        "name": commit.dataset,
        "description": commit.message,
        "recipe_digest": commit.recipe,
        "version": commit.code.removeprefix("pairtrawl "),
        "id": found,
        "totals": totals,
        "history": history_of(store, found),
    }


def history_of(store: Store, version: str) -> list[dict[str, Any]]:
    """A version and those that it came from, the newest first, at most fifty.

    Each has `id`, `names` (lines of versions and tags), `at`, `message`, `rows`, `samples`, `bytes`, `parents`, and
    against its first parent `added`, `removed`, `changed` (rows) and `shards_changed`; the first version, and one whose
    files are not all there, has none of these four.

    Raises:
        DatasetError, StoreUnavailableError: a manifest is missing or not what it should be.
    """
    names: dict[str, list[str]] = {}
    for name, at in sorted((store.refs() | store.tags()).items()):
        names.setdefault(at, []).append(name)
    listed: list[tuple[str, Commit]] = []
    for one in store.history(version):
        listed.append(one)
        if len(listed) == _LISTED:
            break
    return [
        {
            "id": found,
            "names": names.get(found, []),
            "at": moment(commit.created),
            "message": commit.message,
            "rows": commit.rows,
            "samples": commit.samples,
            "bytes": commit.bytes,
            "parents": list(commit.parents),
            **msgspec.to_builtins(_change(store, found, commit) or {}),
        }
        for found, commit in listed
    ]


def _change(store: Store, found: str, commit: Commit) -> Change | None:
    """What came and went. Two versions never change, so that what was found out is kept beside the store."""
    if not commit.parents:
        return None
    kept = store.cache / "changes" / f"{commit.parents[0]}-{found}.json"
    try:
        return msgspec.json.decode(kept.read_bytes(), type=Change)
    except (FileNotFoundError, msgspec.DecodeError):
        pass
    try:
        summary, _ = compare(store, store.read_commit(commit.parents[0]), (found, commit))
    except DatasetError:  # a copy of a store need not have what earlier versions were made of
        return None
    change = Change(summary.added, summary.removed, summary.changed, len(summary.shards))
    kept.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(kept, msgspec.json.encode(change))
    return change
