"""Subset selection as DataComp's resharder does it, without reading whole tars.

What is looked for is found in the tables, so that what is missing is known before a tar is opened; then each sample
that is wanted is read at its place, renamed, and written. As there: `{:08d}.tar`, keys UID-0, UID-1 of a uid that is
wanted twice, `{:08d}_stats.json` with `successes`, and `sizes.json` over all.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pyarrow.compute
from numpy.typing import NDArray

from crawler.commit import atomic_path, write_atomically
from crawler.dataset.renumbering import Span
from crawler.errors import InputError
from crawler.statuses import SUCCESS
from crawler.tar import TarFile
from workers.export.choice import Choice
from workers.export.parts import Pin, open_output, write_pin
from workers.export.places import Place, ShardAt
from workers.export.rows import batches_of
from workers.export.spans import renamed
from workers.export.uid_files import Uids, look_up, mark, missing_of, no_bits, open_uids
from workers.export.uid_writing import NAMES, batch_uids, write_uids

pc: Any = pyarrow.compute  # its stubs take no plain texts and numbers

SAMPLES_PER_TAR = 10_000
_KEPT = Choice()
_ALL = Choice(kept_only=False)


@dataclass(frozen=True, slots=True)
class Survey:
    """What a place has of a subset: known from its tables alone."""

    wanted: int  # uids in the file, one that stands there twice counted twice
    samples: NDArray[np.int64]  # for each shard how many are taken of it
    without_picture: int  # uids of rows that have no picture here: dead, refused, rejected
    absent: int  # uids that no row has


class Taken(NamedTuple):
    """A sample that is wanted."""

    key: str  # in the tar
    new_key: str


def survey(place: Place, subset: Uids, missing: Path) -> Survey:
    """Look for a subset in the tables of a place; uids that it has no picture of are written to `missing`.

    Raises:
        InputError: a table cannot be read, or its rows have no uid.
        OSError: the disk is full.
    """
    seen, found = no_bits(subset), no_bits(subset)
    samples: list[int] = []
    for number, shard in enumerate(place.shards()):
        count = 0
        for batch in batches_of(shard, number, (*NAMES, "status"), _ALL):
            first, times = look_up(subset, batch_uids(shard, batch))
            mark(seen, first, times)
            kept = np.asarray(pc.equal(batch.column("status"), SUCCESS).fill_null(False))
            mark(found, first[kept], times[kept])
            count += int(times[kept].sum())
        samples.append(count)
    without = write_uids(missing, missing_of(subset, found))
    absent = sum(len(some) for some in missing_of(subset, seen))
    return Survey(len(subset), np.array(samples, np.int64), without - absent, absent)


def export_subset(
    place: Place,
    uid_file: Path,
    folder: Path,
    *,
    told: Callable[[int], None],
    say: Callable[[Survey], None],
    samples_per_tar: int = SAMPLES_PER_TAR,
) -> Mapping[str, int]:
    """Write the samples of a uid file as new tars; tars that are there from an earlier try stay.

    `say` hears what is missing before any tar is read, `told` of samples that are written, or were before.
    `missing.npy` has the uids that there is no picture of. Returns counts.

    Raises:
        InputError: the uid file or a shard cannot be read, or a tar lacks a sample that its table has.
        RunFolderError: the folder holds something else.
        OSError: the disk is full.
    """
    subset = open_uids(uid_file)
    options = {"uids": len(subset), "edges": _edges(subset), "samples_per_tar": samples_per_tar}
    pin = Pin("datacomp", place.identity, options)
    open_output(folder, pin)
    surveyed = survey(place, subset, folder / "missing.npy")
    say(surveyed)
    sizes: dict[str, int] = {}
    source = _Source(place, subset)
    for number, stretches in enumerate(tars_of(surveyed.samples.tolist(), samples_per_tar)):
        stem = f"{number:08d}"
        count = sum(stretch.stop - stretch.start for _, stretch in stretches)
        if not (folder / f"{stem}_stats.json").exists():
            _write_tar(folder / f"{stem}.tar", source, stretches)
            write_atomically(folder / f"{stem}_stats.json", msgspec.json.encode({"successes": count}) + b"\n")
        sizes[f"{stem}.tar"] = count
        told(count)
    write_atomically(folder / "sizes.json", msgspec.json.encode(sizes) + b"\n")
    done = {"samples": sum(sizes.values()), "tars": len(sizes), "missing": surveyed.absent + surveyed.without_picture}
    write_pin(folder, Pin(pin.form, pin.place, pin.options, done))
    return done


def tars_of(samples: Sequence[int], most: int) -> Iterator[Sequence[tuple[int, range]]]:
    """How samples of shards are dealt to tars of at most `most`: for each tar shards, and which of their samples."""
    stretches: list[tuple[int, range]] = []
    room = most
    for shard, count in enumerate(samples):
        start = 0
        while start < count:
            taken = min(room, count - start)
            stretches.append((shard, range(start, start + taken)))
            start += taken
            room -= taken
            if not room:
                yield stretches
                stretches, room = [], most
    if stretches:
        yield stretches


def _write_tar(path: Path, source: _Source, stretches: Sequence[tuple[int, range]]) -> None:
    with atomic_path(path) as temporary, TarFile(temporary) as tar:
        for shard, stretch in stretches:
            for sample in source.samples(shard, stretch):
                tar.append(sample)


class _Source:
    """Samples by shard and place in the selection; shards are asked for in order."""

    def __init__(self, place: Place, subset: Uids) -> None:
        self._subset = subset
        self._shards = enumerate(place.shards())
        self._number = -1
        self._shard: ShardAt | None = None
        self._taken: list[Taken] = []
        self._spans: Mapping[str, Span] = {}

    def samples(self, number: int, stretch: range) -> Iterator[bytes]:
        """The members of some of the samples that are taken of a shard, under their new keys.

        Raises:
            InputError: the tar is missing, or lacks one of them.
        """
        shard = self._go_to(number)
        tar = shard.tar()
        if tar is None:
            raise InputError(f"shard {shard.name}: has rows with pictures, and no tar")
        with tar.open("rb", buffering=0) as file:
            for one in self._taken[stretch.start : stretch.stop]:
                span = self._spans.get(one.key)
                if span is None:
                    raise InputError(f"{tar}: lacks sample {one.key}, which its table has")
                members = os.pread(file.fileno(), span.bytes, span.offset)
                if len(members) != span.bytes:
                    raise InputError(f"{tar}: was cut short within sample {one.key}")
                yield renamed(members, one.new_key)

    def _go_to(self, number: int) -> ShardAt:
        if self._shard is None or number != self._number:
            self._number, self._shard = next(one for one in self._shards if one[0] == number)
            self._taken = list(_taken_of(self._shard, number, self._subset))
            self._spans = self._shard.spans()
        return self._shard


def _taken_of(shard: ShardAt, number: int, subset: Uids) -> Iterator[Taken]:
    for batch in batches_of(shard, number, (*NAMES, "key"), _KEPT):
        uids = batch_uids(shard, batch)
        _, times = look_up(subset, uids)
        keys: list[Any] = batch.column("key").to_pylist()
        for at in np.flatnonzero(times).tolist():
            uid = f"{int(uids['f0'][at]):016x}{int(uids['f1'][at]):016x}"
            for again in range(int(times[at])):
                yield Taken(keys[at], f"{uid}-{again}")


def _edges(subset: Uids) -> list[str]:
    """Enough of a uid file to notice that it is another one: a few of its uids."""
    places = sorted({at * (len(subset) - 1) // 16 for at in range(17)}) if len(subset) else []
    return [f"{int(subset[at]['f0']):016x}{int(subset[at]['f1']):016x}" for at in places]
