"""PDQ, Meta's perceptual hash of 256 bits, in numpy: the reference's bits, many times faster.

The reference blurs the brightness with two passes of a box filter, takes 64 x 64 points of the result, and asks of 16 x
16 of its cosine frequencies whether they exceed their median (ThreatExchange: pdq/README.md, hashing.pdf). Blurring and
taking points is linear and separable, so it is one weighted sum of lines, and one of columns: each sample is looked at
once. Where that leaves a doubt, because a frequency lies so near to the median that the reference's own rounding
decides (a drawing that is symmetrical has a hundred frequencies of nothing but rounding errors), the reference's steps
are made in the reference's order, in its 32 bits. The large sums are products with sparse matrices, which BLAS has no
part in: it would start threads, of which a decoder thread has no use, for its neighbours keep the other cores busy.
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
#: weights are kept for so many lengths of a side: 100 kB where it has 1,600 pixels, 1.3 MB for 20,000
_LENGTHS_KEPT = 512
#: samples that are made numbers of at a time, of 4 bytes
_NUMBERS_AT_ONCE = 1_000_000


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
    weights = _weights(height, upside_down, least_side).of_lines
    squeezed = np.empty((SIDE, width * 3), np.float32)
    step = max(1, _NUMBERS_AT_ONCE // height)
    for first in range(0, width * 3, step):
        squeezed[:, first : first + step] = weights @ lines[:, first : first + step].astype(np.float32)
    return squeezed


def _small(squeezed: NDArray[np.float32], mirrored: bool = False, least_side: int = _AS_IT_IS) -> NDArray[np.float32]:
    """The blurred brightness at 64 x 64 points, to more digits than the reference keeps."""
    weights = _weights(squeezed.shape[1] // 3, mirrored, least_side).of_samples
    small: NDArray[np.float32] = np.ascontiguousarray((weights @ squeezed.T).T)
    return small


class _Weights(NamedTuple):
    """What each of the 64 points takes of all lines (or columns) along a side, as sparse matrices."""

    of_lines: Any  # 64 x length
    of_samples: Any  # 64 x (3 x length): of a column's red, green and blue


@lru_cache(maxsize=_LENGTHS_KEPT)
def _weights(length: int, turned: bool, least_side: int) -> _Weights:
    """The weights of the 64 points along a side of `length`, or along that side seen from its other end.

    A box of boxes, both cut off at the picture's ends; where the side is shorter than `least_side`, as if each line
    were there so many times that it is not.
    """
    from scipy.sparse import csr_matrix  # noqa: PLC0415 - comes with imagehash, which takes half a second as well

    times = -(-least_side // length) if least_side else 1
    whole = length * times
    before, after = reach(whole)
    outer = np.array(centres(whole))[:, None] + np.arange(-before, after)[None, :]
    inside = (outer >= 0) & (outer < whole)
    starts, ends = np.clip(outer - before, 0, whole), np.clip(outer + after, 0, whole)
    share = inside / (np.maximum(ends - starts, 1) * inside.sum(axis=1, keepdims=True))
    rows = np.arange(SIDE)[:, None] * (whole + 1)
    changes = np.bincount((rows + starts).ravel(), share.ravel(), SIDE * (whole + 1))
    changes -= np.bincount((rows + ends).ravel(), share.ravel(), SIDE * (whole + 1))
    lines = np.cumsum(changes.reshape(SIDE, -1), axis=1)[:, :-1]
    # beyond its box of boxes a point takes nothing, where the running sum has some 1e-18 left
    first, end = np.where(inside, starts, whole).min(axis=1), np.where(inside, ends, 0).max(axis=1)
    places = np.arange(whole)
    taken = (places >= first[:, None]) & (places < end[:, None])
    lines = np.where(taken, lines, 0).reshape(SIDE, length, times).sum(axis=2)
    taken = taken.reshape(SIDE, length, times).any(axis=2)
    if turned:
        lines, taken = lines[:, ::-1], taken[:, ::-1]
    columns = np.broadcast_to(np.arange(length), taken.shape)[taken]
    stops = np.concatenate([[0], np.cumsum(taken.sum(axis=1))])
    values = lines[taken]
    of_colours = (columns[:, None] * 3 + np.arange(3)).ravel()
    return _Weights(
        csr_matrix((values.astype(np.float32), columns, stops), (SIDE, length)),
        csr_matrix((np.outer(values, LUMA).ravel().astype(np.float32), of_colours, stops * 3), (SIDE, length * 3)),
    )


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
