"""Tables in which near hashes are looked up: how a hash is cut into chunks, and who has which value in each.

Multi-index hashing (Norouzi, Punjani, Fleet 2012), by the generalised pigeonhole. A hash is cut into chunks, and each
is searched with a radius of its own, r. Two hashes that differ by more than r in each chunk differ by the sum of all
r + 1 at least; so where that sum is `radius` + 1, whatever lies within `radius` lies within r in some chunk. Each chunk
has a table with a bucket for each of its values: a query looks up the values within r of its own, and whoever lies in
those buckets is compared in full. Nothing within the radius is missed and nothing beyond it is found, which a removal
list needs and which indexes that approximate do not promise.

More is known (Qin and Xiao 2018, the pigeonring): of chunks in a ring there is one within its own r that, together with
the chunk after it, is within the sum of both r + 1. So an entry of a table has, beside the number of its row, as many
bits of the next chunk as its word has left, and most rows are out before they are looked at: each that is costs a read
from memory. Ten million leave 8 bits, which rule out two of three; a million leave 12, and one in twelve passes.

How many chunks, how wide, and with which radii, depends on the number of hashes (`cut`): ten million PDQ hashes within
31 bits take 2,800 look-ups, 3,300 entries and 1,200 comparisons, where 16 chunks of 16 bits would take 272 and 41,500.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

#: what a look-up and a comparison cost beside each other (`benchmarks/looking_up.py --crossover`)
_LOOK_UP, _COMPARISON = 1.0, 1.5
#: candidates handed out at once: few enough for the processor's caches, enough for numpy's calls not to matter
AT_ONCE = 1 << 17
_WORD_BITS = 64
#: of an entry of a table: a row's number, and in what is left at most so many bits of the next chunk
_ENTRY_BITS, _MOST_TOLD = 32, 16


class Chunk(NamedTuple):
    """Bits of a hash that have a table of their own."""

    first: int  # bit, from the lowest of the first byte on
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
    best.sort(reverse=True)  # the widest first: see `Tables`
    firsts = itertools.accumulate((width for width, _ in best), initial=0)
    return tuple(Chunk(first, width, within) for first, (width, within) in zip(firsts, best, strict=False))


def _cost(number: int, width: int, radius: int) -> float:
    """Of one chunk of random hashes."""
    return _neighbours(width, radius) * (_LOOK_UP + _COMPARISON * number / (1 << width))


def _neighbours(width: int, radius: int) -> int:
    return sum(math.comb(width, ones) for ones in range(radius + 1))


class _Cuts:
    """Takes the values of chunks out of words."""

    def __init__(self, chunks: tuple[Chunk, ...], words: int) -> None:
        firsts = np.array([chunk.first for chunk in chunks], np.uint64)
        self._word = (firsts // _WORD_BITS).astype(np.int64)
        self._next_word = np.minimum(self._word + 1, words - 1)  # what it gives of the last one is masked
        self._shift = firsts % np.uint64(_WORD_BITS)
        self._masks = np.array([(1 << chunk.width) - 1 for chunk in chunks], np.uint64)

    def values(self, words: NDArray[np.uint64]) -> NDArray[np.uint64]:
        """What each row has in the bits of each chunk: N x chunks."""
        values = words[:, self._next_word]
        values <<= np.uint64(1)
        values <<= np.uint64(_WORD_BITS - 1) - self._shift
        values |= words[:, self._word] >> self._shift
        values &= self._masks
        return values


class Tables:
    """For each chunk, which rows have which value: all buckets of all chunks in one row after the other.

    An entry is a row's number and, above it, bits of what the row has in the next chunk.
    """

    def __init__(self, words: NDArray[np.uint64], chunks: tuple[Chunk, ...]) -> None:
        number = len(words)
        buckets = sum(1 << chunk.width for chunk in chunks)
        room: type[np.unsignedinteger] = np.uint32 if number * len(chunks) < 1 << 32 else np.uint64
        following = (*chunks[1:], chunks[0])
        self._row_bits = np.uint32((number - 1).bit_length())
        self._told = np.array([self._bits_told(chunk) if len(chunks) > 1 else 0 for chunk in following], np.uint64)
        self._cuts = _Cuts(chunks, words.shape[1])
        self._entries = np.empty(number * len(chunks), np.uint32)
        self._starts: NDArray[np.unsignedinteger] = np.zeros(buckets + 1, room)
        bases, base = [], 0
        later = _Cuts(chunks[:1], words.shape[1]).values(words).ravel()
        for place, chunk in enumerate(chunks):
            values, later = later, _Cuts((following[place],), words.shape[1]).values(words).ravel()
            counts = np.bincount(values, minlength=1 << chunk.width)
            ends = self._starts[base + 1 : base + len(counts) + 1]
            np.cumsum(counts, out=ends)
            ends += room(place * number)
            entries = later & self._told[place]
            entries <<= np.uint64(self._row_bits)
            entries |= np.arange(number, dtype=np.uint64)
            # sorting value and entry in one word is several times faster than argsort
            values <<= np.uint64(_ENTRY_BITS)
            values |= entries
            values.sort()
            self._entries[place * number : (place + 1) * number] = values.astype(np.uint32)
            bases.append(base)
            base += 1 << chunk.width
        self._set_look_ups(chunks, following, bases)

    def _bits_told(self, following: Chunk) -> int:
        return (1 << min(_ENTRY_BITS - int(self._row_bits), following.width, _MOST_TOLD)) - 1

    def _set_look_ups(self, chunks: tuple[Chunk, ...], following: tuple[Chunk, ...], bases: list[int]) -> None:
        """Which buckets a query looks at, and how far off the next chunk may be in each."""
        flips = [_masks(chunk.width, chunk.radius) for chunk in chunks]
        self._flips = np.concatenate(flips)
        self._chunk_of_look_up = np.repeat(np.arange(len(chunks)), [len(some) for some in flips])
        # wider chunks come first, so that a base has no bit that a flip turns over
        self._bases = np.array(bases, np.uint64)
        within = np.array([chunk.radius + after.radius + 1 for chunk, after in zip(chunks, following, strict=True)])
        allowed = within[self._chunk_of_look_up] - np.bitwise_count(self._flips)
        # a look-up that allows less than the most has bits set that no entry has: one number then bounds all
        self._most = int(allowed.max())
        beyond = np.minimum(self._most - allowed, _ENTRY_BITS - _MOST_TOLD)
        self._beyond = (((1 << beyond) - 1) << _MOST_TOLD).astype(np.uint32)

    @property
    def look_ups(self) -> int:
        """That one query makes."""
        return len(self._flips)

    @property
    def memory_bytes(self) -> int:
        """Of entries and where buckets begin."""
        return self._entries.nbytes + self._starts.nbytes

    def candidates(self, asked: NDArray[np.uint64]) -> Iterator[tuple[NDArray[np.uint32], NDArray[np.int64]]]:
        """Numbers of rows that may be near, and of the query that each may be near to; in pieces of bounded memory."""
        values = self._cuts.values(asked)
        places = (values | self._bases).view(np.int64).take(self._chunk_of_look_up, axis=1)
        places ^= self._flips
        starts = self._starts.take(places, mode="clip")
        places += 1
        numbers = (self._starts.take(places, mode="clip") - starts).ravel().astype(np.int64)
        told = (np.roll(values, -1, axis=1) & self._told).astype(np.uint32).take(self._chunk_of_look_up, axis=1)
        told |= self._beyond
        told = told.ravel()
        ends = np.cumsum(numbers)
        begins = ends - numbers
        ends_of_queries = ends[self.look_ups - 1 :: self.look_ups]
        shifts = starts.ravel().astype(np.int64) - begins
        # a bucket may hold the whole list, where someone has made a list for that; it is taken in pieces
        for first in range(0, int(ends[-1]), AT_ONCE):
            last = min(first + AT_ONCE, int(ends[-1]))
            part = slice(int(np.searchsorted(ends, first, "right")), int(np.searchsorted(ends, last, "left")) + 1)
            taken = np.minimum(ends[part], last) - np.maximum(begins[part], first)
            places = np.repeat(shifts[part], taken)
            places += np.arange(first, last)
            entries = self._entries.take(places, mode="clip")
            differ = np.repeat(told[part], taken)
            differ ^= entries >> self._row_bits
            may_be = np.flatnonzero(np.bitwise_count(differ) <= self._most)
            rows = entries[may_be] & np.uint32((1 << int(self._row_bits)) - 1)
            yield rows, np.searchsorted(ends_of_queries, may_be + first, "right")


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
