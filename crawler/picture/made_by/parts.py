"""The parts of image files that can say how they were made, cut out of them without decoding anything.

Every loop has a limit of steps and every part a limit of bytes. Lengths that files name are only used to slice, which
never goes beyond the file.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterator
from typing import NamedTuple

from crawler.picture.made_by.tiff import CREDENTIALS, XMP, tags_of

#: more parts than any writer makes; each costs half a microsecond
_MOST_PARTS = 20_000
#: bytes of XMP that are looked at, of all packets together
_XMP_BYTES = 1_048_576
#: texts of one file that are looked at, bytes of each, and bytes of a keyword (PNG allows 79)
_MOST_TEXTS, _TEXT_BYTES, _KEYWORD_BYTES = 64, 65_536, 79
#: EXIF blocks of one file
_MOST_EXIF = 2
_CREDENTIALS_BYTES = 16 * 1_048_576

_EXIF_HEAD, _XMP_HEAD, _MORE_XMP_HEAD = (
    b"Exif\0\0",
    b"http://ns.adobe.com/xap/1.0/\0",
    b"http://ns.adobe.com/xmp/extension/\0",
)
#: where C2PA lies in a file of boxes (C2PA 2.2, A.5)
_CREDENTIALS_UUID = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
#: TIFF heads whose directory follows at once, as it does in EXIF data
_TIFF_HEADS = (b"MM\0*\0\0\0\x08", b"II*\0\x08\0\0\0")
_PACKET = re.compile(rb"<(?:\w{1,16}:)?xmpmeta\b")


class Text(NamedTuple):
    """A text beside a picture."""

    where: str  # "png" or "jpeg"
    keyword: str  # "Comment" for JPEG comments
    text: str  # its beginning


class Parts(NamedTuple):
    """What a file says beside its picture."""

    exif: tuple[bytes, ...] = ()  # TIFF files
    xmp: bytes = b""  # all packets, one behind the other
    texts: tuple[Text, ...] = ()
    credentials: bytes = b""  # the JUMBF box of the C2PA manifest store


def parts_of(body: bytes, kind: str) -> Parts | None:
    """The parts of a file of the format `kind`; None where there are none, or the format has no place for them."""
    read = _READERS.get(kind)
    parts = read(body) if read else Parts()
    return parts if any(parts) else None


def _jpeg(body: bytes) -> Parts:
    exif: list[bytes] = []
    xmp: list[bytes] = []
    texts: list[Text] = []
    boxes: list[tuple[int, int, bytes]] = []
    for marker, segment in _segments(body):
        if marker == 0xE1 and segment.startswith(_EXIF_HEAD):
            exif.append(segment[len(_EXIF_HEAD) :])
        elif marker == 0xE1 and segment.startswith(_XMP_HEAD):
            xmp.append(segment[len(_XMP_HEAD) :])
        elif marker == 0xE1 and segment.startswith(_MORE_XMP_HEAD):
            xmp.append(segment[len(_MORE_XMP_HEAD) + 40 :])  # behind digest, length and place: they come in order
        elif marker == 0xEB and segment[:2] == b"JP":  # ISO/IEC 19566-5, D.2: box number, packet number, box
            boxes.append((int.from_bytes(segment[2:4], "big"), int.from_bytes(segment[4:8], "big"), segment[8:]))
        elif marker == 0xFE and len(texts) < _MOST_TEXTS:
            texts.append(Text("jpeg", "Comment", segment[:_TEXT_BYTES].decode("utf-8", "replace")))
    return Parts(tuple(exif[:_MOST_EXIF]), b"".join(xmp)[:_XMP_BYTES], tuple(texts), _joined(boxes))


def _segments(body: bytes) -> Iterator[tuple[int, bytes]]:
    """Segments with something said in them, up to the first scan: marker and content."""
    at = 2
    for _ in range(_MOST_PARTS):
        if body[at : at + 1] != b"\xff" or at + 4 > len(body):
            return
        marker = body[at + 1]
        if marker == 0xFF:  # a fill byte
            at += 1
            continue
        if marker in (0xDA, 0xD9):
            return
        end = at + 2 + max(2, int.from_bytes(body[at + 2 : at + 4], "big"))
        if marker in (0xE1, 0xEB, 0xFE):
            yield marker, body[at + 4 : end]
        at = end


def _joined(boxes: list[tuple[int, int, bytes]]) -> bytes:
    """The first box that is a manifest store: the content of its segments, each behind a copy of the box's head."""
    stores = [number for number, packet, content in boxes if packet == 1 and content[4:8] == b"jumb"]
    if not stores:
        return b""
    own = sorted((packet, content) for number, packet, content in boxes if number == stores[0])
    first, *rest = (content for _, content in own)
    return b"".join((first, *(content[8:] for content in rest)))[:_CREDENTIALS_BYTES]


