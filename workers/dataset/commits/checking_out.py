"""A version as plain files: shards in img2dataset's layout, without masked and purged rows, and its descriptions."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack, nullcontext
from pathlib import Path

import msgspec

from crawler.commit import atomic_path, sweep, write_atomically
from crawler.dataset.manifest import Commit, Shard
from crawler.dataset.objects import hashed
from crawler.dataset.store import Store
from crawler.dataset.tables import mask_of, positions_of, standing
from crawler.errors import InputError
from workers.progress import Display


class _Marker(msgspec.Struct, frozen=True):
    """`NNNNN_stats.json` of a shard that was checked out: with it, the folder can be committed and completed as any."""

    count: int
    successes: int
    failed_to_download: int
    failed_to_resize: int
    status_dict: dict[str, int]
    files: dict[str, dict[str, int | str]]
    version: str  # of which the shard is


def check_out(store: Store, wanted: str, output: Path, *, display: Display | None = None) -> tuple[str, Commit]:
    """Write a version into a folder; the same call goes on with what was stopped. Returns its id and manifest.

    Rows keep their keys. A shard of which nothing is left is left out.

    Raises:
        InputError: there is no such version, or the folder holds other shards.
        DatasetError: a file of the version is missing, or not what it was.
        StoreUnavailableError, OSError: the store failed, or the disk is full.
    """
    found, commit = store.read_commit(wanted)
    output.mkdir(parents=True, exist_ok=True)
    sweep(output)
    total = sum(1 for _ in store.shards(commit))
    with display.phase("checkout", total, "shards") if display else nullcontext() as phase:
        for shard in store.shards(commit):
            _write(store, found, shard, output)
            if phase is not None:
                phase.advance(1)
    for name, stored in commit.descriptions.items():
        path = _inside(output, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        store.objects.copy(stored, path)
    return found, commit


def _write(store: Store, version: str, shard: Shard, output: Path) -> None:
    marker = output / f"{shard.name}_stats.json"
    if marker.exists():
        if _version_of(marker) == version:
            return
        raise InputError(f"{marker}: another version, or another data set, is in the folder; choose an empty one")
    table, tar = output / f"{shard.name}.parquet", output / f"{shard.name}.tar"
    purged = standing(store, shard.table).gone
    if shard.mask is None and not purged:
        store.objects.copy(shard.table, table)
        if shard.tar is not None:
            store.objects.copy(shard.tar, tar)
    elif not _cut(store, shard, table, tar):
        return
    _mark(version, marker, [path for path in (tar, table) if path.exists()])


def _version_of(marker: Path) -> object:
    """What a marker says of the version; None where it says nothing of it, or is none of ours."""
    try:
        return msgspec.json.decode(marker.read_bytes(), type=dict[str, object]).get("version")
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _cut(store: Store, shard: Shard, table: Path, tar: Path) -> bool:
    """Write what mask and purges have left of a shard; whether there is anything."""
    import numpy as np  # noqa: PLC0415 - heavy

    from crawler.dataset.cutting import ShardFiles, cut_shard, spans_in  # noqa: PLC0415 - heavy

    held = standing(store, shard.table)
    positions = positions_of(shard.rows, held.gone)
    masked = mask_of(store, shard)
    keep = np.flatnonzero(~masked[positions]) if masked is not None else np.arange(len(positions))
    if not len(keep):
        return False
    held_tar = None if shard.tar is None else standing(store, shard.tar).path
    spans = None if shard.index is None else spans_in(standing(store, shard.index).path)
    with atomic_path(table) as new_table, ExitStack() as landing:
        new_tar = None if held_tar is None else landing.enter_context(atomic_path(tar))
        cut_shard(
            ShardFiles(held.path, held_tar), ShardFiles(new_table, new_tar), shard.name, keep, spans, renumber=False
        )
    return True


def _mark(version: str, marker: Path, files: list[Path]) -> None:
    import pyarrow.parquet as pq  # noqa: PLC0415 - heavy

    with pq.ParquetFile(files[-1]) as table:
        rows = table.metadata.num_rows
        there = set(table.schema_arrow.names)
        columns = [
            table.read(columns=[name])[name].to_pylist() if name in there else []
            for name in ("status", "error_message")
        ]
    statuses = Counter(columns[0])
    told = Counter(str(message or "success") for message in columns[1])
    described: dict[str, dict[str, int | str]] = {
        path.name: {"bytes": one.bytes, "sha256": one.sha256} for path, one in ((path, hashed(path)) for path in files)
    }
    counted = _Marker(
        count=rows,
        successes=statuses["success"],
        failed_to_download=statuses["failed_to_download"],
        failed_to_resize=statuses["failed_to_resize"],
        status_dict=dict(told),
        files=described,
        version=version,
    )
    write_atomically(marker, msgspec.json.format(msgspec.json.encode(counted), indent=4) + b"\n")


def _inside(folder: Path, name: str) -> Path:
    """Raises InputError for a name in a manifest that leads out of the folder: whoever signed it may be a stranger."""
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()) or Path(name).is_absolute():
        raise InputError(f"description {name!r} would be written outside of {folder}")
    return path
