"""A decoded picture as it goes into the shard: resized by img2dataset's rules, encoded without any metadata."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from PIL import Image

from crawler.picture.strip import without_metadata
from crawler.records import Header, Picture

if TYPE_CHECKING:
    from crawler.settings import Output

#: longest side that each format can hold: libjpeg's JPEG_MAX_DIMENSION, libwebp's WEBP_MAX_DIMENSION. PNG could hold
#: more; its limit here is what keeps a line of one pixel by 20,000 from growing to a gigapixel when it is enlarged.
_LONGEST_SIDE = {"jpg": 65_500, "png": 65_500, "webp": 16_383}

#: formats that `encode_format = "original"` keeps: those that every training loader reads
_AS_RECEIVED = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp"}

#: how far a picture is shrunk by plain averaging before Lanczos; at 3 PIL calls the result indistinguishable
_REDUCING_GAP = 3.0


@dataclass(frozen=True, slots=True)
class Encoded:
    """A picture's bytes in the shard."""

    image: bytes
    width: int  # of the picture in `image`, in pixels
    height: int
    extension: str  # of the tar member, without a dot
    is_as_received: bool  # no pixel was drawn anew


class Largest(NamedTuple):
    """A limit of size."""

    pixels: int
    side_pixels: int


def largest_written(settings: Output, pixels: int) -> Largest:
    """What no picture exceeds that `encode` writes of one that has at most `pixels`."""
    longest = max(_LONGEST_SIDE.values())
    return Largest(max(pixels, longest * settings.image_size), longest)


def extension_of(header: Header, settings: Output) -> str:
    """The extension that `encode` gives a picture with this header: "jpg", "png" or "webp"."""
    if settings.encode_format != "original":
        return settings.encode_format
    return _AS_RECEIVED.get(header.format, "png")


def encode(picture: Picture, settings: Output) -> Encoded:
    """The picture resized and encoded for the shard; the same picture and settings give the same bytes.

    "Same bytes" holds for one version of Pillow and its codecs. A side that the format cannot hold is shrunk to what it
    can, keeping the ratio. With `encode_format = "original"` a JPEG, PNG or WebP file is passed on as received but
    without its metadata (`strip`), whatever the resize mode; one that cannot be taken apart is encoded anew in
    its format. Other formats become PNG at full size, for no training loader reads them.
    """
    extension = extension_of(picture.header, settings)
    if settings.encode_format == "original":
        header = picture.header
        stripped = without_metadata(picture.fetched.body, header.format, header.orientation)
        if stripped is not None:
            return Encoded(stripped, header.width, header.height, extension, is_as_received=True)
        pixels = picture.pixels
    else:
        pixels = _resized(picture.pixels, settings, _LONGEST_SIDE[extension])
    image = _bytes_of(pixels, extension, settings.encode_quality)
    return Encoded(image, pixels.width, pixels.height, extension, is_as_received=False)


def _resized(pixels: Image.Image, settings: Output, longest: int) -> Image.Image:
    """img2dataset's resize modes, with its names; `resize_only_if_bigger` switches crop and border off as well."""
    size, mode = settings.image_size, settings.resize_mode
    measured = max(pixels.size) if mode in ("border", "keep_ratio_largest") else min(pixels.size)
    if mode == "no" or (settings.resize_only_if_bigger and measured <= size):
        return _scaled(pixels, 1.0, longest)
    pixels = _scaled(pixels, size / measured, longest)
    if mode == "center_crop":
        return _cropped(pixels, size)
    return _bordered(pixels, size) if mode == "border" else pixels


def _scaled(pixels: Image.Image, scale: float, longest: int) -> Image.Image:
    """Both sides times `scale`, rounded, at least 1 and at most `longest`."""
    scale = min(scale, longest / max(pixels.size))
    size = (max(1, round(pixels.width * scale)), max(1, round(pixels.height * scale)))
    if size == pixels.size:
        return pixels
    return pixels.resize(size, Image.Resampling.LANCZOS, reducing_gap=_REDUCING_GAP)


def _cropped(pixels: Image.Image, size: int) -> Image.Image:
    """The middle square of `size` pixels, or what there is of it."""
    width, height = min(size, pixels.width), min(size, pixels.height)
    left, top = (pixels.width - width) // 2, (pixels.height - height) // 2
    return pixels.crop((left, top, left + width, top + height))


def _bordered(pixels: Image.Image, size: int) -> Image.Image:
    """The picture in the middle of a white square of `size` pixels."""
    square = Image.new("RGB", (size, size), (255, 255, 255))
    square.paste(pixels, ((size - pixels.width) // 2, (size - pixels.height) // 2))
    return square


def _bytes_of(pixels: Image.Image, extension: str, quality: int) -> bytes:
    """Encoded pixels. PIL embeds what `info` holds, and a decoded picture's `info` is empty."""
    out = io.BytesIO()
    if extension == "jpg":
        pixels.save(out, format="JPEG", quality=quality)
    elif extension == "webp":
        pixels.save(out, format="WEBP", quality=quality)
    else:
        # img2dataset's reading of quality for PNG is zlib's level, 0 to 9; larger numbers are a JPEG's left in a recipe
        pixels.save(out, format="PNG", compress_level=quality if quality <= 9 else 6)
    return out.getvalue()
