"""Exact search by Hamming distance: is any of ten million hashes within so many bits of this one?

Lists of some size are asked through tables (`filters.hamming_tables`), short ones hash by hash. Either way nothing
within the radius is missed and nothing beyond it is found.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from filters.hamming_tables import AT_ONCE, Tables, cut

#: up to so many hashes comparing all of them is faster (`benchmarks/looking_up.py --crossover`)
FLAT_UP_TO = 4_000
_WORD_BYTES = 8


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
            self._tables = Tables(self._words, cut(len(rows), bits, radius))

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
            at_once = max(1, AT_ONCE // (self._tables.look_ups if self._tables else len(self._words)))
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
        for numbers, whose in self._tables.candidates(asked):
            # `take` that need not check its places takes whole rows ten times faster than an index does
            rows = self._words.take(numbers, axis=0, mode="clip")
            distances = _distances(rows, asked.take(whose, axis=0, mode="clip"))
            near[whose[distances <= self._radius]] = True
        return near


def _words(rows: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """The rows in words of 64 bits, filled up with zeros; which bit is where does not matter for a distance."""
    missing = -rows.shape[1] % _WORD_BYTES
    whole = np.pad(rows, ((0, 0), (0, missing))) if missing else np.ascontiguousarray(rows)
    return whole.view("<u8")


def _distances(some: NDArray[np.uint64], others: NDArray[np.uint64]) -> NDArray[np.uint16]:
    """In how many bits rows of words differ; leading axes are broadcast."""
    ones = np.bitwise_count(some ^ others)
    # in 16 bits: 256 ones would be none in 8
    total: NDArray[np.uint16] = ones[..., 0].astype(np.uint16)
    for place in range(1, ones.shape[-1]):
        total += ones[..., place]
    return total
