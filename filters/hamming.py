"""Exact search by Hamming distance: is any of ten million hashes within so many bits of this one?

Multi-index hashing (Norouzi, Punjani, Fleet 2012), by the generalised pigeonhole. A hash is cut into chunks, and each
is searched with a radius of its own, r. Two hashes that differ by more than r in each chunk differ by the sum of all
r + 1 at least; so where that sum is `radius` + 1, whatever lies within `radius` lies within r in some chunk. Each chunk
has a table with a bucket for each of its values: a query looks up the values within r of its own, and whoever lies in
those buckets is compared in full. Nothing within the radius is missed and nothing beyond it is found, which a removal
list needs and which indexes that approximate do not promise.

How many chunks, how wide, and with which radii, depends on the number of hashes (`cut`): ten million PDQ hashes within
31 bits take 2,800 look-ups and 3,300 comparisons, where 16 chunks of 16 bits would take 272 and 41,500.
"""

from __future__ import annotations

import itertools
import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

#: up to so many hashes comparing all of them is faster (`benchmarks/looking_up.py --crossover`)
FLAT_UP_TO = 4_000
#: what a look-up and a comparison cost beside each other (the same)
_LOOK_UP, _COMPARISON = 1.0, 1.5
#: look-ups and comparisons made at once: few enough for the processor's caches, enough for numpy's calls not to matter
_AT_ONCE = 1 << 17
_WORD_BYTES = 8


class Chunk(NamedTuple):
    """Bits of a hash that have a table of their own."""

    first: int  # bit, from the highest of the first byte on
    width: int  # bits
    radius: int  # in which it is searched


