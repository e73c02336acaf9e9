"""The steps of PDQ one by one, in the reference's order and its 32 bits: slow, and right to the last rounding error.

`crawler.picture.pdq` comes here where a picture's hash depends on such errors, and takes shape and cosines from here.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SIDE = 64  # of the small picture that frequencies are taken of
FREQUENCIES = 16  # in each direction, from the first above the mean
LUMA = _RED, _GREEN, _BLUE = 0.299, 0.587, 0.114
#: so many lines at once are made brightness of in 64 bits, which a whole picture would take 24 bytes a pixel for
_LINES_AT_ONCE = 16


def reach(length: int) -> tuple[int, int]:
    """How many lines before one, and how many from it on, are in its box: half a step of the 64 points together."""
    window = _window(length)
    after = (window + 2) // 2
    return window - after, after


def _window(length: int) -> int:
    return (length + 2 * SIDE - 1) // (2 * SIDE)


def centres(length: int) -> list[int]:
    """The 64 lines of `length` that are kept."""
    return [int((place + 0.5) * length / SIDE) for place in range(SIDE)]


def _dct() -> NDArray[np.float32]:
    """The first 16 cosines of 64 points above the constant one, one a row."""
    frequency, place = np.arange(1, FREQUENCIES + 1)[:, None], np.arange(SIDE)[None, :]
    cosines = np.cos(np.pi / 2 / SIDE * frequency * (2 * place + 1))
    rounded: NDArray[np.float32] = (np.float64(np.float32(np.sqrt(2 / SIDE))) * cosines).astype(np.float32)
    return rounded


DCT = _dct()


def small_picture(samples: NDArray[np.uint8]) -> NDArray[np.float32]:
    """The blurred brightness at 64 x 64 points with the rounding errors of running sums in 32 bits."""
    luma = _luma(samples)
    height, width = luma.shape
    if height == width == SIDE:
        return luma
    once = _boxed(_boxed(luma.T).T)
    return _boxed(_boxed(once.T)[centres(width)].T)[centres(height)]


def _luma(samples: NDArray[np.uint8]) -> NDArray[np.float32]:
    height, width, _ = samples.shape
    luma = np.empty((height, width), np.float32)
    for first in range(0, height, _LINES_AT_ONCE):
        some = samples[first : first + _LINES_AT_ONCE].astype(np.float64)
        luma[first : first + _LINES_AT_ONCE] = some[:, :, 0] * _RED + some[:, :, 1] * _GREEN + some[:, :, 2] * _BLUE
    return luma


def _boxed(lines: NDArray[np.float32]) -> NDArray[np.float32]:
    """Each line's mean with its neighbours, by a running sum that takes in one line and lets another go."""
    lines = np.ascontiguousarray(lines)
    length = len(lines)
    window, (_, after) = _window(length), reach(length)
    places = np.arange(length + after - 1)
    numbers = (np.minimum(places + 1, length) - np.maximum(0, places + 1 - window)).astype(np.float32)
    boxed = np.empty_like(lines)
    total = np.zeros_like(lines[0])
    for place, number in enumerate(numbers):
        if place < length:
            total += lines[place]
        if place >= window:
            total -= lines[place - window]
        if place >= after - 1:
            np.divide(total, number, out=boxed[place + 1 - after])
    return boxed


def frequencies_of(small: NDArray[np.float32]) -> NDArray[np.float32]:
    """The 16 x 16 frequencies, each a sum of 64 terms from the first to the last, twice."""
    across = _added_in_order(np.multiply(DCT.T[:, :, None], small[:, None, :], order="C"))
    return _added_in_order(np.multiply(across.T[:, :, None], DCT.T[:, None, :], order="C"))


def _added_in_order(terms: NDArray[np.float32]) -> NDArray[np.float32]:
    """The sum along the first axis; numpy adds term by term there, and in pairs only along the last axis in memory."""
    total: NDArray[np.float32] = np.add.reduce(terms, axis=0)
    return total
