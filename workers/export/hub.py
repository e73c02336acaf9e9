"""A folder as the Hugging Face Hub likes it: a card, shards in folders of a thousand, and no masked row.

Files are linked where the disk allows it. A shard of which rows are left out is cut: its samples are numbered anew.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from crawler.commit import atomic_path, write_atomically
from crawler.dataset.cutting import ShardFiles, cut_shard
from crawler.dataset.manifest import Stored
from crawler.dataset.objects import hashed
from workers.dataset.describing.describing import texts_of
from workers.dataset.describing.gathering import Countable, counts_of, gather
from workers.dataset.describing.hub_layout import HUB, SHARD_LIST
from workers.dataset.describing.partials import Partial, looked_at
from workers.dataset.describing.statistics import statistics_of
from workers.dataset.describing.wids_index import Entry, wids_index
from workers.export.choice import Choice
from workers.export.linking import link_or_copy
from workers.export.parts import Pin, open_output, write_pin
from workers.export.places import Place, ShardAt, open_table
from workers.export.rows import NUMBER, batches_of
from workers.export.spans import spans_of


class Listed(msgspec.Struct, frozen=True):
    """A line of `shards.jsonl`."""

    name: str
    rows: int
    samples: int
    table: Stored
    tar: Stored | None = None


@dataclass(frozen=True, slots=True)
class _Folder:
    """The folder that is being made."""

    path: Path
    choice: Choice

    def table(self, name: str) -> Path:
        return self.path / HUB.path_of(name, ".parquet")

    def tar(self, name: str) -> Path:
        return self.path / HUB.path_of(name, ".tar")


def export_hub(place: Place, folder: Path, choice: Choice, *, told: Callable[[int], None]) -> Mapping[str, int]:
    """Lay out a repository: `data/`, card, Croissant, wids index, statistics. Shards that are there stay.

    Returns counts: shards, rows, samples. A shard of which no row is left is left out.

    Raises:
        InputError: a shard cannot be read, or its keys cannot be numbered anew.
        RunFolderError: the folder holds something else.
        OSError: the disk is full.
    """
    pin = Pin("hf", place.identity, {"kept_only": choice.kept_only, "where": choice.where})
    open_output(folder, pin)
    made = _Folder(folder, choice)
    rows = samples = shards = 0
    with tempfile.TemporaryDirectory(prefix="pairtrawl-hub-") as scratch:
        lines = Path(scratch) / SHARD_LIST
        with lines.open("wb") as file:
            for number, shard in enumerate(place.shards()):
                listed = _lay(shard, number, made)
                if listed is not None:
                    file.write(msgspec.json.encode(listed) + b"\n")
                    rows, samples, shards = rows + listed.rows, samples + listed.samples, shards + 1
                told(1)
        _describe(place, folder, lines, Path(scratch) / "counts")
        with atomic_path(folder / SHARD_LIST) as temporary:
            shutil.copyfile(lines, temporary)
    done = {"shards": shards, "rows": rows, "samples": samples}
    write_pin(folder, Pin(pin.form, pin.place, pin.options, done))
    return done


def _lay(shard: ShardAt, number: int, made: _Folder) -> Listed | None:
    """Put the files of a shard where they belong; None where no row of it is left."""
    table, tar = made.table(shard.name), shard.tar()
    target = None if tar is None else made.tar(shard.name)
    keep = _positions(shard, number, made.choice)
    if not len(keep):
        return None
    table.parent.mkdir(parents=True, exist_ok=True)
    whole = len(keep) == open_rows(shard.table())
    if not table.exists():  # the last file of the shard to appear
        if whole:
            if tar is not None and target is not None:
                link_or_copy(tar, target)
            link_or_copy(shard.table(), table)
        else:
            _cut(shard, keep, ShardFiles(table, target))
    known = shard.stored() if whole else None
    stored = known or (hashed(table), None if target is None else hashed(target))
    samples = 0 if target is None else len(shard.spans() if whole else spans_of(target))
    return Listed(shard.name, len(keep), samples, *stored)


def open_rows(table: Path) -> int:
    """How many rows a table has."""
    with open_table(table) as file:
        return int(file.metadata.num_rows)


def _positions(shard: ShardAt, number: int, choice: Choice) -> NDArray[np.int64]:
    first = number << 33
    found = [np.asarray(batch.column(NUMBER)) - first for batch in batches_of(shard, number, (), choice)]
    return np.concatenate(found) if found else np.empty(0, np.int64)


def _cut(shard: ShardAt, keep: NDArray[np.int64], target: ShardFiles) -> None:
    tar = shard.tar()
    with ExitStack() as landing:
        table = landing.enter_context(atomic_path(target.table))  # left last
        pictures = None if target.tar is None else landing.enter_context(atomic_path(target.tar))
        cut_shard(ShardFiles(shard.table(), tar), ShardFiles(table, pictures), shard.name, keep, shard.spans())


def _describe(place: Place, folder: Path, lines: Path, scratch: Path) -> None:
    """Say in the folder what is in it, by the files that are there."""
    listed = [msgspec.json.decode(line, type=Listed) for line in lines.read_bytes().splitlines()]
    gathered = gather((_countable(folder, one) for one in listed), scratch)
    statistics = statistics_of(place.dataset(), place.root(), gathered, place.removals())
    for path, content in texts_of(statistics, hashed(lines), HUB):
        (folder / path).parent.mkdir(exist_ok=True)
        write_atomically(folder / path, content)
    entries = (
        Entry(HUB.path_of(one.name, ".tar"), one.samples, one.tar.bytes) for one in listed if one.tar and one.samples
    )
    write_atomically(folder / "wids.json", b"".join(wids_index(place.dataset(), entries)))


def _countable(folder: Path, listed: Listed) -> Countable:
    path = folder / HUB.path_of(listed.name, ".parquet")
    return Countable(
        listed.table.sha256, hashlib.sha256(listed.name.encode()).hexdigest()[:32], 0, lambda: counted(path)
    )


def counted(table: Path) -> Partial:
    """The counts of a table, streamed.

    Raises:
        InputError: it cannot be read.
    """
    with open_table(table) as file:
        schema = file.schema_arrow
        return counts_of(schema, file.iter_batches(columns=looked_at(schema)))
