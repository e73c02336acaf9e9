"""What the first bytes of a body say, read without any decoder: which format it is, and what it will cost to decode.

Pure functions over hostile bytes. None of them raises, none allocates by a number that the bytes name.
"""

from __future__ import annotations

import re

#: formats that a decoder may be asked for; the names are PIL's
_STARTS = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),  # BigTIFF
    (b"MM\0+", "TIFF"),
)

#: images that are never decoded: named only so that a report tells them from web pages
_REFUSED_STARTS = (
    (b"%!PS", "EPS"),  # a program; PIL would hand it to Ghostscript
    (b"\xc5\xd0\xd3\xc6", "EPS"),  # the same behind a DOS header
    (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG2000"),  # 829 bytes decode to 1.2 GB
    (b"\xff\x4f\xff\x51", "JPEG2000"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEGXL"),
    (b"\xff\x0a", "JPEGXL"),
    (b"\0\0\x01\0", "ICO"),
    (b"\0\0\x02\0", "CUR"),
    (b"icns", "ICNS"),
    (b"8BPS", "PSD"),
    (b"DDS ", "DDS"),
    (b"qoif", "QOI"),
    (b"gimp xcf", "XCF"),
    (b"II\xbc\x01", "JPEGXR"),
    (b"AT&TFORM", "DJVU"),
    (b"SIMPLE  =", "FITS"),
)

#: sizes of the BMP headers that exist; "BM" alone also starts a sentence about a car
_BMP_HEADERS = frozenset((12, 16, 40, 52, 56, 64, 108, 124))

_AVIF_BRANDS = frozenset((b"avif", b"avis"))
_HEIF_BRANDS = frozenset((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"))

#: more segments than any writer makes; each costs a step of ours
_JPEG_SEGMENTS = 4_096
#: a marker that is neither stuffing (00), fill (ff) nor a restart (d0 to d7)
_JPEG_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")


def kind_of(body: bytes) -> str | None:
    """The image format that `body` starts like ("JPEG", "PNG", ... by PIL's names), or None where it is no image.

    SVG, HTML, PDF, text and nothing at all are None. A name is no promise that the rest of the body is sound.
    """
    for start, kind in _STARTS:
        if body.startswith(start):
            return kind
    if body[:4] == b"RIFF" and body[8:12] == b"WEBP":
        return "WEBP"
    if body[4:8] == b"ftyp":
        return _kind_of_brands(body)
    if body[:2] == b"BM" and int.from_bytes(body[14:18], "little") in _BMP_HEADERS:
        return "BMP"
    for start, kind in _REFUSED_STARTS:
        if body.startswith(start):
            return kind
    return None


def _kind_of_brands(body: bytes) -> str | None:
    """AVIF, HEIF, or None for the films that share their container."""
    end = min(int.from_bytes(body[:4], "big"), 256, len(body))
    brands = {body[at : at + 4] for at in (8, *range(16, end, 4))}
    if brands & _AVIF_BRANDS:
        return "AVIF"
    return "HEIF" if brands & _HEIF_BRANDS else None


def webp_size(body: bytes) -> tuple[int, int] | None:
    """Width and height of the canvas by the header of a WebP file, or None where it has no readable header.

    libwebp's animation decoder allocates two canvases when it is opened, before a caller of PIL can ask for the size.
    """
    chunk = body[12:16]
    if chunk == b"VP8X" and len(body) >= 30:
        return int.from_bytes(body[24:27], "little") + 1, int.from_bytes(body[27:30], "little") + 1
    if chunk == b"VP8L" and len(body) >= 25:
        bits = int.from_bytes(body[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if chunk == b"VP8 " and len(body) >= 30:
        return int.from_bytes(body[26:28], "little") & 0x3FFF, int.from_bytes(body[28:30], "little") & 0x3FFF
    return None


def may_be_transparent(body: bytes, kind: str) -> bool:
    """Whether a "PNG" or "WEBP" file says that it has transparency; no other format is looked at."""
    if kind == "PNG":  # third edition, sections 11.2.1 and 11.3.1.1: the colour type, or a chunk before the pixels
        return body[25:26] in (b"\x04", b"\x06") or b"tRNS" in body[: body.find(b"IDAT")]
    if kind == "WEBP":  # RFC 9649, sections 2.7.1 and 3.4: a flag of VP8X, or the bit behind both sizes of VP8L
        flags = body[20:21] if body[12:16] == b"VP8X" else b"\0"
        lossless = body[24:25] if body[12:16] == b"VP8L" else b"\0"
        return bool(flags[0] & 0x10 if flags else 0) or bool(lossless[0] & 0x10 if lossless else 0)
    return False


def jpeg_scans(body: bytes) -> tuple[int, int]:
    """How many scans the main image of a JPEG file has, and at which byte it ends (its EOI marker, or the body's end).

    Every scan of a progressive file costs a pass over the whole picture, whatever its own length: 300 empty scans
    keep a decoder busy for ten seconds at 36 megapixels.
    """
    scans, at = 0, 2
    for _ in range(_JPEG_SEGMENTS):
        found = _JPEG_MARKER.search(body, at)
        if found is None:
            break
        at = found.end()
        marker = body[at - 1]
        if marker == 0xD9:
            return scans, at - 2
        if marker == 0xDA:
            scans += 1
        if marker not in (0x01, 0xD8):  # all others have a length, which may lie: the search goes on behind it
            at += int.from_bytes(body[at : at + 2], "big")
    return scans, len(body)
