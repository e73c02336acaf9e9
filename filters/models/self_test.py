"""Known answers of the embedded model: an environment that computes something else must not fill a data set.

A wrong Pillow, torch or tokeniser does not crash: it gives plausible numbers.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from crawler.errors import MissingPackageError
from filters import Prepared

#: how far answers may lie from the known ones. Seen: float32 2e-7 between numbers of threads, 5e-4 bfloat16 to float32
TOLERANCES = {"float32": 1e-3, "float16": 0.01, "bfloat16": 0.01}

#: drawing, caption, similarity in float32 (torch 2.13.0 CPU, open_clip 3.3.0, Pillow 13.0.0)
KNOWN = (
    ("red disc", "red circle", 0.746436),
    ("red disc", "blue square", 0.265444),
    ("blue square", "blue square", 0.754965),
    ("tricolour", "flag: France", 0.692885),
)


def drawing(name: str) -> Image.Image:
    """One of the test pictures, 120 x 96 pixels, the same on every machine: no font, no antialiasing."""
    y, x = np.mgrid[:96, :120]
    pixels = np.full((96, 120, 3), 255, dtype=np.uint8)
    if name == "red disc":
        pixels[(x - 60) ** 2 + (y - 48) ** 2 < 40**2] = (221, 46, 68)
    elif name == "blue square":
        pixels[(abs(x - 60) < 38) & (abs(y - 48) < 38)] = (85, 172, 238)
    else:
        pixels[(x < 48) & (abs(y - 48) < 30)] = (0, 38, 84)
        pixels[(x >= 72) & (abs(y - 48) < 30)] = (206, 17, 38)
    return Image.fromarray(pixels)


def run(
    prepare: Callable[[Image.Image, str], Prepared],
    embed: Callable[[NDArray[np.uint8], NDArray[np.int32]], tuple[NDArray[np.float32], NDArray[np.float32]]],
    precision: str,
) -> None:
    """Compute what is known.

    Raises:
        MissingPackageError: the answers are not the known ones, within `TOLERANCES[precision]`.
    """
    prepared = [prepare(drawing(name), caption) for name, caption, _ in KNOWN]
    images, texts = embed(np.stack([one.image for one in prepared]), np.stack([one.tokens for one in prepared]))
    found = (images * texts).sum(axis=1)
    known = np.array([answer for _, _, answer in KNOWN], dtype=np.float32)
    if not np.allclose(found, known, rtol=0, atol=TOLERANCES[precision]):
        raise MissingPackageError(
            f"the embedded model gives {found.round(4).tolist()} for pictures that are known to give "
            f"{known.round(4).tolist()}: the torch, open_clip or Pillow installed here computes something else than it "
            "should, and no score of any model could be trusted; install pairtrawl[clip] into a new environment"
        )