def cut(number: int, bits: int, radius: int) -> tuple[Chunk, ...]:
    """The chunks with which a search among `number` hashes of `bits` bits costs least; `radius` is below `bits`.

    Their `radius + 1` add up to `radius + 1`, they do not overlap, and no table has more than four times as many
    buckets as there are hashes.
    """
    widest = max(8, number.bit_length() + 1)
    best, least = None, math.inf
    for chunks in range(1, radius + 2):
        share, wider = divmod(radius + 1, chunks)
        for width in range(1, min(widest, bits // chunks) + 1):
            # chunks with the larger radius get what the others leave
            rest = bits - (chunks - wider) * width
            width_of_wider = min(widest, rest // wider) if wider else 0
            if width < share or (wider and width_of_wider < share + 1):
                continue
            cost = (chunks - wider) * _cost(number, width, share - 1) + wider * _cost(number, width_of_wider, share)
            if cost < least:
                best, least = [(width, share - 1)] * (chunks - wider) + [(width_of_wider, share)] * wider, cost
    assert best is not None  # one bit for each of radius + 1 chunks is always possible
    firsts = itertools.accumulate((width for width, _ in best), initial=0)
    return tuple(Chunk(first, width, within) for first, (width, within) in zip(firsts, best, strict=False))


def _cost(number: int, width: int, radius: int) -> float:
    """Of one chunk of random hashes."""
    return _neighbours(width, radius) * (_LOOK_UP + _COMPARISON * number / (1 << width))


def _neighbours(width: int, radius: int) -> int:
    return sum(math.comb(width, ones) for ones in range(radius + 1))


class HammingIndex:
    """Hashes, to be asked whether any of them is near.

    `rows` is N x width in bytes, any N, in any order; it is kept, not copied, where its width is a multiple of 8. A
    distance of exactly `radius` is near. Tables are built at once: 10 s for 10 million rows of 32 bytes, which then
    take 113 bytes each, those of the row included (`benchmarks/looking_up.py`). Asking is safe from many threads.
    """

    def __init__(self, rows: NDArray[np.uint8], radius: int, *, flat_up_to: int = FLAT_UP_TO) -> None:
        if rows.ndim != 2 or rows.dtype != np.uint8 or rows.shape[1] == 0 or radius < 0:
            raise ValueError(f"{rows.ndim} dimensions of {rows.dtype} within {radius}, instead of bytes N x width")
        self._width = rows.shape[1]
        self._radius = radius
        self._words = _words(rows)
        bits = self._width * 8
        self._tables = None
        if len(rows) > flat_up_to and radius < bits:
            self._tables = _Tables(rows, cut(len(rows), bits, radius))

    def __repr__(self) -> str:
        """No hash is part of it."""
        return f"HammingIndex({len(self._words)} rows of {self._width} bytes, radius {self._radius})"

    @property
    def memory_bytes(self) -> int:
        """Of hashes and tables."""
        return self._words.nbytes + (self._tables.memory_bytes if self._tables else 0)

    def within(self, queries: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """For each of the queries, Q x width, whether any row differs from it in at most `radius` bits."""
        if queries.ndim != 2 or queries.dtype != np.uint8 or queries.shape[1] != self._width:
            raise ValueError(f"queries of {queries.dtype} {queries.shape}, instead of bytes Q x {self._width}")
        near = np.zeros(len(queries), np.bool_)
        if len(self._words):
            at_once = max(1, _AT_ONCE // (self._tables.look_ups if self._tables else len(self._words)))
            for first in range(0, len(queries), at_once):
                some = slice(first, first + at_once)
                near[some] = self._near(queries[some])
        return near

    def _near(self, queries: NDArray[np.uint8]) -> NDArray[np.bool_]:
        asked = _words(queries)
        if self._tables is None:
            near: NDArray[np.bool_] = _distances(asked[:, None, :], self._words).min(axis=1) <= self._radius
            return near
        near = np.zeros(len(queries), np.bool_)
        starts, numbers = self._tables.buckets(queries)
        filled = np.flatnonzero(numbers)
        whose = filled // self._tables.look_ups
        starts, numbers = starts.ravel()[filled].astype(np.int64), numbers.ravel()[filled].astype(np.int64)
        ends = np.cumsum(numbers)
        # a bucket may hold the whole list, where someone has made a list for that; it is taken in pieces
        for first in range(0, int(ends[-1]) if len(ends) else 0, _AT_ONCE):
            last = min(first + _AT_ONCE, int(ends[-1]))
            part = slice(int(np.searchsorted(ends, first, "right")), int(np.searchsorted(ends, last, "left")) + 1)
            before = ends[part] - numbers[part]
            begun = np.maximum(before, first)
            taken = np.minimum(ends[part], last) - begun
            places = np.repeat(starts[part] - before, taken) + np.arange(first, last)
            whose_place = np.repeat(whose[part], taken)
            # `take` that need not check its places takes whole rows ten times faster than an index does
            rows = self._words.take(self._tables.rows[places], axis=0, mode="clip")
            distances = _distances(rows, asked.take(whose_place, axis=0, mode="clip"))
            near[whose_place[distances <= self._radius]] = True
        return near


class _Tables:
    """For each chunk, which rows have which value: all buckets of all chunks in one row after the other."""

    def __init__(self, rows: NDArray[np.uint8], chunks: tuple[Chunk, ...]) -> None:
        self._chunks = chunks
        number = len(rows)
        buckets = sum(1 << chunk.width for chunk in chunks)
        room: type[np.unsignedinteger] = np.uint32 if number * len(chunks) < 1 << 32 else np.uint64
        self.rows = np.empty(number * len(chunks), np.uint32)
        self._starts: NDArray[np.unsignedinteger] = np.zeros(buckets + 1, room)
        bases, base = [], 0
        for place, chunk in enumerate(chunks):
            values = _values(rows, chunk)
            counts = np.bincount(values, minlength=1 << chunk.width)
            ends = self._starts[base + 1 : base + len(counts) + 1]
            np.cumsum(counts, out=ends)
            ends += room(place * number)
            # sorting value and row number in one word is several times faster than argsort
            values <<= np.uint64(32)
            values |= np.arange(number, dtype=np.uint64)
            values.sort()
            self.rows[place * number : (place + 1) * number] = values.astype(np.uint32)
            bases.append(base)
            base += 1 << chunk.width
        self._masks = np.concatenate([_masks(chunk.width, chunk.radius) for chunk in chunks])
        neighbours = [_neighbours(chunk.width, chunk.radius) for chunk in chunks]
        self._chunk_of_look_up = np.repeat(np.arange(len(chunks)), neighbours)
        self._base_of_look_up = np.repeat(np.array(bases), neighbours)

    @property
    def look_ups(self) -> int:
        """That one query makes."""
        return len(self._masks)

    @property
    def memory_bytes(self) -> int:
        return self.rows.nbytes + self._starts.nbytes

    def buckets(self, queries: NDArray[np.uint8]) -> tuple[NDArray[np.unsignedinteger], NDArray[np.unsignedinteger]]:
        """Where in `rows` the buckets that each query looks at begin, and how many rows they hold: Q x look_ups."""
        values = np.stack([_values(queries, chunk).astype(np.int64) for chunk in self._chunks], axis=1)
        places = values[:, self._chunk_of_look_up]
        places ^= self._masks
        places += self._base_of_look_up
        starts = self._starts[places]
        places += 1
        return starts, self._starts[places] - starts


def _masks(width: int, radius: int) -> NDArray[np.int64]:
    """Every number of `width` bits of which at most `radius` are set."""
    return np.array(
        [
            sum(1 << place for place in places)
            for ones in range(radius + 1)
            for places in itertools.combinations(range(width), ones)
        ],
        np.int64,
    )


def _values(rows: NDArray[np.uint8], chunk: Chunk) -> NDArray[np.uint64]:
    """What each row has in the bits of a chunk."""
    first, last = chunk.first // 8, (chunk.first + chunk.width - 1) // 8
    values = np.zeros(len(rows), np.uint64)
    for place in range(first, last + 1):
        values <<= np.uint64(8)
        values |= rows[:, place]
    values >>= np.uint64(8 * (last + 1) - chunk.first - chunk.width)
    values &= np.uint64((1 << chunk.width) - 1)
    return values


def _words(rows: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """The rows in words of 64 bits, filled up with zeros; which bit is where does not matter for a distance."""
    missing = -rows.shape[1] % _WORD_BYTES
    whole = np.pad(rows, ((0, 0), (0, missing))) if missing else np.ascontiguousarray(rows)
    return whole.view(np.uint64)


def _distances(some: NDArray[np.uint64], others: NDArray[np.uint64]) -> NDArray[np.uint16]:
    """In how many bits rows of words differ; leading axes are broadcast."""
    ones = np.bitwise_count(some ^ others)
    # in 16 bits: 256 ones would be none in 8
    total: NDArray[np.uint16] = ones[..., 0].astype(np.uint16)
    for place in range(1, ones.shape[-1]):
        total += ones[..., place]
    return total
