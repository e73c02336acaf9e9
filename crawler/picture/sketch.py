"""A body drawn as it will be written, where nobody else looks at its pixels: decoding, hashing and resizing in one go.

It runs in the decoder's process, so that no pixel crosses to its user but those that are encoded. What comes of a
picture is the same as by `decode`, `hashes` and `encode` one after another, pixel by pixel, unless the recipe's drawing
is fast: then a JPEG may be decoded smaller.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from crawler.picture.decode import Decoded, Refused, decode_body
from crawler.picture.encode import drawn, extension_of
from crawler.picture.hashes import PERCEPTUAL, Looks, looks_of
from crawler.picture.sizes import Sizes, sizes_of
from crawler.records import Candidate, Fault, Header

if TYPE_CHECKING:
    from PIL.Image import Image

    from crawler.settings import Decode, Output


@dataclass(frozen=True, slots=True)
class Sketch:
    """A picture as it will be written, before it is encoded."""

    header: Header
    looks: Looks  # of the whole picture
    pixels: Image


def may_be_sketched(candidate: Candidate, output: Output) -> bool:
    """Whether a picture of this row is drawn without regard to anything but its pixels."""
    return not candidate.boxes and output.encode_format != "original" and not output.skip_reencode


def upright_size(header: Header) -> tuple[int, int]:
    """Width and height of a picture that stands upright."""
    size = (header.width, header.height)
    return size[::-1] if header.orientation >= 5 else size


def sketch(
    body: bytes, settings: Decode, output: Output, kinds: AbstractSet[str], decoded: Callable[[], object]
) -> Sketch | Decoded | Refused:
    """Draw a body, with the perceptual hashes among `kinds`.

    Comes back as it was `Decoded` where it would be drawn larger than a decoded picture may be. `decoded` is called
    between decoding and all else. Raises nothing, whatever the bytes are.
    """
    wanted = PERCEPTUAL & kinds
    may_shrink = output.drawing == "fast" and not wanted
    outcome = decode_body(body, settings, partial(_drawn_at, settings, output) if may_shrink else None)
    if isinstance(outcome, Refused):
        return outcome
    decoded()
    try:
        return _drawn(outcome, settings, output, wanted)
    except MemoryError:
        return Refused(Fault.DECODER_KILLED, f"{outcome.header.format}: memory")


def _drawn_at(settings: Decode, output: Output, width: int, height: int) -> tuple[int, int]:
    """At which size an upright picture is drawn; at its own, where that is left to its user."""
    sizes = sizes_of(width, height, output, output.encode_format)  # "original" is never sketched
    return sizes.scaled if _may_be_drawn(sizes, settings) else (width, height)


def _may_be_drawn(sizes: Sizes, settings: Decode) -> bool:
    """Whether a picture stays within what a decoded one may have."""
    return max(width * height for width, height in sizes) <= settings.pixels


def _drawn(outcome: Decoded, settings: Decode, output: Output, wanted: AbstractSet[str]) -> Sketch | Decoded:
    header = outcome.header
    sizes = sizes_of(*upright_size(header), output, extension_of(header, output))
    if not _may_be_drawn(sizes, settings):
        return outcome
    return Sketch(header, looks_of(outcome.pixels, wanted), drawn(outcome.pixels, sizes, output))
