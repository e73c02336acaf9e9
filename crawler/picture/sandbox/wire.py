"""What parent and child say to each other: msgpack heads of plain fields, each behind its length.

    parent -> child   once: `Begin`; then for each picture: 8 bytes of length, one that is 1 for a sketch, the body
    child -> parent   once: `Ready`; then for each picture: `Failed`, or `Shown` with a PPM file on the canvas, or for a
                      sketch `Sketched` with the PPM file of the picture as it will be written

Lengths are big-endian, four bytes for a head. The PPM file ("P6", Netpbm) is the form in which PIL writes raw RGB
piece by piece, without a copy of the whole.
"""

from __future__ import annotations

import struct

import msgspec

from crawler.picture.exif import LONGEST_EXIF
from crawler.picture.hashes import Looks
from crawler.picture.made_by import LONGEST_MARK, MOST_MARKS
from crawler.records import Fault
from crawler.settings import Decode, Output

HEAD_LENGTH = struct.Struct(">I")
REQUEST = struct.Struct(">QB")
#: no head is longer; a child that announces more talks nonsense
LONGEST_HEAD = 16_384
#: characters of a reason that are kept
LONGEST_DETAIL = 200

#: what a child may say of a picture
_FAULTS = frozenset(
    (Fault.NOT_AN_IMAGE, Fault.FORMAT_REFUSED, Fault.TOO_MANY_PIXELS, Fault.IMAGE_BROKEN, Fault.DECODER_KILLED)
)


class NonsenseError(Exception):
    """A child said what no child of ours says; it is not to be listened to any more."""


class Begin(msgspec.Struct, frozen=True):
    """What a child is told before the first picture."""

    decode: Decode
    output: Output
    hashes: tuple[str, ...] = ()  # that sketches come with


class Ready(msgspec.Struct, frozen=True, tag="ready", forbid_unknown_fields=True):
    """The child has its limits and waits for pictures."""


class Failed(msgspec.Struct, frozen=True, tag="failed", forbid_unknown_fields=True):
    """There is no picture."""

    fault: Fault
    detail: str


class Shown(msgspec.Struct, frozen=True, tag="shown", forbid_unknown_fields=True):
    """There is a picture, on the canvas."""

    file_width: int  # as in `records.Header`
    file_height: int
    format: str
    frames: int
    orientation: int
    width: int  # of the pixels
    height: int
    made_by: tuple[str, ...] = ()
    exif: str = ""


class Sketched(msgspec.Struct, frozen=True, tag="sketched", forbid_unknown_fields=True):
    """There is a picture, and on the canvas it is as it will be written."""

    shown: Shown  # its size is that of the whole picture
    width: int  # of what is on the canvas
    height: int
    phash: int = 0
    pdq: bytes = bytes(32)
    pdq_quality: int = 0

    @property
    def looks(self) -> Looks:
        """The perceptual hashes."""
        return Looks(self.phash, int.from_bytes(self.pdq, "big"), self.pdq_quality)


Head = Ready | Failed | Shown | Sketched


def ppm_head(width: int, height: int) -> bytes:
    """The bytes in front of the samples, as PIL writes them."""
    return b"P6\n%d %d\n255\n" % (width, height)


_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Head] = msgspec.msgpack.Decoder(Head)


def packed(message: msgspec.Struct) -> bytes:
    """A head behind its length."""
    content = _encoder.encode(message)
    return HEAD_LENGTH.pack(len(content)) + content


def read_head(content: bytes) -> Head:
    """What a child's head says, if it can be true of any picture.

    Raises:
        NonsenseError: it cannot.
    """
    try:
        head = _decoder.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NonsenseError(f"not a head: {error}") from error
    if isinstance(head, Failed):
        if head.fault not in _FAULTS:
            raise NonsenseError(f"a fault that decoding does not have: {head.fault}")
        return Failed(head.fault, printable(head.detail))
    if isinstance(head, Shown):
        _check(head)
    if isinstance(head, Sketched):
        _check(head.shown)
        if not (0 <= head.phash < 1 << 64 and len(head.pdq) == 32 and 0 <= head.pdq_quality <= 100):
            raise NonsenseError("hashes that no picture has")
    return head


def _check(head: Shown) -> None:
    """Numbers and marks within limits, and pixels that are the stored picture, turned by its orientation or not."""
    stored = (head.file_width, head.file_height)
    turned = stored[::-1] if head.orientation >= 5 else stored
    if min(stored) < 1 or not 1 <= head.orientation <= 8 or head.frames not in (1, 2):
        raise NonsenseError("a head with numbers that no picture has")
    if (head.width, head.height) != turned:
        raise NonsenseError("pixels of another size than the picture's")
    marks = head.made_by
    if len(marks) > MOST_MARKS or any(len(mark) > LONGEST_MARK or not mark.isprintable() for mark in marks):
        raise NonsenseError("marks that are none of ours")
    if len(head.exif) > LONGEST_EXIF or not head.exif.isascii():
        raise NonsenseError("a camera's words that are too many")


def printable(text: str) -> str:
    """The start of a text on one line, without what would steer a terminal: PIL's messages quote the file."""
    return "".join(letter if letter.isprintable() else "?" for letter in text[:LONGEST_DETAIL])
