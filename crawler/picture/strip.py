"""JPEG, PNG and WebP files without what they say of people: positions, names, serial numbers, thumbnails, comments.

Pure functions over the bytes as received; no pixel is decoded or changed. What draws the picture is kept by a list of
its parts, with colour profile and orientation; all other parts go, and so does whatever stands behind the picture's
end. A file that cannot be taken apart with certainty is not guessed at.
"""

from __future__ import annotations

import re
import struct
import zlib

#: more parts than any writer makes; each costs a step of ours
_PARTS = 100_000

#: T.81, table B.1: frames, tables and scans; APP0, APP2 and APP14 are looked into
_JPEG_DRAWS = frozenset((*range(0xC0, 0xD0), 0xDA, 0xDB, 0xDC, 0xDD, 0xDE, 0xDF))
#: what ends the compressed data of a scan: a marker that is neither stuffing (00) nor a restart (d0 to d7)
_JPEG_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")

#: PNG, third edition, section 11: what draws, colours and animates
_PNG_DRAWS = frozenset(
    (b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"iCCP", b"sRGB", b"gAMA", b"cHRM", b"cICP", b"mDCV", b"cLLI",
     b"sBIT", b"bKGD", b"pHYs", b"acTL", b"fcTL", b"fdAT")
)  # fmt: skip

_WEBP_DRAWS = frozenset((b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ICCP", b"ANIM", b"ANMF"))
_WEBP_FRAME_DRAWS = frozenset((b"VP8 ", b"VP8L", b"ALPH"))
_WEBP_HAS_EXIF, _WEBP_HAS_XMP = 0x08, 0x04  # RFC 9649, section 2.7.1


class _UnclearError(Exception):
    """The file's parts cannot be told apart; never leaves this module."""


def without_metadata(body: bytes, kind: str, orientation: int) -> bytes | None:
    """A "JPEG", "PNG" or "WEBP" file that shows the same and tells nothing else.

    Args:
        body: the file.
        kind: its format.
        orientation: by EXIF, 1 to 8; other than 1 it is kept, as all of the EXIF data that there is.

    Returns:
        The file; the same bytes where there was nothing to remove. None where its parts cannot be told apart.
    """
    try:
        if kind == "JPEG":
            return _jpeg(body, orientation)
        if kind == "PNG":
            return _png(body, orientation)
        return _webp(body, orientation) if kind == "WEBP" else None
    except _UnclearError:
        return None


def _exif(orientation: int) -> bytes:
    """EXIF data that hold the orientation and nothing else: a TIFF file of one tag."""
    return b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)


def _jpeg(body: bytes, orientation: int) -> bytes:
    kept = [b"\xff\xd8"]
    if orientation != 1:
        content = b"Exif\0\0" + _exif(orientation)
        kept.append(b"\xff\xe1" + struct.pack(">H", len(content) + 2) + content)
    at = 2
    for _ in range(_PARTS):
        if body[at : at + 1] != b"\xff":
            raise _UnclearError
        while body[at : at + 1] == b"\xff":  # fill bytes
            at += 1
        marker = int.from_bytes(body[at : at + 1], "big")
        if marker == 0xD9:
            return b"".join([*kept, b"\xff\xd9"])
        length = int.from_bytes(body[at + 1 : at + 3], "big")
        segment = body[at + 1 : at + 1 + length]
        if marker < 0xC0 or 0xD0 <= marker <= 0xD8 or length < 2 or len(segment) < length:
            raise _UnclearError
        kept.append(_jpeg_segment(marker, segment))
        at += 1 + length
        if marker == 0xDA:
            end = _JPEG_MARKER.search(body, at)
            if end is None:
                raise _UnclearError
            kept.append(body[at : end.start()])
            at = end.start()
    raise _UnclearError


def _jpeg_segment(marker: int, segment: bytes) -> bytes:
    """A segment as it is kept: whole, in part, or not at all. It begins with its length."""
    name = bytes((0xFF, marker))
    if marker in _JPEG_DRAWS or (marker == 0xE2 and segment[2:].startswith(b"ICC_PROFILE\0")):
        return name + segment
    if marker == 0xE0 and segment[2:].startswith(b"JFIF\0") and len(segment) >= 16:
        return name + b"\0\x10" + segment[2:14] + b"\0\0"  # without its thumbnail
    if marker == 0xEE and segment[2:].startswith(b"Adobe") and len(segment) >= 14:
        return name + b"\0\x0e" + segment[2:14]  # says which colours the samples are
    return b""


def _png(body: bytes, orientation: int) -> bytes:
    kept = [body[:8]]
    at = 8
    for _ in range(_PARTS):
        length, name = int.from_bytes(body[at : at + 4], "big"), body[at + 4 : at + 8]
        end = at + 12 + length
        is_critical = not name[:1].islower()
        if end > len(body) or (is_critical and name not in _PNG_DRAWS):
            raise _UnclearError
        if name in _PNG_DRAWS:
            kept.append(body[at:end])
        if name == b"IHDR" and orientation != 1:
            chunk = b"eXIf" + _exif(orientation)
            kept.append(struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk)))
        if name == b"IEND":
            return b"".join(kept)
        at = end
    raise _UnclearError


def _webp(body: bytes, orientation: int) -> bytes:
    end = 8 + int.from_bytes(body[4:8], "little")
    if end > len(body):
        raise _UnclearError
    chunks = _webp_chunks(body[12:end], _WEBP_DRAWS)
    if chunks[:4] == b"VP8X":
        flags = chunks[8] & ~(_WEBP_HAS_EXIF | _WEBP_HAS_XMP)
        if orientation != 1:
            flags |= _WEBP_HAS_EXIF
            chunks += b"EXIF" + struct.pack("<I", len(_exif(orientation))) + _exif(orientation)
        chunks = chunks[:8] + bytes((flags,)) + chunks[9:]
    elif orientation != 1:
        raise _UnclearError  # a simple file has no place for it, and cannot have had one
    return b"RIFF" + struct.pack("<I", len(chunks) + 4) + b"WEBP" + chunks


def _webp_chunks(content: bytes, drawing: frozenset[bytes]) -> bytes:
    """The chunks that draw, those inside of a frame of an animation included, each as it was."""
    kept: list[bytes] = []
    at = 0
    for _ in range(_PARTS):
        if at == len(content):
            return b"".join(kept)
        name, length = content[at : at + 4], int.from_bytes(content[at + 4 : at + 8], "little")
        start, end = at + 8, at + 8 + length
        if end > len(content) or (name == b"VP8X" and length < 10):
            raise _UnclearError
        drawn = content[start:end]
        if name == b"ANMF" and name in drawing:
            drawn = drawn[:16] + _webp_chunks(drawn[16:], _WEBP_FRAME_DRAWS)
        if name in drawing:
            kept.append(name + struct.pack("<I", len(drawn)) + drawn + b"\0" * (len(drawn) % 2))
        at = min(end + length % 2, len(content))
    raise _UnclearError
