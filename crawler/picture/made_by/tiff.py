"""The few tags of a TIFF file, or of EXIF data, that can hold a mark."""

from __future__ import annotations

import struct

#: tag -> bytes of its value that are kept: description, make, model, software, artist, user comment, XMP, and three
#: more into which ComfyUI writes (0x010B to 0x010D)
_KEPT = {
    0x010B: 4_096, 0x010C: 4_096, 0x010D: 4_096,
    0x010E: 65_536, 0x010F: 4_096, 0x0110: 4_096, 0x0131: 1_024, 0x013B: 256, 0x9286: 131_072,
}  # fmt: skip
XMP, CREDENTIALS = 0x02BC, 0xCD41  #: of TIFF files: the XMP packet, and the C2PA manifest store
_EXIF_IFD = 0x8769
_SIZES = {1: 1, 2: 1, 7: 1, 4: 4, 129: 1}  # byte, ASCII, undefined, long (in the place of bytes), UTF-8 (EXIF 3.0)
#: more entries than any writer makes
_MOST_ENTRIES = 256


def tags_of(tiff: bytes, more: dict[int, int] | None = None) -> dict[int, bytes]:
    """The values of the tags that can hold a mark, each up to its limit; empty for what is no TIFF.

    Args:
        tiff: the file, classic TIFF of either byte order; BigTIFF is not read.
        more: further tags, and how many bytes of each.
    """
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(tiff[:4])
    if order is None or len(tiff) < 8:
        return {}
    kept = _KEPT | (more or {})
    found: dict[int, bytes] = {}
    (at,) = struct.unpack_from(order + "I", tiff, 4)
    inner = _directory(tiff, order, at, kept, found)
    if inner:
        _directory(tiff, order, inner, kept, found)
    return found


def _directory(tiff: bytes, order: str, at: int, kept: dict[int, int], found: dict[int, bytes]) -> int:
    """Take the values of one directory; the place of the EXIF directory that it names, or 0."""
    if at + 2 > len(tiff):
        return 0
    (count,) = struct.unpack_from(order + "H", tiff, at)
    inner = 0
    for entry in range(at + 2, at + 2 + 12 * min(count, _MOST_ENTRIES), 12):
        if entry + 12 > len(tiff):
            break
        tag, kind, number, value = struct.unpack_from(order + "HHII", tiff, entry)
        if tag == _EXIF_IFD:
            inner = value
        elif tag in kept and kind in _SIZES and tag not in found:
            length = number * _SIZES[kind]
            start = entry + 8 if length <= 4 else value
            found[tag] = tiff[start : start + min(length, kept[tag])]
    return inner
