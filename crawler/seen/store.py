"""The segments of an index on disk.

New keys come as a segment of their own; of eight segments of one size one is made. So a row is written some six times
while five billion come together, and a look-up asks some twenty segments, 42 at the most. Beside each segment lies a
list of the shards that are in it. It is written last and removed first: without it a segment does not count.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec

from crawler.commit import remove, sweep, write_atomically
from crawler.seen.segment import Segment, read_segment, write_segment

#: rows of the smallest size of a segment: 2 MB
LEAST_ROWS = 1 << 18
#: so many segments of one size become one; three bits, so that a size is three bits more than the one below it
_FAN_IN = 8
_FAN_BITS = 3

_KEYS, _LIST = ".keys", ".json"


class _Content(msgspec.Struct, frozen=True):
    """What lies beside a segment: how long it is, and the identities of the shards that it was made from."""

    rows: int
    shards: list[str]


class _Stored(NamedTuple):
    number: int  # its name
    segment: Segment
    shards: list[str]


class Store:
    """The segments in a folder, which is made if absent. One process at a time may have it open.

    Segments that hold a shard whose identity is not among `committed` are removed: their other shards have to be read
    again.

    Raises:
        OSError: the folder cannot be written.
    """

    def __init__(self, folder: Path, committed: frozenset[str]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        sweep(folder)
        self._folder = folder
        self._stored: list[_Stored] = []
        self.shards: set[str] = set()
        # large ones first: a merge that was killed leaves its parts beside what they became
        for one in sorted(self._found(), key=lambda one: (-len(one.shards), one.number)):
            if committed.issuperset(one.shards) and not self.shards.issuperset(one.shards):
                self._stored.append(one)
                self.shards.update(one.shards)
        self._remove_all_but(one.number for one in self._stored)

    @property
    def segments(self) -> list[Segment]:
        """What a look-up asks."""
        return [one.segment for one in self._stored]

    def add(self, segment: Segment, shards: Sequence[str]) -> None:
        """Write a segment that was made from these shards, and make one of many where there are enough of one size.

        Raises:
            OSError: the disk is full; what was there is still there.
        """
        self._write([segment], list(shards))
        self.shards.update(shards)
        while group := self._group():
            self._join(group)

    def join_all(self) -> None:
        """Make one segment of all.

        Raises:
            OSError: the disk is full; what was there is still there.
        """
        if len(self._stored) > 1:
            self._join(list(self._stored))

    def _group(self) -> list[_Stored]:
        """Segments of one size that are enough to become one; none where there are not enough."""
        sizes: dict[int, list[_Stored]] = defaultdict(list)
        for one in self._stored:
            sizes[(one.segment.rows // LEAST_ROWS).bit_length() // _FAN_BITS].append(one)
        return next((group for group in sizes.values() if len(group) >= _FAN_IN), [])

    def _join(self, group: Sequence[_Stored]) -> None:
        self._write([one.segment for one in group], sorted({shard for one in group for shard in one.shards}))
        gone = {one.number for one in group}
        self._stored = [one for one in self._stored if one.number not in gone]
        self._remove_all_but(one.number for one in self._stored)

    def _write(self, segments: Sequence[Segment], shards: list[str]) -> None:
        number = max((one.number for one in self._stored), default=-1) + 1
        rows = write_segment(self._path(number, _KEYS), segments)
        write_atomically(self._path(number, _LIST), msgspec.json.encode(_Content(rows, shards)) + b"\n")
        written = read_segment(self._path(number, _KEYS), rows)
        assert written is not None  # it was flushed and renamed into place
        self._stored.append(_Stored(number, written, shards))

    def _found(self) -> Iterator[_Stored]:
        """Segments that are whole."""
        for number in self._numbers(_LIST):
            try:
                content = msgspec.json.decode(self._path(number, _LIST).read_bytes(), type=_Content)
            except msgspec.DecodeError:
                continue
            segment = read_segment(self._path(number, _KEYS), content.rows)
            if segment is not None and content.shards:
                yield _Stored(number, segment, content.shards)

    def _remove_all_but(self, numbers: Iterator[int]) -> None:
        stay = set(numbers)
        for ending in (_LIST, _KEYS):
            for number in self._numbers(ending):
                if number not in stay:
                    remove(self._path(number, ending))

    def _numbers(self, ending: str) -> list[int]:
        return sorted(int(path.stem) for path in self._folder.glob(f"*{ending}") if path.stem.isdecimal())

    def _path(self, number: int, ending: str) -> Path:
        return self._folder / f"{number:06d}{ending}"
