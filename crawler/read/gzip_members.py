"""Archives of one gzip member a record, Common Crawl's form: the fast way.

Every place where `1f 8b 08` stands may be the start of a member, and every member starts so. What lies between two such
places goes to libdeflate, which checks CRC and length; if that fails (the bytes stood there by chance, or the member is
damaged) zlib finds the true end as a stream, with a cap. So no false boundary can pass, and no true one be missed.
"""

from __future__ import annotations

import zlib

import deflate

from crawler.read.pieces import Compression, Piece, Window
from crawler.read.record import RECORD_BYTES, BrokenRecordError, CutShortError, TooLargeError

MAGIC = b"\x1f\x8b\x08"
_SMALLEST_MEMBER = 18
_inflate = deflate.gzip_decompress


def unpack_member(data: bytes | memoryview) -> tuple[bytes, int]:
    """Unpack the gzip member at the start of `data` as a stream: its content and its length in `data`.

    Raises:
        CutShortError: `data` ends before it does.
        TooLargeError: it holds more than `RECORD_BYTES`.
        BrokenRecordError: it is damaged.
    """
    stream = zlib.decompressobj(31)
    try:
        content = stream.decompress(data, RECORD_BYTES + 1)
    except zlib.error as error:
        raise BrokenRecordError(str(error)) from error
    if len(content) > RECORD_BYTES:
        raise TooLargeError(f"unpacks to more than {RECORD_BYTES} bytes")
    if not stream.eof:
        raise CutShortError("the file ends in the middle of a gzip member")
    return content, len(data) - len(stream.unused_data)


def _unpack(window: Window) -> Piece:
    start = window.position
    end = window.data.find(MAGIC, start + _SMALLEST_MEMBER)
    if end < 0:
        end = window.find(MAGIC, _SMALLEST_MEMBER)
        start = window.position
        if end < 0:
            end = len(window.data)
    data, view = window.data, window.view
    if not data.startswith(MAGIC, start):
        if window.at_end and MAGIC.startswith(data[start : start + len(MAGIC)]):
            raise CutShortError("the file ends in the first bytes of a gzip member")
        raise BrokenRecordError("no gzip member begins here")
    # The last four bytes are the size, and libdeflate sets aside that much: never believe them beyond the cap.
    size = int.from_bytes(data[end - 4 : end], "little")
    if 0 < size <= RECORD_BYTES:
        try:
            content = _inflate(view[start:end])
        except (deflate.DeflateError, ValueError):
            content = bytearray()
        # libdeflate ignores what follows a member, whose own size is then not the last thing in the slice
        if len(content) == size:
            window.position = end
            return Piece(content, True)  # by name it takes half as long again, for every record
    unpacked, length = window.measure(unpack_member)
    window.position += length
    return Piece(unpacked, checked=True)


def _begins_a_record(data: bytes) -> bool:
    try:
        return zlib.decompressobj(31).decompress(data, 5) == b"WARC/"
    except zlib.error:
        return False


GZIP = Compression(MAGIC, _unpack, _begins_a_record)
