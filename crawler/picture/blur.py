"""Boxes of a picture made unrecognisable, as img2dataset blurs the faces of DataComp's list.

Each box is grown by a tenth of its longer side, and blurred by a Gaussian whose width is a tenth of the longest side of
all boxes; the edge of the blur is soft. (The recipe is that of princetonvisualai/imagenet-face-obfuscation.)
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageFilter

#: of a box's longer side: how far it grows, and of the longest, how wide the Gaussian is
_GROWTH = 0.1
_WIDTH = 0.1

Box = tuple[float, float, float, float]  # left, top, right, bottom, each as a share of the picture's side


class _Pixels(NamedTuple):
    left: float
    top: float
    right: float
    bottom: float

    @property
    def longest(self) -> float:
        return max(self.right - self.left, self.bottom - self.top)


def blurred(pixels: Image.Image, boxes: Sequence[Box]) -> Image.Image:
    """The picture with these boxes blurred; the picture itself where there is nothing to blur.

    Boxes may reach beyond the picture, and are cut there. A box without extent, or with a number that is none, is
    passed over; one whose sides are swapped is put right.
    """
    found = list(_clamped(boxes, pixels.size))
    if not found:
        return pixels
    width = max(_WIDTH * max(box.longest for box in found), 1.0)
    mask = Image.new("L", pixels.size)
    draw = ImageDraw.Draw(mask)
    for box in found:
        grown = _GROWTH * box.longest
        draw.rectangle((box.left - grown, box.top - grown, box.right + grown, box.bottom + grown), fill=255)
    soft = mask.filter(ImageFilter.GaussianBlur(width))
    return Image.composite(pixels.filter(ImageFilter.GaussianBlur(width)), pixels, soft)


def upright_boxes(boxes: Sequence[Box], orientation: int) -> list[Box]:
    """Boxes of a stored picture as boxes of the same picture turned upright by its EXIF orientation, 1 to 8.

    Who made a list looked at pictures as they are stored: img2dataset turns none.
    """
    return [_turned(box, orientation) for box in boxes]


def _turned(box: Box, orientation: int) -> Box:
    left, top, right, bottom = box
    match orientation:
        case 2:
            return 1 - right, top, 1 - left, bottom
        case 3:
            return 1 - right, 1 - bottom, 1 - left, 1 - top
        case 4:
            return left, 1 - bottom, right, 1 - top
        case 5:
            return top, left, bottom, right
        case 6:
            return 1 - bottom, left, 1 - top, right
        case 7:
            return 1 - bottom, 1 - right, 1 - top, 1 - left
        case 8:
            return top, 1 - right, bottom, 1 - left
    return box


def _clamped(boxes: Sequence[Box], size: tuple[int, int]) -> Iterator[_Pixels]:
    width, height = size
    for box in boxes:
        if not all(math.isfinite(side) for side in box):
            continue
        left, right = sorted(min(max(side, 0.0), 1.0) * width for side in (box[0], box[2]))
        top, bottom = sorted(min(max(side, 0.0), 1.0) * height for side in (box[1], box[3]))
        if right > left and bottom > top:
            yield _Pixels(left, top, right, bottom)
