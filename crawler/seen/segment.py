"""A segment: a sorted set of keys, in memory or in a file that is mapped, never changed once it is there.

The file: the tails of partition 0, sorted, then those of partition 1, and so on; then 4,097 numbers that say where each
partition starts. All of it is 64 bits wide, little-endian, without a header: numpy maps it as it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from crawler.commit import atomic_path
from crawler.seen.keys import KEY, PARTITIONS, Keys

#: bytes of a segment's file beyond its rows
FOOTER_BYTES = (PARTITIONS + 1) * 8
ROW_BYTES = 8
#: so many keys are asked partition by partition
_MANY = 32 * PARTITIONS


@dataclass(frozen=True, slots=True)
class Segment:
    """Keys by partition: those of partition p are `tails[starts[p]:starts[p + 1]]`, sorted, none twice."""

    tails: NDArray[np.uint64]
    starts: NDArray[np.int64]  # PARTITIONS + 1 of them

    @classmethod
    def of(cls, keys: Keys) -> Self:
        """The set of these keys, in memory."""
        order = np.argsort(keys["part"], kind="stable")  # radix: linear
        parts, tails = keys["part"][order], keys["tail"][order]
        starts = np.searchsorted(parts, np.arange(PARTITIONS + 1))
        for number in np.flatnonzero(np.diff(starts) > 1).tolist():
            tails[starts[number] : starts[number + 1]].sort()
        first = np.ones(len(keys), np.bool_)
        first[1:] = (parts[1:] != parts[:-1]) | (tails[1:] != tails[:-1])
        return cls(tails[first], np.searchsorted(parts[first], np.arange(PARTITIONS + 1)))

    @property
    def rows(self) -> int:
        """How many keys."""
        return len(self.tails)

    def part(self, number: int) -> NDArray[np.uint64]:
        """The tails of one partition."""
        return self.tails[self.starts[number] : self.starts[number + 1]]

    def keys(self) -> Keys:
        """All of them, in order."""
        keys = np.empty(self.rows, KEY)
        keys["part"] = np.repeat(np.arange(PARTITIONS, dtype=np.uint16), np.diff(self.starts))
        keys["tail"] = self.tails
        return keys

    def contains(self, keys: Keys) -> NDArray[np.bool_]:
        """Which of the keys are here."""
        if not self.rows:
            return np.zeros(len(keys), np.bool_)
        return self._contains_few(keys) if len(keys) < _MANY else self._contains_many(keys)

    def _contains_few(self, keys: Keys) -> NDArray[np.bool_]:
        """All keys at once, each halving what is left of its partition."""
        parts, tails = keys["part"], keys["tail"]
        low, end = self.starts[parts], self.starts[parts.astype(np.int64) + 1]
        high = end
        for _ in range(int((high - low).max(initial=0)).bit_length()):
            middle = (low + high) >> 1
            less = (low < high) & (self.tails[np.minimum(middle, self.rows - 1)] < tails)
            low, high = np.where(less, middle + 1, low), np.where(less, high, np.minimum(middle, high))
        found: NDArray[np.bool_] = (low < end) & (self.tails[np.minimum(low, self.rows - 1)] == tails)
        return found

    def _contains_many(self, keys: Keys) -> NDArray[np.bool_]:
        """Partition by partition, so that a mapped file is read once: faster where each has many keys."""
        order = np.argsort(keys["part"], kind="stable")
        tails = keys["tail"][order]
        asked = np.searchsorted(keys["part"][order], np.arange(PARTITIONS + 1))
        found = np.zeros(len(keys), np.bool_)
        for number in np.flatnonzero((np.diff(asked) > 0) & (np.diff(self.starts) > 0)).tolist():
            here, first, end = self.part(number), asked[number], asked[number + 1]
            places = here.searchsorted(tails[first:end])
            places[places == len(here)] = 0
            found[first:end] = here[places] == tails[first:end]
        answer = np.empty(len(keys), np.bool_)
        answer[order] = found
        return answer


def merged(segments: Sequence[Segment]) -> Segment:
    """All their keys, in memory."""
    return Segment.of(np.concatenate([np.empty(0, KEY), *(one.keys() for one in segments)]))


def same_keys(some: Sequence[Segment], others: Sequence[Segment]) -> bool:
    """Whether two collections of segments hold the same keys; memory holds one partition of each."""
    return all(
        np.array_equal(one, other) for one, other in zip(_merged_parts(some), _merged_parts(others), strict=True)
    )


def write_segment(path: Path, segments: Sequence[Segment]) -> int:
    """Merge segments into one file, whole or not at all; returns its rows. Memory holds one partition.

    Raises:
        OSError: the disk is full.
    """
    starts = [0]
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        for part in _merged_parts(segments):
            file.write(part.astype("<u8", copy=False).tobytes())
            starts.append(starts[-1] + len(part))
        file.write(np.array(starts, "<u8").tobytes())
    return starts[-1]


def read_segment(path: Path, rows: int) -> Segment | None:
    """The segment in a file, mapped into memory; None where the file is not one of so many rows."""
    try:
        if path.stat().st_size != rows * ROW_BYTES + FOOTER_BYTES:
            return None
        content = np.memmap(path, "<u8", "r")
    except FileNotFoundError:
        return None
    starts = np.array(content[rows:], np.int64)
    if starts[0] != 0 or starts[-1] != rows or (np.diff(starts) < 0).any():
        return None
    return Segment(content[:rows], starts)


def _merged_parts(segments: Sequence[Segment]) -> Iterator[NDArray[np.uint64]]:
    return (_sorted_set([one.part(number) for one in segments]) for number in range(PARTITIONS))


def _sorted_set(tails: Sequence[NDArray[np.uint64]]) -> NDArray[np.uint64]:
    joined = np.concatenate(tails) if tails else np.empty(0, np.uint64)
    joined.sort()
    if len(joined) > 1 and not (fresh := joined[1:] != joined[:-1]).all():
        joined = np.concatenate([joined[:1], joined[1:][fresh]])
    return joined
