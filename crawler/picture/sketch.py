"""A body drawn as it will be written, where nobody else looks at its pixels: decoding, hashing and resizing in one go.

It runs in the decoder's process, so that no pixel crosses to its user but those that are encoded. What comes of a
picture is the same as by `decode`, `hashes` and `encode` one after another, pixel by pixel, unless the recipe's drawing
is fast: then a plain JPEG may be decoded smaller (`fast`).
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import TYPE_CHECKING

from crawler.picture.decode import Decoded, Refused, Shrunk, decode_body, decode_shrunk
from crawler.picture.encode import drawn, extension_of
from crawler.picture.hashes import PERCEPTUAL, Looks, looks_of
from crawler.picture.sizes import sizes_of
from crawler.records import Candidate, Fault, Header

if TYPE_CHECKING:
    from PIL.Image import Image

    from crawler.picture.fast import Samples
    from crawler.settings import Decode, Output


@dataclass(frozen=True, slots=True)
class Sketch:
    """A picture as it will be written, before it is encoded."""

    header: Header
    looks: Looks  # of the whole picture
    pixels: Image | Samples


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
    outcome: Decoded | Shrunk | Refused
    if output.drawing == "fast" and not wanted:
        extension = output.encode_format  # "original" is never sketched
        outcome = decode_shrunk(body, settings, lambda width, height: sizes_of(width, height, output, extension).scaled)
    else:
        outcome = decode_body(body, settings)
    if isinstance(outcome, Refused):
        return outcome
    decoded()
    try:
        return _drawn(outcome, settings, output, wanted)
    except MemoryError:
        return Refused(Fault.DECODER_KILLED, f"{outcome.header.format}: memory")


def _drawn(outcome: Decoded | Shrunk, settings: Decode, output: Output, wanted: AbstractSet[str]) -> Sketch | Decoded:
    header, extension = outcome.header, extension_of(outcome.header, output)
    sizes = sizes_of(*upright_size(header), output, extension)
    if isinstance(outcome, Shrunk):
        from crawler.picture import fast  # noqa: PLC0415 - brings numpy, and is an extra

        return Sketch(header, Looks(), fast.drawn(outcome.samples, sizes, output))
    width, height = sizes.final
    if max(width * height, sizes.scaled[0] * sizes.scaled[1]) > settings.pixels:
        return outcome
    return Sketch(header, looks_of(outcome.pixels, wanted), drawn(outcome.pixels, output, extension))
