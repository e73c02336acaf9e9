"""The border to imagehash: all hashes of a picture that removal lists, now and later, are matched against."""

from __future__ import annotations

import hashlib
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, NamedTuple

from crawler.records import Hashes

if TYPE_CHECKING:
    from PIL.Image import Image

#: those that pixels are needed for
PERCEPTUAL = frozenset(("phash", "pdq"))
#: every hash but SHA-256, which is always computed
ALL = frozenset(("md5", "sha1")) | PERCEPTUAL


class Looks(NamedTuple):
    """The perceptual hashes of a picture; 0 for those that were not asked for."""

    phash: int = 0
    pdq: int = 0
    pdq_quality: int = 0


def hashes_of(body: bytes, pixels: Image, kinds: AbstractSet[str] = ALL) -> Hashes:
    """Exact hashes of the bytes as received; pHash and PDQ of the whole upright picture, before any crop or resize.

    SHA-256 and those of `kinds` ("md5", "sha1", "phash", "pdq"). Computed once, where a picture is made: whoever needs
    one later takes it from the record.
    """
    return hashes_with(body, looks_of(pixels, kinds), kinds)


def looks_of(pixels: Image, kinds: AbstractSet[str] = PERCEPTUAL) -> Looks:
    """The perceptual hashes among `kinds` of a whole upright picture.

    `phash` has the bits of `imagehash.phash` at its defaults (64 bits, row by row, most significant first), so that
    published lists in imagehash's hex form are `int(text, 16)`; `pdq` and its quality are those of Meta's reference
    (`crawler.picture.pdq`).
    """
    phash = _phash(pixels) if "phash" in kinds else 0
    if "pdq" not in kinds:
        return Looks(phash)
    from crawler.picture.pdq import pdq_of  # noqa: PLC0415 - brings numpy

    return Looks(phash, *pdq_of(pixels))


def hashes_with(body: bytes, looks: Looks, kinds: AbstractSet[str]) -> Hashes:
    """The hashes of a picture whose perceptual ones among `kinds` are known."""
    return Hashes(
        # md5 and sha1 because removal lists come in them; nothing here is trusted for being unforgeable but sha256
        md5=hashlib.md5(body, usedforsecurity=False).hexdigest() if "md5" in kinds else "",
        sha1=hashlib.sha1(body, usedforsecurity=False).hexdigest() if "sha1" in kinds else "",
        sha256=hashlib.sha256(body).hexdigest(),
        phash=looks.phash,
        pdq=looks.pdq,
        pdq_quality=looks.pdq_quality,
        computed=ALL & kinds,
    )


def load_what_looks_need() -> None:
    """Import what perceptual hashes are made with: half a second, and impossible once no file may be opened."""
    from PIL import Image  # noqa: PLC0415 - as the others

    looks_of(Image.effect_noise((64, 64), 50).convert("RGB"))


def _phash(pixels: Image) -> int:
    import imagehash  # noqa: PLC0415 - brings scipy, which takes half a second; not at start-up
    import numpy as np  # noqa: PLC0415 - a decoder process imports this module's neighbours, and needs no numpy

    return int.from_bytes(np.packbits(imagehash.phash(pixels).hash).tobytes(), "big")
