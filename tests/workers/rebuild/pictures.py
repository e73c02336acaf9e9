"""Pictures with something on them, so that perceptual hashes mean something."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from crawler.picture.hashes import hashes_of
from crawler.records import Hashes

_SIDE = 256


def a_scene(seed: int) -> Image.Image:
    """A picture of soft blots: no two seeds look alike, and encoding anew changes little."""
    coarse = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((_SIDE, _SIDE), Image.Resampling.BICUBIC)


def as_jpeg(image: Image.Image, quality: int = 95) -> bytes:
    """The file."""
    out = io.BytesIO()
    image.save(out, format="JPEG", quality=quality)
    return out.getvalue()


def hashes_of_body(body: bytes) -> Hashes:
    """What a list would have recorded of the file."""
    return hashes_of(body, Image.open(io.BytesIO(body)).convert("RGB"))