def _png(body: bytes) -> Parts:
    exif: list[bytes] = []
    xmp: list[bytes] = []
    texts: list[Text] = []
    store = b""
    at = 8
    for _ in range(_MOST_PARTS):
        name = body[at + 4 : at + 8]
        start, end = at + 8, at + 8 + int.from_bytes(body[at : at + 4], "big")
        if len(name) < 4 or name == b"IEND":
            break
        if name == b"eXIf":
            exif.append(body[start:end].removeprefix(_EXIF_HEAD))
        elif name == b"caBX":
            store = store or body[start:end][:_CREDENTIALS_BYTES]
        elif name in (b"tEXt", b"zTXt", b"iTXt") and len(texts) < _MOST_TEXTS:
            keyword, limit, content = _png_text(name, body[start:end])
            if limit == _XMP_BYTES:
                xmp.append(content)
            texts.append(Text("png", keyword, content[:_TEXT_BYTES].decode("utf-8", "replace")))
        at = end + 4
    return Parts(tuple(exif[:_MOST_EXIF]), b"".join(xmp[:2])[:_XMP_BYTES], tuple(texts), store)


def _png_text(name: bytes, chunk: bytes) -> tuple[str, int, bytes]:
    """Keyword, how much of the text was wanted, and the beginning of the text (PNG, section 11.3.3)."""
    keyword, _, rest = chunk[: _TEXT_BYTES + _XMP_BYTES].partition(b"\0")
    limit = _XMP_BYTES if keyword == b"XML:com.adobe.xmp" else _TEXT_BYTES
    is_packed = name == b"zTXt" or (name == b"iTXt" and rest[:1] == b"\1")
    rest = rest[1:] if name == b"zTXt" else rest  # behind the method
    if name == b"iTXt":  # behind flag, method, language, and the keyword in that language
        rest = rest[2:].partition(b"\0")[2].partition(b"\0")[2]
    return keyword[:_KEYWORD_BYTES].decode("latin-1"), limit, _inflated(rest, limit) if is_packed else rest[:limit]


def _inflated(packed: bytes, limit: int) -> bytes:
    """The beginning of a compressed text: 64 kB of such a chunk can hold 64 MB."""
    try:
        return zlib.decompressobj().decompress(packed, limit)
    except zlib.error:
        return b""


def _webp(body: bytes) -> Parts:
    found: dict[bytes, bytes] = {}
    at = 12
    for _ in range(_MOST_PARTS):
        name, length = body[at : at + 4], int.from_bytes(body[at + 4 : at + 8], "little")
        if len(name) < 4:
            break
        if name in (b"EXIF", b"XMP ", b"C2PA"):
            found.setdefault(name, body[at + 8 : at + 8 + min(length, _CREDENTIALS_BYTES)])
        at += 8 + length + length % 2
    exif = found.get(b"EXIF", b"").removeprefix(_EXIF_HEAD)
    return Parts((exif,) if exif else (), found.get(b"XMP ", b"")[:_XMP_BYTES], (), found.get(b"C2PA", b""))


def _avif(body: bytes) -> Parts:
    """EXIF and XMP are items somewhere in the file; they are found by how they begin, not by the tables of items."""
    exif = [body[place:] for place in (body.find(head) for head in _TIFF_HEADS) if place >= 0]
    return Parts(tuple(exif[:1]), _packet(body), (), _store_behind(body, body.find(_CREDENTIALS_UUID)))


def _gif(body: bytes) -> Parts:
    place = body.find(b"!\xff\x0bC2PA_GIF")
    store = b""
    if place >= 0:
        store = _store_behind(_sub_blocks(body, place + 14), 0)
    return Parts((), _packet(body), (), store)


def _sub_blocks(body: bytes, at: int) -> bytes:
    """What stands in the blocks of up to 255 bytes from here (GIF89a, section 15)."""
    blocks = []
    for _ in range(_MOST_PARTS):
        length = body[at] if at < len(body) else 0
        if length == 0:
            break
        blocks.append(body[at + 1 : at + 1 + length])
        at += 1 + length
    return b"".join(blocks)


def _tiff(body: bytes) -> Parts:
    more = tags_of(body, {XMP: _XMP_BYTES, CREDENTIALS: _CREDENTIALS_BYTES})
    return Parts((body,) if more else (), more.get(XMP, b""), (), more.get(CREDENTIALS, b""))


def _packet(body: bytes) -> bytes:
    """The first XMP packet of a file, wherever it stands."""
    found = _PACKET.search(body) if b"xmpmeta" in body else None
    if found is None:
        return b""
    end = body.find(b"xmpmeta>", found.end(), found.start() + _XMP_BYTES)
    return body[found.start() : end if end >= 0 else found.start() + _XMP_BYTES]


def _store_behind(body: bytes, place: int) -> bytes:
    """The first JUMBF box behind a place; "" where there is none near."""
    start = body.find(b"jumb", place, place + 4_096) - 4 if place >= 0 else -1
    return body[start : start + _CREDENTIALS_BYTES] if start >= 0 else b""


_READERS: dict[str, Callable[[bytes], Parts]] = {
    "JPEG": _jpeg, "PNG": _png, "WEBP": _webp, "AVIF": _avif, "GIF": _gif, "TIFF": _tiff,
}  # fmt: skip
