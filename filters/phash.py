"""64-bit perceptual hashes: which say something, and exact search within a radius."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BITS = 64
_FEWEST_ONES, _MOST_ONES = 0.16 * BITS, 0.84 * BITS


def is_degenerate(phash: int) -> bool:
    """Whether a hash says nothing: fewer than 16 % or more than 84 % of its bits are set.

    Flat colours, gradients and drawings on white all hash to such values, so one in a list would match pictures that
    have nothing in common but their emptiness.
    """
    return not _FEWEST_ONES <= phash.bit_count() <= _MOST_ONES


def smallest_distance(listed: NDArray[np.uint64], phash: int) -> int:
    """The number of bits in which `phash` differs from the nearest of `listed` (at least one), by looking at all.

    Exact on purpose: an index that sometimes misses is no removal list. 20 ms for a million entries.
    """
    return int(_ones(listed ^ np.uint64(phash)).min())


def _ones(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Set bits of each word, by adding neighbours; `numpy.bitwise_count` came only with numpy 2."""
    words = words - ((words >> np.uint64(1)) & np.uint64(0x5555555555555555))
    words = (words & np.uint64(0x3333333333333333)) + ((words >> np.uint64(2)) & np.uint64(0x3333333333333333))
    words = (words + (words >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return (words * np.uint64(0x0101010101010101)) >> np.uint64(56)
