"""The border to imagehash: all hashes of a picture that removal lists, now and later, are matched against."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from crawler.records import Hashes

if TYPE_CHECKING:
    from PIL.Image import Image


def hashes_of(body: bytes, pixels: Image) -> Hashes:
    """Exact hashes of the bytes as received; pHash and PDQ of the whole upright picture, before any crop or resize.

    `phash` has the bits of `imagehash.phash` at its defaults (64 bits, row by row, most significant first), so that
    published lists in imagehash's hex form are `int(text, 16)`; `pdq` and its quality are those of Meta's reference
    (`crawler.picture.pdq`). Computed once, where a picture is made: whoever needs one later takes it from the record.
    """
    import imagehash  # noqa: PLC0415 - brings scipy, which takes half a second; not at start-up
    import numpy as np  # noqa: PLC0415 - a decoder process imports this module's neighbours, and needs no numpy

    from crawler.picture.pdq import pdq_of  # noqa: PLC0415 - brings numpy

    bits = imagehash.phash(pixels).hash
    pdq = pdq_of(pixels)
    return Hashes(
        # md5 and sha1 because removal lists come in them; nothing here is trusted for being unforgeable but sha256
        md5=hashlib.md5(body, usedforsecurity=False).hexdigest(),
        sha1=hashlib.sha1(body, usedforsecurity=False).hexdigest(),
        sha256=hashlib.sha256(body).hexdigest(),
        phash=int.from_bytes(np.packbits(bits).tobytes(), "big"),
        pdq=pdq.bits,
        pdq_quality=pdq.quality,
    )
