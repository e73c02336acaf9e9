"""PDQ, Meta's perceptual hash of 256 bits, in numpy: the reference's bits, many times faster.

The reference blurs the brightness with two passes of a box filter, takes 64 x 64 points of the result, and asks of 16 x
16 of its cosine frequencies whether they exceed their median (ThreatExchange: pdq/README.md, hashing.pdf). Blurring and
taking points is linear and separable, so it is one weighted sum of lines, and one of columns: each sample is looked at
once. Where that leaves a doubt, because a frequency lies so near to the median that the reference's own rounding
decides (a drawing that is symmetrical has a hundred frequencies of nothing but rounding errors), the reference's steps
are made in the reference's order, in its 32 bits. No matrix product here is large enough for BLAS to start threads, of
which a decoder thread has no use: its neighbours keep the other cores busy.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from crawler.picture.pdq_steps import DCT, LUMA, SIDE, centres, frequencies_of, reach, small_picture

if TYPE_CHECKING:
    from PIL.Image import Image

BITS = 256
#: below this quality a picture is too plain for its hash to mean anything (pdq/README.md: discard 49 and less)
LEAST_QUALITY = 50

_SHORTEST_SIDE = 5  # pixels; smaller pictures have the hash 0 and the quality 0
#: how far the reference's rounding can move a frequency near the median; 0.0008 was the most of 250 pictures
_FREQUENCY_DOUBT = 0.003
#: and a step of brightness between neighbours of the small picture, in percent of white; 0.0007 was the most
_STEP_DOUBT = 0.001
#: a picture is large, and its boxes are near to the middle, from so many pixels a side on
_LARGE_SIDE, _AS_IT_IS = 1_200, 0
#: so many doubtful bits of a turned form are not worth 30 ms: a copy is looked for within 31 bits
_FEW_DOUBTFUL = 4
#: pixels up to which a picture is looked at again in doubt: that takes 16 bytes and 40 ns a pixel
_MOST_PIXELS_TWICE = 4_000_000
#: weights are kept for so many lengths of a side: 26 kB where it has 1,600 pixels, 330 kB for 20,000
_LENGTHS_KEPT = 512


class Pdq(NamedTuple):
    """A hash, and whether it means anything."""

    bits: int  # 256, the order of the 64 hex digits in which PDQ hashes are published
    quality: int  # 0 to 100


def pdq_of(pixels: Image) -> Pdq:
    """The hash of a whole RGB picture at its full size, equal to that of `pdqhash.compute` (0.2.8 on x86-64)."""
    if min(pixels.size) < _SHORTEST_SIDE:
        return Pdq(0, 0)
    samples = np.asarray(pixels)
    small = _small(_squeezed(samples))
    least, most = _qualities(small)
    if least != most and _may_be_looked_at_again(samples):
        least = _quality(small_picture(samples))
    return Pdq(_bits_of(small, samples), least)


def forms_of(pixels: Image, *, turned: bool, resized: bool) -> tuple[int, ...]:
    """The hashes under which a copy of an RGB picture may be listed; the first is its own.

    `turned` adds those of the picture mirrored, upside down, rotated by 180 degrees, and of these four with rows and
    columns exchanged. The reference makes them of the frequencies of the first (`compute_dihedral`), as if its boxes
    lay in the middle, which they do not: such a form is up to 60 bits away from the hash of a picture that was really
    turned. Here the weights are turned, which is exact but for the rounding of a frequency or two.

    `resized` adds all of them as of the picture enlarged to 1,200 pixels a side, where it is smaller: by how much the
    boxes are off the middle depends on the size, so that a thumbnail is often more than 31 bits away from its original.
    """
    if min(pixels.size) < _SHORTEST_SIDE:
        return (0,)
    samples = np.asarray(pixels)
    forms = _small_forms(samples, turned, _AS_IT_IS)
    upright, *others = (
        _bits_of(small, form, 0 if not place else _FEW_DOUBTFUL) for place, (small, form) in enumerate(forms)
    )
    if resized and min(pixels.size) < _LARGE_SIDE:
        others += [_bits(DCT @ small @ DCT.T) for small, _ in _small_forms(samples, turned, _LARGE_SIDE)]
    return (upright, *others)


def _small_forms(
    samples: NDArray[np.uint8], turned: bool, least_side: int
) -> list[tuple[NDArray[np.float32], NDArray[np.uint8]]]:
    """The small picture, or those of all eight turned forms, and the form that it is of."""
    forms = []
    for upside_down in (False, True)[: 1 + turned]:
        squeezed = _squeezed(samples, upside_down, least_side)
        for mirrored in (False, True)[: 1 + turned]:
            form = samples[:: -1 if upside_down else 1, :: -1 if mirrored else 1]
            forms.append((_small(squeezed, mirrored, least_side), form))
    return forms + [(small.T, form.swapaxes(0, 1)) for small, form in forms if turned]


def _bits_of(small: NDArray[np.float32], samples: NDArray[np.uint8], doubtful: int = 0) -> int:
    """The bits of a picture from its small picture; from the picture where rounding decides more than `doubtful`."""
    frequencies = DCT @ small @ DCT.T
    if _doubtful(frequencies) <= doubtful or not _may_be_looked_at_again(samples):
        return _bits(frequencies)
    return _bits(frequencies_of(small_picture(samples)))


def _may_be_looked_at_again(samples: NDArray[np.uint8]) -> bool:
    return samples.size <= 3 * _MOST_PIXELS_TWICE


def _squeezed(
    samples: NDArray[np.uint8], upside_down: bool = False, least_side: int = _AS_IT_IS
) -> NDArray[np.float32]:
    """The picture, or the picture upside down, blurred and taken at 64 points of each column: 64 x (3 x width)."""
    height, width, _ = samples.shape
    lines = samples.reshape(height, width * 3)
    squeezed = np.empty((SIDE, width * 3), np.float32)
    for place, (first, end, weights, _) in enumerate(_weights(height, upside_down, least_side)):
        # einsum and not a product of matrices, for which BLAS would start threads
        np.einsum("n,nw->w", weights, lines[first:end].astype(np.float32), out=squeezed[place])
    return squeezed


def _small(squeezed: NDArray[np.float32], mirrored: bool = False, least_side: int = _AS_IT_IS) -> NDArray[np.float32]:
    """The blurred brightness at 64 x 64 points, to more digits than the reference keeps."""
    small = np.empty((SIDE, SIDE), np.float32)
    for place, (first, end, _, weights) in enumerate(_weights(squeezed.shape[1] // 3, mirrored, least_side)):
        np.einsum("hn,n->h", squeezed[:, first * 3 : end * 3], weights, out=small[:, place])
    return small


class _Weights(NamedTuple):
    """What one of the 64 points takes of the lines (or columns) from `first` to `end`."""

    first: int
    end: int
    lines: NDArray[np.float32]  # one a line
    samples: NDArray[np.float32]  # three a column, for red, green and blue


@lru_cache(maxsize=_LENGTHS_KEPT)
def _weights(length: int, turned: bool, least_side: int) -> tuple[_Weights, ...]:
    """The weights of the 64 points along a side of `length`, or along that side seen from its other end.

    A box of boxes, both cut off at the picture's ends; where the side is shorter than `least_side`, as if each line
    were there so many times that it is not.
    """
    times = -(-least_side // length) if least_side else 1
    before, after = reach(length * times)
    weights = []
    for centre in centres(length * times):
        outer = np.arange(max(0, centre - before), min(length * times, centre + after))
        starts, ends = np.maximum(outer - before, 0), np.minimum(outer + after, length * times)
        first, end = int(starts[0]) // times, -(-int(ends[-1]) // times)
        share = 1 / ((ends - starts) * len(outer))
        changes = np.zeros((end - first) * times + 1)
        np.add.at(changes, starts - first * times, share)
        np.subtract.at(changes, ends - first * times, share)
        lines = np.cumsum(changes)[:-1].reshape(-1, times).sum(axis=1)
        if turned:
            first, end, lines = length - end, length - first, lines[::-1]
        samples = np.outer(lines, LUMA).ravel()
        weights.append(_Weights(first, end, lines.astype(np.float32), samples.astype(np.float32)))
    return tuple(weights)


def _bits(frequencies: NDArray[Any]) -> int:
    """A bit for each frequency above the median, of which the lower of two is meant; the first is the lowest bit."""
    flat = frequencies.ravel()
    above = _beyond_the_median(flat) > 0
    return int.from_bytes(np.packbits(above[::-1]).tobytes(), "big")


def _beyond_the_median(flat: NDArray[Any]) -> NDArray[Any]:
    middle = len(flat) // 2 - 1
    beyond: NDArray[Any] = flat - np.partition(flat, middle)[middle]
    return beyond


def _doubtful(frequencies: NDArray[Any]) -> int:
    """How many frequencies besides the median are so near to it that rounding could put them on the other side."""
    near = np.abs(_beyond_the_median(frequencies.ravel())) < _FREQUENCY_DOUBT
    return int(np.count_nonzero(near)) - 1


def _qualities(small: NDArray[np.float32]) -> tuple[int, int]:
    """The least and the most that the quality can be, whichever way steps near a whole percent are rounded."""
    steps = _steps(small)
    return _sum_of_steps(steps - np.float32(_STEP_DOUBT)), _sum_of_steps(steps + np.float32(_STEP_DOUBT))


def _quality(small: NDArray[np.float32]) -> int:
    return _sum_of_steps(_steps(small))


def _steps(small: NDArray[np.float32]) -> NDArray[np.float32]:
    """All steps of brightness between neighbours, in percent of white, without sign."""
    steps = np.concatenate([np.diff(small, axis=0).ravel(), np.diff(small, axis=1).ravel()])
    percents: NDArray[np.float32] = np.abs(steps * np.float32(100) / np.float32(255))
    return percents


def _sum_of_steps(steps: NDArray[np.float32]) -> int:
    """Whole percents only, divided by what the reference's authors found to make 100 of a good picture."""
    return min(100, int(steps.astype(np.int32).sum()) // 90)
