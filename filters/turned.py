"""PDQ hashes of turned and mirrored pictures, made of the hash alone: where no picture may be opened any more.

A picture that is mirrored has every other of its cosine frequencies with the other sign, and one that is turned by a
right angle has lines and columns exchanged. A bit of a PDQ hash says whether a frequency is above the median, which is
near to 0; so the bits of those frequencies are the opposite, but for some that lie between 0 and the median. Unlike
`crawler.picture.pdq.forms_of`, which has the picture, this is near and not exact: of 80 pictures of up to 1,024
pixels a side, the hash of a turned one was 12 bits away in the middle, and nine in ten lay within the 31 bits of a
confident match. Small pictures are further away, for the reference's boxes are further off their middle.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_SIDE = 16
_BYTES = _SIDE * _SIDE // 8


def turned_hashes(rows: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The hashes N x 32 as they are, and the seven others of each: 8N x 32, first those as they are.

    Each of the eight is the same change of places and signs of bits for every hash, so that two hashes are as far from
    each other as their forms: it is the same whether a list is turned or what is looked up in it.
    """
    # the first frequency is the lowest bit of the last byte
    bits = np.unpackbits(rows, axis=1)[:, ::-1].reshape(-1, _SIDE, _SIDE)
    odd = (np.arange(_SIDE) % 2 == 0).astype(np.uint8)  # the frequency of place 0 is 1: half a wave
    mirrored, upside_down = odd[None, :], odd[:, None]
    upright = [bits, bits ^ mirrored, bits ^ upside_down, bits ^ mirrored ^ upside_down]
    every = np.concatenate([*upright, *(form.swapaxes(1, 2) for form in upright)])
    packed: NDArray[np.uint8] = np.packbits(every.reshape(-1, _SIDE * _SIDE)[:, ::-1], axis=1)
    assert packed.shape == (8 * len(rows), _BYTES)
    return packed
