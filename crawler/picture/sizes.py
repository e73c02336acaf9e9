"""At which size a picture is written: img2dataset's resize modes, as arithmetic."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from crawler.settings import Output

#: longest side that each format can hold: libjpeg's JPEG_MAX_DIMENSION, libwebp's WEBP_MAX_DIMENSION. PNG could hold
#: more; its limit here is what keeps a line of one pixel by 20,000 from growing to a gigapixel when it is enlarged.
LONGEST_SIDE = {"jpg": 65_500, "png": 65_500, "webp": 16_383}


class Sizes(NamedTuple):
    """Of a picture on its way into the shard, width first."""

    scaled: tuple[int, int]
    final: tuple[int, int]  # cropped, or with a border


def sizes_of(width: int, height: int, settings: Output, extension: str) -> Sizes:
    """The sizes of an upright picture of this size by img2dataset's resize modes, with its names.

    `resize_only_if_bigger` switches crop and border off as well.
    """
    size, mode = settings.image_size, settings.resize_mode
    longer = max(width, height)
    measured = longer if mode in ("border", "keep_ratio_largest") else min(width, height)
    stays = mode == "no" or (settings.resize_only_if_bigger and measured <= size)
    scale = min(1.0 if stays else size / measured, LONGEST_SIDE[extension] / longer)
    scaled = (max(1, round(width * scale)), max(1, round(height * scale)))
    if stays or mode not in ("center_crop", "border"):
        return Sizes(scaled, scaled)
    return Sizes(scaled, (size, size) if mode == "border" else (min(size, scaled[0]), min(size, scaled[1])))
