"""From a decoded picture to a model's input: the same uint8 pixels that open_clip's own preprocessing makes.

open_clip resizes and crops in Pillow, then makes floats of the uint8 pixels and normalises them. The cut between the
two is ours: what travels between processes is uint8, a quarter of the floats, and the model normalises.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

#: a picture longer than this many times its width is resized only where it will be cropped: 20,000 x 1 pixels scaled
#: to a shorter side of 224 would be 3 GB. Some pixels differ by 1 then, for Pillow takes the box in single precision
_LONG = 16


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """How a model wants its pictures, in open_clip's terms."""

    height: int
    width: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    interpolation: Literal["bicubic", "bilinear", "random"] = "bicubic"
    resize_mode: Literal["shortest", "longest", "squash"] = "shortest"
    fill_color: int = 0  # 0 to 255, of what "longest" adds at the sides

    def pixels(self, picture: Image.Image) -> NDArray[np.uint8]:
        """The picture at the model's size: height x width x 3, RGB."""
        picture = picture if picture.mode == "RGB" else picture.convert("RGB")  # which copies in any case
        if self.resize_mode == "squash":
            fitted = _resized(picture, self.width, self.height, self._resample)
        elif self.resize_mode == "longest":
            fitted = self._padded(picture)
        else:
            fitted = self._cropped(picture)
        return np.asarray(fitted, dtype=np.uint8).copy()

    @property
    def _resample(self) -> Image.Resampling:
        return Image.Resampling.BILINEAR if self.interpolation == "bilinear" else Image.Resampling.BICUBIC

    def _cropped(self, picture: Image.Image) -> Image.Image:
        """Scale so that the picture covers the model's size, then cut the middle."""
        width, height = picture.size
        if self.width == self.height:
            # torchvision cuts the longer side to an integer; for sizes that are no squares open_clip rounds instead
            shorter = min(width, height)
            scaled_width, scaled_height = int(self.width * width / shorter), int(self.height * height / shorter)
            resample = self._resample
        else:
            ratio = min(height / self.height, width / self.width)
            scaled_width, scaled_height = round(width / ratio), round(height / ratio)
            resample = Image.Resampling.BICUBIC  # open_clip does not pass `interpolation` on here
        left, top = round((scaled_width - self.width) / 2), round((scaled_height - self.height) / 2)
        if max(scaled_width / self.width, scaled_height / self.height) > _LONG:
            # first across, then down, as Pillow does it for the whole: between the two it rounds
            left_right = (left * width / scaled_width, (left + self.width) * width / scaled_width)
            top_bottom = (top * height / scaled_height, (top + self.height) * height / scaled_height)
            across = picture.resize((self.width, height), resample, box=(left_right[0], 0, left_right[1], height))
            return across.resize((self.width, self.height), resample, box=(0, top_bottom[0], self.width, top_bottom[1]))
        scaled = _resized(picture, scaled_width, scaled_height, resample)
        return scaled.crop((left, top, left + self.width, top + self.height))

    def _padded(self, picture: Image.Image) -> Image.Image:
        """Scale so that the picture fits into the model's size, then fill the sides."""
        width, height = picture.size
        ratio = max(height / self.height, width / self.width)
        scaled = _resized(picture, max(1, round(width / ratio)), max(1, round(height / ratio)), self._resample)
        canvas = Image.new("RGB", (self.width, self.height), (self.fill_color,) * 3)
        canvas.paste(scaled, ((self.width - scaled.width) // 2, (self.height - scaled.height) // 2))
        return canvas


def _resized(picture: Image.Image, width: int, height: int, resample: Image.Resampling) -> Image.Image:
    return picture if picture.size == (width, height) else picture.resize((width, height), resample)
