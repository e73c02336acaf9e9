"""Drop pictures that show (nearly) nothing: one colour, a gradient, a transparent picture on white.

A picture shows something where it changes. It is looked at with its longer side reduced to 128 pixels, each the mean of
those that it stands for, so that noise and compression vanish. A pixel is an edge if it differs from the one to its
left or above it by more than `levels` (of 255, in the colour that differs most); the picture goes if less than `share`
of its pixels are edges. A gradient has none: from black to white across a picture is two levels from pixel to pixel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta
from PIL import Image, ImageChops

from crawler.records import Picture, Verdict

#: pixels of the longer side that edges are looked for in; lines one pixel wide in a picture of 2,000 still differ there
#: from white by 16 levels
_SIDE = 128
#: pixels of the longer side beyond which not every pixel is read: a mean of 64 is good enough
_READ_SIDE = 1_024


@dataclass(frozen=True, slots=True)
class NearUniform:
    """Judges by the share of a reduced picture's pixels that are edges."""

    levels: Annotated[int, Meta(ge=0, le=254)] = 8  # a difference between neighbours, of 255, that is no edge yet
    share: Annotated[float, Meta(ge=0, le=1)] = 0.002  # of the pixels, that must be edges

    def judge(self, batch: Sequence[Picture]) -> list[Verdict]:
        """One verdict per picture, in order; `detail` has its share of edges."""
        return [self._judge_one(picture.pixels) for picture in batch]

    def _judge_one(self, pixels: Image.Image) -> Verdict:
        share = edge_share(pixels, self.levels)
        return Verdict(share >= self.share, detail=f"edges: {share:.2%}")


def edge_share(pixels: Image.Image, levels: int) -> float:
    """The share of a reduced picture's pixels that differ by more than `levels` from the one to the left or above."""
    small = _reduced(pixels)
    width, height = small.size
    left = ImageChops.difference(small, ImageChops.offset(small, 1, 0))
    above = ImageChops.difference(small, ImageChops.offset(small, 0, 1))
    # an offset comes in again at the other side: there is nothing to the left of the first column
    left.paste(0, (0, 0, 1, height))
    above.paste(0, (0, 0, width, 1))
    red, green, blue = ImageChops.lighter(left, above).split()
    most = ImageChops.lighter(ImageChops.lighter(red, green), blue)
    return sum(most.histogram()[levels + 1 :]) / (width * height)


def _reduced(pixels: Image.Image) -> Image.Image:
    stride = max(pixels.size) // _READ_SIDE
    if stride > 1:
        size = tuple(max(1, side // stride) for side in pixels.size)
        pixels = pixels.resize((size[0], size[1]), Image.Resampling.NEAREST)
    factor = max(pixels.size) // _SIDE
    return pixels.reduce(factor) if factor > 1 else pixels


build = NearUniform
