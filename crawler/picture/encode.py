"""A decoded picture as it goes into the shard: resized by img2dataset's rules, encoded without any metadata."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from PIL import Image

from crawler.picture.blur import Box, blurred, upright_boxes
from crawler.picture.magic import may_be_transparent
from crawler.picture.sizes import LONGEST_SIDE, Sizes, sizes_of
from crawler.picture.strip import without_metadata
from crawler.records import Header, Picture

if TYPE_CHECKING:
    from crawler.settings import Output

#: formats that `encode_format = "original"` keeps: those that every training loader reads
_AS_RECEIVED = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp"}

_ENLARGING = {
    "nearest": Image.Resampling.NEAREST,
    "linear": Image.Resampling.BILINEAR,
    "cubic": Image.Resampling.BICUBIC,
    "area": Image.Resampling.BILINEAR,  # as OpenCV, which has no other meaning for it
    "lanczos": Image.Resampling.LANCZOS,
}
#: "area" weighs each pixel by how much of it falls into the new one. PIL's BOX takes whole pixels only, and is 33 to
#: 39 dB away from that at factors of 1.5 to 4; HAMMING is 45 to 53 dB away
_SHRINKING = _ENLARGING | {"area": Image.Resampling.HAMMING}

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
    longest = max(LONGEST_SIDE.values())
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
    its format. Other formats become PNG at full size, for no training loader reads them. With `skip_reencode` the same
    holds for a picture that has the format already, and keeps its size. Where a row has boxes to blur its picture is
    encoded anew: what was passed on as received would show them.
    """
    extension = extension_of(picture.header, settings)
    pixels = _drawn(picture, settings, extension)
    if pixels is picture.pixels and (settings.encode_format == "original" or _stays(picture, settings, extension)):
        header = picture.header
        stripped = without_metadata(picture.fetched.body, header.format, header.orientation)
        if stripped is not None:
            return Encoded(stripped, header.width, header.height, extension, is_as_received=True)
    return encode_drawn(pixels, settings, extension)


def encode_drawn(pixels: Image.Image, settings: Output, extension: str) -> Encoded:
    """A picture encoded that has the size already at which it is written."""
    image = _bytes_of(pixels, extension, settings.encode_quality)
    return Encoded(image, pixels.width, pixels.height, extension, is_as_received=False)


def _drawn(picture: Picture, settings: Output, extension: str) -> Image.Image:
    """What is encoded: the picture's own pixels where nothing was done to them."""
    boxes = upright_boxes(picture.fetched.candidate.boxes, picture.header.orientation)
    if settings.encode_format == "original":
        return blurred(picture.pixels, boxes)
    return drawn(picture.pixels, sizes_of(*picture.pixels.size, settings, extension), settings, boxes)


def _stays(picture: Picture, settings: Output, extension: str) -> bool:
    """Whether a picture that kept its size need not be encoded again; transparency is drawn on white."""
    header = picture.header
    same = settings.skip_reencode and _AS_RECEIVED.get(header.format) == extension
    return same and not may_be_transparent(picture.fetched.body, header.format)


def drawn(pixels: Image.Image, sizes: Sizes, settings: Output, boxes: Sequence[Box] = ()) -> Image.Image:
    """The picture at the sizes at which it is written, and these boxes in it blurred; itself where nothing is to do."""
    pixels = blurred(_scaled(pixels, sizes.scaled, settings), boxes)
    if sizes.final == sizes.scaled:
        return pixels
    if settings.resize_mode == "center_crop":
        return _cropped(pixels, settings.image_size)
    return _bordered(pixels, settings.image_size)


def _scaled(pixels: Image.Image, size: tuple[int, int], settings: Output) -> Image.Image:
    if size == pixels.size:
        return pixels
    shrinks = size[0] < pixels.width or size[1] < pixels.height
    method = settings.downscale_interpolation if shrinks else settings.upscale_interpolation
    if settings.drawing == "fast":
        from crawler.picture import fast  # noqa: PLC0415 - an extra

        return fast.resized(pixels, size, method)
    return pixels.resize(size, (_SHRINKING if shrinks else _ENLARGING)[method], reducing_gap=_REDUCING_GAP)


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
